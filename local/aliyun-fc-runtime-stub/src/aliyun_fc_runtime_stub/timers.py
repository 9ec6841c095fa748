"""The timer triggers of running functions ("Time triggers").

A timer that could not fire in time (this machine slept, say) fires once, for the last time it
missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from . import events
from .model import Function, TimerTrigger

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
        now = clock()
        self._running = [
            _Running(function, timer, timer.schedule.next_after(now))
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
                continue
            due = one.next
            while one.next <= now:
                due, one.next = one.next, one.timer.schedule.next_after(one.next)
            event = events.timer(one.timer.payload, trigger_name=one.timer.name, time=due)
            self._fire(one.function, event)

    async def run(self) -> None:
        """Fire timers as their times come, until cancelled."""
        while self._running:
            self.fire_due()
            wait = min(one.next for one in self._running) - self._clock()
            await asyncio.sleep(min(max(wait.total_seconds(), 0.0), _LOOK))
