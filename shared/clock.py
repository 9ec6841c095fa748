"""Time, passed in from outside, and the platform's calendar (UTC+8)."""

import calendar
import time
from collections.abc import Callable
from email.utils import mktime_tz, parsedate_tz
from typing import NamedTuple

PLATFORM_OFFSET = 8 * 3600


class Clock(NamedTuple):
    """Where time comes from: `now` in epoch seconds, `monotonic` and `sleep` in seconds."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def utc_timestamp(epoch: float) -> str:
    """Return `epoch` as requests have it: ``2026-01-31T08:00:00Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def platform_date(epoch: float) -> str:
    """Return the date of `epoch` in UTC+8 as queries have it: ``yyyyMMdd``."""
    return time.strftime("%Y%m%d", time.gmtime(epoch + PLATFORM_OFFSET))


def parse_platform_time(text: str) -> float | None:
    """Return the epoch seconds of ``yyyy-MM-dd HH:mm:ss``, None if it is not of that form.

    That it is UTC+8 only the documentation's examples show.
    """
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")) - PLATFORM_OFFSET
    except ValueError:
        return None


def platform_time(text: str) -> str:
    """Return a time in any form of the platform as ``yyyy-MM-dd HH:mm:ss`` in UTC+8, or nothing."""
    if len(text) == 14 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"
    epoch = parse_platform_time(text)
    try:
        if epoch is None:
            epoch = mktime_tz(parsedate_tz(text))  # type: ignore[arg-type]
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(epoch + PLATFORM_OFFSET))
    except (ArithmeticError, IndexError, OSError, TypeError, ValueError):
        return ""
