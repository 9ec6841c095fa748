"""Health checks of a custom runtime's program.

Source: "Configure instance health checks": a GET of the path that answers 200 to 399 in time
succeeds. The first one comes behind the initializer; after that they go on while the instance
lives, and an instance that has failed too often in a row gets no more requests.
"""

from __future__ import annotations

import asyncio

from ...template.model import HealthCheck
from .client import ConnectionLost, NotHttp, ProgramClient, ProgramRequest, Reply


class HealthChecks:
    """Asks one program, over connections of its own."""

    def __init__(self, check: HealthCheck, port: int) -> None:
        self._check = check
        self._client = ProgramClient(port)

    async def until_healthy(self, deadline: float) -> str | None:
        """Wait until it is healthy; return why not, at the latest at `deadline` (of the loop)."""
        await asyncio.sleep(self._check.delay)
        successes = failures = 0
        problem: str | None = None
        while True:
            problem = await self._ask()
            successes, failures = (successes + 1, 0) if problem is None else (0, failures + 1)
            if successes >= self._check.successes:
                return None
            last = asyncio.get_running_loop().time() + self._check.period > deadline
            if failures >= self._check.failures or last:
                return problem or "it is too slow"
            await asyncio.sleep(self._check.period)

    async def until_unhealthy(self) -> str:
        """Go on asking; return what was wrong once it has been wrong too often in a row."""
        failures = 0
        while True:
            await asyncio.sleep(self._check.period)
            problem = await self._ask()
            failures = 0 if problem is None else failures + 1
            if problem is not None and failures >= self._check.failures:
                return problem

    async def _ask(self) -> str | None:
        """Ask once; return what is wrong, None if nothing is."""
        headers = [(b"host", f"127.0.0.1:{self._client.port}".encode())]
        request = ProgramRequest("GET", self._check.path.encode(), headers)
        try:
            asking = self._client.send(request, _Dropped())
            reply = await asyncio.wait_for(asking, self._check.timeout)
        except asyncio.TimeoutError:
            return f"GET {self._check.path}: no answer within {self._check.timeout} s"
        except (ConnectionLost, NotHttp, OSError) as error:
            return f"GET {self._check.path}: {error or type(error).__name__}"
        if 200 <= reply.status < 400:
            return None
        return f"GET {self._check.path}: {reply.status}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class _Dropped:
    """Takes a response of which only the status counts."""

    async def head(self, reply: Reply) -> None:
        """Drop it."""

    async def body(self, data: bytes) -> None:
        """Drop it."""
