"""Asynchronous invocations: the queue, repeats, the age of an event, and destinations.

Sources: "Error handling" (https://help.aliyun.com/en/functioncompute/fc/error-handling-1-2),
"Limits", "Result callback" (https://www.alibabacloud.com/help/en/fc/user-guide/result-callback).
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from .destinations import EXPIRED, Delivery, destination_function, make_body, size_error
from .errors import RequestRefused, Throttled
from .instances import Call
from .invocation import Invocation, new_request_id
from .model import MAX_ASYNC_EVENT, Function


class AsyncInvocations:
    """Accepts events, runs them until they are settled, and tells destinations.

    `run` makes one attempt; `retry_delay` is the wait in seconds before the first repeat (it
    doubles, up to a minute).
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        run: Callable[[str, Call], Awaitable[Invocation]],
        retry_delay: float,
    ) -> None:
        self.deliveries: collections.deque[Delivery] = collections.deque(maxlen=10_000)
        self._functions = functions
        self._run = run
        self._retry_delay = retry_delay
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def accept(
        self,
        function: Function,
        event: bytes,
        *,
        request_id: str = "",
        trigger: str = "async",
    ) -> str:
        """Accept an event (at most 128 KB); return its request id."""
        if len(event) > MAX_ASYNC_EVENT:
            raise RequestRefused(
                413, "EntityTooLarge", f"the event is {len(event)} bytes; at most 128 KB if async"
            )
        call = Call(request_id or new_request_id(), event, trigger)
        task = asyncio.get_running_loop().create_task(self._settle(function, call))
        self._tasks[call.request_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(call.request_id, None))
        return call.request_id

    def pending(self, request_id: str) -> bool:
        """Say whether an accepted event is not settled yet."""
        return request_id in self._tasks

    async def drain(self) -> None:
        """Wait until no event is left, those to functions as destinations included."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def cancel(self) -> None:
        """Drop all events that are not settled."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle(self, function: Function, call: Call) -> None:
        """Run until it succeeds, its attempts are used up, or it is too old.

        A failed attempt counts ("Error handling": 3 repeats by default), a throttled one does not.
        """
        expires = time.monotonic() + function.max_async_age
        wait = self._retry_delay
        last: Invocation | None = None
        condition = EXPIRED
        while time.monotonic() < expires:
            try:
                last = await self._run(function.name, call)
            except Throttled:
                pass
            else:
                if last.error_type is None:
                    return self._tell(function.on_success, "success", function, call, last, "")
                if call.attempt > function.max_async_retries:
                    condition = last.error_type
                    break
                call = replace(call, attempt=call.attempt + 1)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 60.0)
        return self._tell(function.on_failure, "failure", function, call, last, condition)

    def _tell(
        self,
        arn: str,
        outcome: str,
        function: Function,
        call: Call,
        last: Invocation | None,
        condition: str,
    ) -> None:
        if not arn:
            return
        body = make_body(function, call.request_id, call.event, last, condition)
        error = size_error(arn, body)
        target = self._functions.get(destination_function(arn))
        if target and not error:  # a circle ends: each body holds, and so outgrows, the last
            self.accept(target, body, trigger="destination")
        self.deliveries.append(Delivery(arn, function.name, call.request_id, outcome, body, error))
