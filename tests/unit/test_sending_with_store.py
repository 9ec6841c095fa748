"""The send protocol with a store: every arrow of its state diagram, and what may come between."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigurationError, OutIdConflict
from shared.ids import WireId
from shared.sending.claims import content_digest
from shared.sending.intents import Intent, PartOutcome
from shared.sending.message_index import part_of_message
from shared.sending.part_records import PartRecord, record_key
from shared.sending.settling import SentMessage, settle
from shared.settings import Credentials
from shared.state.records import read_record, record_text
from shared.state.store import Change, Written
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sms_platform import BIZ_ID, REQUEST_ID, Platform, accepted, detail, details, refused
from tests.unit.stored_sends import (
    LEASE,
    ONE,
    QUARTER,
    SECRET,
    STATE,
    Caller,
    WatchedStore,
    actions,
    attempts,
    how,
    intent_of,
    new_caller,
    nonces,
    personal_intent,
)

NO_PERMISSION = refused("isp.RAM_PERMISSION_DENY")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "state.db")


@pytest.fixture
def caller(endpoint: str, api_to: ApiTo, clock: ManualClock, store: WatchedStore) -> Caller:
    return new_caller(endpoint, api_to, clock, store)


def test_a_send_takes_one_request_and_three_steps_of_the_store_one_for_the_message_index(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    assert how(caller.one()) == "accepted"
    assert (store.steps, actions(platform)) == (3, ["SendSms"])
    assert part_of_message(store, BIZ_ID, SECRET) == WireId("shop", "order-1")
    assert nonces(platform) == attempts(1)


def test_what_was_accepted_is_answered_again_and_not_sent_again(
    platform: Platform, caller: Caller, clock: ManualClock, log_lines: Lines
) -> None:
    caller.one()
    for seconds in (0, 1, QUARTER, 6 * 86400):
        clock.advance(seconds)
        again = caller.one(resend=bool(seconds))
        assert again == PartOutcome(
            ONE.parts[0], "accepted", "OK", BIZ_ID, REQUEST_ID, replayed=True
        )
    assert actions(platform) == ["SendSms"]
    assert [line.get("replayed") for line in log_lines()] == [None, 1, 1, 1, 1]


def test_the_record_says_what_the_protocol_needs_and_nothing_about_anybody(
    caller: Caller, tmp_path: Path
) -> None:
    caller.one()
    now = int(AFTERNOON)
    digest = content_digest(ONE.parts[0], SECRET)
    record = caller.record()
    assert record == PartRecord(
        state="accepted",
        digest=digest,
        action="SendSms",
        attempt=1,
        first_at=now,
        last_at=now,
        lease_until=0,
        owner=record.owner,
        code="OK",
        biz_id=BIZ_ID,
        request_id=REQUEST_ID,
        numbers=record.numbers,
        function="send_sms",
        invocation="invocation-x",
        template="SMS_1",
        stored=record.stored,
    )
    assert re.fullmatch("[0-9a-f]{8}", record.numbers)
    assert json.loads(record.stored or "") == {
        name: value for name, value in record._asdict().items() if name not in ("others", "stored")
    }
    kept = (tmp_path / "state.db").read_bytes()
    for secret in (
        b"13800138000",
        b"order-1",
        b"Li Xiaolong",
        b"A-17-2026",
        SECRET.encode(),
    ):
        assert secret not in kept
    assert b"order-1" not in kept


@pytest.mark.parametrize(
    "other",
    [
        intent_of("13800138001", template_param={"name": "Li Xiaolong", "order": "A-17-2026"}),
        intent_of("13800138000", template_param={"name": "Li Xiaolong", "order": "A-18"}),
        intent_of("13800138000"),
        intent_of(
            "13800138000",
            "13800138001",
            template_param={"name": "Li Xiaolong", "order": "A-17-2026"},
        ),
        ONE._replace(
            parts=(ONE.parts[0]._replace(parameters={**ONE.parts[0].parameters, "x": ""}),)
        ),
        personal_intent(1),
        personal_intent(150),
    ],
    ids=["number", "value", "no values", "another number", "parameter", "personal", "parts"],
)
@pytest.mark.parametrize("ended", [accepted(), hang_up()], ids=["accepted", "unknown"])
def test_other_content_under_the_same_out_id_is_refused(
    platform: Platform, caller: Caller, other: Intent, ended: Scene
) -> None:
    platform.on("SendSms", ended)
    caller.one()
    before = len(platform.calls)
    with pytest.raises(OutIdConflict, match="take a new one"):
        caller.send(other)
    assert len(platform.calls) == before


def test_the_same_content_may_be_written_in_another_order(caller: Caller) -> None:
    caller.one()
    same = intent_of(
        "+86 138-0013-8000", template_param={"order": "A-17-2026", "name": "Li Xiaolong"}
    )
    parameters = {
        **same.parts[0].parameters,
        "TemplateParam": '{"name":"Li Xiaolong","order":"A-17-2026"}',
    }
    same = same._replace(parts=(same.parts[0]._replace(parameters=parameters),))
    assert how(caller.one(same)) == "replayed"


def test_what_was_refused_is_tried_again_as_the_next_attempt(
    platform: Platform, caller: Caller
) -> None:
    platform.on("SendSms", *[refused("isv.AMOUNT_NOT_ENOUGH")] * 2, accepted())
    ended = [how(caller.one()) for _ in range(4)]
    assert ended == [*["rejected: isv.AMOUNT_NOT_ENOUGH"] * 2, "accepted", "replayed"]
    assert nonces(platform) == attempts(1, 2, 3)


def test_what_was_never_written_is_tried_again(
    platform: Platform, caller: Caller, endpoint: str, api_to: ApiTo
) -> None:
    here = caller.api
    caller.api = api_to("http://127.0.0.1:1", lambda: CREDENTIALS, **STATE)
    assert how(caller.one()) == "rejected: connection-failed"
    caller.api = here
    assert how(caller.one()) == "accepted"
    assert nonces(platform) == attempts(2)


def test_while_somebody_is_at_work_nobody_else_is(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    meanwhile: list[PartOutcome] = []

    def slowly(_parameters: Mapping[str, str]) -> Scene:
        meanwhile.append(caller.meanwhile())
        return accepted()

    platform.decide("SendSms", slowly)
    assert how(caller.one()) == "accepted"
    assert meanwhile == [PartOutcome(ONE.parts[0], "unknown", "in-progress", retry_after=LEASE)]
    assert len(platform.sends) == 1


def test_a_lease_lasts_until_the_invocation_is_surely_over(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    caller.die()
    clock.advance(10)
    outcome = caller.one()
    assert (how(outcome), outcome.retry_after) == ("unknown: in-progress", LEASE - 10)
    clock.advance(outcome.retry_after)
    assert how(caller.one()) == "unknown: interrupted"
    assert platform.sends == []


def test_a_dead_claim_is_looked_up_and_found(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    caller.die()
    clock.advance(LEASE)
    platform.on("QuerySendDetails", details(detail()))
    assert [how(caller.one()) for _ in range(2)] == ["reconciled", "replayed"]
    assert actions(platform) == ["QuerySendDetails"]


def test_what_is_in_doubt_is_looked_up_until_it_is_found(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    for _ in range(3):
        assert how(caller.one()) == "unknown: answer-lost"
        clock.advance(86400)  # without being asked to, it is never sent again
    platform.on("QuerySendDetails", details(detail()))
    assert [how(caller.one()) for _ in range(2)] == ["reconciled", "replayed"]
    assert len(platform.sends) == 1


def test_the_platforms_request_id_stays_with_what_is_unknown(
    platform: Platform, caller: Caller
) -> None:
    platform.on("SendSms", refused("isp.SYSTEM_ERROR"))
    for _ in range(2):
        outcome = caller.one()
        assert (how(outcome), outcome.request_id) == ("unknown: isp.SYSTEM_ERROR", REQUEST_ID)


def test_after_a_quarter_of_an_hour_it_is_sent_again_on_demand(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    caller.one()
    clock.advance(QUARTER - clock.passed - 4)
    assert how(caller.one(resend=True)) == "unknown: answer-lost"
    clock.advance(QUARTER)
    assert how(caller.one()) == "unknown: answer-lost"
    assert how(caller.one(resend=True)) == "accepted"
    assert nonces(platform) == attempts(1, 2)


def test_a_quarter_of_an_hour_counts_from_the_latest_attempt(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", hang_up())
    for _ in range(3):
        assert how(caller.one(resend=True)) == "unknown: answer-lost"
        clock.advance(QUARTER / 2)
    assert nonces(platform) == attempts(1, 2)


def test_what_was_found_is_not_sent_again_on_demand(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    caller.one()
    clock.advance(QUARTER)
    platform.on("QuerySendDetails", details(detail()))
    assert how(caller.one(resend=True)) == "reconciled"
    assert len(platform.sends) == 1


@pytest.mark.parametrize("failure", [NO_PERMISSION, hang_up(), answer({}, "500 No")])
def test_what_could_not_be_looked_up_is_not_sent_again_on_demand(
    platform: Platform, caller: Caller, clock: ManualClock, failure: Scene
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    platform.on("QuerySendDetails", failure)
    caller.one()
    clock.advance(QUARTER)
    assert how(caller.one(resend=True)) == "unknown: answer-lost"
    assert len(platform.sends) == 1


@pytest.mark.parametrize("date", ["", "2027-01-15T16:00:00Z"])
def test_what_is_shown_with_a_date_that_cannot_be_read_is_not_sent_again_on_demand(
    platform: Platform, caller: Caller, clock: ManualClock, date: str
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    platform.on("QuerySendDetails", details(detail(OutId="shop~order-2"), detail(SendDate=date)))
    caller.one()
    clock.advance(QUARTER)
    assert how(caller.one(resend=True)) == "unknown: answer-lost"
    assert len(platform.sends) == 1


def test_what_only_a_receipt_can_settle_is_not_sent_again_on_demand(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    part = ONE.parts[0]._replace(action="SendMessageToGlobe", template_code="")
    intent = ONE._replace(parts=(part,))
    platform.on("SendMessageToGlobe", hang_up(), accepted())
    caller.one(intent)
    clock.advance(QUARTER)
    assert how(caller.one(intent, resend=True)) == "unknown: answer-lost"
    assert actions(platform) == ["SendMessageToGlobe"]


def test_what_the_platform_does_not_show_any_more_is_not_sent_again(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    caller.one()
    before = len(platform.calls)
    clock.advance(30 * 86400)
    assert how(caller.one(resend=True)) == "unknown: answer-lost"
    assert len(platform.calls) == before


def test_it_is_looked_for_on_every_day_since_the_first_attempt(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", hang_up())
    for _ in range(3):
        caller.one(resend=True)
        clock.advance(86400)
    platform.calls.clear()
    caller.one()
    days = {question["SendDate"] for question in platform.asked("QuerySendDetails")}
    assert days == {"20270115", "20270116", "20270117"}


def test_a_nonce_that_somebody_used_before_points_to_an_earlier_attempt(
    platform: Platform, caller: Caller
) -> None:
    platform.on("SendSms", refused("SignatureNonceUsed", status="400 No"))
    platform.on("QuerySendDetails", details(detail(SendDate="2027-01-15 15:46:00")))
    assert how(caller.one()) == "reconciled"


@pytest.mark.parametrize("code", ["Throttling", "Throttling.User", "Throttling.Api"])
def test_throttling_is_followed_by_the_next_attempt(
    platform: Platform, caller: Caller, clock: ManualClock, code: str
) -> None:
    platform.on("SendSms", *[refused(code, status="400 No")] * 2, accepted())
    assert how(caller.one()) == "accepted"
    assert clock.sleeps == [0.2, 0.5]
    assert nonces(platform) == attempts(1, 2, 3)


def test_throttling_that_does_not_end_is_left_to_the_caller(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", refused("Throttling.User", status="400 No"))
    outcome = caller.one()
    assert (how(outcome), outcome.retry_after) == ("rejected: Throttling.User", 1)
    assert clock.sleeps == [0.2, 0.5, 1.0, 2.0]
    platform.on("SendSms", accepted())
    assert how(caller.one()) == "accepted"
    assert nonces(platform) == attempts(1, 2, 3, 4, 5, 6)


def test_no_attempt_begins_without_the_time_for_its_answer(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    def slowly(_parameters: Mapping[str, str]) -> Scene:
        clock.advance(19.6)
        return refused("Throttling.User", status="400 No")

    platform.decide("SendSms", slowly)
    assert how(caller.one()) == "rejected: Throttling.User"
    assert len(platform.sends) == 1


@pytest.mark.parametrize(
    "scene",
    [
        refused("isv.BUSINESS_LIMIT_CONTROL"),
        refused("Throttling.User", status="503 No"),
        refused("ServiceUnavailable", status="503 No"),
    ],
    ids=["a limit of the number", "throttling with a 503", "unavailable"],
)
def test_other_refusals_are_not_followed_by_another_attempt(
    platform: Platform, caller: Caller, scene: Scene
) -> None:
    platform.on("SendSms", scene, accepted())
    assert how(caller.one()) != "accepted"
    assert len(platform.sends) == 1


def test_a_store_that_is_down_lets_nothing_out(
    platform: Platform, caller: Caller, store: WatchedStore, log_lines: Lines
) -> None:
    store.failing = (1,)
    outcome = caller.one()
    assert (how(outcome), outcome.retry_after) == ("rejected: store-unavailable", 1)
    assert platform.calls == []
    (line,) = log_lines()
    assert (line["level"], line["action"], line["code"]) == ("error", "store", "store-unavailable")
    assert line["detail"] == "the test's store is down"


def test_a_store_that_goes_down_stops_the_parts_that_follow(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    store.failing = (6, 7)  # one step for the head, and four for the first part
    ended = [how(outcome) for outcome in caller.send(personal_intent(350))]
    assert ended == ["accepted", *["rejected: store-unavailable"] * 3]
    assert (store.steps, len(platform.sends)) == (7, 1)
    ended = [how(outcome) for outcome in caller.send(personal_intent(350))]
    assert ended == ["replayed", *["accepted"] * 3]


def test_a_store_that_fails_after_the_send_does_not_hide_that_it_was_accepted(
    platform: Platform, caller: Caller, store: WatchedStore, clock: ManualClock, log_lines: Lines
) -> None:
    store.failing = (2,)
    outcome = caller.one()
    assert (how(outcome), outcome.biz_id) == ("accepted", BIZ_ID)
    assert ("error", "store") in [(line["level"], line["action"]) for line in log_lines()]
    assert how(caller.one()) == "unknown: in-progress"
    clock.advance(LEASE)
    platform.on("QuerySendDetails", details(detail()))
    assert how(caller.one()) == "reconciled"
    assert len(platform.sends) == 1


def test_a_store_that_fails_between_attempts_ends_them(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    store.failing = (2,)
    platform.on("SendSms", refused("Throttling.User", status="400 No"))
    assert how(caller.one()) == "rejected: store-unavailable"
    assert len(platform.sends) == 1


def test_somebody_who_took_over_between_attempts_has_them(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", refused("Throttling.User", status="400 No"), accepted())
    clock.on_sleep = lambda: with_a_fast_clock(caller)
    outcome = caller.one()
    assert (how(outcome), outcome.retry_after) == ("unknown: in-progress", 1)
    assert len(platform.sends) == 1


def test_without_credentials_nothing_is_claimed(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    def none() -> Credentials:
        raise ConfigurationError("no credentials")

    caller.api = caller.api._replace(credentials=none)
    with pytest.raises(ConfigurationError):
        caller.one()
    assert (store.steps, platform.calls) == (0, [])


def test_a_record_that_was_lost_meanwhile_is_written_again(
    platform: Platform, caller: Caller, store: WatchedStore, tmp_path: Path
) -> None:
    def lose(_parameters: Mapping[str, str]) -> Scene:
        (tmp_path / "state.db").unlink()
        return accepted()

    platform.decide("SendSms", lose)
    assert [how(caller.one()) for _ in range(2)] == ["accepted", "replayed"]
    assert len(platform.sends) == 1


def with_a_fast_clock(caller: Caller) -> PartOutcome:
    """Send in an invocation whose clock is so far ahead that it takes live claims for dead."""
    ahead = ManualClock(caller.clock.epoch + 2 * LEASE)
    other = Caller(caller.api._replace(clock=ahead.as_clock()), ahead, caller.store)
    return other.meanwhile()


@pytest.mark.parametrize(
    ("ended", "first", "then"),
    [
        (accepted(), "accepted", "replayed"),
        (refused("isv.AMOUNT_NOT_ENOUGH"), "rejected: isv.AMOUNT_NOT_ENOUGH", "accepted"),
        (hang_up(), "unknown: answer-lost", "unknown: interrupted"),
    ],
    ids=["accepted", "rejected", "unknown"],
)
def test_an_answer_counts_more_than_anothers_doubt(
    platform: Platform, caller: Caller, ended: Scene, first: str, then: str
) -> None:
    doubts: list[str] = []

    def slowly(_parameters: Mapping[str, str]) -> Scene:
        doubts.append(how(with_a_fast_clock(caller)))
        platform.on("SendSms", accepted())
        return ended

    platform.decide("SendSms", slowly)
    assert [how(caller.one()) for _ in range(2)] == [first, then]
    assert doubts == ["unknown: interrupted"]


def test_an_answer_that_comes_late_counts_more_than_the_next_attempt(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    later: list[str] = []

    def late(_parameters: Mapping[str, str]) -> Scene:
        clock.epoch += LEASE + QUARTER
        platform.on("SendSms", refused("isv.AMOUNT_NOT_ENOUGH"))
        later.append(how(caller.meanwhile(resend=True)))
        return accepted()

    platform.decide("SendSms", late)
    assert how(caller.one()) == "accepted"
    assert later == ["unknown: isv.AMOUNT_NOT_ENOUGH"]  # the attempt before it was in doubt
    assert how(caller.one()) == "replayed"


def receipt(caller: Caller) -> None:
    """Move the record as a receipt does."""
    message = SentMessage(
        wire_id=WireId("shop", "order-1"),
        phone_number="13800138000",
        send_date="2027-01-15 16:00:00",
        message_id="of the receipt",
    )
    assert settle(caller.store, caller.api, message=message, record=caller.record())


def test_a_receipt_settles_what_is_unknown(platform: Platform, caller: Caller) -> None:
    platform.on("SendSms", hang_up(), accepted())
    caller.one()
    receipt(caller)
    outcome = caller.one()
    assert (how(outcome), outcome.biz_id) == ("replayed", "of the receipt")
    assert len(platform.sends) == 1


@pytest.mark.parametrize(
    ("ended", "expected", "biz_id"),
    [(hang_up(), "replayed", "of the receipt"), (accepted(), "accepted", BIZ_ID)],
)
def test_a_receipt_may_come_before_the_answer(
    platform: Platform, caller: Caller, ended: Scene, expected: str, biz_id: str
) -> None:
    def slowly(_parameters: Mapping[str, str]) -> Scene:
        receipt(caller)
        return ended

    platform.decide("SendSms", slowly)
    outcome = caller.one()
    assert (how(outcome), outcome.biz_id) == (expected, biz_id)


@pytest.mark.parametrize("ended", [hang_up(), refused("isv.AMOUNT_NOT_ENOUGH")])
def test_of_two_repeats_at_once_one_goes_on(
    platform: Platform, caller: Caller, store: WatchedStore, clock: ManualClock, ended: Scene
) -> None:
    platform.on("SendSms", ended, accepted())
    caller.one()
    clock.advance(QUARTER)
    others: list[str] = []

    def another() -> None:
        store.before_write = lambda: None
        others.append(how(caller.one(resend=True)))

    def at_the_second_put() -> None:
        store.before_write = another

    store.before_write = at_the_second_put
    outcome = caller.one(resend=True)
    assert (how(outcome), outcome.retry_after) == ("unknown: in-progress", 1)
    assert others == ["accepted"]
    assert len(platform.sends) == 2


def test_a_machine_that_was_suspended_after_its_claim_sends_nothing(
    platform: Platform, caller: Caller, store: WatchedStore, clock: ManualClock
) -> None:
    def sleep() -> None:
        clock.epoch += 3600  # the time that deadlines are measured by stands still meanwhile
        store.before_write = lambda: None

    store.before_write = sleep
    assert how(caller.one()) == "rejected: out-of-time"
    assert platform.sends == []
    assert how(caller.one()) == "accepted"
    assert len(platform.sends) == 1


def test_a_repeat_touches_only_parts_that_are_refused_or_unsettled(
    platform: Platform, caller: Caller
) -> None:
    intent = personal_intent(350)
    platform.on("SendBatchSms", accepted(), refused("isv.AMOUNT_NOT_ENOUGH"), hang_up(), accepted())
    assert [how(outcome) for outcome in caller.send(intent)] == [
        "accepted",
        "rejected: isv.AMOUNT_NOT_ENOUGH",
        "unknown: answer-lost",
        "accepted",
    ]
    platform.calls.clear()
    platform.on("SendBatchSms", accepted())
    platform.on("QuerySendDetails", details(detail(OutId="shop~order-1~2", PhoneNum="13800000200")))
    assert [how(outcome) for outcome in caller.send(intent)] == [
        "replayed",
        "accepted",
        "reconciled",
        "replayed",
    ]
    assert [sent["OutId"] for sent in platform.sends] == ["shop~order-1~1"]


def test_a_part_whose_turn_comes_too_late_is_sent_by_the_repeat(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    def slowly(_parameters: Mapping[str, str]) -> Scene:
        clock.advance(12.0)
        return accepted()

    platform.decide("SendBatchSms", slowly)
    ended = [how(outcome) for outcome in caller.send(personal_intent(350))]
    assert ended == ["accepted"] * 2 + ["rejected: out-of-time"] * 2
    ended = [how(outcome) for outcome in caller.send(personal_intent(350))]
    assert ended == ["replayed"] * 2 + ["accepted"] * 2
    assert len(platform.sends) == 4


def test_when_only_the_first_record_expired_the_rest_is_not_sent_as_something_else(
    platform: Platform, caller: Caller
) -> None:
    key = record_key(WireId("shop", "order-1", 1), SECRET)
    other = record_text(PartRecord(state="accepted", digest="another digest", attempt=1))
    assert caller.store.put(Change(key, None, other, ttl=3600, now=0)) == Written()
    ended = [how(outcome) for outcome in caller.send(personal_intent(250))]
    assert ended == ["accepted", *["rejected: out-id-conflict"] * 2]
    assert len(platform.sends) == 1


FORWARD = [
    PartRecord(),
    PartRecord(state="sending", attempt=1),
    PartRecord(state="unknown", attempt=1),
    PartRecord(state="rejected", attempt=1),
    PartRecord(state="sending", attempt=2),
    PartRecord(state="unknown", attempt=2),
    PartRecord(state="rejected", attempt=2),
    PartRecord(state="accepted", attempt=1),
]


def test_records_have_one_order_and_accepted_is_its_end() -> None:
    for place, record in enumerate(FORWARD):
        for other_place, other in enumerate(FORWARD):
            assert record.is_before(other) == (place < other_place)
    assert not FORWARD[-1].is_before(FORWARD[-1]._replace(attempt=2))


def test_a_record_is_read_as_it_was_written() -> None:
    record = PartRecord(
        state="unknown",
        digest="0af",
        action="SendSms",
        attempt=3,
        first_at=1,
        last_at=2,
        lease_until=3,
        owner="owner",
        code="isp.SYSTEM_ERROR",
        biz_id="1^0",
        request_id="R",
    )
    text = record_text(record)
    assert read_record(text, PartRecord()) == record._replace(stored=text)
    assert read_record('{"state":"accepted","digest":"0af"}', PartRecord()).code == ""


def test_keys_are_unlike_for_other_ids_parts_and_secrets() -> None:
    keys = {
        record_key(WireId(space, out_id, part), secret)
        for space in ("shop", "web")
        for out_id in ("order-1", "order-2")
        for part in (0, 1)
        for secret in (SECRET, "another-secret")
    }
    assert len(keys) == 16
    assert not any("order" in key for key in keys)
