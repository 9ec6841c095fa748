"""Receipts and replies in the store: kept once in any order, settled, and found again."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ConfigurationError, StoreUnavailable
from shared.ids import WireId, read_wire_id
from shared.platform.sms_api import SmsApi
from shared.receipts import keeping
from shared.receipts.keeping import Tally, keep
from shared.receipts.records import (
    Receipt,
    Subject,
    of_intent,
    of_message,
    parts_key,
)
from shared.sending.limits import Limits
from shared.sending.message_index import message_key, note_message, part_of_message
from shared.sending.part_records import PartRecord, number_digests, read_part, record_key
from shared.sending.settling import SentMessage, settle
from shared.state.records import record_text
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Answer, Change, Count, Store, Written
from shared.trigger.invocation import Invocation
from tests.unit import receipt_entries
from tests.unit.conftest import ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.other_versions import (
    LATER,
    add_member,
    has_later_member,
    members_at,
    rewrite,
    take_member,
)
from tests.unit.receipt_entries import ABROAD, BIZ_ID, NUMBER, REPLY, without
from tests.unit.sent_parts import SENT_AT, leave_part
from tests.unit.trigger_events import SPACE

SECRET = "state-secret-0123456789"
MAINLAND = {**receipt_entries.MAINLAND, "out_id": f"{SPACE}~order-1"}
INTERNATIONAL = {**receipt_entries.INTERNATIONAL, "TaskId": f"{SPACE}~order-2~3"}
OLDER = {**receipt_entries.OLDER, "ExternalId": f"{SPACE}~order-3"}
MESSAGE_ID = str(INTERNATIONAL["MessageId"])


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "state.sqlite3"))


@pytest.fixture
def api(api_to: ApiTo) -> SmsApi:
    return api_to("http://127.0.0.1:9", SMS_STATE_SECRET=SECRET)


def failed(**fields: Any) -> dict[str, Any]:
    return receipt_entries.failed(**{"out_id": f"{SPACE}~order-1", **fields})


def kept(store: Store, out_id: str) -> list[Receipt]:
    return of_intent(store, WireId(SPACE, out_id), state_secret=SECRET)[0]


def of_known_message(store: Store, message_id: str) -> list[Receipt]:
    """Return the receipts of a message, if it is known whose it is."""
    part = part_of_message(store, message_id, SECRET)
    return of_message(store, message_id, part=part, state_secret=SECRET) if part else []


def test_a_receipt_is_kept_without_its_number(
    api: SmsApi, store: SqliteStore, tmp_path: Path
) -> None:
    assert keep([MAINLAND], api, store, deadline=9.0) == Tally(reports=1)
    (receipt,) = kept(store, "order-1")
    assert receipt == Receipt(
        out_id="tester~order-1",
        phone_number="*34",
        number_hash=str(api.log.numbers((NUMBER,))["number_hash"]),
        message_id=BIZ_ID,
        status="delivered",
        err_code="DELIVERED",
        send_date="2027-01-15 16:00:00",
        receive_date="2027-01-15 16:00:04",
        sms_size=2,
        without_part=True,
    )
    assert of_known_message(store, BIZ_ID) == [receipt]
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert BIZ_ID.encode() in files
    assert NUMBER.encode() not in files


def test_a_receipt_without_out_id_is_found_by_its_message_id(
    api: SmsApi, store: SqliteStore
) -> None:
    note_message(store, api, message_id=BIZ_ID, wire_id=WireId(SPACE, "order-3"))
    keep([without(MAINLAND, "out_id"), {**MAINLAND, "biz_id": "other"}], api, store, deadline=9.0)
    assert [(each.out_id, each.status) for each in of_known_message(store, BIZ_ID)] == [
        ("tester~order-3", "delivered")
    ]
    assert [each.message_id for each in kept(store, "order-1")] == ["other"]


def test_all_parts_and_numbers_of_an_intent_are_listed(api: SmsApi, store: SqliteStore) -> None:
    reports = [
        {**MAINLAND, "out_id": WireId(SPACE, "news", part).text(), "phone_number": f"138000{n:05}"}
        for part in (0, 2, 11)
        for n in range(part * 3, part * 3 + 3)
    ]
    for report in reports:
        leave_part(store, SECRET, report["out_id"], *(each["phone_number"] for each in reports))
    random.Random(7).shuffle(reports)
    for batch in (reports[:4], reports[4:]):
        keep(batch, api, store, deadline=9.0)
    found = kept(store, "news")
    assert sorted({each.out_id for each in found}) == [
        "tester~news~0",
        "tester~news~11",
        "tester~news~2",
    ]
    assert len({each.number_hash for each in found}) == 9


def test_receipts_of_a_part_are_listed_by_the_number_that_is_shown(
    api: SmsApi, store: SqliteStore
) -> None:
    reports = [{**MAINLAND, "phone_number": f"138000{n:05}"} for n in range(20)]
    random.Random(7).shuffle(reports)
    keep(reports, api, store, deadline=9.0)
    shown = [each.phone_number for each in kept(store, "order-1")]
    assert shown == [f"*{n:02}" for n in range(20)]


def test_many_parts_are_listed_piece_by_piece(api: SmsApi, store: SqliteStore) -> None:
    parts = (0, 99, 100, 101, 250)
    for part in parts:
        leave_part(store, SECRET, f"tester~file~{part}", NUMBER)
    keep(
        [{**MAINLAND, "out_id": f"tester~file~{part}"} for part in parts], api, store, deadline=9.0
    )
    pages, first = [], 0
    while True:
        found, first = of_intent(
            store, WireId(SPACE, "file"), state_secret=SECRET, first_part=first
        )
        wire_ids = [read_wire_id(each.out_id) for each in found]
        pages.append([wire_id.part for wire_id in wire_ids if wire_id])
        if not first:
            break
    assert pages == [[0, 99], [100, 101], [250]]


def test_what_is_final_stays(api: SmsApi, store: SqliteStore) -> None:
    later = failed(report_time="2027-01-15 17:00:00")
    for entries in ([MAINLAND], [later], [MAINLAND, later], [later, MAINLAND]):
        keep(entries, api, store, deadline=9.0)
        assert [each.status for each in kept(store, "order-1")] == ["delivered"]


def test_what_is_on_its_way_becomes_final_and_never_again_less(
    api: SmsApi, store: SqliteStore
) -> None:
    waiting = {**INTERNATIONAL, "Status": "3", "ErrorCode": "SENDING"}
    leave_part(store, SECRET, "tester~order-2~3", ABROAD)
    statuses = []
    for entry in (waiting, waiting, INTERNATIONAL, waiting):
        keep([entry], api, store, deadline=9.0)
        statuses += [each.status for each in kept(store, "order-2")]
    assert statuses == ["waiting", "waiting", "delivered", "delivered"]


def test_two_messages_of_one_out_id_to_one_number_are_told_apart(
    api: SmsApi, store: SqliteStore
) -> None:
    keep([MAINLAND, failed(biz_id="second^0")], api, store, deadline=9.0)
    assert {each.message_id: each.status for each in kept(store, "order-1")} == {
        BIZ_ID: "delivered",
        "second^0": "failed",
    }


def facts() -> list[dict[str, Any]]:
    """Return receipts of several messages, parts and shapes, with what precedes a final state."""
    international = [
        {**INTERNATIONAL, "To": f"8525123456{n}", "MessageId": f"M{n}", **changes}
        for n in range(2)
        for changes in ({"Status": "3", "ErrorCode": "SENDING"}, {"Status": str(n + 1)})
    ]
    mainland = [failed(phone_number=f"1380013800{n}") for n in range(3)]
    return [*international, *mainland, without(MAINLAND, "out_id"), MAINLAND, REPLY]


def told(store: Store) -> list[list[Receipt]]:
    ids = [of_known_message(store, message_id) for message_id in ("M0", "M1", BIZ_ID, MESSAGE_ID)]
    return [kept(store, "order-1"), kept(store, "order-2"), *ids]


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    order=st.permutations(facts()),
    repeats=st.lists(st.sampled_from(facts()), max_size=5),
    cuts=st.lists(st.integers(0, 15), max_size=4),
)
def test_order_repetition_and_batches_make_no_difference(
    api: SmsApi,
    tmp_path: Path,
    order: list[dict[str, Any]],
    repeats: list[dict[str, Any]],
    cuts: list[int],
) -> None:
    number = len(list(tmp_path.iterdir()))
    store = SqliteStore(str(tmp_path / f"{number}.sqlite3"))
    straight = SqliteStore(str(tmp_path / f"{number}-straight.sqlite3"))
    keep(facts(), api, straight, deadline=9.0)
    arriving = [*order, *repeats]
    bounds = [0, *sorted(cuts), len(arriving)]
    for begin, end in itertools.pairwise(bounds):
        keep(arriving[begin:end], api, store, deadline=9.0)
    assert told(store) == told(straight)
    assert len(told(store)[0]) == 4


def test_an_out_id_that_others_use_for_everything_does_not_grow_without_end(
    api: SmsApi, store: SqliteStore
) -> None:
    entries = [
        {
            **MAINLAND,
            "biz_id": f"{n}",
            "report_time": f"2027-01-15 16:{n // 60 % 60:02}:{n % 60:02}",
        }
        for n in range(1100)
    ]
    keep(entries, api, store, deadline=9.0)
    assert sorted(int(each.message_id) for each in kept(store, "order-1")) == list(range(100, 1100))


class Faulty:
    """A store that fails at its puts from `begin` on, as long as `broken`."""

    def __init__(self, store: Store, begin: int) -> None:
        self._store, self._begin = store, begin
        self.puts = 0
        self.broken = True

    def get(self, key: str) -> str | None:
        return self._store.get(key)

    def totals(self, counts: Sequence[Count]) -> list[int]:
        return self._store.totals(counts)

    def delete(self, key: str, old: str) -> bool:
        return self._store.delete(key, old)

    def put(self, change: Change) -> Answer:
        self.puts += 1
        if self.broken and self.puts > self._begin:
            raise StoreUnavailable("the state store cannot be used")
        return self._store.put(change)


@pytest.mark.parametrize("begin", range(6))
def test_a_push_that_was_kept_in_part_is_completed_by_its_repeat(
    api: SmsApi, store: SqliteStore, tmp_path: Path, begin: int
) -> None:
    entries = [MAINLAND, INTERNATIONAL, REPLY]
    straight = SqliteStore(str(tmp_path / "straight.sqlite3"))
    for each in (store, straight):
        leave(each, 0, record("unknown"))
        leave_part(each, SECRET, "tester~order-2~3", ABROAD, action="SendMessageToGlobe")
    faulty = Faulty(store, begin)
    with pytest.raises(StoreUnavailable):
        keep(entries, api, faulty, deadline=9.0)
    faulty.broken = False
    keep(entries, api, faulty, deadline=9.0)
    keep(entries, api, straight, deadline=9.0)
    assert told(store) == told(straight)
    assert store.totals(Limits(api).budget(1, is_abroad=False)) == [1, 1]


class Racing(Faulty):
    """A store where somebody else keeps `entries` just before the first put."""

    def __init__(self, store: Store, api: SmsApi, entries: list[object]) -> None:
        super().__init__(store, 10**6)
        self._api, self._entries = api, entries

    def put(self, change: Change) -> Answer:
        if self.puts == 0:
            self.puts = 1
            keep(self._entries, self._api, self._store, deadline=9.0)
        return super().put(change)


def test_receipts_of_one_part_that_come_at_once_are_all_kept(
    api: SmsApi, store: SqliteStore
) -> None:
    others = [failed(phone_number=f"1380013800{n}") for n in range(3)]
    keep([MAINLAND], api, Racing(store, api, [*others]), deadline=9.0)
    assert len(kept(store, "order-1")) == 4


def test_keeping_ends_at_the_deadline(api: SmsApi, store: SqliteStore, clock: ManualClock) -> None:
    clock.advance(9.0)
    with pytest.raises(StoreUnavailable):
        keep([MAINLAND], api, store, deadline=9.0)
    assert kept(store, "order-1") == []


def test_what_needs_a_store_says_so(api: SmsApi) -> None:
    with pytest.raises(ConfigurationError):
        keeping.required_store(Invocation(api, 9.0))


def test_a_reply_is_kept_once_and_logged_without_its_text(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    longer = {**REPLY, "sequence_id": "2", "content": "\ud800" + "x" * 5000}
    assert keep([REPLY, REPLY, longer], api, store, deadline=9.0) == Tally(replies=3)
    events = [line for line in log_lines() if line["action"] == "reply"]
    assert events[0]["record"] == events[1]["record"] != events[2]["record"]
    text = store.get(events[0]["record"])
    assert text
    kept = json.loads(text)
    assert len(bytes.fromhex(kept.pop("sealed_number"))) == len(NUMBER)
    assert kept == {
        "phone_number": "*34",
        "number_hash": events[0]["number_hash"],
        "content": "好的，谢谢",
        "dest_code": "1234",
        "sign_name": "",
        "send_date": "2027-01-15 16:05:00",
        "sequence_id": "1234567890",
    }
    logged = json.dumps(log_lines(), ensure_ascii=False)
    for secret in (NUMBER, "好的", "1234567890", "xxxx"):
        assert secret not in logged


def test_a_receipt_that_failed_is_a_line_with_its_code_and_what_that_means(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    leave_part(store, SECRET, "shop~order-17~2", NUMBER, template="SMS_154950909")
    failed = {
        **MAINLAND,
        "out_id": "shop~order-17~2",
        "success": False,
        "err_code": "MOBILE_NOT_ON_SERVICE",
        "biz_id": "900619746936498440^0",
    }
    delivered = {**MAINLAND, "out_id": "shop~order-18"}
    keep([failed, delivered], api, store, deadline=9.0)
    (line,) = [line for line in log_lines() if line["outcome"] == "failed"]
    expected = {
        "level": "warning",
        "action": "receipt",
        "code": "MOBILE_NOT_ON_SERVICE",
        "caller": "shop",
        "out_id": "order-17",
        "part": 2,
        "template": "SMS_154950909",
        "message_id": "900619746936498440^0",
        "number": "*34",
    }
    assert expected.items() <= line.items()
    assert line["meaning"]


def test_two_replies_without_a_sequence_id_are_two(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    first = without(REPLY, "sequence_id")
    keep([first, {**first, "content": "TD"}, first], api, store, deadline=9.0)
    records = [line["record"] for line in log_lines() if line["action"] == "reply"]
    assert (len(records), len(set(records))) == (3, 2)


# settling


def record(state: str, part: int | None = None) -> PartRecord:
    """Return the record of order-1, or of a part of it."""
    return PartRecord(
        state=state,
        digest="digest",
        action="SendSms",
        attempt=2,
        first_at=SENT_AT,
        last_at=SENT_AT + 100,
        lease_until=SENT_AT + 200,
        owner="owner",
        code="answer-lost",
        numbers=number_digests(WireId(SPACE, "order-1", part), [NUMBER], SECRET),
    )


def leave(store: Store, part: int, record: PartRecord) -> None:
    """Leave the record of a part of order-1, as if it had come to that."""
    key = record_key(WireId(SPACE, "order-1", part), SECRET)
    change = Change(key=key, old=store.get(key), new=record_text(record), ttl=3600, now=0)
    assert store.put(change) == Written()


def part_of(store: Store, part: int) -> PartRecord:
    """Return the record of a part of order-1, apart from its text."""
    return read_part(store, WireId(SPACE, "order-1", part), state_secret=SECRET)._replace(
        stored=None
    )


@pytest.mark.parametrize("state", ["sending", "unknown"])
@pytest.mark.parametrize("part", [None, 0, 4])
@pytest.mark.parametrize("entry", [MAINLAND, failed()])
def test_a_receipt_settles_what_was_in_doubt(
    api: SmsApi, store: SqliteStore, state: str, part: int | None, entry: dict[str, Any]
) -> None:
    doubt = record(state, part)
    leave(store, part or 0, doubt)
    entry = {**entry, "out_id": WireId(SPACE, "order-1", part).text()}
    assert keep([entry], api, store, deadline=9.0).settled == 1
    expected = doubt._replace(state="accepted", code="OK", biz_id=BIZ_ID, lease_until=0)
    assert part_of(store, part or 0) == expected
    assert keep([entry], api, store, deadline=9.0).settled == 0


TRUE_RECEIPTS = {
    "tester~order-1": MAINLAND,
    "tester~order-2~3": INTERNATIONAL,
    "tester~order-3": OLDER,
}


@pytest.mark.parametrize("wire_id", TRUE_RECEIPTS)
def test_a_true_receipt_of_each_form_settles(api: SmsApi, store: SqliteStore, wire_id: str) -> None:
    number = NUMBER if wire_id == "tester~order-1" else ABROAD
    leave_part(store, SECRET, wire_id, "8613900000000", number, state="unknown")
    assert keep([TRUE_RECEIPTS[wire_id]], api, store, deadline=9.0).settled == 1
    part = read_wire_id(wire_id)
    assert part
    (receipt,) = kept(store, part.out_id)
    assert receipt.status == "delivered"


def test_a_number_may_be_written_in_any_way_that_is_certain(
    api: SmsApi, store: SqliteStore
) -> None:
    written = ("+8613812345634", "008613812345634", "86 138-1234-5634", 13812345634)
    for place, number in enumerate(written):
        leave_part(store, SECRET, f"tester~order-{place}", NUMBER, state="unknown")
        entry = {**MAINLAND, "out_id": f"tester~order-{place}", "phone_number": number}
        assert keep([entry], api, store, deadline=9.0).settled == 1
    leave_part(store, SECRET, "tester~order-2~3", "18624017194", state="unknown")  # in New Jersey
    assert keep([{**INTERNATIONAL, "To": "+18624017194"}], api, store, deadline=9.0).settled == 1


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another number": ({"phone_number": "13812345635"}, "number"),
    "a masked number": ({"phone_number": "1381234****"}, "number"),
    "no number": ({"phone_number": ""}, "number"),
    "sent too early": ({"send_time": "2027-01-15 15:44:59"}, "time"),
    "an unreadable time": ({"send_time": "just now"}, "time"),
    "no time": ({"send_time": None}, "time"),
    "another form of the id": ({"out_id": "tester~order-1~0"}, "wire-id"),
    "yet another form of the id": ({"out_id": "tester~order-1~000"}, "wire-id"),
    "all of it": (
        {"phone_number": "1", "send_time": "", "out_id": "tester~order-1~0"},
        "number,time",
    ),
}


@pytest.mark.parametrize("state", ["sending", "unknown", "accepted"])
@pytest.mark.parametrize(("lie", "differs"), LIES.values(), ids=LIES)
def test_what_does_not_agree_is_kept_and_logged_and_changes_nothing(
    api: SmsApi,
    store: SqliteStore,
    log_lines: Callable[[], list[dict[str, Any]]],
    state: str,
    lie: dict[str, Any],
    differs: str,
) -> None:
    leave(store, 0, record(state))
    before = store.get(record_key(WireId(SPACE, "order-1"), SECRET))
    entry = failed(sms_size="8", **lie)
    assert keep([entry], api, store, deadline=9.0) == Tally(reports=1)
    assert store.get(record_key(WireId(SPACE, "order-1"), SECRET)) == before
    assert kept(store, "order-1") == []
    assert of_known_message(store, BIZ_ID) == []
    assert store.totals(Limits(api).budget(1, is_abroad=False)) == [0, 0]
    (line,) = (line for line in log_lines() if line["outcome"] == "disagrees")
    assert (line["level"], line["action"], line["differs"]) == ("warning", "receipt", differs)
    assert [each["status"] for each in members_at(store, line["record"])["receipts"]] == ["failed"]
    keep([MAINLAND], api, store, deadline=9.0)
    assert [each.status for each in kept(store, "order-1")] == ["delivered"]


def test_zeros_before_the_number_of_a_part_make_no_other_budget(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    leave_part(store, SECRET, "tester~order-1~7", NUMBER)
    for number in ("7", "07", "000007"):
        entry = {**MAINLAND, "out_id": f"tester~order-1~{number}", "sms_size": "8"}
        keep([entry], api, store, deadline=9.0)
    assert store.totals(Limits(api).budget(1, is_abroad=False)) == [7, 7]
    assert [each.out_id for each in kept(store, "order-1")] == ["tester~order-1~7"]
    lines = [line for line in log_lines() if line["outcome"] == "disagrees"]
    assert [line["differs"] for line in lines] == ["wire-id", "wire-id"]


def test_a_receipt_just_within_the_difference_of_clocks_settles(
    api: SmsApi, store: SqliteStore
) -> None:
    leave(store, 0, record("unknown"))
    entry = {**MAINLAND, "send_time": "2027-01-15 15:45:00"}
    assert keep([entry], api, store, deadline=9.0).settled == 1


def test_a_receipt_settles_no_part_that_was_refused(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    leave(store, 0, record("rejected"))
    assert keep([MAINLAND], api, store, deadline=9.0).settled == 0
    assert part_of(store, 0) == record("rejected")
    (line,) = (line for line in log_lines() if line["outcome"] == "disagrees")
    assert line["differs"] == "state"


def test_true_receipts_count_beside_those_that_lie(api: SmsApi, store: SqliteStore) -> None:
    leave(store, 0, record("unknown"))
    entries = [failed(phone_number="13812345635"), MAINLAND, failed(send_time="")]
    assert keep(entries, api, store, deadline=9.0) == Tally(reports=3, settled=1)
    assert [each.status for each in kept(store, "order-1")] == ["delivered"]
    assert part_of(store, 0).biz_id == BIZ_ID


def test_what_came_before_the_part_was_sent_is_not_about_it(
    api: SmsApi, store: SqliteStore
) -> None:
    keep([failed(), failed(biz_id="")], api, store, deadline=9.0)
    assert [each.status for each in kept(store, "order-1")] == ["failed"] * 2
    leave(store, 0, record("accepted"))
    assert kept(store, "order-1") == []
    keep([MAINLAND], api, store, deadline=9.0)
    assert [each.status for each in kept(store, "order-1")] == ["delivered"]
    assert [each.contradicted_by for each in kept(store, "order-1")] == [{}]


@pytest.mark.parametrize("part", [1, 7, 999_999])
def test_a_part_that_the_intent_does_not_have_is_never_paged_to(
    api: SmsApi, store: SqliteStore, part: int
) -> None:
    leave_part(store, SECRET, "tester~order-1~0", NUMBER)
    entries = [{**MAINLAND, "out_id": f"tester~order-1~{each}"} for each in (0, part)]
    keep(entries, api, store, deadline=9.0)
    intent = WireId(SPACE, "order-1")
    found, next_part = of_intent(store, intent, state_secret=SECRET)
    assert ([each.out_id for each in found], next_part) == (["tester~order-1~0"], 0)
    assert store.get(parts_key(intent, SECRET)) is None


def test_a_message_stays_with_the_part_that_it_was_first_said_to_be_of(
    api: SmsApi, store: SqliteStore
) -> None:
    leave(store, 0, record("accepted"))
    leave_part(store, SECRET, "tester~order-9", NUMBER)
    keep([MAINLAND], api, store, deadline=9.0)
    keep(
        [failed(out_id="tester~order-9"), failed(out_id="tester~order-8")], api, store, deadline=9.0
    )
    assert [each.status for each in of_known_message(store, BIZ_ID)] == ["delivered"]


def test_a_message_is_of_the_part_that_was_sent_whatever_is_said_before_its_receipt(
    api: SmsApi, store: SqliteStore
) -> None:
    leave(store, 0, record("accepted"))
    note_message(store, api, message_id=BIZ_ID, wire_id=WireId(SPACE, "order-1"))
    keep([failed(out_id="tester~order-1~7")], api, store, deadline=9.0)
    assert of_known_message(store, BIZ_ID) == []
    for entries in (
        [MAINLAND],
        [failed(out_id="tester~order-1~7"), failed(out_id="tester~order-8")],
    ):
        keep(entries, api, store, deadline=9.0)
        assert [each.status for each in of_known_message(store, BIZ_ID)] == ["delivered"]


@pytest.mark.parametrize(
    ("first", "second"), [(MAINLAND, failed()), (failed(), MAINLAND)], ids=["good", "bad"]
)
def test_the_first_final_status_stays_and_another_is_noted(
    api: SmsApi, store: SqliteStore, first: dict[str, Any], second: dict[str, Any]
) -> None:
    leave(store, 0, record("accepted"))
    later = {**second, "report_time": "2027-01-15 17:00:00"}
    for entries in ([first], [first], [later], [later, first]):
        keep(entries, api, store, deadline=9.0)
    (receipt,) = kept(store, "order-1")
    assert (receipt.err_code, receipt.receive_date) == (first["err_code"], "2027-01-15 16:00:04")
    assert receipt.contradicted_by == {
        "status": "failed" if first is MAINLAND else "delivered",
        "err_code": second["err_code"],
        "receive_date": "2027-01-15 17:00:00",
    }


def test_each_number_corrects_the_budget_once_whichever_ids_its_receipts_carry(
    api: SmsApi, store: SqliteStore
) -> None:
    numbers = ["13812345634", "13812345635"]
    leave_part(store, SECRET, "tester~order-1", *numbers)
    spent = [
        keep([{**MAINLAND, **fields}], api, store, deadline=9.0)
        and store.totals(Limits(api).budget(1, is_abroad=False))[0]
        for fields in (
            {"sms_size": "3"},
            {"sms_size": "3", "biz_id": "other^0"},
            {"sms_size": "2", "biz_id": ""},
            {"sms_size": "999", "biz_id": "third^0"},
            *({"sms_size": "8", "biz_id": f"{n}^0"} for n in range(20)),
            {"sms_size": "8", "phone_number": numbers[1], "biz_id": "other^0"},
            {"sms_size": "8", "phone_number": numbers[1]},
            {"sms_size": "8", "phone_number": "13812345636"},
        )
    ]
    assert spent == [2, 2, 2, *[7] * 21, 14, 14, 14]


def test_a_flood_of_ids_does_not_make_the_budget_forget_a_number(
    api: SmsApi, store: SqliteStore
) -> None:
    leave_part(store, SECRET, "tester~order-1", NUMBER, "13812345635")
    keep([{**MAINLAND, "sms_size": "8"}], api, store, deadline=9.0)
    other = {**MAINLAND, "phone_number": "13812345635", "report_time": "2027-01-15 17:00:00"}
    keep([{**other, "biz_id": f"{n}^0"} for n in range(1000)], api, store, deadline=9.0)
    spent = store.totals(Limits(api).budget(1, is_abroad=False))
    keep([{**MAINLAND, "sms_size": "8"}], api, store, deadline=9.0)
    assert store.totals(Limits(api).budget(1, is_abroad=False)) == spent


def test_what_was_accepted_is_left_as_it_is(api: SmsApi, store: SqliteStore) -> None:
    accepted = record("accepted")._replace(biz_id="first^0", request_id="R-1")
    leave(store, 0, accepted)
    assert keep([MAINLAND], api, store, deadline=9.0).settled == 0
    assert store.get(record_key(WireId(SPACE, "order-1"), SECRET)) == record_text(accepted)


def test_a_message_that_was_never_sent_is_settled_nowhere(api: SmsApi, store: SqliteStore) -> None:
    assert keep([MAINLAND], api, store, deadline=9.0).settled == 0
    assert store.get(record_key(WireId(SPACE, "order-1"), SECRET)) is None
    assert len(kept(store, "order-1")) == 1


def test_settling_goes_on_when_the_record_moves_meanwhile(api: SmsApi, store: SqliteStore) -> None:
    leave(store, 0, record("sending"))

    wire_id = WireId(SPACE, "order-1")
    leased = read_part(store, wire_id, state_secret=SECRET)
    leave(store, 0, record("unknown"))
    message = SentMessage(wire_id, NUMBER, "2027-01-15 16:00:00")
    assert settle(store, api, message=message, record=leased)
    assert part_of(store, 0).state == "accepted"


# records of another version

WAITING = {**INTERNATIONAL, "Status": "3", "ErrorCode": "SENDING"}
OF_PART = Subject(wire_id="tester~order-2~3").key(SECRET)
OF_MESSAGE = Subject(message_id=MESSAGE_ID).key(SECRET)
# For each kind of record: its key, the receipt that makes it, the one that changes it.
CHANGED = {
    "the receipts of a part": (OF_PART, WAITING, INTERNATIONAL),
    "the receipts of a message": (
        OF_MESSAGE,
        without(WAITING, "TaskId"),
        without(INTERNATIONAL, "TaskId"),
    ),
    "the highest part": (
        parts_key(WireId(SPACE, "order-2"), SECRET),
        INTERNATIONAL,
        {**INTERNATIONAL, "TaskId": "tester~order-2~4"},
    ),
}


@pytest.fixture
def parts(store: SqliteStore) -> None:
    """The two parts whose receipts another version has kept."""
    for wire_id in ("tester~order-2~3", "tester~order-2~4"):
        leave_part(store, SECRET, wire_id, ABROAD)


# What is written of a receipt: all but its out_id.
MEMBERS = Receipt._fields[1 : Receipt._fields.index("others")]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(("key", "first", "second"), CHANGED.values(), ids=CHANGED)
def test_a_change_hands_on_what_a_later_version_wrote(
    api: SmsApi, store: SqliteStore, key: str, first: object, second: object
) -> None:
    keep([first], api, store, deadline=9.0)
    add_member(store, key)
    before = members_at(store, key)
    keep([second], api, store, deadline=9.0)
    after = members_at(store, key)
    assert has_later_member(after)
    assert after != before
    assert after.keys() == before.keys()


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("entry", [INTERNATIONAL, {**INTERNATIONAL, "MessageId": "another"}])
def test_what_a_later_version_wrote_of_a_receipt_stays_with_it(
    api: SmsApi, store: SqliteStore, entry: dict[str, Any]
) -> None:
    keep([WAITING], api, store, deadline=9.0)
    (receipt,) = members_at(store, OF_PART)["receipts"]
    rewrite(store, OF_PART, {"receipts": [{**receipt, **LATER}]})
    keep([entry], api, store, deadline=9.0)
    written = {receipt["message_id"]: receipt for receipt in members_at(store, OF_PART)["receipts"]}
    assert has_later_member(written.pop(MESSAGE_ID))
    assert not any(map(has_later_member, written.values()))
    assert {each.message_id for each in kept(store, "order-2")} == {MESSAGE_ID, entry["MessageId"]}


def test_a_receipt_that_is_final_stays_as_a_later_version_wrote_it(
    api: SmsApi, store: SqliteStore
) -> None:
    keep([INTERNATIONAL], api, store, deadline=9.0)
    (receipt,) = members_at(store, OF_PART)["receipts"]
    rewrite(store, OF_PART, {"receipts": [{**receipt, **LATER}]})
    keep([WAITING], api, store, deadline=9.0)
    assert members_at(store, OF_PART)["receipts"] == [{**receipt, **LATER}]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_receipt_without_a_member_has_its_default(
    api: SmsApi, store: SqliteStore, name: str
) -> None:
    entry = {**INTERNATIONAL, "TaskId": "tester~order-2", "ErrorCode": "EXPIRED"}
    key = Subject(wire_id="tester~order-2").key(SECRET)
    for status in ("1", "2"):
        keep([{**entry, "Status": status}], api, store, deadline=9.0)
    (whole,) = kept(store, "order-2")
    (receipt,) = members_at(store, key)["receipts"]
    rewrite(store, key, {"receipts": [without(receipt, name)]})
    missing = whole._replace(**{name: Receipt._field_defaults[name]})
    assert missing != whole
    assert kept(store, "order-2") == [missing]
    keep([{**entry, "MessageId": "another"}], api, store, deadline=9.0)
    assert missing in kept(store, "order-2")
    assert len(kept(store, "order-2")) == 2
    keep([entry], api, store, deadline=9.0)
    assert (whole._replace(contradicted_by={}) in kept(store, "order-2")) is (
        name in ("number_hash", "message_id", "status", "contradicted_by")
    )  # else it is that message's, and final


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(
    ("key", "name"),
    [
        (OF_PART, "receipts"),
        (parts_key(WireId(SPACE, "order-2"), SECRET), "highest"),
    ],
)
def test_a_record_without_its_member_is_read_and_completed_by_the_next_receipt(
    api: SmsApi, store: SqliteStore, key: str, name: str
) -> None:
    keep([INTERNATIONAL], api, store, deadline=9.0)
    expected = told(store)
    take_member(store, key, name)
    assert told(store) != expected
    keep([INTERNATIONAL], api, store, deadline=9.0)
    assert told(store) == expected


@pytest.mark.parametrize("change", [add_member, lambda s, k: take_member(s, k, "sealed_wire_id")])
def test_whose_a_message_is_stays_as_another_version_wrote_it(
    api: SmsApi, store: SqliteStore, change: Callable[[Store, str], None]
) -> None:
    keep([INTERNATIONAL], api, store, deadline=9.0)
    key = message_key(MESSAGE_ID, SECRET)
    change(store, key)
    before = members_at(store, key)
    keep([{**INTERNATIONAL, "TaskId": "tester~order-2~4"}], api, store, deadline=9.0)
    assert members_at(store, key) == before
    is_known = "sealed_wire_id" in before
    expected = WireId(SPACE, "order-2", 3) if is_known else None
    assert part_of_message(store, MESSAGE_ID, SECRET) == expected


def test_the_receipts_of_a_message_without_their_member_are_kept_anew(
    api: SmsApi, store: SqliteStore
) -> None:
    entry = without(INTERNATIONAL, "TaskId")
    note_message(store, api, message_id=MESSAGE_ID, wire_id=WireId(SPACE, "order-2"))
    keep([entry], api, store, deadline=9.0)
    expected = of_known_message(store, MESSAGE_ID)
    take_member(store, OF_MESSAGE, "receipts")
    assert of_known_message(store, MESSAGE_ID) == []
    keep([entry], api, store, deadline=9.0)
    assert of_known_message(store, MESSAGE_ID) == expected


@pytest.mark.parametrize("name", ["", "content", "number_hash", "sequence_id"])
def test_a_reply_that_another_version_kept_is_left_as_it_is(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]], name: str
) -> None:
    keep([REPLY], api, store, deadline=9.0)
    (key,) = (line["record"] for line in log_lines() if line["action"] == "reply")
    if name:
        take_member(store, key, name)
    else:
        add_member(store, key)
    before = members_at(store, key)
    assert keep([REPLY], api, store, deadline=9.0) == Tally(replies=1)
    assert members_at(store, key) == before


@pytest.mark.parametrize("state", ["sending", "unknown"])
def test_settling_hands_on_what_a_later_version_wrote(
    api: SmsApi, store: SqliteStore, state: str
) -> None:
    leave(store, 0, record(state))
    key = record_key(WireId(SPACE, "order-1"), SECRET)
    add_member(store, key)
    assert keep([MAINLAND], api, store, deadline=9.0).settled == 1
    assert has_later_member(members_at(store, key))
    assert part_of(store, 0).state == "accepted"


@pytest.mark.parametrize("name", PartRecord._fields[: PartRecord._fields.index("others")])
def test_a_part_whose_record_lacks_a_member_is_settled(
    api: SmsApi, store: SqliteStore, name: str
) -> None:
    leave(store, 0, record("unknown"))
    take_member(store, record_key(WireId(SPACE, "order-1"), SECRET), name)
    if name in ("state", "numbers"):  # nothing says that it is in doubt, or about whom it is
        assert keep([MAINLAND], api, store, deadline=9.0).settled == 0
        return
    assert keep([MAINLAND], api, store, deadline=9.0).settled == 1
    settled = record("accepted")._replace(code="OK", biz_id=BIZ_ID, lease_until=0)
    default = settled if name in ("code", "biz_id", "lease_until") else PartRecord()
    assert part_of(store, 0) == settled._replace(**{name: getattr(default, name)})


# whose a message is


@pytest.mark.parametrize("out_id", ["o", "order-1", "a" * 14, "a" * 15, "a" * 16, "9" * 200])
@pytest.mark.parametrize("part", [None, 0, 999_999])
def test_whose_a_message_is_can_be_read_with_the_secret_alone(
    api: SmsApi, store: SqliteStore, tmp_path: Path, out_id: str, part: int | None
) -> None:
    wire_id = WireId(SPACE, out_id, part)
    note_message(store, api, message_id=BIZ_ID, wire_id=wire_id)
    note_message(store, api, message_id="second^0", wire_id=wire_id)
    assert part_of_message(store, BIZ_ID, SECRET) == wire_id
    assert part_of_message(store, "second^0", SECRET) == wire_id
    assert part_of_message(store, BIZ_ID, "another-secret") is None
    assert part_of_message(store, "third^0", SECRET) is None
    first, second = (store.get(message_key(each, SECRET)) for each in (BIZ_ID, "second^0"))
    assert first != second
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert wire_id.text().encode() not in files
    assert SPACE.encode() not in files


def test_who_is_first_to_say_whose_a_message_is_is_believed(
    api: SmsApi, store: SqliteStore
) -> None:
    note_message(store, api, message_id=BIZ_ID, wire_id=WireId(SPACE, "order-1"))
    note_message(store, api, message_id=BIZ_ID, wire_id=WireId("another", "order-1"))
    assert part_of_message(store, BIZ_ID, SECRET) == WireId(SPACE, "order-1")
