"""Acceptances that come later than their request, by the emulator's clock."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from aliyun_sms_emulator.clock import Clock

T = TypeVar("T")


@dataclass(order=True, slots=True)
class _Pending(Generic[T]):
    due: float
    number: int
    run: Callable[[float], T] = field(compare=False)
    done: asyncio.Future[T] = field(compare=False)


class LateQueue(Generic[T]):
    """Runs each thing once, when its time has come; a clock that is moved brings it at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: list[_Pending[T]] = []
        self._added = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many are still to come."""
        return len(self._pending)

    def add(self, due: float, run: Callable[[float], T]) -> asyncio.Future[T]:
        """Plan `run(due)` for that time, in seconds since the epoch; the future has its result.

        The future is cancelled when it was dropped.
        """
        self._added += 1
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._pending, _Pending(due, self._added, run, done))
        self.settle()
        return done

    def settle(self) -> None:
        """Run what is due by now, the earliest first, and wait for the rest."""
        while self._pending and self._pending[0].due <= self._clock.now():
            pending = heapq.heappop(self._pending)
            result = pending.run(pending.due)
            if not pending.done.done():
                pending.done.set_result(result)
        self._arm()

    def drop(self) -> None:
        """Forget all that is still to come."""
        for pending in self._pending:
            pending.done.cancel()
        self._pending.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending and self._clock.running:
            seconds = max(self._pending[0].due - self._clock.now(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(seconds, self.settle)
