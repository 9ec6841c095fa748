"""The owner's switch: while sending is stopped no attempt begins, and nothing else changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.sending.stop import read_stop, start_sending, stop_sending
from shared.state.sqlite_store import SqliteStore
from tests.unit.code_desk import Desk, body_of
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import Line, Scene, hang_up
from tests.unit.sms_platform import Platform, accepted, detail, details, refused
from tests.unit.stored_sends import (
    ONE,
    QUARTER,
    STATE,
    Caller,
    WatchedStore,
    actions,
    how,
    new_caller,
    personal_intent,
)

STOPPED = "rejected: sending-stopped"
THROTTLED = refused("Throttling.User", status="400 No")


@pytest.fixture
def store(tmp_path: Path) -> WatchedStore:
    return WatchedStore(tmp_path / "state.db")


@pytest.fixture
def caller(
    endpoint: str, api_to: ApiTo, clock: ManualClock, store: WatchedStore, platform: Platform
) -> Caller:
    platform.on("SendSms", accepted())
    return new_caller(endpoint, api_to, clock, store)


@pytest.fixture
def desk(
    platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock, tmp_path: Path
) -> Desk:
    platform.on("SendSms", accepted())
    return Desk(platform, endpoint, api_to, clock, tmp_path / "state.db")


def after_a_stop(store: WatchedStore, scene: Scene) -> Scene:
    """Play `scene` when the owner has stopped sending."""

    def play(line: Line) -> bool:
        stop_sending(store.file, AFTERNOON)
        return scene(line)

    return play


def counted(store: WatchedStore) -> list[str]:
    """Return the keys of what limits have counted."""
    with closing(sqlite3.connect(store.path)) as file:
        keys = file.execute("SELECT key FROM counts UNION ALL SELECT key FROM moments")
        return [key for (key,) in keys]


def test_while_sending_is_stopped_nothing_is_sent_counted_or_left(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    stop_sending(store, AFTERNOON)
    outcome = caller.one()
    assert (how(outcome), outcome.retry_after) == (STOPPED, 60)
    assert platform.calls == []
    assert store.keys() == {"sending-stopped"}
    assert counted(store) == []
    start_sending(store)
    assert how(caller.one()) == "accepted"


def test_the_claim_itself_reads_the_switch_so_that_it_costs_no_step(
    caller: Caller, store: WatchedStore
) -> None:
    stop_sending(store, AFTERNOON)
    store.steps = 0
    caller.one()
    assert store.steps == 1


def test_whoever_stops_first_is_the_one_that_is_shown(store: WatchedStore) -> None:
    assert read_stop(store) is None
    assert stop_sending(store, AFTERNOON).since == AFTERNOON
    assert stop_sending(store, AFTERNOON + 60).since == AFTERNOON
    stopped = start_sending(store)
    assert stopped is not None
    assert stopped.since == AFTERNOON
    assert start_sending(store) is None
    assert read_stop(store) is None


def test_what_was_accepted_is_answered_again_while_sending_is_stopped(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    caller.one()
    stop_sending(store, AFTERNOON)
    assert how(caller.one()) == "replayed"
    assert actions(platform) == ["SendSms"]


def test_what_is_in_doubt_is_looked_up_but_not_sent_anew_while_sending_is_stopped(
    platform: Platform, caller: Caller, store: WatchedStore, clock: ManualClock
) -> None:
    platform.on("SendSms", hang_up(), accepted())
    assert how(caller.one()) == "unknown: answer-lost"
    stop_sending(store, AFTERNOON)
    clock.advance(QUARTER)
    assert how(caller.one(resend=True)) == "unknown: answer-lost"
    assert len(platform.sends) == 1
    platform.on("QuerySendDetails", details(detail()))
    assert how(caller.one()) == "reconciled"


def test_an_attempt_that_was_throttled_is_not_followed_by_another_after_a_stop(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    platform.on("SendSms", after_a_stop(store, THROTTLED), accepted())
    assert how(caller.one()) == "rejected: Throttling.User"
    assert len(platform.sends) == 1
    start_sending(store)
    assert how(caller.one()) == "accepted"


def test_of_several_parts_those_after_a_stop_are_refused_and_a_repeat_sends_them(
    platform: Platform, caller: Caller, store: WatchedStore
) -> None:
    platform.on("SendBatchSms", after_a_stop(store, accepted()), accepted())
    assert [how(part) for part in caller.send(personal_intent(250))] == [
        "accepted",
        STOPPED,
        STOPPED,
    ]
    start_sending(store)
    ended = [how(part) for part in caller.send(personal_intent(250))]
    assert ended == ["replayed", "accepted", "accepted"]


def test_of_several_parts_none_of_which_was_attempted_nothing_is_left(
    caller: Caller, store: WatchedStore
) -> None:
    stop_sending(store, AFTERNOON)
    assert {how(part) for part in caller.send(personal_intent(250))} == {STOPPED}
    assert store.keys() == {"sending-stopped"}


def test_limits_that_are_only_recorded_do_not_lift_a_stop(
    endpoint: str, api_to: ApiTo, clock: ManualClock, store: WatchedStore
) -> None:
    api = api_to(endpoint, lambda: CREDENTIALS, **STATE, SMS_LIMIT_MODE="record-only")
    stop_sending(store, AFTERNOON)
    assert how(Caller(api, clock, store).one(ONE)) == STOPPED


def test_codes_are_not_sent_while_sending_is_stopped_and_those_of_before_are_checked(
    desk: Desk,
) -> None:
    verification_id = desk.created()
    store = SqliteStore(str(desk.state))
    stop_sending(store, AFTERNOON)
    response = desk.create("13800138001", out_id="order-1")
    assert (response.status, body_of(response)["code"]) == (503, "sending-stopped")
    assert response.headers["Retry-After"] == "60"
    assert desk.check(verification_id, desk.code)
    start_sending(store)
    desk.created("13800138001", out_id="order-1")
