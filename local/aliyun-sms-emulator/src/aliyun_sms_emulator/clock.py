"""The emulator's time: the real one, or a virtual one that can be set and moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

CHINA = timezone(timedelta(hours=8), "UTC+8")
"""The platform's local time; its clock windows and dates are UTC+8."""


@dataclass(slots=True)
class Clock:
    """Seconds since the epoch, real, virtual and running, or virtual and frozen.

    A virtual time is `frozen_at` when that is set, else the real time plus `offset` seconds.
    """

    real_time: Callable[[], float] = field(default=time.time)
    offset: float = 0.0
    frozen_at: float | None = None

    @property
    def mode(self) -> str:
        """`real` or `virtual`."""
        return "real" if self.frozen_at is None and self.offset == 0.0 else "virtual"

    @property
    def running(self) -> bool:
        """Whether time passes by itself."""
        return self.frozen_at is None

    def now(self) -> float:
        """The current time in seconds since the epoch."""
        return self.real_time() + self.offset if self.frozen_at is None else self.frozen_at

    def set(self, now: float, *, running: bool) -> None:
        """Make it `now`, and let time run on from there or stand still."""
        self.offset = now - self.real_time() if running else 0.0
        self.frozen_at = None if running else now

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`; a running clock keeps running, a frozen one stays frozen."""
        if self.frozen_at is None:
            self.offset += seconds
        else:
            self.frozen_at += seconds

    def follow_real_time(self) -> None:
        """Go back to the real time."""
        self.offset = 0.0
        self.frozen_at = None


def in_china(seconds: float) -> datetime:
    """The date and time in UTC+8 of `seconds` since the epoch."""
    return datetime.fromtimestamp(seconds, CHINA)


def china_text(seconds: float) -> str:
    """Write a time the way the platform does, `2019-01-08 16:44:13` in UTC+8."""
    return in_china(seconds).strftime("%Y-%m-%d %H:%M:%S")


def mail_text(seconds: float) -> str:
    """Write a time the way the international API does, `Mon, 24 Dec 2018 16:58:22 +0800`."""
    return format_datetime(in_china(seconds))


def iso_text(seconds: float) -> str:
    """Write a time as ISO 8601 with the UTC+8 offset and milliseconds."""
    return in_china(seconds).isoformat(timespec="milliseconds")
