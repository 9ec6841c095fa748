"""The timer triggers of running functions ("Time triggers").

A timer that could not fire in time (this machine slept, say) fires once, for the last time it
missed. Where the clock is set back, timers go by the new time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from .. import events
from ..template.model import Function, TimerTrigger

_LOOK = 1.0  # seconds: the clock may jump while we sleep


@dataclass(slots=True)
class _Running:
    function: Function
    timer: TimerTrigger
    next: datetime


class Timers:
    """Fires the enabled timers of some functions; `fire` accepts an event for a function.

    `clock` returns the time, with a time zone.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        fire: Callable[[Function, bytes], object],
        clock: Callable[[], datetime],
    ) -> None:
        self._fire = fire
        self._clock = clock
        self._running: list[_Running] = []
        self.follow(functions)

    def follow(self, functions: Iterable[Function]) -> None:
        """Run the timers of these functions from now on; those that stay keep their next time."""
        now = self._clock()
        before = {(one.function.name, one.timer): one.next for one in self._running}
        self._running = [
            _Running(
                function,
                timer,
                before.get((function.name, timer)) or timer.schedule.next_after(now),
            )
            for function in functions
            for timer in function.timers
            if timer.enabled
        ]

    def next_times(self) -> dict[tuple[str, str], datetime]:
        """Return when each timer fires next, by names of function and trigger."""
        return {(one.function.name, one.timer.name): one.next for one in self._running}

    def fire_due(self) -> None:
        """Fire every timer whose time has come."""
        now = self._clock()
        for one in self._running:
            if one.next > now:
                one.next = min(one.next, one.timer.schedule.next_after(now))
                continue
            due = one.next
            while one.next <= now:
                due, one.next = one.next, one.timer.schedule.next_after(one.next)
            event = events.timer(one.timer.payload, trigger_name=one.timer.name, time=due)
            self._fire(one.function, event)

    async def run(self) -> None:
        """Fire timers as their times come, until cancelled."""
        while True:
            self.fire_due()
            waits = [(one.next - self._clock()).total_seconds() for one in self._running]
            await asyncio.sleep(max(min([*waits, _LOOK]), 0.0))
