"""Test numbers: their code is fixed, and no SMS is sent to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import platform_date
from shared.errors import ConfigurationError, InvalidRequest
from shared.fixed_codes import MOST_NUMBERS, fixed_code, is_easy_to_guess, read_fixed_codes
from tests.unit.code_desk import NUMBER, OTHER, Desk
from tests.unit.conftest import ApiTo
from tests.unit.hook_requests import SAMPLES, call, forget_instance, hooked
from tests.unit.manual_clock import ManualClock
from tests.unit.sms_platform import Platform

CODE = "482917"
DAY = 86400


def date(epoch: float) -> str:
    """Return a day in UTC+8 as it is written in the setting."""
    digits = platform_date(epoch)
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def entry(epoch: float, number: str = NUMBER, code: str = CODE) -> str:
    return f"+86{number}:{code}:{date(epoch)}"


@pytest.fixture
def desk(
    platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock, tmp_path: Path
) -> Desk:
    desk = Desk(platform, endpoint, api_to, clock, tmp_path / "state.db")
    desk.environ["SMS_TEST_NUMBERS"] = entry(clock.epoch + 30 * DAY)
    return desk


def test_the_code_of_a_test_number_is_fixed_and_no_sms_is_sent(desk: Desk) -> None:
    verification_id = desk.created()
    assert desk.platform.calls == []
    assert not desk.check(verification_id, "111111")
    assert desk.check(verification_id, CODE)
    assert not desk.check(verification_id, CODE)  # once


def test_another_number_gets_its_sms(desk: Desk) -> None:
    verification_id = desk.created(OTHER)
    assert [sent["PhoneNumbers"] for sent in desk.platform.sends] == [OTHER]
    assert not desk.check(verification_id, CODE, OTHER)
    assert desk.check(verification_id, desk.code, OTHER)


def test_limits_and_tries_count(desk: Desk) -> None:
    verification_id = desk.created()
    assert desk.create().status == 429
    for _ in range(5):
        assert not desk.check(verification_id, "111111")
    assert not desk.check(verification_id, CODE)


def test_after_its_last_day_a_test_number_is_refused(desk: Desk, clock: ManualClock) -> None:
    desk.environ["SMS_TEST_NUMBERS"] = entry(clock.epoch)
    desk.created()
    clock.epoch += DAY
    with pytest.raises(InvalidRequest) as caught:
        desk.create()
    assert (caught.value.code, caught.value.field) == ("test-number-ended", "phone_number")
    assert desk.platform.calls == []


def test_a_day_that_is_too_far_away_is_refused(desk: Desk, clock: ManualClock) -> None:
    desk.environ["SMS_TEST_NUMBERS"] = entry(clock.epoch + 180 * DAY)
    desk.created()
    desk.environ["SMS_TEST_NUMBERS"] = entry(clock.epoch + 182 * DAY)
    with pytest.raises(ConfigurationError, match="more than 180 days away"):
        desk.create(out_id="order-2")


def test_pnvs_has_no_test_numbers(desk: Desk) -> None:
    desk.environ["SMS_CODE_BACKEND"] = "pnvs"
    with pytest.raises(ConfigurationError, match="SMS_TEST_NUMBERS needs SMS_CODE_BACKEND=own"):
        desk.create()


def test_each_line_about_a_test_number_says_so(
    desk: Desk, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    desk.check(desk.created(), CODE)
    marked = [line["action"] for line in log_lines() if line.get("test_number") == 1]
    assert marked == ["SendSms", "create-code", "check-code"]
    assert CODE not in str(log_lines())


def test_a_hook_sends_no_code_to_a_test_number(
    deployed: pytest.MonkeyPatch, tmp_path: Path, platform: Platform
) -> None:
    with hooked(deployed, tmp_path, SMS_TEST_NUMBERS=entry(time.time() + DAY)):
        assert call("logto").status == 200
        assert platform.calls == []
        other = SAMPLES["logto"]["body"].replace(NUMBER, OTHER)
        assert call("logto", other.encode()).status == 200
        assert [sent["PhoneNumbers"] for sent in platform.sends] == [OTHER]
        deployed.setenv("SMS_TEST_NUMBERS", entry(time.time() - 2 * DAY))
        forget_instance()
        answer = call("logto", SAMPLES["logto"]["body"].replace("123456", "654321").encode())
        assert (answer.status, answer.body["code"]) == (422, "test-number-ended")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("+8613800138000", "entry 1 must be number, code of 6 to 8 digits"),
        ("13800138000:482917:2026-12-31", "entry 1 must be number, code of 6 to 8 digits"),
        ("+8613800138000:48291:2026-12-31", "entry 1 must be number, code of 6 to 8 digits"),
        ("+8613800138000:482917:31.12.2026", "entry 1 must be number, code of 6 to 8 digits"),
        ("+8613800138000:482917:2026-02-30", "entry 1 names a day that does not exist"),
        ("+8613800138000:123456:2026-12-31", "entry 1 has a code that is easy to guess"),
        (
            "+8613800138000:482917:2026-12-31,+8613800138000:903614:2026-12-31",
            "entry 2 names a number again",
        ),
        ("+0123456789:482917:2026-12-31", "entry 1: its number"),
    ],
)
def test_an_entry_that_is_wrong_is_named_by_its_place(value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_fixed_codes({"SMS_TEST_NUMBERS": value})
    assert problem in str(caught.value)
    assert "482917" not in str(caught.value)
    assert "13800138000:4" not in str(caught.value)


def test_there_may_be_twenty() -> None:
    entries = [f"+861380013{place:04}:{CODE}:2026-12-31" for place in range(MOST_NUMBERS + 1)]
    assert len(read_fixed_codes({"SMS_TEST_NUMBERS": ",".join(entries[1:])})) == MOST_NUMBERS
    with pytest.raises(ConfigurationError, match="more than 20 numbers"):
        read_fixed_codes({"SMS_TEST_NUMBERS": ",".join(entries)})


@pytest.mark.parametrize("code", ["000000", "123456", "3456789", "876543", "789012", "246246"])
def test_codes_that_people_try_first(code: str) -> None:
    assert is_easy_to_guess(code)


@given(part=st.from_regex("[0-9]{2,4}", fullmatch=True), times=st.integers(2, 3))
def test_a_code_of_equal_parts_is_easy_to_guess(part: str, times: int) -> None:
    assert is_easy_to_guess(part * times)
    assert is_easy_to_guess(part + part[::-1])


@pytest.mark.parametrize("code", [CODE, "903614", "73158264"])
def test_random_digits_are_not_easy_to_guess(code: str) -> None:
    assert not is_easy_to_guess(code)


def test_other_numbers_have_no_fixed_code() -> None:
    codes = read_fixed_codes({"SMS_TEST_NUMBERS": "+8613800138000:482917:2026-12-31"})
    assert fixed_code(codes, "+8613800138001", 0) == ""
    assert "482917" not in repr(codes)
