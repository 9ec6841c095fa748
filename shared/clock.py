"""Time, passed in from outside, and the platform's calendar (UTC+8)."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable
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


def is_date(text: str) -> bool:
    """Whether `text` is a date that exists, written ``yyyyMMdd``."""
    try:
        return time.strftime("%Y%m%d", time.strptime(text, "%Y%m%d")) == text
    except ValueError:
        return False


def parse_platform_time(text: str) -> float | None:
    """Return the epoch seconds of ``yyyy-MM-dd HH:mm:ss``, None if it is not of that form.

    That it is UTC+8 is not documented, but seen in the documentation's examples.
    """
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")) - PLATFORM_OFFSET
    except ValueError:
        return None
