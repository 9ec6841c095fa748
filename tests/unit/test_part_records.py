"""Records that another version wrote: each arrow of the protocol with a name more or one less.

During a deploy, and after a roll-back, two versions work on the same records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.clock import platform_date
from shared.errors import OutIdConflict
from shared.sending.claims import content_digest
from shared.sending.part_records import NO_RECORD, number_digests, read_part, record_key
from shared.sending.settling import SentMessage, settle
from shared.state.records import members_of
from shared.state.store import Change, Written
from tests.unit.conftest import ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import Scene, hang_up
from tests.unit.sms_platform import Platform, accepted, detail, details, refused
from tests.unit.stored_sends import (
    LEASE,
    ONE,
    QUARTER,
    SECRET,
    Caller,
    WatchedStore,
    how,
    new_caller,
)

NOW = int(AFTERNOON)
KEY = record_key(ONE.wire_id(ONE.parts[0]), SECRET)
LATER = {"from_a_later_version": {"words": ["一", "two"], "number": 3, "none": None}}
THROTTLED = refused("Throttling.User", status="400 No")
REFUSED = refused("isv.AMOUNT_NOT_ENOUGH")
Members = dict[str, Any]


def members(**known: Any) -> Members:
    """Return a record of the part of ONE, whose attempt was made at NOW, as it is written."""
    record = NO_RECORD._replace(
        digest=content_digest(ONE.parts[0], SECRET),
        action="SendSms",
        attempt=1,
        first_at=NOW,
        last_at=NOW,
        owner="another invocation",
        numbers=number_digests(ONE.wire_id(ONE.parts[0]), ONE.parts[0].phone_numbers, SECRET),
        request_id="of another invocation",
    )
    return members_of(record._replace(**known))


LEASED = members(state="sending", lease_until=NOW + LEASE)
UNKNOWN = members(state="unknown", code="interrupted")
REJECTED = members(state="rejected", code="isv.AMOUNT_NOT_ENOUGH")
ACCEPTED = members(state="accepted", code="OK", biz_id="1^0")


class Arrow(NamedTuple):
    """One arrow: the record before it, if there is one, what comes, and what is said after it.

    `age` is how many seconds ago NOW was. `answers` are those to requests to send, in their order,
    and a look-up shows the message if it `is_shown`. The arrow needs the members in `needs`.
    """

    name: str
    before: Members | None
    says: str
    state: str
    age: int = 0
    answers: tuple[Scene, ...] = ()
    is_shown: bool = False
    resends: bool = False
    is_receipt: bool = False
    needs: frozenset[str] = frozenset(("digest", "state"))


IN_DOUBT = frozenset(("digest",))
DATED = frozenset(("digest", "first_at", "last_at"))
ARROWS = (
    Arrow(
        "a live lease refuses a claim",
        LEASED,
        says="unknown: in-progress",
        state="sending",
        needs=frozenset(("digest", "state", "lease_until")),
    ),
    Arrow(
        "what a lapsed lease left is found",
        LEASED,
        says="reconciled",
        state="accepted",
        age=LEASE,
        is_shown=True,
        needs=DATED,
    ),
    Arrow(
        "what a lapsed lease left is not found",
        LEASED,
        says="unknown: interrupted",
        state="unknown",
        age=LEASE,
        needs=IN_DOUBT,
    ),
    Arrow(
        "what is unknown is found",
        UNKNOWN,
        says="reconciled",
        state="accepted",
        age=60,
        is_shown=True,
        needs=DATED,
    ),
    Arrow(
        "what is unknown is not found",
        UNKNOWN,
        says="unknown: interrupted",
        state="unknown",
        age=60,
        needs=IN_DOUBT,
    ),
    Arrow(
        "what is unknown is sent again on demand",
        UNKNOWN,
        says="accepted",
        state="accepted",
        age=QUARTER,
        answers=(accepted(),),
        resends=True,
        needs=DATED | {"state"},
    ),
    Arrow(
        "what was rejected is attempted again",
        REJECTED,
        says="accepted",
        state="accepted",
        answers=(accepted(),),
    ),
    Arrow(
        "what was rejected is rejected again",
        REJECTED,
        says="rejected: isv.AMOUNT_NOT_ENOUGH",
        state="rejected",
        answers=(REFUSED,),
    ),
    Arrow(
        "what was rejected is unknown next",
        REJECTED,
        says="unknown: answer-lost",
        state="unknown",
        answers=(hang_up(),),
    ),
    Arrow(
        "a throttled attempt is followed by the next",
        REJECTED,
        says="accepted",
        state="accepted",
        answers=(THROTTLED, accepted()),
    ),
    Arrow("what was accepted is replayed", ACCEPTED, says="replayed", state="accepted"),
    Arrow(
        "a receipt settles what is sending",
        LEASED,
        says="settled",
        state="accepted",
        is_receipt=True,
        needs=frozenset(("state", "numbers")),
    ),
    Arrow(
        "a receipt settles what is unknown",
        UNKNOWN,
        says="settled",
        state="accepted",
        is_receipt=True,
        needs=frozenset(("state", "numbers")),
    ),
    # these begin without a record; it is changed while the platform is asked
    Arrow("an answer accepts", None, says="accepted", state="accepted", answers=(accepted(),)),
    Arrow(
        "an answer rejects",
        None,
        says="rejected: isv.AMOUNT_NOT_ENOUGH",
        state="rejected",
        answers=(REFUSED,),
    ),
    Arrow(
        "a lost answer leaves it unknown",
        None,
        says="unknown: answer-lost",
        state="unknown",
        answers=(hang_up(),),
    ),
    Arrow(
        "a lost answer is found",
        None,
        says="reconciled",
        state="accepted",
        answers=(hang_up(),),
        is_shown=True,
    ),
)
BY_NAME = pytest.mark.parametrize("arrow", ARROWS, ids=lambda arrow: arrow.name)
LESS = [
    pytest.param(arrow, name, id=f"{arrow.name}, no {name}")
    for arrow in ARROWS
    for name in UNKNOWN
    if arrow.before is None or name not in arrow.needs
]


class Record:
    """The record of a part in a store of its own, which another version may change."""

    def __init__(self, caller: Caller, rewrite: Callable[[Members], str]) -> None:
        self.caller = caller
        self._rewrite = rewrite

    def read(self) -> Members:
        text = self.caller.store.get(KEY)
        assert text
        found: Members = json.loads(text)
        return found

    def write(self, members: Members) -> None:
        """Write the first record, as the other version does."""
        self._put(None, members)

    def change(self) -> None:
        """Change the record that is there, as the other version does."""
        self._put(self.caller.store.get(KEY), self.read())

    def _put(self, old: str | None, members: Members) -> None:
        change = Change(key=KEY, old=old, new=self._rewrite(members), ttl=3600, now=NOW)
        assert self.caller.store.put(change) == Written()


class Worlds:
    """Makes stores, with a platform that answers as an arrow says."""

    def __init__(self, platform: Platform, endpoint: str, api_to: ApiTo, folder: Path) -> None:
        self.platform = platform
        self._endpoint = endpoint
        self._api_to = api_to
        self._folder = folder
        self._made = 0

    def new_caller(self) -> Caller:
        """Return a caller with an empty store, at NOW, whose tokens are all alike."""
        self._made += 1
        clock = ManualClock(NOW)
        store = WatchedStore(self._folder / f"{self._made}.db")
        caller = new_caller(self._endpoint, self._api_to, clock, store)
        caller.api = caller.api._replace(clock=clock.as_clock(), token=lambda: "this invocation")
        return caller

    def go(
        self, arrow: Arrow, rewrite: Callable[[Members], str] = json.dumps
    ) -> tuple[str, Members]:
        """Take an arrow on a record that the other version writes; return what is said, and it."""
        caller = self.new_caller()
        record = Record(caller, rewrite)
        if arrow.before is not None:
            record.write(arrow.before)
        caller.clock.advance(arrow.age)
        self._answer(arrow, record)
        return self._take(arrow, caller), record.read()

    def _answer(self, arrow: Arrow, record: Record) -> None:
        answers = list(arrow.answers)

        def answer(_parameters: Mapping[str, str]) -> Scene:
            if arrow.before is None:
                record.change()
            return answers.pop(0)

        def show(question: Mapping[str, str]) -> Scene:
            is_its_day = question["SendDate"] == platform_date(NOW)
            return details(*[detail()] if arrow.is_shown and is_its_day else [])

        self.platform.calls.clear()
        self.platform.decide("SendSms", answer)
        self.platform.decide("QuerySendDetails", show)

    def _take(self, arrow: Arrow, caller: Caller) -> str:
        if arrow.is_receipt:
            (number,) = ONE.parts[0].phone_numbers
            wire_id = ONE.wire_id(ONE.parts[0])
            record = read_part(caller.store, wire_id, state_secret=SECRET)
            message = SentMessage(wire_id, number, "2027-01-15 16:00:00", message_id="2^0")
            is_news = settle(caller.store, caller.api, message=message, record=record)
            return "settled" if is_news else "no news"
        return how(caller.one(resend=arrow.resends))


@pytest.fixture
def worlds(platform: Platform, endpoint: str, api_to: ApiTo, tmp_path: Path) -> Worlds:
    return Worlds(platform, endpoint, api_to, tmp_path)


def with_one_more(members: Members) -> str:
    return json.dumps({**members, **LATER})


def in_another_order(members: Members) -> str:
    """Write the same record as nobody here does: other order, spaces, and escapes."""
    return json.dumps(dict(reversed(members.items())), indent=1)


@BY_NAME
def test_an_arrow_leads_where_the_diagram_says(worlds: Worlds, arrow: Arrow) -> None:
    says, after = worlds.go(arrow)
    assert (says, after["state"]) == (arrow.says, arrow.state)
    assert len(worlds.platform.sends) == len(arrow.answers)


@BY_NAME
def test_a_name_that_is_not_known_here_is_handed_on(worlds: Worlds, arrow: Arrow) -> None:
    says, plain = worlds.go(arrow)
    also_says, after = worlds.go(arrow, with_one_more)
    assert also_says == says
    assert after == {**plain, **LATER}


@pytest.mark.parametrize(("arrow", "name"), LESS)
def test_a_name_that_is_missing_has_its_default(worlds: Worlds, arrow: Arrow, name: str) -> None:
    def with_one_less(members: Members) -> str:
        return json.dumps({other: value for other, value in members.items() if other != name})

    says, plain = worlds.go(arrow)
    also_says, after = worlds.go(arrow, with_one_less)
    assert also_says == says
    assert {**after, name: None} == {**plain, name: None}


@BY_NAME
def test_a_record_is_compared_as_it_was_written(worlds: Worlds, arrow: Arrow) -> None:
    assert worlds.go(arrow, in_another_order) == worlds.go(arrow)


def test_a_name_that_came_while_the_record_was_settled_is_handed_on(worlds: Worlds) -> None:
    """The other version takes a receipt while the answer is lost."""
    arrow = Arrow("", None, says="replayed", state="accepted", answers=(hang_up(),))
    settled = {"state": "accepted", "biz_id": "2^0"}
    says, after = worlds.go(arrow, lambda members: with_one_more({**members, **settled}))
    assert says == arrow.says
    assert {name: after[name] for name in (*settled, *LATER)} == {**settled, **LATER}


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("age", [LEASE, QUARTER])
@pytest.mark.parametrize("before", [LEASED, UNKNOWN, ACCEPTED], ids=lambda before: before["state"])
def test_whatever_is_missing_what_may_have_been_sent_is_not_sent_again(
    worlds: Worlds, before: Members, age: int, name: str
) -> None:
    """The message is shown, so that another request to send would be a second SMS."""
    less = {other: value for other, value in before.items() if other != name}
    arrow = Arrow("", less, says="", state="", age=age, is_shown=True, resends=True)
    try:
        worlds.go(arrow)
    except OutIdConflict:
        assert name == "digest"
    assert worlds.platform.sends == []


@pytest.mark.parametrize(
    ("is_shown", "says", "state"),
    [(True, "reconciled", "accepted"), (False, "unknown: interrupted", "held back")],
)
def test_a_state_that_is_not_known_here_is_looked_up_and_not_sent_again(
    worlds: Worlds, is_shown: bool, says: str, state: str
) -> None:
    before = {**UNKNOWN, "state": "held back"}
    arrow = Arrow("", before, says=says, state=state, age=QUARTER, is_shown=is_shown, resends=True)
    also_says, after = worlds.go(arrow)
    assert worlds.platform.sends == []
    assert (also_says, after["state"]) == (says, state)


def test_every_member_of_a_record_but_the_text_is_written(worlds: Worlds) -> None:
    names = {*NO_RECORD._fields} - {"others", "stored"}
    assert {*UNKNOWN} == names
    for arrow in ARROWS:
        _, after = worlds.go(arrow)
        assert {*after} == names


def without_digest(before: Members) -> Members:
    return {name: value for name, value in before.items() if name != "digest"}


@pytest.mark.parametrize("before", [UNKNOWN, ACCEPTED], ids=lambda before: before["state"])
def test_a_record_without_a_digest_is_of_other_content(worlds: Worlds, before: Members) -> None:
    with pytest.raises(OutIdConflict):
        worlds.go(ARROWS[0]._replace(before=without_digest(before)))
    assert worlds.platform.calls == []


def test_without_a_digest_too_what_is_at_work_is_waited_for(worlds: Worlds) -> None:
    says, after = worlds.go(ARROWS[0]._replace(before=without_digest(LEASED)))
    assert (says, after) == ("unknown: in-progress", without_digest(LEASED))
    assert worlds.platform.calls == []


def test_what_was_refused_may_be_corrected_though_its_digest_is_missing(worlds: Worlds) -> None:
    arrow = ARROWS[0]._replace(before=without_digest(REJECTED), answers=(accepted(),))
    says, after = worlds.go(arrow)
    assert (says, after["digest"], after["attempt"]) == ("accepted", UNKNOWN["digest"], 2)
