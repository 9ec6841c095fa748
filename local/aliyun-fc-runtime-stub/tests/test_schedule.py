"""When a timer fires.

Sources: https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/time-triggers and
https://www.alibabacloud.com/help/doc-detail/171746.htm (six fields from seconds on, UTC, CRON_TZ).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from aliyun_fc_runtime_stub.template.schedule import read_schedule

SUNDAY = "2026-02-01T00:00:00"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("@every 5m", SUNDAY, "2026-02-01T00:05:00"),
        ("@every 1h30m", SUNDAY, "2026-02-01T01:30:00"),
        ("@every 90s", "2026-02-01T00:00:00.700000", "2026-02-01T00:01:30"),
        ("* * * * * *", SUNDAY, "2026-02-01T00:00:01"),
        ("0 0 4 * * *", SUNDAY, "2026-02-01T04:00:00"),
        ("0 0 4 * * *", "2026-02-01T04:00:00", "2026-02-02T04:00:00"),
        ("0 0 4 * * *", "2026-02-01T03:59:59.999999", "2026-02-01T04:00:00"),
        ("0 */20 * * * *", "2026-02-01T23:45:00", "2026-02-02T00:00:00"),
        ("15,45 0 0 * * *", "2026-02-01T00:00:15", "2026-02-01T00:00:45"),
        ("0 10-12 0 * * *", "2026-02-01T00:10:30", "2026-02-01T00:11:00"),
        ("0 50/5 0 * * *", "2026-02-01T00:50:00", "2026-02-01T00:55:00"),
        ("0 0 0 ? * MON-FRI", SUNDAY, "2026-02-02T00:00:00"),
        ("0 0 0 ? * 7", SUNDAY, "2026-02-08T00:00:00"),
        ("0 0 0 1 jan *", SUNDAY, "2027-01-01T00:00:00"),
        ("0 0 0 29 2 ?", SUNDAY, "2028-02-29T00:00:00"),
        ("0 0 0 13 * FRI", SUNDAY, "2026-02-06T00:00:00"),
        ("0 0 0 31 * *", "2026-04-01T00:00:00", "2026-05-31T00:00:00"),
        ("CRON_TZ=Asia/Shanghai 0 0 4 1 * *", SUNDAY, "2026-02-28T20:00:00"),
        ("CRON_TZ=Asia/Kolkata 0 0 6 * * *", SUNDAY, "2026-02-01T00:30:00"),
        ("CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-03-28T12:00:00", "2026-03-30T00:30:00"),
        ("CRON_TZ=Europe/Berlin 0 0 0 * * *", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
    ],
)
def test_a_timer_fires_at_the_next_full_second_that_matches(
    expression: str, after: str, expected: str
) -> None:
    """The next full second that matches; a local time that a change of clocks skips is left out."""
    assert read_schedule(expression).next_after(utc(after)) == utc(expected)


def test_result_is_utc_whatever_the_zone_of_the_question() -> None:
    local = utc(SUNDAY).astimezone(timezone(timedelta(hours=8)))
    for expression in ("@every 1m", "0 * * * * *", "CRON_TZ=Asia/Shanghai 0 * * * * *"):
        found = read_schedule(expression).next_after(local)
        assert (found, found.tzinfo) == (utc("2026-02-01T00:01:00"), timezone.utc)


def test_repeated_hour_is_not_skipped() -> None:
    """Every half hour stays every half hour when clocks are set back."""
    schedule = read_schedule("CRON_TZ=Europe/Berlin 0 */30 * * * *")
    moment, seen = utc("2026-10-24T23:30:00"), []
    for _ in range(5):
        moment = schedule.next_after(moment)
        seen.append(moment)
    assert [later - earlier for earlier, later in pairwise(seen)] == [timedelta(minutes=30)] * 4


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "six cron fields"),
        ("* * * * *", "six cron fields"),
        ("0 0 4 * * * 2026", "six cron fields"),
        ("@daily", "six cron fields"),
        ("@every 5", "not an interval"),
        ("@every 0m", "at least one second"),
        ("@every -5m", "not an interval"),
        ("@every 9999999h", "not an interval"),
        ("60 * * * * *", "'60' is not a number from 0 to 59"),
        ("0 0 24 * * *", "'24' is not a number from 0 to 23"),
        ("0 0 0 0 * *", "'0' is not a number from 1 to 31"),
        ("0 0 0 * 13 *", "'13' is not a number from 1 to 12"),
        ("0 0 0 * * 8", "'8' is not a number from 0 to 7"),
        ("0 5-1 * * * *", "ends before it begins"),
        ("0 */0 * * * *", "the step must be"),
        ("0 1,, * * * *", "'' is not a number"),
        ("0 ² * * * *", "is not a number"),
        ("0 0 0 L * *", "'L' is not a number"),
        ("0 0 0 30 2 *", "there is no such date"),
        ("CRON_TZ=Mars/Olympus 0 0 4 * * *", "'Mars/Olympus' is no time zone"),
        ("CRON_TZ=../../etc/passwd 0 0 4 * * *", "is no time zone"),
        ("CRON_TZ= 0 0 4 * * *", "is no time zone"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_schedule(expression)
