"""Time that stands still until a test, or a wait, moves it."""

from __future__ import annotations

from collections.abc import Callable

from shared.clock import Clock

AFTERNOON = 1_800_000_000.0  # 2027-01-15 16:00:00 in UTC+8, on the minute and on the hour


class ManualClock:
    """A clock whose `sleeps` are counted, not waited; `on_sleep` is called at each."""

    def __init__(self, epoch: float = AFTERNOON) -> None:
        self.epoch = epoch
        self.passed = 0.0
        self.sleeps: list[float] = []
        self.on_sleep: Callable[[], object] = lambda: None

    def as_clock(self) -> Clock:
        """Return the clock to pass in."""
        return Clock(lambda: self.epoch, lambda: self.passed, self._sleep)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.epoch += seconds
        self.passed += seconds

    def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.advance(seconds)
        self.on_sleep()
