"""Asynchronous invocations: the queue, repeats, the age of an event, and destinations.

Sources: "Error handling" (https://help.aliyun.com/en/functioncompute/fc/error-handling-1-2),
"Limits", "Result callback" (https://www.alibabacloud.com/help/en/fc/user-guide/result-callback).
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from ..errors import FunctionNotFound, RequestRefused, Throttled
from ..history import History
from ..http_messages import HttpRequest
from ..instances.invocation import Call, Invocation, new_request_id
from ..template.model import MAX_ASYNC_EVENT, Function
from .destinations import EXPIRED, Delivery, destination_function, make_body, size_error

_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many events of one function are running, and how many wait for that or for a repeat."""

    running: int
    waiting: int


class AsyncInvocations:
    """Accepts events, runs them until they are settled, and tells destinations.

    `run` makes one attempt; `retry_delay` is the wait in seconds before the first repeat (it
    doubles, up to a minute). Of each function 20 events run at a time, fewer if `instance_limit`
    is less, in the order they came in: one machine has no more to give.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        run: Callable[[str, Call], Awaitable[Invocation]],
        retry_delay: float,
        instance_limit: int,
    ) -> None:
        self.deliveries = History[Delivery](lambda delivery: len(delivery.body))
        self._functions = functions
        self._run = run
        self._retry_delay = retry_delay
        self._at_once = min(instance_limit, _AT_ONCE)
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._accepted: collections.Counter[str] = collections.Counter()
        self._running: collections.Counter[str] = collections.Counter()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def accept(
        self,
        function: Function,
        event: bytes,
        *,
        request_id: str = "",
        trigger: str = "async",
        request: HttpRequest | None = None,
    ) -> str:
        """Accept an event (at most 128 KB); return its request id."""
        if len(event) > MAX_ASYNC_EVENT:
            raise RequestRefused(
                413, "EntityTooLarge", f"the event is {len(event)} bytes; at most 128 KB if async"
            )
        call = Call(request_id or new_request_id(), event, trigger, request=request)
        task = asyncio.get_running_loop().create_task(self._settle(function, call))
        self._tasks[call.request_id] = task
        self._accepted[function.name] += 1
        task.add_done_callback(lambda _: self._forget(function.name, call.request_id))
        return call.request_id

    def _forget(self, name: str, request_id: str) -> None:
        self._tasks.pop(request_id, None)
        self._accepted[name] -= 1

    def state(self, name: str) -> QueueState:
        """Return what is queued for one function."""
        running = self._running[name]
        return QueueState(running, self._accepted[name] - running)

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
                done = await self._attempt(function.name, call, expires)
            except (Throttled, RequestRefused):
                pass
            except FunctionNotFound:
                return None
            else:
                if done is None:
                    break
                last = done
                if last.error_type is None:
                    return self._tell(function.on_success, "success", function, call, last, "")
                if call.attempt > function.max_async_retries:
                    condition = last.error_type
                    break
                call = replace(call, attempt=call.attempt + 1)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 60.0)
        return self._tell(function.on_failure, "failure", function, call, last, condition)

    async def _attempt(self, name: str, call: Call, expires: float) -> Invocation | None:
        """Run once, when its turn has come; None if it is too old by then."""
        async with self._slots.setdefault(name, asyncio.Semaphore(self._at_once)):
            if time.monotonic() >= expires:
                return None
            self._running[name] += 1
            try:
                return await self._run(name, call)
            finally:
                self._running[name] -= 1

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
        target = destination_function(arn, self._functions.values())
        if target and not error:  # a circle ends: each body holds, and so outgrows, the last
            self.accept(target, body, trigger="destination")
        self.deliveries.append(Delivery(arn, function.name, call.request_id, outcome, body, error))
