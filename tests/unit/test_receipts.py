"""Receipts and replies: every shape read, kept once in any order, settled, and told again."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import receive_receipts
from shared.errors import ConfigurationError, StoreUnavailable
from shared.ids import split_wire_id, wire_out_id
from shared.platform.sms_api import SmsApi
from shared.receipts import keeping
from shared.receipts.keeping import Tally, keep
from shared.receipts.pushed import Reply, Report, read_entry
from shared.receipts.records import Receipt, of_message, of_out_id
from shared.sending.limits import Limits
from shared.sending.part_records import Record, record_key, settle
from shared.settings import read_receipt_token
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Count, Refused, Store, Written
from tests.unit.conftest import ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.trigger_events import API_KEY, Context, FunctionInfo, base64_event, http_event

SECRET = "state-secret-0123456789"
TOKEN = "receipt-token_0123456789"
NUMBER = "13812345634"
BIZ_ID = "900619746936498440^0"
MAINLAND: dict[str, Any] = {
    "phone_number": NUMBER,
    "send_time": "2027-01-15 16:00:00",
    "report_time": "2027-01-15 16:00:04",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "2",
    "biz_id": BIZ_ID,
    "out_id": "order-1",
}
INTERNATIONAL: dict[str, Any] = {
    "To": "85251234567",
    "SendDate": "Fri, 15 Jan 2027 09:00:00 +0100",
    "ReceiveDate": "Fri, 15 Jan 2027 16:00:04 +0800",
    "Status": "1",
    "ErrorCode": "success",
    "ErrorDescription": "success",
    "TaskId": "order-2~3",
    "SmsSize": "2",
    "MessageId": "1008030300001234",
}
REPLY: dict[str, Any] = {
    "phone_number": NUMBER,
    "content": "好的，谢谢",
    "send_time": "2027-01-15 16:05:00",
    "dest_code": "1234",
    "sequence_id": "1234567890",
}


def failed(**fields: Any) -> dict[str, Any]:
    return {**MAINLAND, "success": False, "err_code": "MOBILE_NOT_ON_SERVICE", **fields}


def without(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


# shapes


def test_a_mainland_receipt_is_read() -> None:
    expected = Report(
        NUMBER,
        "order-1",
        BIZ_ID,
        "delivered",
        "DELIVERED",
        "2027-01-15 16:00:00",
        "2027-01-15 16:00:04",
        2,
    )
    assert read_entry(MAINLAND) == expected


def test_an_international_receipt_is_read_in_the_platforms_time() -> None:
    assert read_entry(INTERNATIONAL) == Report(
        "85251234567",
        "order-2~3",
        "1008030300001234",
        "delivered",
        "success",
        "2027-01-15 16:00:00",
        "2027-01-15 16:00:04",
        2,
        is_of_globe=True,
    )


@pytest.mark.parametrize("sequence_id", ["1234567890", 1234567890, 1234567890.0])
@pytest.mark.parametrize("time", ["2027-01-15 16:05:00", "20270115160500", 20270115160500])
def test_a_reply_is_read(sequence_id: object, time: object) -> None:
    entry = {**REPLY, "sequence_id": sequence_id, "send_time": time, "sign_name": "签名"}
    assert read_entry(entry) == Reply(
        NUMBER, "好的，谢谢", "1234", "签名", "2027-01-15 16:05:00", "1234567890"
    )


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (MAINLAND, "delivered"),
        ({**MAINLAND, "success": "true"}, "delivered"),
        ({**MAINLAND, "success": "True", "err_code": ""}, "delivered"),
        ({**MAINLAND, "success": 1}, "delivered"),
        (failed(), "failed"),
        (failed(success="false"), "failed"),
        (failed(success=0), "failed"),
        (without(failed(), "err_code"), "failed"),
        (without(MAINLAND, "success"), "delivered"),
        (without(failed(), "success"), "failed"),
        ({**INTERNATIONAL, "Status": 1}, "delivered"),
        ({**INTERNATIONAL, "Status": "2", "ErrorCode": "MOBILE_IN_BLACK"}, "failed"),
        ({**INTERNATIONAL, "Status": 6, "ErrorCode": "EXPIRED"}, "failed"),
        ({**INTERNATIONAL, "Status": "3", "ErrorCode": "SENDING"}, "waiting"),
        ({**INTERNATIONAL, "Status": "3", "ErrorCode": "DELIVERED"}, "delivered"),
        (without(INTERNATIONAL, "Status"), "delivered"),
        ({**without(INTERNATIONAL, "Status"), "ErrorCode": "EXPIRED"}, "failed"),
    ],
)
def test_a_receipt_says_delivered_failed_or_waiting(entry: object, status: str) -> None:
    read = read_entry(entry)
    assert isinstance(read, Report)
    assert read.status == status


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"phone_number": int(NUMBER)}, {"phone_number": NUMBER}),
        ({"phone_number": float(NUMBER)}, {"phone_number": NUMBER}),
        ({"phone_number": f"+86{NUMBER}"}, {"phone_number": NUMBER}),
        ({"phone_number": "1381111****"}, {"phone_number": "1381111****"}),
        ({"phone_number": None}, {"phone_number": ""}),
        ({"out_id": None}, {"out_id": ""}),
        ({"out_id": 42}, {"out_id": "42"}),
        ({"out_id": "\ud800x"}, {"out_id": "?x"}),
        ({"out_id": ["x"]}, {"out_id": ""}),
        ({"biz_id": 123}, {"message_id": "123"}),
        ({"sms_size": 3}, {"sms_size": 3}),
        ({"sms_size": "many"}, {"sms_size": 0}),
        ({"sms_size": "²"}, {"sms_size": 0}),
        ({"sms_size": None}, {"sms_size": 0}),
        ({"send_time": "yesterday"}, {"send_date": ""}),
        ({"send_time": 10**400}, {"send_date": ""}),
        ({"report_time": "Mon, 99 Foo 99999 99:99:99 +9999"}, {"receive_date": ""}),
        ({"err_code": 7}, {"err_code": "7"}),
        ({"err_code": "x" * 1000}, {"err_code": "x" * 64}),
        ({"unknown": {"deep": [1]}, "more": "y"}, {}),
    ],
)
def test_odd_fields_of_a_receipt_are_borne(
    changes: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    read, usual = read_entry({**MAINLAND, **changes}), read_entry(MAINLAND)
    assert isinstance(usual, Report)
    assert read == usual._replace(**expected)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        1,
        "x",
        [],
        [MAINLAND],
        {},
        {"phone_number": NUMBER},
        without(MAINLAND, "success", "err_code"),
        without(MAINLAND, "out_id", "biz_id"),
        without(INTERNATIONAL, "TaskId", "MessageId"),
        without(INTERNATIONAL, "Status", "ErrorCode"),
        without(REPLY, "phone_number"),
        {"sign_name": "签名", "sign_status": "AUDIT_STATE_PASS"},
    ],
)
def test_what_is_neither_receipt_nor_reply_is_not_read(entry: object) -> None:
    assert read_entry(entry) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
known_fields = st.sampled_from(sorted({**MAINLAND, **INTERNATIONAL, **REPLY}))


@given(st.dictionaries(known_fields, json_values) | json_values)
def test_no_entry_is_too_odd_to_be_read(entry: object) -> None:
    read = read_entry(entry)
    assert read is None or json.dumps(read).encode("utf-8")


# keeping


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "state.sqlite3"))


@pytest.fixture
def api(api_to: ApiTo) -> SmsApi:
    return api_to("http://127.0.0.1:9", SMS_STATE_SECRET=SECRET)


def kept(store: Store, out_id: str) -> list[Receipt]:
    return of_out_id(store, SECRET, out_id)[0]


def test_a_receipt_is_kept_without_its_number(
    api: SmsApi, store: SqliteStore, tmp_path: Path
) -> None:
    assert keep([MAINLAND], api, store, 9.0) == Tally(reports=1)
    (receipt,) = kept(store, "order-1")
    assert receipt == Receipt(
        out_id="order-1",
        phone_number="*34",
        number_hash=str(api.log.numbers((NUMBER,))["number_hash"]),
        message_id=BIZ_ID,
        status="delivered",
        err_code="DELIVERED",
        send_date="2027-01-15 16:00:00",
        receive_date="2027-01-15 16:00:04",
        sms_size=2,
    )
    assert of_message(store, SECRET, BIZ_ID) == [receipt]
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert BIZ_ID.encode() in files
    assert NUMBER.encode() not in files


def test_a_receipt_without_out_id_is_found_by_its_message_id(
    api: SmsApi, store: SqliteStore
) -> None:
    keep([without(MAINLAND, "out_id"), {**MAINLAND, "biz_id": "other"}], api, store, 9.0)
    assert [(each.out_id, each.status) for each in of_message(store, SECRET, BIZ_ID)] == [
        ("", "delivered")
    ]
    assert [each.message_id for each in kept(store, "order-1")] == ["other"]


def test_all_parts_and_numbers_of_an_intent_are_listed(api: SmsApi, store: SqliteStore) -> None:
    reports = [
        {**MAINLAND, "out_id": wire_out_id("news", part, 12), "phone_number": f"138000{n:05}"}
        for part in (0, 2, 11)
        for n in range(part * 3, part * 3 + 3)
    ]
    random.Random(7).shuffle(reports)
    for batch in (reports[:4], reports[4:]):
        keep(batch, api, store, 9.0)
    found = kept(store, "news")
    assert sorted({each.out_id for each in found}) == ["news~0", "news~11", "news~2"]
    assert len({each.number_hash for each in found}) == 9


def test_many_parts_are_listed_piece_by_piece(api: SmsApi, store: SqliteStore) -> None:
    parts = (0, 99, 100, 101, 250)
    keep([{**MAINLAND, "out_id": f"file~{part}"} for part in parts], api, store, 9.0)
    pages, first = [], 0
    while True:
        found, first = of_out_id(store, SECRET, "file", first)
        pages.append([split_wire_id(each.out_id)[1] for each in found])
        if not first:
            break
    assert pages == [[0, 99], [100, 101], [250]]


@pytest.mark.parametrize(
    ("wire_id", "expected"),
    [
        ("order-1", ("order-1", 0)),
        ("order-1~0", ("order-1", 0)),
        ("order-1~12", ("order-1", 12)),
        ("a~b", ("a~b", 0)),
        ("a~1~2", ("a~1", 2)),
        ("~3", ("~3", 0)),
        ("a~", ("a~", 0)),
        ("a~1234567", ("a~1234567", 0)),
        ("a~١", ("a~١", 0)),
    ],
)
def test_a_wire_id_is_split_into_out_id_and_part(wire_id: str, expected: tuple[str, int]) -> None:
    assert split_wire_id(wire_id) == expected


def test_what_is_final_stays(api: SmsApi, store: SqliteStore) -> None:
    later = failed(report_time="2027-01-15 17:00:00")
    for entries in ([MAINLAND], [later], [MAINLAND, later], [later, MAINLAND]):
        keep(entries, api, store, 9.0)
        assert [each.status for each in kept(store, "order-1")] == ["delivered"]


def test_what_is_on_its_way_becomes_final_and_never_again_less(
    api: SmsApi, store: SqliteStore
) -> None:
    waiting = {**INTERNATIONAL, "Status": "3", "ErrorCode": "SENDING"}
    statuses = []
    for entry in (waiting, waiting, INTERNATIONAL, waiting):
        keep([entry], api, store, 9.0)
        statuses += [each.status for each in kept(store, "order-2")]
    assert statuses == ["waiting", "waiting", "delivered", "delivered"]


def test_two_messages_of_one_out_id_to_one_number_are_told_apart(
    api: SmsApi, store: SqliteStore
) -> None:
    keep([MAINLAND, failed(biz_id="second^0")], api, store, 9.0)
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
    ids = [of_message(store, SECRET, message_id) for message_id in ("M0", "M1", BIZ_ID)]
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
    keep(facts(), api, straight, 9.0)
    arriving = [*order, *repeats]
    bounds = [0, *sorted(cuts), len(arriving)]
    for begin, end in itertools.pairwise(bounds):
        keep(arriving[begin:end], api, store, 9.0)
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
    keep(entries, api, store, 9.0)
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

    def put(
        self,
        key: str,
        old: str | None,
        new: str,
        ttl: int,
        now: float,
        charge: Sequence[Count] = (),
        give_back: Sequence[Count] = (),
    ) -> Written | Refused | str:
        self.puts += 1
        if self.broken and self.puts > self._begin:
            raise StoreUnavailable("the state store cannot be used")
        return self._store.put(key, old, new, ttl, now, charge, give_back)


@pytest.mark.parametrize("begin", range(6))
def test_a_push_that_was_kept_in_part_is_completed_by_its_repeat(
    api: SmsApi, store: SqliteStore, tmp_path: Path, begin: int
) -> None:
    entries = [MAINLAND, INTERNATIONAL, REPLY]
    store.put(record_key("order-1", 0, SECRET), None, record("unknown").text(), 3600, 0)
    faulty = Faulty(store, begin)
    with pytest.raises(StoreUnavailable):
        keep(entries, api, faulty, 9.0)
    faulty.broken = False
    keep(entries, api, faulty, 9.0)
    straight = SqliteStore(str(tmp_path / "straight.sqlite3"))
    keep(entries, api, straight, 9.0)
    assert told(store) == told(straight)
    assert store.totals(Limits(api).budget(1, is_abroad=False)) == [1, 1]


class Racing(Faulty):
    """A store where somebody else keeps `entries` just before the first put."""

    def __init__(self, store: Store, api: SmsApi, entries: list[object]) -> None:
        super().__init__(store, 10**6)
        self._api, self._entries = api, entries

    def put(
        self, key: str, old: str | None, *arguments: Any, **more: Any
    ) -> Written | Refused | str:
        if self.puts == 0:
            self.puts = 1
            keep(self._entries, self._api, self._store, 9.0)
        return super().put(key, old, *arguments, **more)


def test_receipts_of_one_part_that_come_at_once_are_all_kept(
    api: SmsApi, store: SqliteStore
) -> None:
    others = [failed(phone_number=f"1380013800{n}") for n in range(3)]
    keep([MAINLAND], api, Racing(store, api, [*others]), 9.0)
    assert len(kept(store, "order-1")) == 4


def test_keeping_ends_at_the_deadline(api: SmsApi, store: SqliteStore, clock: ManualClock) -> None:
    clock.advance(9.0)
    with pytest.raises(StoreUnavailable):
        keep([MAINLAND], api, store, 9.0)
    assert kept(store, "order-1") == []


def test_a_reply_is_kept_once_and_logged_without_its_text(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    longer = {**REPLY, "sequence_id": "2", "content": "\ud800" + "x" * 5000}
    assert keep([REPLY, REPLY, longer], api, store, 9.0) == Tally(replies=3)
    events = [line for line in log_lines() if line["action"] == "reply"]
    assert events[0]["record"] == events[1]["record"] != events[2]["record"]
    text = store.get(events[0]["record"])
    assert text
    assert json.loads(text) == {
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


def test_two_replies_without_a_sequence_id_are_two(
    api: SmsApi, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    first = without(REPLY, "sequence_id")
    keep([first, {**first, "content": "TD"}, first], api, store, 9.0)
    records = [line["record"] for line in log_lines() if line["action"] == "reply"]
    assert (len(records), len(set(records))) == (3, 2)


# settling


def record(state: str) -> Record:
    return Record(state, "digest", 2, 100, 200, 300, "owner", "answer-lost", "", "")


@pytest.mark.parametrize("state", ["sending", "unknown", "rejected"])
@pytest.mark.parametrize("entry", [MAINLAND, failed()])
def test_a_receipt_settles_what_was_in_doubt(
    api: SmsApi, store: SqliteStore, state: str, entry: dict[str, Any]
) -> None:
    key = record_key("order-1", 4, SECRET)
    store.put(key, None, record(state).text(), 3600, 0)
    assert keep([{**entry, "out_id": "order-1~4"}], api, store, 9.0).settled == 1
    expected = record(state)._replace(state="accepted", code="OK", biz_id=BIZ_ID, lease_until=0)
    assert Record.read(store.get(key) or "") == expected
    assert keep([entry], api, store, 9.0).settled == 0


def test_what_was_accepted_is_left_as_it_is(api: SmsApi, store: SqliteStore) -> None:
    key = record_key("order-1", 0, SECRET)
    accepted = record("accepted")._replace(biz_id="first^0", request_id="R-1")
    store.put(key, None, accepted.text(), 3600, 0)
    assert keep([MAINLAND], api, store, 9.0).settled == 0
    assert store.get(key) == accepted.text()


def test_a_message_that_was_never_sent_is_settled_nowhere(api: SmsApi, store: SqliteStore) -> None:
    assert keep([MAINLAND], api, store, 9.0).settled == 0
    assert store.get(record_key("order-1", 0, SECRET)) is None
    assert len(kept(store, "order-1")) == 1


def test_settling_goes_on_when_the_record_moves_meanwhile(api: SmsApi, store: SqliteStore) -> None:
    key = record_key("order-1", 0, SECRET)
    store.put(key, None, record("sending").text(), 3600, 0)

    class Moving(Faulty):
        def get(self, key: str) -> str | None:
            text = super().get(key)
            store.put(key, text, record("unknown").text(), 3600, 0)
            return text

    assert settle(Moving(store, 10**6), api, "order-1", "")
    assert Record.read(store.get(key) or "").state == "accepted"


# the function


@pytest.fixture
def receiving(environment: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment of a function that takes receipts; there are API keys, too."""
    environment.setenv("SMS_RECEIPT_TOKEN", TOKEN)
    environment.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.sqlite3")
    environment.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    environment.setenv("SMS_STATE_SECRET", SECRET)
    return environment


def push(body: object, path: str = f"/receipts/{TOKEN}", **arguments: Any) -> tuple[int, Any]:
    arguments = {"key": None, "path": path, **arguments}
    event = body if isinstance(body, bytes) else http_event(body, **arguments)
    answered: Any = receive_receipts.handler(event, Context(function=FunctionInfo(timeout=30)))
    return answered["statusCode"], json.loads(answered["body"])


def test_a_push_is_answered_with_a_number_once_it_is_kept(
    receiving: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, body = push([MAINLAND, INTERNATIONAL, REPLY])
    assert (status, body["code"]) == (200, 0)
    assert body["msg"]
    store = SqliteStore(f"{tmp_path}/state.sqlite3")
    assert [len(kept(store, out_id)) for out_id in ("order-1", "order-2")] == [1, 1]
    logged = capsys.readouterr().out
    for secret in (TOKEN, NUMBER, "85251234567", "好的", "order-1"):
        assert secret not in logged
    lines = [json.loads(line) for line in logged.splitlines()]
    (told,) = [line for line in lines if line["action"] == "receipts"]
    assert (told["reports"], told["replies"], told["unreadable"]) == (2, 1, 0)


def test_a_base64_body_and_an_empty_array_are_taken(receiving: pytest.MonkeyPatch) -> None:
    content = json.dumps([MAINLAND]).encode()
    event = base64_event(content, key=None, path=f"/receipts/{TOKEN}")
    assert push(event)[1]["code"] == 0
    assert push([])[1]["code"] == 0


def test_entries_that_cannot_be_read_do_not_keep_the_others_out(
    receiving: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, body = push([None, {"foo": 1}, MAINLAND, [MAINLAND]])
    assert (status, body["code"]) == (200, 0)
    assert len(kept(SqliteStore(f"{tmp_path}/state.sqlite3"), "order-1")) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [line for line in lines if line["action"] == "receipts"]
    assert (told["level"], told["reports"], told["unreadable"]) == ("warning", 1, 3)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("not json", 400),
        ("[" * 100_000, 400),
        ('[{"a": NaN}]', 400),
        ({}, 422),
        (MAINLAND, 422),
        ("null", 422),
        ("7", 422),
        ([1, 2], 422),
        ([[]], 422),
        ([{"sign_name": "x"}], 422),
        ("[" + "1," * 600_000 + "1]", 413),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_body_of_another_shape_is_refused(
    receiving: pytest.MonkeyPatch, body: object, status: int
) -> None:
    answered, problem = push(body)
    assert (answered, problem["status"]) == (status, status)
    assert not isinstance(problem["code"], int)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/receipts",
        "/receipts/",
        f"/receipts/{TOKEN}x",
        f"/receipts/{TOKEN[:-1]}",
        f"/receipts/{TOKEN.upper()}",
        f"/receipts/{TOKEN}/",
        f"/receipts/x/{TOKEN}",
        f"/{TOKEN}",
        TOKEN,
        "/receipts/\ud800",
        f"/receipts/{hashlib.sha256(TOKEN.encode()).hexdigest()}",
    ],
)
def test_without_the_token_there_is_nothing(
    receiving: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    for key in (None, API_KEY):
        status, body = push([MAINLAND], path, key=key)
        assert (status, body["code"]) == (404, "not-found")
    assert not (tmp_path / "state.sqlite3").exists()


@pytest.mark.parametrize("token", ["", "   "])
def test_without_a_token_set_it_is_closed_and_the_log_says_what_to_set(
    receiving: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    receiving.setenv("SMS_RECEIPT_TOKEN", token)
    receiving.setenv("SMS_AUTH", "function")
    for path in ("/receipts/", "/receipts/x", "/", f"/receipts/{TOKEN}"):
        assert push([MAINLAND], path, key=API_KEY)[0] == 404
    assert "SMS_RECEIPT_TOKEN is not set" in capsys.readouterr().out


@pytest.mark.parametrize("auth", ["trigger", "function", "jwt"])
def test_a_trigger_that_authenticates_does_not_replace_the_token(
    receiving: pytest.MonkeyPatch, auth: str
) -> None:
    receiving.setenv("SMS_AUTH", auth)
    assert push([MAINLAND], "/receipts/guess")[0] == 404
    assert push([MAINLAND])[0] == 200


@pytest.mark.parametrize("token", ["short", "x" * 15, "x" * 201, "with/slash-0123456", "spaß" * 8])
def test_a_token_that_is_weak_or_no_path_segment_opens_nothing(
    receiving: pytest.MonkeyPatch, token: str
) -> None:
    receiving.setenv("SMS_RECEIPT_TOKEN", token)
    status, body = push([MAINLAND], f"/receipts/{token}")
    assert (status, body["code"]) == (500, "configuration")
    assert "SMS_RECEIPT_TOKEN" in body["detail"]
    assert token not in body["detail"]


def test_a_token_may_be_long() -> None:
    assert read_receipt_token({"SMS_RECEIPT_TOKEN": f" {'x' * 200} "}) == "x" * 200
    assert read_receipt_token({}) == ""


def test_only_post_is_taken(receiving: pytest.MonkeyPatch) -> None:
    status, body = push([MAINLAND], method="GET")
    assert (status, body["code"]) == (405, "method-not-allowed")


def test_without_a_store_nothing_is_answered_as_kept(
    receiving: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    receiving.delenv("SMS_STATE_URL")
    status, body = push([MAINLAND])
    assert (status, body["code"]) == (500, "configuration")
    assert "SMS_STATE_URL" in capsys.readouterr().out


def test_a_store_that_fails_lets_the_platform_push_again_and_the_log_says_why(
    receiving: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    receiving.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/missing/state.sqlite3")
    status, body = push([MAINLAND])
    assert (status, body["code"], body["retryable"]) == (503, "store-unavailable", True)
    told, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["level"], told["action"], told["outcome"]) == ("error", "store", "failed")
    assert "the file of SMS_STATE_URL cannot be used" in told["detail"]


@pytest.mark.parametrize("event", [b"", b"{}", b"[]", b"\xff", b"[" * 9999])
def test_an_event_of_another_kind_is_refused_quietly(
    receiving: pytest.MonkeyPatch, event: bytes
) -> None:
    assert push(event)[0] == 400


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.dictionaries(known_fields, json_values) | json_values, max_size=4))
def test_no_array_makes_the_function_fail(
    receiving: pytest.MonkeyPatch, entries: list[object]
) -> None:
    status, body = push(entries)
    assert status in (200, 400, 422), body


def test_what_needs_a_store_says_so(api_to: ApiTo) -> None:
    from shared.trigger.invocation import Invocation

    api = api_to("http://127.0.0.1:9")
    with pytest.raises(ConfigurationError):
        keeping.required_store(Invocation(api, 9.0))
