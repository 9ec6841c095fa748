"""Verification codes: created, sent, checked; a real state file, a platform on a real socket."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import verify_code
from shared.errors import (
    ConfigurationError,
    InvalidRequest,
    LimitReached,
    OutIdConflict,
    SmsError,
    StoreUnavailable,
)
from shared.sending import intents, mainland, protocol
from shared.trigger.http_trigger import Response
from tests.unit.code_desk import (
    NUMBER,
    OTHER,
    Desk,
    body_of,
    own_codes,
    refusal,
    verification_id_of,
    while_sending,
)
from tests.unit.conftest import ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.other_versions import LATER, members_at, rewrite, take_member
from tests.unit.scripted_server import Scene, hang_up
from tests.unit.sms_platform import Platform, accepted, detail, details, refused
from tests.unit.trigger_events import API_KEYS, INVOCATION_ID, SPACE, Context, http_event


@pytest.fixture
def desk(
    platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock, tmp_path: Path
) -> Desk:
    return Desk(platform, endpoint, api_to, clock, tmp_path / "state")


# creating and checking


def test_a_code_is_sent_and_never_answered(desk: Desk) -> None:
    response = desk.create(out_id="login-1")
    body = body_of(response)
    assert response.status == 200
    assert re.fullmatch("[a-p]{32}", body.pop("verification_id"))
    assert body == {"out_id": "login-1", "expires_in": 300, "resend_in": 60}
    assert re.fullmatch("[0-9]{6}", desk.code)
    assert desk.platform.sends == [
        {
            "OutId": "tester~login-1",
            "PhoneNumbers": NUMBER,
            "SignName": "签名",
            "TemplateCode": "SMS_7",
            "TemplateParam": json.dumps({"code": desk.code}, separators=(",", ":")),
        }
    ]


def test_the_right_code_passes_once(desk: Desk) -> None:
    verification_id = desk.created()
    assert desk.check(verification_id, desk.code)
    assert not desk.check(verification_id, desk.code)


def test_a_number_may_be_written_in_several_ways(desk: Desk) -> None:
    verification_id = desk.created("+86 138-0013-8000")
    assert desk.check(verification_id, desk.code, "008613800138000")


def test_a_wrong_code_does_not_pass_and_the_right_one_still_does(desk: Desk) -> None:
    verification_id = desk.created()
    for code in (desk.wrong_code, desk.code + "0", desk.code[:-1], "-" + desk.code):
        assert not desk.check(verification_id, code)
    assert desk.check(verification_id, desk.code)


@pytest.mark.parametrize("typed", ["{} ", " {}", "{}\n", "\t{}\r\n", "\u200b{}\u202c", "\u3000{}"])
def test_white_space_around_a_typed_code_costs_no_try(desk: Desk, typed: str) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    assert desk.check(verification_id, typed.format(desk.code))


def test_a_code_may_be_typed_in_groups_and_with_full_width_digits(desk: Desk) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    full_width = "".join(chr(ord("０") + int(digit)) for digit in desk.code)
    assert desk.check(verification_id, f"{full_width[:3]} {full_width[3:]}")


@pytest.mark.parametrize("typed", ["", " \n", "\u200b", "1" * 33])
def test_what_is_no_code_costs_no_try(desk: Desk, typed: str) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    with pytest.raises(InvalidRequest, match="code: must be a string of 1 to 32 characters"):
        desk.check(verification_id, typed)
    assert desk.check(verification_id, desk.code)


@pytest.mark.parametrize("tries", [1, 5])
def test_after_too_many_tries_the_right_code_does_not_pass(desk: Desk, tries: int) -> None:
    desk.environ["SMS_CODE_TRIES"] = str(tries)
    verification_id = desk.created()
    for _ in range(tries):
        assert not desk.check(verification_id, desk.wrong_code)
    assert not desk.check(verification_id, desk.code)


def test_no_other_number_purpose_or_verification_passes(desk: Desk) -> None:
    first, code = desk.created(), desk.code
    second = desk.created(OTHER)
    assert not desk.check(second, code, OTHER)
    assert not desk.check(second, code)
    assert not desk.check(first, code, OTHER)
    assert not desk.check(first, code, "+18001380000")
    assert not desk.check(first, code, purpose="pay")
    assert not desk.check("a" * 32, code)
    assert desk.check(first, code, purpose="login")


def test_a_number_that_reads_alike_in_another_country_does_not_pass(desk: Desk) -> None:
    verification_id = desk.created("18624017194")
    assert not desk.check(verification_id, desk.code, "+18624017194")
    assert desk.check(verification_id, desk.code, "+8618624017194")


def test_a_code_expires(desk: Desk) -> None:
    verification_id = desk.created()
    first = desk.code
    desk.clock.advance(299)
    later = desk.created()
    desk.clock.advance(1)
    assert not desk.check(verification_id, first)
    assert desk.check(later, desk.code)


def test_a_lifetime_and_a_length_may_be_set(desk: Desk) -> None:
    desk.environ.update(SMS_CODE_LIFETIME="60", SMS_CODE_LENGTH="4", SMS_CODE_VARIABLE="code")
    response = desk.create()
    assert body_of(response)["expires_in"] == 60
    assert re.fullmatch("[0-9]{4}", desk.code)
    desk.environ["SMS_CODE_LENGTH"] = "8"  # what is on its way stays right
    assert desk.check(body_of(response)["verification_id"], desk.code)


# how often


def test_a_number_is_sent_one_code_a_minute(desk: Desk) -> None:
    desk.created()
    desk.clock.advance(18.5)
    response = desk.create(purpose="pay")
    assert (response.status, body_of(response)["code"]) == (429, "codes-per-minute")
    assert response.headers == {"Retry-After": "42"}
    assert "verification_id" not in body_of(response)
    desk.created(OTHER)
    desk.clock.advance(42)
    desk.created(purpose="pay")


def test_a_number_is_sent_five_codes_an_hour_and_ten_a_day(desk: Desk) -> None:
    began = desk.clock.epoch
    for _ in range(5):
        desk.created()
        desk.clock.advance(60)
    assert refusal(desk) == ("codes-per-hour", 3300)
    desk.clock.advance(3300)
    for _ in range(5):
        desk.created()
        desk.clock.advance(60)
    desk.clock.advance(3600)
    assert refusal(desk) == ("codes-per-day", began + 86400 - desk.clock.epoch)
    assert len(desk.platform.sends) == 10


def test_a_refused_request_counts_for_nothing(desk: Desk) -> None:
    desk.created()
    for _ in range(12):
        assert refusal(desk)[0] == "codes-per-minute"
    desk.clock.advance(60)
    desk.created()


def test_a_request_that_a_limit_refused_may_be_repeated(desk: Desk) -> None:
    desk.created()
    assert desk.create(out_id="order-1").status == 429
    assert not desk.check(verification_id_of(desk, "order-1"), desk.code)
    desk.clock.advance(60)
    verification_id = desk.created(out_id="order-1")
    assert desk.check(verification_id, desk.code)
    assert len(desk.platform.sends) == 2


@pytest.mark.parametrize(
    ("ended", "is_counted"),
    [(accepted(), True), (hang_up(), True), (refused("isv.AMOUNT_NOT_ENOUGH"), False)],
)
def test_what_may_have_been_sent_and_nobody_confirms_is_counted(
    desk: Desk, ended: Scene, is_counted: bool
) -> None:
    desk.environ.update(
        SMS_LIMITS="unconfirmed-per-country=1",
        SMS_CONFIRMATION_MODE="enforce",
        SMS_SETTLE_SECONDS="0.1",
    )
    desk.platform.on("SendSms", ended)
    desk.create(out_id="order-1")
    desk.platform.on("SendSms", accepted())
    if not is_counted:
        desk.created(OTHER)
        return
    with pytest.raises(LimitReached) as caught:
        desk.create(OTHER)
    assert caught.value.code == "unconfirmed-per-country"
    code = desk.code
    desk.create(out_id="order-1")  # a repeat is none more
    assert not desk.check(verification_id_of(desk, "order-1"), desk.wrong_code)
    with pytest.raises(LimitReached):
        desk.create(OTHER)
    assert desk.check(verification_id_of(desk, "order-1"), code)
    desk.created(OTHER)


def test_an_address_is_sent_so_many_codes(desk: Desk) -> None:
    desk.environ["SMS_LIMITS"] = "address-per-hour=2"
    for number in (NUMBER, OTHER):
        desk.created(number, client_ip="2001:db8::1")
    response = desk.create("13800138002", client_ip="2001:db8::2")
    assert (response.status, body_of(response)["code"]) == (429, "address-per-hour")
    desk.created("13800138002", client_ip="2001:db8:0:1::1")


NO_SHARES = """
    CREATE TRIGGER no_shares BEFORE INSERT ON records WHEN NEW.key LIKE 'confirmation:%'
    BEGIN SELECT RAISE(ABORT, 'gone for now'); END
"""


def test_what_was_sent_or_checked_is_not_undone_for_its_share(
    desk: Desk, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    earlier = desk.created(OTHER)
    code = desk.code
    with closing(sqlite3.connect(desk.state)) as database:
        database.execute(NO_SHARES)
    verification_id = desk.created()
    assert desk.check(verification_id, desk.code)
    assert desk.check(earlier, code, OTHER)
    failures = [line["code"] for line in log_lines() if line["action"] == "store"]
    assert failures == ["store-unavailable"] * 2  # the first was sent, the other confirmed


@pytest.mark.parametrize("is_repeat", [False, True])
def test_the_count_of_a_code_hands_on_what_a_later_version_wrote(
    desk: Desk, is_repeat: bool
) -> None:
    verification_id = desk.created(out_id="order-1", client_ip="203.0.113.7")
    store, key = own_codes(desk).store, f"confirmation:{verification_id}"
    members = members_at(store, key)
    origins = [{**origin, **LATER} for origin in members["origins"]]
    written = {**members, **LATER, "origins": origins}
    assert len(origins) == 2
    rewrite(store, key, written)
    if is_repeat:
        desk.created(out_id="order-1", client_ip="203.0.113.7")
        assert members_at(store, key) == written
    assert desk.check(verification_id, desk.code)
    assert members_at(store, key) == {**written, "state": "confirmed"}


@pytest.mark.parametrize("name", ["state", "day", "origins"])
def test_a_code_passes_though_its_count_lacks_a_member(
    desk: Desk, log_lines: Callable[[], list[dict[str, Any]]], name: str
) -> None:
    verification_id = desk.created(out_id="order-1", client_ip="203.0.113.7")
    key = f"confirmation:{verification_id}"
    take_member(own_codes(desk).store, key, name)
    desk.created(out_id="order-1", client_ip="203.0.113.7")
    assert len(desk.platform.sends) == 1
    assert desk.check(verification_id, desk.code)
    state = members_at(own_codes(desk).store, key).get("state")
    assert state == (None if name == "state" else "confirmed")
    assert not [line for line in log_lines() if line["level"] == "error"]


@pytest.mark.parametrize("name", ["rule", "name"])
def test_a_code_passes_though_an_origin_of_its_count_lacks_a_member(desk: Desk, name: str) -> None:
    verification_id = desk.created(client_ip="203.0.113.7")
    store, key = own_codes(desk).store, f"confirmation:{verification_id}"
    members = members_at(store, key)
    origins = [
        {member: value for member, value in origin.items() if member != name}
        for origin in members["origins"]
    ]
    rewrite(store, key, {**members, "origins": origins})
    assert desk.check(verification_id, desk.code)
    assert members_at(store, key) == {**members, "origins": origins, "state": "confirmed"}


# the same out_id


def test_the_same_out_id_is_the_same_verification_and_one_sms(desk: Desk) -> None:
    first = body_of(desk.create(out_id="order-1"))
    desk.clock.advance(20)
    again = body_of(desk.create(out_id="order-1"))
    assert again == {**first, "expires_in": 280, "resend_in": 40}
    assert len(desk.platform.sends) == 1
    assert desk.check(first["verification_id"], desk.code)


@pytest.mark.parametrize("end", ["used", "spent", "expired"])
def test_a_verification_that_is_over_is_not_sent_again(desk: Desk, end: str) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created(out_id="order-1")
    if end == "expired":
        desk.clock.advance(300)
    else:
        desk.check(verification_id, desk.code if end == "used" else desk.wrong_code)
    response = desk.create(out_id="order-1")
    assert response.status == 200
    assert body_of(response)["expires_in"] == 0
    assert body_of(response)["verification_id"] == verification_id
    assert not desk.check(verification_id, desk.code)
    assert len(desk.platform.sends) == 1


@pytest.mark.parametrize("change", [{"number": OTHER}, {"purpose": "pay"}])
def test_an_out_id_is_for_one_number_and_purpose(desk: Desk, change: dict[str, str]) -> None:
    verification_id = desk.created(out_id="order-1")
    with pytest.raises(OutIdConflict):
        desk.create(**{"out_id": "order-1", **change})
    assert len(desk.platform.sends) == 1
    assert desk.check(verification_id, desk.code)


@pytest.mark.parametrize(
    "change", [{"number": OTHER}, {"purpose": "pay"}, {"number": OTHER, "purpose": "pay"}]
)
def test_what_was_refused_may_be_asked_for_again_with_another_number_or_purpose(
    desk: Desk, change: dict[str, str]
) -> None:
    desk.platform.on("SendSms", refused("isv.MOBILE_NUMBER_ILLEGAL"), accepted())
    assert desk.create(out_id="order-1").status == 422
    refused_code = desk.code
    verification_id = desk.created(**{"out_id": "order-1", **change})
    code, number = desk.code, change.get("number", NUMBER)
    purpose = change.get("purpose", "login")
    for wrong in ({"number": NUMBER, "purpose": "login"}, {"number": OTHER, "purpose": "pay"}):
        if wrong != {"number": number, "purpose": purpose}:
            assert not desk.check(verification_id, code, **wrong)
    assert code == refused_code or not desk.check(verification_id, refused_code, number)
    assert desk.check(verification_id, code, number, purpose=purpose)
    with pytest.raises(OutIdConflict):  # the first one again: this one was sent
        desk.create(out_id="order-1")
    assert len(desk.platform.sends) == 2


@pytest.mark.parametrize("end", ["unknown", "used", "spent", "expired"])
@pytest.mark.parametrize("change", [{"number": OTHER}, {"purpose": "pay"}])
def test_what_was_or_may_have_been_sent_takes_no_other_number_or_purpose(
    desk: Desk, end: str, change: dict[str, str]
) -> None:
    desk.environ.update(SMS_CODE_TRIES="1", SMS_SETTLE_SECONDS="0.1")
    if end == "unknown":
        desk.platform.on("SendSms", hang_up())
    assert desk.create(out_id="order-1").status == (504 if end == "unknown" else 200)
    verification_id = verification_id_of(desk, "order-1")
    if end == "expired":
        desk.clock.advance(300)
    elif end in ("used", "spent"):
        desk.check(verification_id, desk.code if end == "used" else desk.wrong_code)
    with pytest.raises(OutIdConflict):
        desk.create(**{"out_id": "order-1", **change})
    assert len(desk.platform.sends) == 1
    assert desk.check(verification_id, desk.code) is (end == "unknown")


# whose it is


def test_the_same_out_id_in_two_spaces_is_two_verifications(desk: Desk) -> None:
    first, first_code = desk.created(out_id="order-1"), desk.code
    desk.space = "another"
    second, second_code = desk.created(OTHER, purpose="pay", out_id="order-1"), desk.code
    assert first != second
    assert [sent["OutId"] for sent in desk.platform.sends] == ["tester~order-1", "another~order-1"]
    assert desk.check(second, second_code, OTHER, purpose="pay")
    desk.space = SPACE
    assert desk.check(first, first_code)


def test_nobody_can_block_an_out_id_of_another_space(desk: Desk) -> None:
    """A request that is refused costs nothing: out_ids that can be guessed were blocked by it."""
    desk.space = "attacker"
    desk.platform.on("SendSms", refused("isv.SMS_TEMPLATE_ILLEGAL"), accepted())
    assert desk.create(OTHER, purpose="pay", out_id="order-1").status == 502
    desk.created("13800138002", out_id="order-2")
    desk.space = SPACE
    for out_id, number in (("order-1", NUMBER), ("order-2", OTHER)):
        verification_id = desk.created(number, out_id=out_id)
        assert desk.check(verification_id, desk.code, number)


@pytest.mark.parametrize("is_right", [True, False])
def test_nobody_can_use_up_a_code_or_its_tries_from_another_space(
    desk: Desk, is_right: bool
) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    desk.space = "attacker"
    for _ in range(10):
        assert not desk.check(verification_id, desk.code if is_right else desk.wrong_code)
    desk.space = SPACE
    assert desk.check(verification_id, desk.code)


def test_a_check_from_another_space_confirms_no_code(desk: Desk) -> None:
    desk.environ.update(SMS_LIMITS="unconfirmed-per-country=1", SMS_CONFIRMATION_MODE="enforce")
    verification_id = desk.created()
    desk.space = "attacker"
    assert not desk.check(verification_id, desk.code)
    with pytest.raises(LimitReached):
        desk.create(OTHER)


@pytest.mark.parametrize("is_right", [True, False])
def test_the_function_answers_about_anothers_verification_as_about_none(
    desk: Desk, function: Call, deployed: pytest.MonkeyPatch, is_right: bool
) -> None:
    verification_id = desk.created()  # of the space of the API key
    other_key = hashlib.sha256(b"another key").hexdigest()
    deployed.setenv("SMS_API_KEYS", f"{API_KEYS},another:{other_key}")
    typed = {**REQUEST, "code": desk.code if is_right else desk.wrong_code}
    answers = [
        function({**typed, "verification_id": each}, "/codes/check", key="another key")
        for each in (verification_id, "b" * 32)
    ]
    assert answers == [(200, {"verified": False, "request_id": INVOCATION_ID})] * 2
    own = {**REQUEST, "verification_id": verification_id, "code": desk.code}
    assert function(own, "/codes/check")[1]["verified"] is True


def test_the_function_gives_both_keys_of_one_name_one_space(
    desk: Desk, function: Call, deployed: pytest.MonkeyPatch
) -> None:
    new_key = hashlib.sha256(b"the new key").hexdigest()
    deployed.setenv("SMS_API_KEYS", f"{API_KEYS},{SPACE}:{new_key}")
    status, body = function(REQUEST, "/codes", headers={"Idempotency-Key": "order-1"})
    assert status == 200
    again = function(REQUEST, "/codes", headers={"Idempotency-Key": "order-1"}, key="the new key")
    assert again[1]["verification_id"] == body["verification_id"]
    assert len(desk.platform.sends) == 1
    typed = {**REQUEST, "verification_id": body["verification_id"], "code": desk.code}
    assert function(typed, "/codes/check", key="the new key")[1]["verified"] is True


def test_an_out_id_of_another_send_is_refused_and_counts_for_nothing(desk: Desk) -> None:
    body = {"phone_numbers": OTHER, "template_code": "SMS_1", "out_id": "order-1"}
    intent = mainland.read_intent(body, "", intents.Defaults(SPACE, "签名"))
    invocation = desk.invocation()
    protocol.send(intent, invocation.api, invocation.deadline, invocation.store)
    with pytest.raises(OutIdConflict):
        desk.create(out_id="order-1")
    desk.created(out_id="order-2")


def test_a_changed_template_does_not_spoil_a_code_on_its_way(desk: Desk) -> None:
    verification_id = desk.created(out_id="order-1")
    desk.environ["SMS_CODE_TEMPLATE"] = "SMS_8"
    with pytest.raises(OutIdConflict):
        desk.create(out_id="order-1")
    assert desk.check(verification_id, desk.code)


# how the SMS ends


@pytest.mark.parametrize(
    ("code", "status"),
    [("isv.MOBILE_NUMBER_ILLEGAL", 422), ("isv.AMOUNT_NOT_ENOUGH", 502), ("Throttling.User", 429)],
)
def test_a_rejected_code_is_not_valid_and_counts_for_nothing(
    desk: Desk, code: str, status: int
) -> None:
    desk.platform.on("SendSms", refused(code))
    response = desk.create(out_id="order-1")
    assert (response.status, body_of(response)["code"]) == (status, code)
    assert "verification_id" not in body_of(response)
    assert not desk.check(verification_id_of(desk, "order-1"), desk.code)
    desk.platform.on("SendSms", accepted())
    desk.created(out_id="order-2")


def test_a_repeat_after_a_refusal_sends_the_same_code(desk: Desk) -> None:
    desk.platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"), accepted())
    assert desk.create(out_id="order-1").status == 502
    desk.clock.advance(200)
    response = desk.create(out_id="order-1")
    assert (response.status, body_of(response)["expires_in"]) == (200, 300)
    first, second = desk.platform.sends
    assert first == second
    assert refusal(desk) == ("codes-per-minute", 60)
    assert desk.check(body_of(response)["verification_id"], desk.code)


def test_a_platform_out_of_reach_leaves_no_code(desk: Desk, api_to: ApiTo) -> None:
    unreachable = Desk(desk.platform, "http://127.0.0.1:1", api_to, desk.clock, desk.state)
    response = unreachable.create(out_id="order-1")
    assert (response.status, body_of(response)["code"]) == (503, "connection-failed")
    assert desk.create(out_id="order-1").status == 200


def test_a_code_that_may_be_on_its_way_is_valid_and_the_caller_is_told_to_wait(desk: Desk) -> None:
    desk.platform.on("SendSms", hang_up())
    response = desk.create(out_id="order-1")
    body = body_of(response)
    assert (response.status, body["outcome"], body["retryable"]) == (504, "unknown", True)
    assert "wait for it" in body["detail"]
    assert 290 <= body["expires_in"] <= 300
    assert 50 <= body["resend_in"] <= 60
    assert refusal(desk)[0] == "codes-per-minute"
    assert desk.check(body["verification_id"], desk.code)


def test_a_repeat_settles_what_was_unknown(desk: Desk) -> None:
    desk.platform.on("SendSms", hang_up())
    first = desk.create(out_id="order-1")
    assert desk.create(out_id="order-1").status == 504
    desk.platform.on(
        "QuerySendDetails", details(detail(TemplateCode="SMS_7", OutId="tester~order-1"))
    )
    again = desk.create(out_id="order-1")
    assert again.status == 200
    assert body_of(again)["verification_id"] == body_of(first)["verification_id"]
    assert len(desk.platform.sends) == 1


def test_a_second_request_at_once_is_told_so(desk: Desk) -> None:
    desk.environ["SMS_READ_TIMEOUT"] = "5"
    answers: list[Response] = []
    while_sending(desk, lambda: answers.append(desk.create(out_id="order-1")), accepted())
    verification_id = desk.created(out_id="order-1")
    (answer,) = answers
    assert (answer.status, body_of(answer)["code"]) == (409, "in-progress")
    assert body_of(answer)["verification_id"] == verification_id
    assert answer.headers == {"Retry-After": "25"}
    assert desk.check(verification_id, desk.code)


def test_a_code_passes_as_soon_as_it_arrives(desk: Desk) -> None:
    """The phone may be faster than the platform's answer, whatever that answer is then."""
    desk.environ["SMS_READ_TIMEOUT"] = "5"
    verification_id = verification_id_of(desk, "order-1")
    passed: list[bool] = []
    check = lambda: passed.append(desk.check(verification_id, desk.code))  # noqa: E731
    while_sending(desk, check, refused("isv.AMOUNT_NOT_ENOUGH"))
    assert desk.create(out_id="order-1").status == 502
    assert passed == [True]
    assert not desk.check(verification_id, desk.code)
    assert body_of(desk.create(out_id="order-1"))["expires_in"] == 0


def test_tries_made_while_it_is_sent_are_not_forgotten(desk: Desk) -> None:
    desk.environ.update(SMS_READ_TIMEOUT="5", SMS_CODE_TRIES="2")
    verification_id = verification_id_of(desk, "order-1")
    while_sending(desk, lambda: desk.check(verification_id, desk.wrong_code), accepted())
    desk.created(out_id="order-1")
    assert not desk.check(verification_id, desk.wrong_code)
    assert not desk.check(verification_id, desk.code)


def test_who_comes_back_too_late_leaves_the_code_to_its_successor(desk: Desk) -> None:
    desk.environ["SMS_READ_TIMEOUT"] = "5"
    answers: list[Response] = []

    def step() -> None:
        desk.clock.advance(30)
        answers.append(desk.create(out_id="order-1"))

    while_sending(desk, step, refused("isv.AMOUNT_NOT_ENOUGH"))
    desk.create(out_id="order-1")
    (answer,) = answers
    assert answer.status == 504
    assert len(desk.platform.sends) == 1
    assert desk.check(body_of(answer)["verification_id"], desk.code)


# at the same time


@pytest.mark.parametrize("guessed", [False, True])
def test_of_many_checks_at_once_one_passes_and_each_counts(desk: Desk, guessed: bool) -> None:
    verification_id = desk.created()
    right, wrong = desk.code, desk.wrong_code
    together = threading.Barrier(8)
    verdicts: list[bool] = []

    def check() -> None:
        together.wait()
        verdicts.append(desk.check(verification_id, wrong if guessed else right))

    threads = [threading.Thread(target=check) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts.count(True) == (0 if guessed else 1)
    assert len(verdicts) == 8
    assert not desk.check(verification_id, right)


# set-up


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_STATE_URL", ""),
        ("SMS_CODE_TEMPLATE", ""),
        ("SMS_CODE_TEMPLATE", "100001"),
        ("SMS_SIGN_NAME", ""),
        ("SMS_CODE_BACKEND", "mine"),
        ("SMS_CODE_LENGTH", "9"),
        ("SMS_CODE_LENGTH", "six"),
        ("SMS_CODE_LIFETIME", "601"),
        ("SMS_CODE_TRIES", "0"),
        ("SMS_CODE_VARIABLE", "${code}"),
        ("SMS_CODE_MESSAGE", "no place for it"),
        ("SMS_CODE_INTERNATIONAL_TEMPLATE", "x"),
    ],
)
def test_a_bad_setting_is_named_and_nothing_is_sent(desk: Desk, name: str, value: str) -> None:
    desk.environ[name] = value
    with pytest.raises(ConfigurationError, match=name):
        desk.create()
    assert desk.platform.calls == []


def test_one_way_abroad_is_enough(desk: Desk) -> None:
    desk.environ.update(SMS_CODE_MESSAGE="{code}", SMS_CODE_INTERNATIONAL_TEMPLATE="SMS_3")
    with pytest.raises(ConfigurationError, match="SMS_CODE_MESSAGE and"):
        desk.create()


def test_a_number_abroad_is_refused_where_no_way_is_set(desk: Desk) -> None:
    with pytest.raises(InvalidRequest) as caught:
        desk.create("+85251234567")
    assert caught.value.field == "phone_number"
    assert "SMS_CODE_MESSAGE" in caught.value.detail
    assert desk.platform.calls == []
    desk.environ["SMS_CODE_INTERNATIONAL_TEMPLATE"] = "SMS_9"
    desk.created("+85251234567")  # nothing was counted


def test_a_number_abroad_gets_the_message(desk: Desk) -> None:
    desk.environ.update(SMS_CODE_MESSAGE="{code} is your code.", SMS_CODE_SENDER_ID="fcsms")
    desk.platform.on("SendMessageToGlobe", accepted())
    verification_id = desk.created("+852 5123 4567", out_id="order-1")
    (sent,) = desk.platform.asked("SendMessageToGlobe")
    code = sent["Message"].partition(" ")[0]
    assert re.fullmatch("[0-9]{6}", code)
    assert (sent["To"], sent["Type"], sent["From"]) == ("85251234567", "OTP", "fcsms")
    assert desk.check(verification_id, code, "0085251234567")


def test_a_number_abroad_gets_the_international_template(desk: Desk) -> None:
    desk.environ["SMS_CODE_INTERNATIONAL_TEMPLATE"] = "SMS_9"
    verification_id = desk.created("0085251234567")
    (sent,) = desk.platform.sends
    assert (sent["PhoneNumbers"], sent["TemplateCode"]) == ("85251234567", "SMS_9")
    assert desk.check(verification_id, desk.code, "85251234567")


def test_a_state_that_cannot_be_used_sends_nothing(desk: Desk) -> None:
    desk.environ["SMS_STATE_URL"] = f"sqlite://{desk.state}/none/here"
    with pytest.raises(StoreUnavailable):
        desk.create()
    with pytest.raises(StoreUnavailable):
        desk.check("a" * 32, "123456")
    assert desk.platform.calls == []


# the function


@pytest.fixture
def function(deployed: pytest.MonkeyPatch, desk: Desk) -> Callable[..., tuple[int, Any]]:
    for name, value in desk.environ.items():
        deployed.setenv(name, value)

    def call(body: object, path: str, **arguments: Any) -> tuple[int, Any]:
        answered = verify_code.handler(http_event(body, path=path, **arguments), Context())
        return int(str(answered["statusCode"])), json.loads(str(answered["body"]))

    return call


Call = Callable[..., tuple[int, Any]]
REQUEST = {"phone_number": NUMBER, "purpose": "login"}


@pytest.mark.parametrize("path", ["/codes", "/"])
def test_the_function_creates_and_checks(desk: Desk, function: Call, path: str) -> None:
    status, body = function(REQUEST, path, headers={"Idempotency-Key": "order-1"})
    assert (status, body["out_id"]) == (200, "order-1")
    typed = {**REQUEST, "verification_id": body["verification_id"], "code": desk.code}
    answers = [function(typed, "/codes/check") for _ in range(2)]
    expected = [{"verified": passed, "request_id": INVOCATION_ID} for passed in (True, False)]
    assert answers == [(200, body) for body in expected]


def test_the_function_answers_a_limit_with_its_rule(function: Call) -> None:
    assert function(REQUEST, "/codes")[0] == 200
    status, body = function(REQUEST, "/codes")
    assert (status, body["code"], body["retryable"]) == (429, "codes-per-minute", True)


def test_the_function_answers_unconfirmed_codes_with_their_rule(
    function: Call, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_LIMITS", "unconfirmed-per-address=1")
    deployed.setenv("SMS_CONFIRMATION_MODE", "enforce")
    assert function({**REQUEST, "client_ip": "203.0.113.7"}, "/codes")[0] == 200
    body = {"phone_number": OTHER, "purpose": "login", "client_ip": "203.0.113.7"}
    status, problem = function(body, "/codes")
    assert (status, problem["code"]) == (429, "unconfirmed-per-address")
    assert problem["retryable"] is True


def test_the_function_names_what_is_not_set(
    function: Call, deployed: pytest.MonkeyPatch, platform: Platform
) -> None:
    deployed.setenv("SMS_STATE_URL", "")
    status, body = function(REQUEST, "/codes")
    assert (status, body["code"]) == (500, "configuration")
    assert "SMS_STATE_URL" in body["detail"]
    assert platform.calls == []


@pytest.mark.parametrize("path", ["/codes", "/codes/check"])
def test_the_function_logs_why_its_state_cannot_be_used(
    function: Call,
    deployed: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
) -> None:
    deployed.setenv("SMS_STATE_URL", "redis://127.0.0.1:1/0")
    typed = {**REQUEST, "verification_id": "a" * 32, "code": "123456"}
    status, body = function(typed if path.endswith("check") else REQUEST, path)
    assert (status, body["code"]) == (503, "store-unavailable")
    told, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["level"], told["action"], told["detail"]) == ("error", "store", body["detail"])


def test_the_function_needs_a_key(function: Call, platform: Platform) -> None:
    assert function(REQUEST, "/codes", key="another")[0] == 401
    assert function({}, "/codes/check", key=None)[0] == 401
    assert platform.calls == []


# what is kept secret

SCENES = [
    accepted(),
    refused("isv.MOBILE_NUMBER_ILLEGAL", "13800138000"),
    refused("SignatureDoesNotMatch", "PhoneNumbers=13800138000&TemplateParam=", "400 No"),
    refused("isp.SYSTEM_ERROR"),
    hang_up(),
]
NUMBERS = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    number=NUMBERS,
    form=st.sampled_from(["{}", "+86{}", "0086 {}", "+1{}", "{}0", "x{}"]),
    extra=st.sampled_from(["{}", "login", "x.{}", "a b", ""]),
    field=st.sampled_from(["purpose", "client_ip", "{}", "note"]),
    scene=st.sampled_from(SCENES),
    typed=st.sampled_from(["code", "code0", "wrong", ""]),
)
def test_neither_code_nor_number_is_logged_answered_or_stored(
    desk: Desk,
    log_lines: Callable[[], list[dict[str, Any]]],
    number: str,
    form: str,
    extra: str,
    field: str,
    scene: Scene,
    typed: str,
) -> None:
    desk.clock.advance(90_000)  # out of the limits of earlier examples
    desk.platform.calls.clear()
    desk.platform.on("SendSms", scene)
    desk.environ["SMS_SETTLE_SECONDS"] = "0.1"
    fields = {field.format(number): extra.format(number)}
    told = [tell(lambda: desk.create(form.format(number), **fields))]
    code = desk.code if desk.platform.sends else "-"
    answer = {"code": code, "code0": f"{code}0", "wrong": "000000", "": ""}[typed]
    told.append(tell(lambda: desk.check("a" * 32, answer, number)))
    if '"verification_id"' in told[0]:
        verification_id = json.loads(told[0])["verification_id"]
        told.append(tell(lambda: desk.check(verification_id, answer, form.format(number))))
    said = [*told, *map(json.dumps, log_lines()), *desk.stored()]
    for text in said:
        assert number not in text.replace(" ", "")
        assert not re.search(rf"(?<![0-9]){code}(?![0-9])", text) or code == "-"


def tell(step: Callable[[], Any]) -> str:
    """Return what the caller would be told."""
    try:
        answer = step()
    except SmsError as error:
        return f"{error} {error.code} {error.headers}"
    return json.dumps(answer.body if isinstance(answer, Response) else answer)
