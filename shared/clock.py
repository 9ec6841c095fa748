"""Time, and the platform's calendar: dates and times as people in China write them (UTC+8)."""

import calendar
import time
from collections.abc import Callable
from typing import NamedTuple

PLATFORM_OFFSET = 8 * 3600


class Clock(NamedTuple):
    """Where time comes from. It is handed in, so that tests need not wait.

    All three count seconds. `now` is the time since the epoch, and may be set back. `monotonic` is
    never set back, so deadlines are in it.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def moved(self) -> float | None:
        """Return `now` where a test moves the time, None where it is that of this machine.

        What many machines count together goes by the store's time: their clocks differ.
        """
        return None if self.now is time.time else self.now()


def utc_timestamp(epoch: float) -> str:
    """Return `epoch` (seconds) as requests and the log have it: ``2026-01-31T08:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def platform_date(epoch: float) -> str:
    """Return the date of `epoch` (seconds) in UTC+8 as queries have it: ``20260131``."""
    return time.strftime("%Y%m%d", time.gmtime(epoch + PLATFORM_OFFSET))


def platform_timestamp(epoch: float) -> str:
    """Return `epoch` (seconds) in UTC+8 as answers have it: ``2026-01-31 16:00:00``.

    Raises OverflowError, OSError or ValueError for a year that no calendar has.
    """
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(epoch + PLATFORM_OFFSET))


def parse_platform_time(text: str) -> float | None:
    """Return the epoch seconds of ``2026-01-31 16:00:00`` in UTC+8; None for any other form.

    Source: document 419277 (QuerySendDetails). Only its examples show that it is UTC+8.
    """
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")) - PLATFORM_OFFSET
    except ValueError:
        return None
