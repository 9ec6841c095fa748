"""Whose an out_id is, and what a caller may correct under it: of several parts none is sent twice.

Most intents here are texts abroad, of which each number is a part.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared.errors import OutIdConflict
from shared.ids import EVENT_SPACE, TRIGGER_SPACE, WireId
from shared.sending import international
from shared.sending.attempts import attempt_nonce
from shared.sending.intents import Defaults, Intent, PartOutcome
from shared.sending.part_records import read_part
from shared.sending.protocol import send
from shared.trigger.answers import send_response
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.scripted_server import Scene, hang_up
from tests.unit.sms_platform import Platform, accepted, detail, details, refused
from tests.unit.stored_sends import (
    LEASE,
    ONE,
    QUARTER,
    SECRET,
    STATE,
    Caller,
    WatchedStore,
    attempts,
    how,
    intent_of,
    new_caller,
    nonces,
    personal_intent,
)

NO_MONEY = refused("isv.AMOUNT_NOT_ENOUGH")
REFUSED = "rejected: isv.AMOUNT_NOT_ENOUGH"
IN_PROGRESS = "unknown: in-progress"
A, B, C, D = "85250000001", "85250000002", "85250000003", "85250000004"
OTHER = intent_of("13900139000")
Parameters = Mapping[str, str]


def texts(*numbers: str, message: str = "Your parcel is here", out_id: str = "order-1") -> Intent:
    """Return an intent with a part for each number."""
    body = {"phone_numbers": list(numbers), "message": message, "out_id": out_id}
    return international.read_intent(body, "", Defaults("shop"))


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "state.db")


@pytest.fixture
def caller(
    endpoint: str, api_to: ApiTo, clock: ManualClock, store: WatchedStore, platform: Platform
) -> Caller:
    platform.on("SendMessageToGlobe", accepted())
    caller = new_caller(endpoint, api_to, clock, store)
    limits = caller.api.settings.limits._replace(countries={"HK": 0})
    caller.api = caller.api._replace(settings=caller.api.settings._replace(limits=limits))
    return caller


def limit(caller: Caller, rule: str, most: int) -> None:
    """Let a rule hold for what this caller sends from now on."""
    settings = caller.api.settings
    limits = settings.limits._replace(rules={**settings.limits.rules, rule: most})
    caller.api = caller.api._replace(settings=settings._replace(limits=limits))


def ends(outcomes: Sequence[PartOutcome]) -> list[str]:
    return [how(outcome) for outcome in outcomes]


def reached(platform: Platform) -> list[str]:
    """Return the numbers abroad that got a text, in order."""
    return [sent["To"] for sent in platform.asked("SendMessageToGlobe")]


def answer_by_number(platform: Platform, scenes: Mapping[str, Scene]) -> None:
    """Answer texts abroad by their number; what is not named is accepted."""
    platform.decide("SendMessageToGlobe", lambda sent: scenes.get(sent["To"], accepted()))


def told(*outcomes: PartOutcome, has_store: bool = True) -> dict[str, Any]:
    """Return the problem document that a caller gets."""
    body = send_response("order-1", outcomes, has_store=has_store).body
    assert isinstance(body, dict)
    return body


# Spaces


def test_the_same_out_id_in_two_spaces_is_two_intents(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    spaces = ("shop", "web", TRIGGER_SPACE, EVENT_SPACE)
    intents = [ONE._replace(space=space) for space in spaces]
    assert [how(caller.one(intent)) for intent in intents] == ["accepted"] * 4
    assert [how(caller.one(intent)) for intent in intents] == ["replayed"] * 4
    assert [sent["OutId"] for sent in platform.sends] == [
        "shop~order-1",
        "web~order-1",
        ".trigger~order-1",
        ".event~order-1",
    ]
    assert nonces(platform) == [attempt_nonce(intent, 0, attempt=1) for intent in intents]
    assert len(set(nonces(platform))) == 4
    for space in spaces:
        record = read_part(store, WireId(space, "order-1"), state_secret=SECRET)
        assert record.state == "accepted"


@pytest.mark.parametrize("ended", [accepted(), NO_MONEY, hang_up()])
def test_what_another_space_sent_under_the_out_id_does_not_matter(
    platform: Platform, caller: Caller, ended: Scene
) -> None:
    platform.on("SendSms", ended, accepted())
    caller.one(OTHER._replace(space="web"))
    assert how(caller.one()) == "accepted"
    assert nonces(platform)[-1:] == attempts(1)


def test_another_space_at_work_on_the_out_id_is_not_waited_for(
    platform: Platform, caller: Caller
) -> None:
    others: list[str] = []

    def slowly(_parameters: Parameters) -> Scene:
        platform.on("SendSms", accepted())
        others.append(how(caller.one(OTHER._replace(space="web"))))
        caller.api.session.close()
        return accepted()

    platform.decide("SendSms", slowly)
    assert (how(caller.one()), others) == ("accepted", ["accepted"])


def test_the_message_of_another_space_is_not_taken_for_ours(
    platform: Platform, caller: Caller
) -> None:
    platform.on("SendSms", hang_up())
    platform.on("QuerySendDetails", details(detail(OutId="web~order-1")))
    assert how(caller.one()) == "unknown: answer-lost"


# One part


@pytest.mark.parametrize(
    "other",
    [
        OTHER,
        intent_of("13800138000"),
        intent_of("13800138000", "13800138001"),
        personal_intent(1),
        texts(A),
    ],
    ids=["number", "values", "numbers", "personalised", "abroad"],
)
def test_what_was_refused_may_be_corrected_as_the_next_attempt(
    platform: Platform, caller: Caller, other: Intent
) -> None:
    platform.on("SendSms", NO_MONEY, accepted())
    assert [how(caller.one()), *ends(caller.send(other))] == [REFUSED, "accepted"]
    assert nonces(platform) == attempts(1, 2)
    assert how(caller.one(other)) == "replayed"
    with pytest.raises(OutIdConflict):
        caller.one()
    assert len(nonces(platform)) == 2


def test_what_was_corrected_is_looked_for_since_its_own_first_attempt(
    platform: Platform, caller: Caller, clock: ManualClock
) -> None:
    platform.on("SendSms", NO_MONEY, hang_up())
    caller.one()
    clock.advance(QUARTER)
    corrected = intent_of("13900139000")
    assert how(caller.one(corrected)) == "unknown: answer-lost"
    assert caller.record().first_at == caller.record().last_at
    platform.on(
        "QuerySendDetails", details(detail(PhoneNum="13900139000", SendDate="2027-01-15 16:15:00"))
    )
    assert how(caller.one(corrected)) == "reconciled"


@pytest.mark.parametrize("ended", [hang_up(), refused("isp.SYSTEM_ERROR")])
def test_a_refusal_after_an_attempt_in_doubt_leaves_it_unknown(
    platform: Platform, caller: Caller, clock: ManualClock, ended: Scene
) -> None:
    platform.on("SendSms", ended, NO_MONEY)
    caller.one()
    for _ in range(2):
        clock.advance(QUARTER)
        assert how(caller.one(resend=True)) == "unknown: isv.AMOUNT_NOT_ENOUGH"
        with pytest.raises(OutIdConflict):
            caller.one(OTHER)
    assert nonces(platform) == attempts(1, 2, 3)
    body = told(caller.one())
    assert (body["status"], body["retryable"]) == (504, True)


@pytest.mark.parametrize("failure", ["connection-failed", "store-unavailable"])
def test_what_was_in_doubt_is_never_answered_with_nothing_was_sent(
    platform: Platform,
    caller: Caller,
    clock: ManualClock,
    store: WatchedStore,
    api_to: ApiTo,
    failure: str,
) -> None:
    platform.on("SendSms", hang_up())
    caller.one()
    clock.advance(QUARTER)
    if failure == "connection-failed":
        caller.api = api_to("http://127.0.0.1:1", lambda: CREDENTIALS, **STATE)
        outcome = caller.one(resend=True)
        assert outcome.outcome == "unknown"
        text = told(outcome)["detail"]
        assert "nothing was sent" not in text
    else:
        store.failing = (store.steps + 2,)
        outcome = caller.one(resend=True)
        assert outcome.outcome == "rejected"
        text = told(outcome)["detail"]
        assert "this call sent nothing" in text


def seconds_kept(path: Path) -> list[int]:
    """Return how long each record of a part is kept from now on, to the nearest hour."""
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT expires FROM records WHERE key LIKE 'part:%'")
        return [round((expires - time.time()) / 3600) * 3600 for (expires,) in rows]


def test_what_was_refused_is_known_as_long_as_what_was_sent(
    platform: Platform, caller: Caller, tmp_path: Path
) -> None:
    platform.on("SendSms", NO_MONEY, accepted())
    caller.one()
    assert seconds_kept(tmp_path / "state.db") == [7 * 86400]


def test_of_several_parts_refused_ones_are_known_as_long_as_those_that_were_sent(
    platform: Platform, caller: Caller, tmp_path: Path
) -> None:
    answer_by_number(platform, {A: NO_MONEY, C: NO_MONEY})
    caller.send(texts(A, B, C))
    assert seconds_kept(tmp_path / "state.db") == [7 * 86400] * 3


def test_other_content_waits_while_an_attempt_is_at_work(
    platform: Platform, caller: Caller
) -> None:
    others: list[PartOutcome] = []

    def slowly(_parameters: Parameters) -> Scene:
        others.append(caller.one(OTHER))
        caller.api.session.close()
        return NO_MONEY

    platform.decide("SendSms", slowly)
    assert how(caller.one()) == REFUSED
    assert [(how(other), other.retry_after) for other in others] == [(IN_PROGRESS, LEASE)]
    answer = send_response("order-1", others, has_store=True)
    assert (answer.status, answer.headers["Retry-After"]) == (409, str(LEASE))
    platform.on("SendSms", accepted())
    assert how(caller.one(OTHER)) == "accepted"


# Several parts


def test_refused_parts_are_attempted_again_and_accepted_ones_replayed(
    platform: Platform, caller: Caller
) -> None:
    answer_by_number(platform, {B: NO_MONEY, C: NO_MONEY})
    assert ends(caller.send(texts(A, B, C))) == ["accepted", REFUSED, REFUSED]
    answer_by_number(platform, {})
    platform.calls.clear()
    assert ends(caller.send(texts(A, B))) == ["replayed", "accepted"]
    assert reached(platform) == [B]
    assert ends(caller.send(texts(A, B))) == ["replayed"] * 2
    assert ends(caller.send(texts(A, B, D))) == ["replayed", "replayed", "accepted"]
    assert reached(platform) == [B, D]


def test_a_row_is_deleted_from_what_was_refused(platform: Platform, caller: Caller) -> None:
    sent = personal_intent(250)
    platform.on("SendBatchSms", accepted(), NO_MONEY, NO_MONEY, accepted())
    assert ends(caller.send(sent)) == ["accepted", REFUSED, REFUSED]
    fewer = personal_intent(249)
    assert ends(caller.send(fewer)) == ["replayed", "accepted", "accepted"]
    assert [call["OutId"] for call in platform.sends[3:]] == ["shop~order-1~1", "shop~order-1~2"]
    assert [attempt_nonce(sent, part, attempt=2) for part in (1, 2)] == nonces(platform)[3:]


@pytest.mark.parametrize(
    "other",
    [
        texts(D, B, C),
        texts(A, B, C, message="Your parcel left"),
        texts(B, A, C),
        texts(B, C),
        texts(B),
        texts(A),
        texts(A, B),
        texts(A, C, B),
    ],
    ids=["other", "text", "order", "first gone", "alone", "first alone", "last gone", "turned"],
)
@pytest.mark.parametrize("ended", [accepted(), hang_up()], ids=["accepted", "unknown"])
def test_where_a_part_that_may_have_been_sent_differs_or_is_missing_nothing_is_sent(
    platform: Platform, caller: Caller, ended: Scene, other: Intent
) -> None:
    answer_by_number(platform, {A: ended, B: NO_MONEY, C: ended})
    caller.send(texts(A, B, C))
    answer_by_number(platform, {})
    platform.calls.clear()
    with pytest.raises(OutIdConflict):
        caller.send(other)
    assert platform.calls == []


def test_what_was_refused_in_all_its_parts_may_be_corrected_to_anything(
    platform: Platform, caller: Caller
) -> None:
    for intent in (texts(A, B, C), texts(D, A), texts(B), texts(C, D, A, B)):
        platform.on("SendMessageToGlobe", NO_MONEY)
        assert ends(caller.send(intent)) == [REFUSED] * len(intent.parts)
    platform.on("SendMessageToGlobe", accepted())
    platform.calls.clear()
    assert ends(caller.send(texts(B, A))) == ["accepted"] * 2
    assert reached(platform) == [B, A]


def test_of_two_corrections_at_once_one_runs(platform: Platform, caller: Caller) -> None:
    platform.on("SendMessageToGlobe", NO_MONEY)
    caller.send(texts(A, B, C))
    platform.calls.clear()
    others: list[PartOutcome] = []

    def slowly(_parameters: Parameters) -> Scene:
        for other in (texts(B, C), texts(C), texts(A, B, C)):
            others.extend(caller.send(other))
            caller.api.session.close()
        return accepted()

    platform.decide("SendMessageToGlobe", slowly)
    assert ends(caller.send(texts(A, B))) == ["accepted"] * 2
    assert {(how(other), other.retry_after) for other in others} == {(IN_PROGRESS, LEASE)}
    assert len(others) == 2 * (2 + 1 + 3)
    assert reached(platform) == [A, B]
    answer = send_response("order-1", others[:2], has_store=True)
    assert (answer.status, answer.headers["Retry-After"]) == (409, str(LEASE))
    for other in (texts(B, C), texts(C), texts(A, C)):
        with pytest.raises(OutIdConflict):
            caller.send(other)
    assert ends(caller.send(texts(A, B, C))) == ["replayed", "replayed", "accepted"]


def test_a_call_that_ends_sooner_leaves_the_head_to_one_with_the_same_content(
    platform: Platform, caller: Caller
) -> None:
    others: list[str] = []

    def slowly(sent: Parameters) -> Scene:
        if sent["To"] == A:
            others.extend(ends(caller.send(texts(A, B))))
            others.extend(ends(caller.send(texts(C, D))))
            caller.api.session.close()
        return NO_MONEY

    platform.decide("SendMessageToGlobe", slowly)
    assert ends(caller.send(texts(A, B))) == [REFUSED] * 2
    assert others == [IN_PROGRESS, REFUSED, IN_PROGRESS, IN_PROGRESS]
    assert reached(platform) == [A, B, B]


@pytest.mark.parametrize("number", [B, C])
def test_a_call_with_one_part_finds_that_there_were_several(
    platform: Platform, caller: Caller, number: str
) -> None:
    answer_by_number(platform, {A: NO_MONEY})
    assert ends(caller.send(texts(A, B, C))) == [REFUSED, "accepted", "accepted"]
    answer_by_number(platform, {})
    with pytest.raises(OutIdConflict):
        caller.send(texts(number))
    assert reached(platform) == [A, B, C]


def test_a_call_with_one_part_finds_that_there_were_several_though_a_limit_refused_the_first(
    platform: Platform, caller: Caller
) -> None:
    free = caller.api
    limit(caller, "number-per-minute", 1)
    caller.one(texts(A, out_id="order-0"))
    assert ends(caller.send(texts(A, B))) == ["rejected: number-per-minute", "accepted"]
    caller.api = free
    with pytest.raises(OutIdConflict):
        caller.send(texts(B))
    assert ends(caller.send(texts(A, B))) == ["accepted", "replayed"]
    assert reached(platform) == [A, B, A]


def test_what_limits_refuse_whole_leaves_nothing(caller: Caller, store: WatchedStore) -> None:
    limit(caller, "international-per-day", 1)
    caller.one(texts(A, out_id="order-0"))
    before = store.keys()
    assert ends(caller.send(texts(B, C, D))) == ["rejected: international-per-day"] * 3
    assert store.keys() == before


def test_what_a_limit_refuses_whole_leaves_what_was_refused_before(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    answer_by_number(platform, {A: NO_MONEY, B: NO_MONEY})
    caller.send(texts(A, B))
    before = store.keys()
    limit(caller, "international-per-day", 1)
    caller.one(texts(C, out_id="order-0"))
    assert ends(caller.send(texts(A, B, D))) == ["rejected: international-per-day"] * 3
    assert before <= store.keys()


@pytest.mark.parametrize("step", range(1, 10))
@pytest.mark.parametrize("others", [(texts(A, B), texts(B)), (texts(B),), (texts(C, B), texts(B))])
def test_while_a_call_leaves_nothing_another_sends_no_part_twice(
    platform: Platform,
    caller: Caller,
    store: WatchedStore,
    others: Sequence[Intent],
    step: int,
) -> None:
    """The other calls come before each step that the refused one makes, and are refused less."""
    less = Caller(caller.api, caller.clock, store)
    limit(less, "number-per-minute", 2)
    for earlier in ("order-0", "order-2"):
        less.one(texts(A, out_id=earlier))
    limit(caller, "international-per-day", 1)
    steps = count(1)

    def come_between() -> None:
        if next(steps) == step:
            store.before_read = store.before_write = lambda: None
            for other in others:
                with suppress(OutIdConflict):
                    less.send(other)

    store.before_read = store.before_write = come_between
    with suppress(OutIdConflict):
        caller.send(texts(A, B))
    for intent in (texts(B), texts(A, B), texts(C, B)):
        with suppress(OutIdConflict):
            less.send(intent)
    assert reached(platform).count(B) == 1


@pytest.mark.parametrize("ended", [NO_MONEY, accepted(), hang_up()])
def test_several_parts_after_one(platform: Platform, caller: Caller, ended: Scene) -> None:
    platform.on("SendMessageToGlobe", ended, accepted())
    first = how(caller.one(texts(A)))
    if first == REFUSED:
        assert ends(caller.send(texts(B, C))) == ["accepted"] * 2
    else:
        with pytest.raises(OutIdConflict):
            caller.send(texts(B, C))
        assert reached(platform) == [A]
    with pytest.raises(OutIdConflict):
        caller.send(texts(C))


def test_several_parts_wait_for_one_that_is_at_work(platform: Platform, caller: Caller) -> None:
    others: list[str] = []

    def slowly(_parameters: Parameters) -> Scene:
        for other in (texts(B, A), texts(A, B)):
            others.extend(ends(caller.send(other)))
        caller.api.session.close()
        return NO_MONEY

    platform.decide("SendMessageToGlobe", slowly)
    assert how(caller.one(texts(A))) == REFUSED
    assert others == [IN_PROGRESS] * 4
    assert reached(platform) == [A]


def test_rows_may_follow_a_part_that_was_sent_alone(platform: Platform, caller: Caller) -> None:
    platform.on("SendMessageToGlobe", hang_up(), accepted())
    caller.one(texts(A))
    assert ends(caller.send(texts(A, B))) == ["unknown: answer-lost", "accepted"]
    for other in (texts(B), texts(A, C)):
        with pytest.raises(OutIdConflict):
            caller.send(other)
    assert reached(platform) == [A, B]


def ahead(caller: Caller, seconds: float) -> Caller:
    """Return a caller whose clock is so far ahead of the other's."""
    clock = ManualClock(caller.clock.epoch + seconds)
    return Caller(caller.api._replace(clock=clock.as_clock()), clock, caller.store)


@pytest.mark.parametrize("step", range(1, 13))
@pytest.mark.parametrize(
    "other", [texts(B, C), texts(B), texts(C, B, A), texts(A, C, B), texts(A, B, C, D)]
)
@pytest.mark.parametrize("refused_ones", [(A,), (A, B, C)], ids=["A", "ABC"])
def test_a_clock_that_is_ahead_does_not_send_beside_other_content(
    platform: Platform,
    caller: Caller,
    store: WatchedStore,
    other: Intent,
    step: int,
    refused_ones: Sequence[str],
) -> None:
    """It takes the lease of the call at work for over, before any of that call's steps."""
    fast = ahead(caller, 2 * LEASE)
    first_answers = dict.fromkeys(refused_ones, NO_MONEY)
    got = Counter[str]()

    def decide(sent: Parameters) -> Scene:
        scene = first_answers.pop(sent["To"], None)
        if scene is None:
            got[sent["To"]] += 1
        return scene or accepted()

    platform.decide("SendMessageToGlobe", decide)
    puts = count(1)

    def take_over() -> None:
        if next(puts) == step:
            store.before_write = lambda: None
            with suppress(OutIdConflict):
                fast.send(other)

    store.before_write = take_over
    with suppress(OutIdConflict):
        caller.send(texts(A, B, C))
    for intent in (other, texts(A, B, C)):
        with suppress(OutIdConflict):
            caller.send(intent)
    assert set(got.values()) == {1}


def test_a_machine_that_stood_still_between_two_parts_does_not_go_on(
    platform: Platform, caller: Caller, store: WatchedStore, clock: ManualClock
) -> None:
    answer_by_number(platform, {A: NO_MONEY})
    others: list[str] = []

    def stand_still() -> None:
        if reached(platform) == [A] and caller.record().state == "rejected":
            store.before_write = lambda: None
            clock.epoch += 3600
            others.extend(ends(caller.send(texts(B))))

    store.before_write = stand_still
    assert ends(caller.send(texts(A, B, C)))[1:] == [IN_PROGRESS] * 2
    assert others == ["accepted"]
    assert reached(platform) == [A, B]


def test_what_several_parts_cost(caller: Caller, store: WatchedStore) -> None:
    """Two steps for the head; for each part its claim, a look at the head, and the end."""
    caller.send(texts(A, B, C))
    assert store.steps == 2 + 3 * 3
    store.steps = 0
    caller.send(texts(A, B, C))
    assert store.steps == 3 + 3  # the head is read by trying to write it


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_store_that_is_down_lets_no_part_out(
    platform: Platform, caller: Caller, store: WatchedStore, step: int
) -> None:
    store.failing = range(step, 100)
    assert ends(caller.send(texts(A, B))) == ["rejected: store-unavailable"] * 2
    assert platform.calls == []


# Without a store


def test_without_state_504_says_that_the_call_before_may_have_been_refused(
    platform: Platform, caller: Caller
) -> None:
    platform.on("SendSms", NO_MONEY, refused("SignatureNonceUsed", status="400 No"))
    found = [send(ONE, caller.api, 20.0) for _ in range(2)]
    assert [how(outcome) for (outcome,) in found] == [REFUSED, "unknown: SignatureNonceUsed"]
    body = told(*found[1], has_store=False)
    assert body["status"] == 504
    text = body["detail"]
    assert "was answered with a refusal, nothing was sent" in text
    assert "its answer was lost, the platform may have taken it" in text
