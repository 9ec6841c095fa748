"""When a timer trigger fires: `@every 5m`, or cron with six fields.

Sources: https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/time-triggers and
https://www.alibabacloud.com/help/doc-detail/171746.htm: seconds, minutes, hours, day of month,
month, day of week, in UTC unless `CRON_TZ=<zone>` stands before them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_UNITS = {"h": "hours", "m": "minutes", "s": "seconds"}
_LONGEST = timedelta(days=366 * 8 + 1)  # 29 February may be eight years away


class Schedule(Protocol):
    """A rule that says when a timer fires next."""

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time after `moment`, in UTC, at a full second."""


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval, counted from when the timer was started or fired last."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime:
        """Return `moment` and one interval, without its fraction of a second."""
        return (moment + self.interval).astimezone(timezone.utc).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Cron:
    """The values each field allows; `any_day`: one of the two day fields is enough."""

    zone: tzinfo
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool

    def next_after(self, moment: datetime) -> datetime:
        """Return the next match; raises ValueError if there is none (30 February)."""
        last = moment + _LONGEST
        found = moment.astimezone(timezone.utc).replace(microsecond=0) + timedelta(seconds=1)
        while found < last:
            local = found.astimezone(self.zone)
            if not self._day_matches(local):
                midnight = local.replace(hour=0, minute=0, second=0, fold=0) + timedelta(days=1)
                found = max(midnight.astimezone(timezone.utc), found + timedelta(seconds=1))
            elif local.hour not in self.hours:
                found += timedelta(seconds=3600 - local.minute * 60 - local.second)
            elif local.minute not in self.minutes:
                found += timedelta(seconds=60 - local.second)
            elif local.second not in self.seconds:
                found += timedelta(seconds=1)
            else:
                return found
        raise ValueError("there is no such date")

    def _day_matches(self, local: datetime) -> bool:
        day = local.day in self.days
        weekday = local.isoweekday() % 7 in self.weekdays
        return local.month in self.months and (
            (day or weekday) if self.any_day else (day and weekday)
        )


def read_schedule(text: str) -> Schedule:
    """Read a cronExpression; raises ValueError with what is wrong."""
    if text.startswith("@every "):
        return Every(_interval(text.removeprefix("@every ").strip()))
    zone, fields = _zone(text)
    if len(fields) != 6:
        raise ValueError("must be '@every 5m' or six cron fields (seconds first)")
    seconds, minutes, hours, days, months, weekdays = fields
    schedule = Cron(
        zone=zone,
        seconds=_values(seconds, 0, 59),
        minutes=_values(minutes, 0, 59),
        hours=_values(hours, 0, 23),
        days=_values(days.replace("?", "*"), 1, 31),
        months=_values(months, 1, 12, _MONTHS),
        weekdays=frozenset(n % 7 for n in _values(weekdays.replace("?", "*"), 0, 7, _WEEKDAYS)),
        any_day=days[0] not in "*?" and weekdays[0] not in "*?",
    )
    schedule.next_after(datetime.now(timezone.utc))
    return schedule


def _interval(text: str) -> timedelta:
    if not re.fullmatch(r"(\d{1,6}[hms])+", text):
        raise ValueError(f"{text!r} is not an interval such as 5m, 90s or 1h30m")
    parts = dict.fromkeys("hms", 0)
    for number, unit in re.findall(r"(\d+)([hms])", text):
        parts[unit] += int(number)
    interval = timedelta(**{_UNITS[unit]: number for unit, number in parts.items()})
    if not interval:
        raise ValueError("the interval must be at least one second")
    return interval


def _zone(text: str) -> tuple[tzinfo, list[str]]:
    fields = text.split()
    if not fields or not fields[0].startswith("CRON_TZ="):
        return timezone.utc, fields
    name = fields[0].removeprefix("CRON_TZ=")
    try:
        return ZoneInfo(name), fields[1:]
    except (ValueError, OSError, LookupError):
        raise ValueError(
            f"{name!r} is no time zone of this machine; install the package tzdata if it is a name "
            "like Asia/Shanghai"
        ) from None


def _values(field: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if slash and not (step.isdecimal() and int(step)):
            raise ValueError(f"{part!r}: the step must be a number above 0")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, low, high, names)
            end = _number(last, low, high, names) if dash else (high if slash else start)
        if end < start:
            raise ValueError(f"{part!r}: the range ends before it begins")
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + low
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is not a number from {low} to {high}")
    return int(text)
