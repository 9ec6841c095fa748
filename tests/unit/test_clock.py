"""The platform's times and dates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import Clock, parse_platform_time, platform_date, utc_timestamp
from tests.unit.manual_clock import AFTERNOON

quick = settings(max_examples=100, deadline=None, database=None)


def test_a_timestamp_is_utc_without_a_fraction() -> None:
    assert utc_timestamp(AFTERNOON + 0.999) == "2027-01-15T08:00:00Z"


def test_a_date_changes_at_midnight_in_china() -> None:
    midnight = AFTERNOON + 8 * 3600
    assert [platform_date(midnight - 0.1), platform_date(midnight)] == ["20270115", "20270116"]


def test_a_time_of_the_platform_is_in_china() -> None:
    assert parse_platform_time("2027-01-15 16:00:00") == AFTERNOON


@pytest.mark.parametrize(
    "text", ["", "2027-01-15", "20270115160000", "2027-02-30 00:00:00", "2027-01-15T16:00:00Z", "x"]
)
def test_anything_else_is_no_time_of_the_platform(text: str) -> None:
    assert parse_platform_time(text) is None


@quick
@given(st.integers(0, 4_000_000_000))
def test_date_and_time_agree(epoch: int) -> None:
    day = platform_date(epoch)
    begin = parse_platform_time(f"{day[:4]}-{day[4:6]}-{day[6:]} 00:00:00")
    assert begin is not None
    assert 0 <= epoch - begin < 86400


def test_the_clock_of_the_machine_runs() -> None:
    clock = Clock()
    before = clock.now(), clock.monotonic()
    clock.sleep(0.001)
    assert clock.now() > before[0]
    assert clock.monotonic() > before[1]


def test_a_store_learns_only_of_time_that_a_test_moves() -> None:
    assert Clock().moved() is None
    assert Clock(now=lambda: 5.0).moved() == 5.0
