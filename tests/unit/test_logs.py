"""Log lines: JSON, one an event, with no room for a phone number."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.logs import (
    Log,
    hash_key,
    logged_message_id,
    logged_template,
    masked,
    safe_code,
    safe_request_id,
)
from shared.version import VERSION
from tests.unit.manual_clock import ManualClock

quick = settings(max_examples=200, deadline=None, database=None)


@pytest.fixture
def log(log_stream: io.StringIO, clock: ManualClock) -> Log:
    return Log("invocation-x", "send_sms", b"key", clock.as_clock(), log_stream)


def test_an_event_is_one_line_of_json(
    log: Log, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    log.event("info", "SendSms", "accepted", code="OK", duration_ms=0, caller="", field=None)
    log.event("error", "authenticate", "closed", remedy="two\nlines, 中文")
    first, second = log_lines()
    assert first == {
        "time": "2027-01-15T08:00:00Z",
        "level": "info",
        "request_id": "invocation-x",
        "version": VERSION,
        "function": "send_sms",
        "action": "SendSms",
        "outcome": "accepted",
        "code": "OK",
        "duration_ms": 0,
    }
    assert second["remedy"] == "two\nlines, 中文"


def test_without_a_stream_lines_go_to_standard_output(clock: ManualClock) -> None:
    said = io.StringIO()
    log = Log("x", "send_sms", b"key", clock.as_clock())
    with contextlib.redirect_stdout(said):
        log.event("info", "answer", "200")
    assert json.loads(said.getvalue())["outcome"] == "200"


def test_one_number_is_masked_and_hashed_and_many_are_counted(log: Log) -> None:
    said = log.numbers(("13800138000",))
    assert said["number"] == "*00"
    assert len(str(said["number_hash"])) == 16
    assert log.numbers(("13800138000", "13900139000")) == {"numbers": 2}


def test_the_hash_of_a_number_depends_on_number_and_key(log: Log) -> None:
    keyed_otherwise = log._replace(hash_key=b"other")
    hashes = {
        each.numbers((number,))["number_hash"]
        for each in (log, keyed_otherwise)
        for number in ("13800138000", "13900139000")
    }
    assert len(hashes) == 4
    assert log.numbers(("13800138000",))["number_hash"] in hashes


def test_a_state_secret_makes_the_same_key_everywhere_and_none_one_of_this_instance() -> None:
    assert hash_key("secret") == hash_key("secret") != hash_key("other")
    assert hash_key("") == hash_key("") != hash_key("secret")
    assert b"secret" not in hash_key("secret")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("13800138000", "*00"),
        ("+8613800138000 and 13900139001.", "+*00 and *01."),
        ("138-0013-8000", "*00"),
        ("138 0013 8000", "*00"),
        ("(138) 0013 -- 8000", "(*00"),
        ("138_0013/8000", "*00"),
        ("１３８００１３８０００", "*００"),
        ("1\u200b3\u200b8\u200b0\u200b0\u200b1\u200b3", "*\u200b3"),
        ("order-20260131-123456", "order-*56"),
        ("messages[3].sign_name", "messages[3].sign_name"),
        ("SMS_123456", "SMS_123456"),
        ("", ""),
    ],
)
def test_long_runs_of_digits_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@quick
@given(st.text("0123456789 -._:+/()\n０٣\u200ba", max_size=30))
def test_nothing_masked_holds_seven_digits_between_letters(text: str) -> None:
    for between in masked(text).split("a"):
        for rest in between.split("*"):
            assert sum(map(str.isdecimal, rest)) < 7


@pytest.mark.parametrize(
    "code",
    ["OK", "isv.BUSINESS_LIMIT_CONTROL", "MK:0001", "InvalidAccessKeyId.NotFound", "http-200"],
)
def test_a_code_is_let_through(code: str) -> None:
    assert safe_code(code) == code


@pytest.mark.parametrize(
    "code",
    [
        "",
        "13800138000",
        "isv.13800138000",
        "a b",
        "a\nb",
        "é",
        "x" * 65,
        "a1.3.8.0.0.1.3",
        None,
        5,
        [],
    ],
)
def test_what_has_not_the_form_of_a_code_is_unreadable(code: object) -> None:
    assert safe_code(code) == "unreadable"


@pytest.mark.parametrize(
    "request_id",
    ["819BE656-D2E0-4858-8B21-B2E477085AAF", "1-64f6cd87-5b1c2d3e4f50", "invocation-x"],
)
def test_a_request_id_is_let_through(request_id: str) -> None:
    assert safe_request_id(request_id) == request_id


@pytest.mark.parametrize(
    "request_id", ["", "13800138000", "8613800138000", "a b", "a\n", "é", "x" * 65, None, 5, {}]
)
def test_what_has_not_the_form_of_a_request_id_is_left_out(request_id: object) -> None:
    assert safe_request_id(request_id) == ""


@pytest.mark.parametrize(
    ("out_id", "shown"),
    [
        ("order-17", "order-17"),
        ("order-2026", "order-*"),
        ("2026-01-31", "*"),
        ("138-0013-8000.a", "*.a"),
        ("1.3:8_0-0", "*"),
        ("a123b456", "a123b456"),
        ("mnopabcdefghijklmnopabcdefghijkl", "mnopabcdefghijklmnopabcdefghijkl"),
        ("for-bGV0LW1lLWluLTEyMzQ1Njc4OTA", "*"),
        ("Wq_7" * 5, "*"),
        ("KHvUUPapiKVbFnXgDjabTjkoxZqsnu", "*"),
        ("x" * 200, "x" * 200),
    ],
)
def test_an_out_id_is_logged_without_runs_of_digits_and_keys(
    log: Log, out_id: str, shown: str
) -> None:
    said = log.ids("shop", out_id)
    assert (said["caller"], said["out_id"]) == ("shop", shown)
    assert len(said["out_id_hash"]) == 16


@quick
@given(st.text("0123456789ab._:-", min_size=1, max_size=40))
def test_no_logged_out_id_holds_four_digits_of_the_callers_in_a_row(out_id: str) -> None:
    log = Log("x", "send_sms", b"key", ManualClock().as_clock())
    digits_in_a_row = re.compile(r"[0-9]([._:-]?[0-9]){3}")
    assert not digits_in_a_row.search(log.ids("shop", out_id)["out_id"])


def test_an_out_id_and_a_number_that_are_the_same_text_have_other_hashes(log: Log) -> None:
    number = log.numbers(("13800138000",))["number_hash"]
    assert log.ids("shop", "13800138000")["out_id_hash"] != number
    assert log.ids("shop", "") == {}


def test_what_a_log_is_about_stands_in_each_line(
    log: Log, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    of_part = log.about(**log.ids("shop", "order-17")).about(part=0, template="")
    of_part.event("info", "SendSms", "accepted", part=1)
    of_part.event("info", "look-up", "found")
    log.event("info", "answer", "200")
    first, second, third = log_lines()
    assert (first["out_id"], first["part"], second["part"]) == ("order-17", 1, 0)
    assert "template" not in first
    assert "out_id" not in third


@pytest.mark.parametrize(
    ("message_id", "shown"),
    [
        ("900619746936498440^0", "900619746936498440^0"),
        ("134523^4351232", "134523^4351232"),
        ("1008030300300300", "1008030300300300"),
        (1008030300300300, "1008030300300300"),
        ("8613800138000", ""),
        ("0013800138000^0", ""),
        ("13900139000", ""),
        ("123456", ""),
        ("bGV0LW1lLWluLTEyMzQ1Njc4OTA", ""),
        ("9006197469364984\n", ""),
        (None, ""),
        ([], ""),
    ],
)
def test_a_message_id_is_logged_if_it_is_surely_none_of_the_numbers(
    message_id: object, shown: str
) -> None:
    assert logged_message_id(message_id, ("13900139001", "13800138000")) == shown


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("SMS_154950909", "SMS_154950909"),
        ("100001", "100001"),
        ("SMS_13800138000", ""),
        ("13800138000", ""),
        ("SMS_１", ""),
        ("SMS_1\n", ""),
        ("", ""),
    ],
)
def test_a_template_is_logged_if_it_has_the_form_of_one(template: str, shown: str) -> None:
    assert logged_template(template) == shown
