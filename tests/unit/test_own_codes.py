"""Verification codes made and checked here: their records, and what each code follows from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.codes import code_requests
from shared.codes.own_codes import Verification, derive_code
from shared.errors import InvalidRequest, OutIdConflict, StoreUnavailable
from shared.sending import intents, mainland, protocol
from shared.sending.code_messages import read_recipient
from shared.settings import Credentials
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Answer, Change
from shared.trigger.http_trigger import Response
from tests.unit.code_desk import (
    NUMBER,
    OTHER,
    SECRET,
    Desk,
    body_of,
    code_request,
    own_codes,
    refusal,
    verification_id_of,
    verification_key,
    verification_of,
    while_sending,
)
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.other_versions import add_member, has_later_member, members_at, take_member
from tests.unit.scripted_server import hang_up
from tests.unit.sms_platform import Platform, accepted, refused
from tests.unit.trigger_events import SPACE


@pytest.fixture
def desk(
    platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock, tmp_path: Path
) -> Desk:
    return Desk(platform, endpoint, api_to, clock, tmp_path / "state")


# what a code follows from


def test_every_digit_of_a_code_is_as_likely_as_any_other() -> None:
    """Chi-square with 9 degrees of freedom exceeds 40 once in 100,000 fair counts.

    Without leaving out the bytes from 250 it would exceed 70 over all digits.
    """
    codes = [code_of(seed=f"seed {n}", bound_to=("id", "number")) for n in range(25_000)]
    together = Counter("".join(codes))
    places = [Counter(code[place] for code in codes) for place in range(8)]
    for counted in (together, *places):
        expected = counted.total() / 10
        assert set(counted) == set("0123456789")
        assert sum((seen - expected) ** 2 / expected for seen in counted.values()) < 40
    assert len(set(codes)) > 24_950


def test_all_that_a_code_is_bound_to_changes_it() -> None:
    bound_to = ("id", "number", "purpose")
    code = code_of()
    assert code_of() == code
    others = {
        code_of(secret="other"),
        code_of(seed="other"),
        *(code_of(bound_to=(*bound_to[:n], "other", *bound_to[n + 1 :])) for n in range(3)),
    }
    assert len(others) == 5
    assert code not in others


def code_of(
    *,
    secret: str = SECRET,
    seed: str = "seed",
    bound_to: tuple[str, ...] = ("id", "number", "purpose"),
) -> str:
    return derive_code(secret, seed=seed, bound_to=bound_to, length=8)


# records


@pytest.mark.parametrize("is_right", [True, False])
def test_what_a_code_was_made_from_is_forgotten(desk: Desk, is_right: bool) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created(out_id="order-1")
    assert verification_of(desk, "order-1").seed
    assert desk.check(verification_id, desk.code if is_right else desk.wrong_code) is is_right
    assert not verification_of(desk, "order-1").seed


def test_a_number_whose_code_would_be_the_same_does_not_pass(desk: Desk) -> None:
    desk.environ["SMS_CODE_LENGTH"] = "4"
    verification_id = desk.created(out_id="order-1")
    codes, record = own_codes(desk), verification_of(desk, "order-1")
    alike = next(
        number
        for number in map(str, range(13900000000, 13900200000))
        if codes.code(verification_id, read_recipient(number), record) == desk.code
    )
    assert not desk.check(verification_id, desk.code, alike)
    assert desk.check(verification_id, desk.code)


@pytest.mark.parametrize("verdict", ["unknown", "wrong", "expired", "used", "spent", "withdrawn"])
def test_every_check_reads_once_and_writes_once(desk: Desk, verdict: str) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    if verdict == "withdrawn":
        desk.platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"))
        desk.create(out_id="order-1")
        desk.platform.on("SendSms", accepted())
        verification_id, code = verification_id_of(desk, "order-1"), "000000"
    else:
        verification_id = desk.created()
        code = desk.wrong_code if verdict in ("wrong", "spent") else desk.code
    if verdict in ("used", "spent"):
        desk.check(verification_id, code)
    if verdict == "expired":
        desk.clock.advance(300)
    if verdict == "unknown":
        verification_id = "b" * 32
    store = CountingStore(desk.state)
    codes = own_codes(desk)._replace(store=store)
    body = {
        "verification_id": verification_id,
        "phone_number": NUMBER,
        "purpose": "login",
        "code": code,
    }
    typed = code_requests.read_check(body)._replace(space=desk.space)
    before = len(desk.stored())
    assert codes.check(typed) == verdict
    assert store.calls == ["get", "put"]
    assert len(desk.stored()) == before


class CountingStore(SqliteStore):
    """A state file that keeps what was asked of it, and for which key."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.calls: list[str] = []
        self.keys: list[str] = []

    def get(self, key: str) -> str | None:
        self.calls.append("get")
        self.keys.append(key)
        return super().get(key)

    def put(self, change: Change) -> Answer:
        self.calls.append("put")
        self.keys.append(change.key)
        return super().put(change)


class StoreWithoutSends(SqliteStore):
    """A state file that fails whenever the send protocol writes to it."""

    def put(self, change: Change) -> Answer:
        if change.key.startswith("part:"):
            raise StoreUnavailable("gone for now")
        return super().put(change)


def test_a_store_that_fails_in_between_does_not_spoil_a_code_on_its_way(desk: Desk) -> None:
    verification_id = desk.created(out_id="order-1")
    codes = own_codes(desk)._replace(store=StoreWithoutSends(str(desk.state)))
    created = codes.create(code_request(out_id="order-1"))
    assert created.outcome
    assert created.outcome.code == "store-unavailable"
    assert codes.create(code_request(out_id="order-2", phone_number=OTHER)).outcome
    assert desk.check(verification_id, desk.code)
    desk.created(OTHER)  # what was not sent was not counted


class Crash(BaseException):
    """The end of an invocation at any place."""


def test_after_a_crash_a_repeat_goes_on_with_the_same_code(desk: Desk) -> None:
    """The record stands, the send was not begun: once the lease is over, it is."""
    asked: list[int] = []

    def crash_on_second() -> Credentials:
        asked.append(1)
        if len(asked) > 1:
            raise Crash
        return CREDENTIALS

    desk.credentials = crash_on_second
    with pytest.raises(Crash):
        desk.create(out_id="order-1")
    desk.credentials = lambda: CREDENTIALS
    before = verification_of(desk, "order-1")
    assert body_of(desk.create(out_id="order-1"))["code"] == "in-progress"
    desk.clock.advance(26)
    verification_id = desk.created(out_id="order-1")
    assert verification_of(desk, "order-1").seed == before.seed
    assert desk.check(verification_id, desk.code)
    assert refusal(desk)[0] == "codes-per-minute"


# whose it is


@pytest.mark.parametrize("is_right", [True, False])
def test_a_check_from_another_space_does_what_one_of_no_verification_does(
    desk: Desk, is_right: bool
) -> None:
    verification_id = desk.created()
    typed = code_requests.CodeCheck(
        verification_id=verification_id,
        recipient=read_recipient(NUMBER),
        code=desk.code if is_right else desk.wrong_code,
        purpose="login",
        space="another",
    )
    seen = []
    for asked in (typed, typed._replace(verification_id="b" * 32)):
        store = CountingStore(desk.state)
        before = desk.stored()
        verdict = own_codes(desk)._replace(store=store).check(asked)
        assert desk.stored() == before
        assert set(store.keys) == {f"verification:{asked.verification_id}"}
        seen.append((verdict, store.calls))
    assert seen == [("unknown", ["get", "put"])] * 2


def test_a_withdrawn_verification_takes_another_number_with_another_seed(desk: Desk) -> None:
    desk.platform.on("SendSms", refused("isv.MOBILE_NUMBER_ILLEGAL"), accepted())
    assert desk.create(out_id="order-1").status == 422
    before = verification_of(desk, "order-1")
    assert before.state == "withdrawn"
    desk.created(OTHER, out_id="order-1")
    after = verification_of(desk, "order-1")
    assert after.seed != before.seed
    assert after.number != before.number
    assert after.tries == before.tries


def test_of_two_corrections_at_once_one_is_sent(desk: Desk) -> None:
    desk.platform.on("SendSms", refused("isv.MOBILE_NUMBER_ILLEGAL"))
    assert desk.create(out_id="order-1").status == 422
    answers: list[Response] = []
    other = lambda: answers.append(desk.create("13800138002", out_id="order-1"))  # noqa: E731
    while_sending(desk, other, accepted())
    verification_id = desk.created(OTHER, out_id="order-1")
    assert [body_of(answer)["code"] for answer in answers] == ["in-progress"]
    assert [sent["PhoneNumbers"] for sent in desk.platform.sends] == [NUMBER, OTHER]
    assert not desk.check(verification_id, desk.code, "13800138002")
    assert desk.check(verification_id, desk.code, OTHER)


def test_what_a_limit_refuses_leaves_nothing(desk: Desk) -> None:
    desk.environ["SMS_LIMITS"] = "mainland-per-day=1"
    desk.created()
    before = desk.stored()
    response = desk.create(OTHER, out_id="order-1")
    assert (response.status, body_of(response)["code"]) == (429, "mainland-per-day")
    assert desk.stored() == before


def test_what_a_limit_refuses_in_place_of_what_was_refused_leaves_that_nothing_was_sent(
    desk: Desk,
) -> None:
    desk.environ["SMS_LIMITS"] = "mainland-per-day=1"
    desk.platform.on("SendSms", refused("isv.MOBILE_NUMBER_ILLEGAL"), accepted())
    assert desk.create(out_id="order-1").status == 422
    desk.created()
    assert desk.create(OTHER, out_id="order-1").status == 429
    desk.environ["SMS_LIMITS"] = "mainland-per-day=2"
    verification_id = desk.created(OTHER, out_id="order-1")
    assert desk.check(verification_id, desk.code, OTHER)


def test_a_place_that_is_closed_is_refused_before_the_state_is_asked(desk: Desk) -> None:
    desk.environ["SMS_CODE_MESSAGE"] = "{code} is your code."
    store = CountingStore(desk.state)
    codes = own_codes(desk)._replace(store=store)
    with pytest.raises(InvalidRequest) as caught:
        codes.create(code_request(phone_number="+6581234567"))
    assert (caught.value.code, caught.value.field) == ("country-closed", "phone_number")
    assert store.calls == []


def test_of_what_cannot_be_sent_for_its_out_id_nothing_is_left(desk: Desk) -> None:
    body = {"phone_numbers": OTHER, "template_code": "SMS_1", "out_id": "order-1"}
    intent = mainland.read_intent(body, "", intents.Defaults(SPACE, "签名"))
    invocation = desk.invocation()
    protocol.send(intent, invocation.api, invocation.deadline, invocation.store)
    before = desk.stored()
    with pytest.raises(OutIdConflict):
        desk.create(out_id="order-1")
    assert desk.stored() == before


def test_a_limit_says_nothing_of_an_sms_that_may_be_on_its_way(desk: Desk) -> None:
    """An earlier invocation ended in between, and its send was begun: its code may arrive."""
    desk.environ.update(SMS_LIMITS="mainland-per-day=1", SMS_SETTLE_SECONDS="0.1")
    desk.platform.on("SendSms", hang_up())
    assert desk.create(out_id="order-1").status == 504
    desk.platform.on("SendSms", accepted())
    assert desk.create(out_id="order-1").status == 504
    assert len(desk.platform.sends) == 1
    assert desk.check(verification_id_of(desk, "order-1"), desk.code)


# records of another version

Step = Callable[[], None]


def sent(desk: Desk, change: Step) -> None:
    while_sending(desk, change, accepted())
    desk.created(out_id="order-1")


def withdrawn(desk: Desk, change: Step) -> None:
    while_sending(desk, change, refused("isv.AMOUNT_NOT_ENOUGH"))
    assert desk.create(out_id="order-1").status == 502


def checked_right(desk: Desk, change: Step) -> None:
    verification_id = desk.created(out_id="order-1")
    change()
    assert desk.check(verification_id, desk.code)


def checked_wrong(desk: Desk, change: Step) -> None:
    verification_id = desk.created(out_id="order-1")
    change()
    assert not desk.check(verification_id, desk.wrong_code)


def checked_wrong_for_the_last_time(desk: Desk, change: Step) -> None:
    desk.environ["SMS_CODE_TRIES"] = "1"
    checked_wrong(desk, change)


def created_again(desk: Desk, change: Step) -> None:
    desk.created(out_id="order-1")
    change()
    desk.created(out_id="order-1")


def created_again_after_a_refusal(desk: Desk, change: Step) -> None:
    desk.platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"), accepted())
    assert desk.create(out_id="order-1").status == 502
    change()
    desk.created(out_id="order-1")


ARROWS = {
    sent: "valid",
    withdrawn: "withdrawn",
    checked_right: "used",
    checked_wrong: "valid",
    checked_wrong_for_the_last_time: "spent",
    created_again: "valid",
    created_again_after_a_refusal: "valid",
}
# What is written of a verification.
MEMBERS = Verification._fields[: Verification._fields.index("others")]


@pytest.mark.parametrize(("take", "state"), ARROWS.items())
def test_each_arrow_hands_on_what_a_later_version_wrote(
    desk: Desk, take: Callable[[Desk, Step], None], state: str
) -> None:
    store, key = own_codes(desk).store, verification_key(desk, "order-1")
    take(desk, lambda: add_member(store, key))
    members = members_at(store, key)
    assert has_later_member(members)
    assert members["state"] == state
    assert members.keys() > set(MEMBERS)


@pytest.mark.parametrize("name", MEMBERS)
def test_the_right_code_passes_if_what_is_missing_is_no_part_of_it(desk: Desk, name: str) -> None:
    verification_id = desk.created(out_id="order-1")
    take_member(own_codes(desk).store, verification_key(desk, "order-1"), name)
    is_needed = name in ("state", "seed", "space", "number", "purpose", "expires_at")
    assert desk.check(verification_id, desk.code) is not is_needed
    assert not desk.check(verification_id, desk.code)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_wrong_code_does_not_pass_whatever_is_missing(desk: Desk, name: str) -> None:
    verification_id = desk.created(out_id="order-1")
    take_member(own_codes(desk).store, verification_key(desk, "order-1"), name)
    assert not desk.check(verification_id, desk.wrong_code)
    if name == "tries":  # none is left
        assert verification_of(desk, "order-1").state == "spent"


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("is_refused", [False, True])
def test_a_code_is_sent_though_its_record_loses_a_member_meanwhile(
    desk: Desk, name: str, is_refused: bool
) -> None:
    store, key = own_codes(desk).store, verification_key(desk, "order-1")
    scene = refused("isv.AMOUNT_NOT_ENOUGH") if is_refused else accepted()
    while_sending(desk, lambda: take_member(store, key, name), scene)
    assert desk.create(out_id="order-1").status == (502 if is_refused else 200)
    assert len(desk.platform.sends) == 1
    if name != "sender":  # it is no longer known to be ours, and stays until its lease is over
        assert verification_of(desk, "order-1").lease_until == 0


@pytest.mark.parametrize("name", MEMBERS)
def test_a_repeat_sends_no_other_code_whatever_is_missing(desk: Desk, name: str) -> None:
    verification_id = desk.created(out_id="order-1")
    take_member(own_codes(desk).store, verification_key(desk, "order-1"), name)
    if name in ("seed", "space", "number", "purpose"):  # so it is not the same any more
        with pytest.raises(OutIdConflict):
            desk.create(out_id="order-1")
    else:
        body = body_of(desk.create(out_id="order-1"))
        assert body["verification_id"] == verification_id
        assert (body["expires_in"] == 0) is (name in ("state", "expires_at"))
    assert len(desk.platform.sends) == 1


@pytest.mark.parametrize("name", MEMBERS)
def test_after_a_refusal_a_code_is_sent_unless_it_is_not_known_that_it_was_refused(
    desk: Desk, name: str
) -> None:
    desk.platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"), accepted())
    assert desk.create(out_id="order-1").status == 502
    take_member(own_codes(desk).store, verification_key(desk, "order-1"), name)
    if name == "state":
        assert body_of(desk.create(out_id="order-1"))["expires_in"] == 0
    else:
        assert desk.check(desk.created(out_id="order-1"), desk.code)
