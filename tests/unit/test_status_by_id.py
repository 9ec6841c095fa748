"""Questions by id: answered from stored receipts, and by the platform where they say too little."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from shared.errors import InvalidRequest, PlatformRefused, StoreUnavailable
from shared.ids import WireId
from shared.platform.sms_api import SmsApi
from shared.receipts.keeping import keep
from shared.receipts.records import Receipt, Subject
from shared.receipts.status_by_id import IdQuestion, find_by_id, read_id_question
from shared.sending.message_index import note_message
from shared.sending.part_records import PartRecord, record_key
from shared.state.store import Store
from shared.trigger.invocation import Invocation
from tests.unit.conftest import ApiTo
from tests.unit.other_versions import LATER, add_member, members_at, rewrite, take_member
from tests.unit.scripted_server import answer, hang_up
from tests.unit.sent_parts import SENT_AT, leave_part
from tests.unit.sms_platform import Platform, refused
from tests.unit.trigger_events import SPACE

NUMBER, ABROAD = "13800138000", "85251234567"
SECRET = "state-secret-0123456789"
GLOBE = "SendMessageToGlobe"
REPORT: dict[str, Any] = {
    "phone_number": NUMBER,
    "send_time": "2027-01-15 16:00:01",
    "report_time": "2027-01-15 16:00:09",
    "success": True,
    "err_code": "DELIVERED",
    "sms_size": "1",
    "biz_id": "9006^0",
    "out_id": "tester~order-1",
}
GLOBE_REPORT: dict[str, Any] = {
    "To": ABROAD,
    "SendDate": "Fri, 15 Jan 2027 16:00:00 +0800",
    "Status": "3",
    "ErrorCode": "SENDING",
    "TaskId": "tester~order-2~1",
    "MessageId": "1008030300001234",
    "SmsSize": "2",
}
GLOBE_STATUS: dict[str, Any] = {
    "ResponseCode": "OK",
    "ResponseDescription": "OK",
    "Status": "1",
    "ErrorCode": "DELIVERED",
    "ErrorDescription": "success",
    "MessageId": "1008030300001234",
    "To": "85251234567",
    "SendDate": "Fri, 15 Jan 2027 16:00:00 +0800",
    "ReceiveDate": "Fri, 15 Jan 2027 16:00:04 +0800",
}


class StatefulApi(Protocol):
    """Makes an SmsApi whose state is in the file at `path`, without state where that is empty."""

    def __call__(self, path: Path | None) -> SmsApi: ...


@pytest.fixture
def stateful(api_to: ApiTo, endpoint: str) -> StatefulApi:
    def make(path: Path | None) -> SmsApi:
        return api_to(
            endpoint,
            SMS_INTERNATIONAL_ENDPOINT=endpoint,
            SMS_STATE_URL=f"sqlite://{path}" if path else "",
            SMS_ALLOW_LOCAL_STATE="1",
            SMS_STATE_SECRET=SECRET,
        )

    return make


@pytest.fixture
def api(stateful: StatefulApi, tmp_path: Path) -> SmsApi:
    return stateful(tmp_path / "state.sqlite3")


@pytest.fixture
def broken(stateful: StatefulApi, tmp_path: Path) -> SmsApi:
    return stateful(tmp_path / "missing" / "state.sqlite3")


@pytest.fixture
def store(api: SmsApi) -> Store:
    store = asking(api).store
    assert store
    return store


def asking(api: SmsApi, space: str = SPACE) -> Invocation:
    """Return an invocation of a caller of `space`, with the state that `api` is set up for."""
    return Invocation(api, 9.0, space)


BY_MESSAGE = IdQuestion("", "1008030300001234", 0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"out_id": "order-1"}, IdQuestion("order-1", "", 0)),
        ({"out_id": "order-1", "first_part": "100"}, IdQuestion("order-1", "", 100)),
        ({"out_id": "", "message_id": "9006^0"}, IdQuestion("", "9006^0", 0)),
    ],
)
def test_an_id_question_is_read(query: Mapping[str, str], expected: IdQuestion) -> None:
    assert read_id_question(query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "out_id"),
        ({"out_id": ""}, "out_id"),
        ({"out_id": "a~1"}, "out_id"),
        ({"out_id": "x" * 201}, "out_id"),
        ({"out_id": "a", "message_id": "b"}, "message_id"),
        *(({"message_id": text}, "message_id") for text in ("中", "a b", "1\n", "１", "a/b")),
        ({"message_id": "x" * 65}, "message_id"),
        ({"out_id": "a", "first_part": "-1"}, "first_part"),
        ({"out_id": "a", "first_part": "٣"}, "first_part"),
        ({"out_id": "a", "first_part": "1000000"}, "first_part"),
    ],
)
def test_an_id_question_names_what_is_wrong(query: Mapping[str, str], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_id_question(query)
    assert (caught.value.status, caught.value.field) == (422, field)


def test_an_out_id_is_answered_from_receipts_alone(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    for part in (0, 1):
        leave_part(store, SECRET, f"tester~order-1~{part}", NUMBER)
    reports = [
        {**REPORT, "out_id": "tester~order-1~0"},
        {**REPORT, "out_id": "tester~order-1~1", "success": False},
    ]
    keep(reports, api, store, deadline=9.0)
    found, next_part = find_by_id(IdQuestion("order-1", "", 0), asking(api))
    assert next_part == 0
    assert found[0] == {
        "phone_number": "*00",
        "number_hash": api.log.numbers((NUMBER,))["number_hash"],
        "status": "delivered",
        "err_code": "DELIVERED",
        "meaning": "reached the handset",
        "send_date": "2027-01-15 16:00:01",
        "receive_date": "2027-01-15 16:00:09",
        "out_id": "order-1",
        "message_id": "9006^0",
        "sms_size": 1,
    }
    assert [each["out_id"] for each in found] == ["order-1"] * 2
    assert (found[1]["status"], found[1]["contradictory"]) == ("failed", True)
    assert platform.calls == []


def test_another_final_status_that_came_later_is_shown_beside_the_first(
    api: SmsApi, store: Store
) -> None:
    leave_part(store, SECRET, "tester~order-1", NUMBER)
    late = {
        **REPORT,
        "success": False,
        "err_code": "NO_ROUTE",
        "report_time": "2027-01-15 17:00:00",
    }
    keep([REPORT], api, store, deadline=9.0)
    keep([late], api, store, deadline=9.0)
    for question in (IdQuestion("order-1", "", 0), IdQuestion("", "9006^0", 0)):
        ((found,), _) = find_by_id(question, asking(api))
        assert (found["status"], found["err_code"]) == ("delivered", "DELIVERED")
        assert found["contradicted_by"] == {
            "status": "failed",
            "err_code": "NO_ROUTE",
            "receive_date": "2027-01-15 17:00:00",
        }
        assert "contradictory" not in found


def test_an_out_id_with_many_parts_is_answered_piece_by_piece(api: SmsApi, store: Store) -> None:
    for part in (0, 150):
        leave_part(store, SECRET, f"tester~file~{part}", NUMBER)
    reports = [{**REPORT, "out_id": f"tester~file~{part}"} for part in (0, 150)]
    keep(reports, api, store, deadline=9.0)
    found, next_part = find_by_id(IdQuestion("file", "", 0), asking(api))
    assert (len(found), next_part) == (1, 100)
    assert find_by_id(IdQuestion("file", "", 100), asking(api))[1] == 0
    assert find_by_id(IdQuestion("file", "", 300), asking(api)) == ([], 0)


def test_without_state_an_out_id_needs_the_number(
    platform: Platform, stateful: StatefulApi
) -> None:
    with pytest.raises(InvalidRequest, match="phone_number and send_date") as caught:
        find_by_id(IdQuestion("order-1", "", 0), asking(stateful(None)))
    assert (caught.value.status, caught.value.field) == (422, "out_id")
    assert platform.calls == []


def not_found(out_id: str, api: SmsApi, space: str = SPACE) -> tuple[int, str, str]:
    """Ask for an out_id of which nothing is known; return status, code and text."""
    with pytest.raises(InvalidRequest) as caught:
        find_by_id(IdQuestion(out_id, "", 0), asking(api, space))
    return caught.value.status, caught.value.code, str(caught.value)


def test_an_out_id_that_never_was_is_a_404(platform: Platform, api: SmsApi) -> None:
    status, code, text = not_found("order-1", api)
    assert (status, code) == (404, "no-such-send")
    assert "SMS_INTENT_TTL" in text
    assert platform.calls == []


@pytest.mark.parametrize(
    ("members", "status", "code", "word"),
    [
        ({"state": "sending", "lease_until": SENT_AT + 60, "code": ""}, "in-progress", "", "again"),
        ({"state": "sending", "code": ""}, "unknown", "", "never sends twice"),
        ({"state": "unknown", "code": "answer-lost"}, "unknown", "answer-lost", "may have taken"),
        ({"state": "of-a-later-version"}, "unknown", "OK", "may have taken"),
        ({}, "waiting", "", "no receipt"),
        (
            {"state": "rejected", "code": "isv.AMOUNT_NOT_ENOUGH"},
            "rejected",
            "isv.AMOUNT_NOT_ENOUGH",
            "money",
        ),
        ({"state": "rejected", "code": "connection-failed"}, "rejected", None, "nothing was sent"),
        ({"state": "rejected", "code": "mainland-per-day"}, "rejected", None, "mainland-per-day"),
        ({"state": "rejected", "code": "isv.NEW", "action": "x"}, "rejected", None, "documented"),
    ],
)
def test_a_part_without_a_receipt_is_a_row_that_says_what_its_record_knows(
    api: SmsApi, store: Store, members: dict[str, Any], status: str, code: str | None, word: str
) -> None:
    leave_part(store, SECRET, "tester~order-1", NUMBER, biz_id="9006^0", **members)
    (row,), next_part = find_by_id(IdQuestion("order-1", "", 0), asking(api))
    assert (row["status"], next_part) == (status, 0)
    assert row["code"] == (members["code"] if code is None else code)
    assert word in str(row["meaning"])
    assert (row["out_id"], row["part"], row["message_id"]) == ("order-1", 0, "9006^0")
    assert row["send_date"] == "2027-01-15 16:00:00"


def test_parts_are_rows_until_receipts_come_and_then_each_number_is_one(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    numbers = (NUMBER, "13900139000")
    for part in (0, 1, 3):  # part 2 was refused by a limit, which leaves nothing
        leave_part(store, SECRET, f"tester~order-1~{part}", *numbers, parts=4)
    receipts = [
        {**REPORT, "out_id": "tester~order-1~1", "phone_number": number} for number in numbers
    ]
    keep(receipts, api, store, deadline=9.0)
    found, _ = find_by_id(IdQuestion("order-1", "", 0), asking(api))
    assert [each.get("part") for each in found] == [0, None, None, 3]
    assert [each["status"] for each in found] == ["waiting", "delivered", "delivered", "waiting"]
    assert platform.calls == []


def test_a_receipt_of_a_part_that_was_never_sent_is_not_shown(api: SmsApi, store: Store) -> None:
    leave_part(store, SECRET, "tester~order-1", NUMBER)
    keep([{**REPORT, "out_id": "tester~order-1~1", "success": False}], api, store, deadline=9.0)
    (row,), next_part = find_by_id(IdQuestion("order-1", "", 0), asking(api))
    assert (row["status"], next_part) == ("waiting", 0)


def test_the_parts_of_a_file_are_found_although_each_is_an_intent(
    api: SmsApi, store: Store
) -> None:
    for part in range(102):
        leave_part(store, SECRET, f"tester~file~{part}", NUMBER)
    found, next_part = find_by_id(IdQuestion("file", "", 0), asking(api))
    assert (len(found), next_part) == (100, 100)
    found, next_part = find_by_id(IdQuestion("file", "", next_part), asking(api))
    assert ([each["part"] for each in found], next_part) == ([100, 101], 0)


def sent_abroad(store: Store, part: int, message_id: str, **fields: Any) -> None:
    """Leave the record that SendMessageToGlobe leaves when it accepted a part of order-2."""
    fields = {"action": GLOBE, "biz_id": message_id, **fields}
    leave_part(store, SECRET, f"tester~order-2~{part}", ABROAD, **fields)


def test_a_message_abroad_without_a_receipt_is_asked_for_by_the_id_in_its_record(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    platform.decide("QueryMessage", lambda asked: answer({**GLOBE_STATUS, **asked}))
    for part, message_id in ((1, "1008030300001234"), (2, ""), (3, "3"), (49, "49")):
        state = "accepted" if message_id else "sending"
        sent_abroad(store, part, message_id, state=state, parts=50)
    keep([{**GLOBE_REPORT, "Status": "1", "ErrorCode": "DELIVERED"}], api, store, deadline=9.0)
    found, next_part = find_by_id(IdQuestion("order-2", "", 0), asking(api))
    assert [asked["MessageId"] for asked in platform.asked("QueryMessage")] == ["3", "49"]
    assert [each["message_id"] for each in found] == ["1008030300001234", "", "3", "49"]
    assert {each["out_id"] for each in found} == {"order-2"}
    assert found.pop(1)["status"] == "unknown"
    assert {each["status"] for each in found} == {"delivered"}
    assert {each["phone_number"] for each in found} == {"*67"}
    assert next_part == 0


def test_a_message_abroad_whose_receipt_is_not_final_is_asked_for(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    platform.on("QueryMessage", answer(GLOBE_STATUS))
    sent_abroad(store, 1, "1008030300001234")
    keep([GLOBE_REPORT], api, store, deadline=9.0)
    ((found,), _) = find_by_id(IdQuestion("order-2", "", 0), asking(api))
    assert (found["status"], found["sms_size"]) == ("delivered", 2)


@pytest.mark.parametrize("status", ["1", "3"])
def test_a_receipt_that_names_no_message_is_that_of_its_part(
    platform: Platform, api: SmsApi, store: Store, status: str
) -> None:
    platform.on("QueryMessage", refused("DATA_NOT_EXIST"))
    sent_abroad(store, 1, "1008030300001234")
    keep([{**GLOBE_REPORT, "Status": status, "MessageId": ""}], api, store, deadline=9.0)
    ((found,), _) = find_by_id(IdQuestion("order-2", "", 0), asking(api))
    assert found["status"] == ("delivered" if status == "1" else "waiting")
    assert len(platform.asked("QueryMessage")) == (0 if status == "1" else 1)


@pytest.mark.parametrize("message_id", ["1008030300001234", ""])
def test_a_message_abroad_that_is_not_visible_yet_is_the_row_of_its_part(
    platform: Platform, api: SmsApi, store: Store, message_id: str
) -> None:
    platform.on("QueryMessage", refused("DATA_NOT_EXIST"))
    sent_abroad(store, 0, message_id)
    ((found,), _) = find_by_id(IdQuestion("order-2", "", 0), asking(api))
    assert (found["status"], found["message_id"]) == ("waiting", message_id)


def test_an_answer_is_whole_or_an_error(platform: Platform, api: SmsApi, store: Store) -> None:
    platform.on("QueryMessage", refused("isp.RAM_PERMISSION_DENY"))
    sent_abroad(store, 1, "1008030300001234")
    keep([GLOBE_REPORT], api, store, deadline=9.0)
    assert len(find_by_id(IdQuestion("order-2", "", 0), asking(api))[0]) == 1
    sent_abroad(store, 2, "2")
    with pytest.raises(PlatformRefused):
        find_by_id(IdQuestion("order-2", "", 0), asking(api))


def test_of_an_api_that_has_numbers_only_the_platform_is_not_asked(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    for part in range(3):
        sent_abroad(store, part, "9006^0", action="SendBatchSms")
    found, _ = find_by_id(IdQuestion("order-2", "", 0), asking(api))
    assert [each["status"] for each in found] == ["waiting"] * 3
    assert platform.calls == []


@pytest.mark.parametrize("question", [IdQuestion("order-1", "", 0), BY_MESSAGE])
def test_an_id_cannot_be_answered_while_the_store_is_down(
    platform: Platform, broken: SmsApi, question: IdQuestion
) -> None:
    with pytest.raises(StoreUnavailable):
        find_by_id(question, asking(broken))
    assert platform.calls == []


def test_a_message_id_with_a_final_receipt_is_answered_from_it(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    keep([{**GLOBE_REPORT, "Status": "2", "ErrorCode": "EXPIRED"}], api, store, deadline=9.0)
    ((found,), _) = find_by_id(BY_MESSAGE, asking(api))
    assert (found["status"], found["out_id"], found["phone_number"]) == ("failed", "order-2", "*67")
    assert platform.calls == []


def sent_as(api: SmsApi, wire_id: WireId, message_id: str = BY_MESSAGE.message_id) -> None:
    """Leave what a send leaves to say whose its message is."""
    store = asking(api).store
    assert store
    note_message(store, api, message_id=message_id, wire_id=wire_id)


@pytest.mark.parametrize("kept", [[], [GLOBE_REPORT]])
def test_a_message_id_without_a_final_receipt_is_asked_for(
    platform: Platform, api: SmsApi, store: Store, kept: list[object]
) -> None:
    platform.on("QueryMessage", answer(GLOBE_STATUS))
    sent_as(api, WireId(SPACE, "order-2", 1))
    keep(kept, api, store, deadline=9.0)
    ((found,), _) = find_by_id(BY_MESSAGE, asking(api))
    assert platform.asked("QueryMessage") == [{"MessageId": "1008030300001234"}]
    assert (found["status"], found["phone_number"], found["receive_date"]) == (
        "delivered",
        "*67",
        "2027-01-15 16:00:04",
    )
    assert (found["out_id"], found["sms_size"]) == ("order-2", 2 if kept else 0)


def test_a_message_id_needs_state_for_only_that_knows_whose_it_is(
    platform: Platform, stateful: StatefulApi
) -> None:
    platform.on("QueryMessage", answer(GLOBE_STATUS))
    with pytest.raises(InvalidRequest, match="SMS_STATE_URL") as caught:
        find_by_id(BY_MESSAGE, asking(stateful(None)))
    assert (caught.value.status, caught.value.field) == (422, "message_id")
    assert platform.calls == []


def test_a_message_id_that_nobody_knows_is_an_empty_list(platform: Platform, api: SmsApi) -> None:
    platform.on("QueryMessage", answer(GLOBE_STATUS))
    assert find_by_id(BY_MESSAGE, asking(api)) == ([], 0)
    assert platform.calls == []


def test_a_message_of_ones_own_that_the_platform_does_not_know_is_an_empty_list(
    platform: Platform, api: SmsApi
) -> None:
    platform.on("QueryMessage", refused("DATA_NOT_EXIST"))
    sent_as(api, WireId(SPACE, "order-2", 1))
    assert find_by_id(BY_MESSAGE, asking(api)) == ([], 0)
    assert len(platform.asked("QueryMessage")) == 1


def test_a_receipt_without_an_out_id_is_that_of_a_message_that_was_sent(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    sent_as(api, WireId(SPACE, "order-1"), "9006^0")
    keep([{**REPORT, "out_id": ""}], api, store, deadline=9.0)
    by_message = IdQuestion("", "9006^0", 0)
    ((found,), _) = find_by_id(by_message, asking(api))
    assert (found["status"], found["out_id"], found["message_id"]) == (
        "delivered",
        "order-1",
        "9006^0",
    )
    assert find_by_id(by_message, asking(api, "another")) == ([], 0)
    assert platform.calls == []


# whose a message is


def test_what_is_of_another_space_is_as_if_it_had_never_been(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    platform.on("QueryMessage", answer(GLOBE_STATUS))
    sent_abroad(store, 1, "1008030300001234")
    sent_as(api, WireId(SPACE, "order-2", 1))
    keep([REPORT, GLOBE_REPORT], api, store, deadline=9.0)
    for message_id in ("9006^0", "1008030300001234", "never"):
        assert find_by_id(IdQuestion("", message_id, 0), asking(api, "another")) == ([], 0)
    said = [not_found(out_id, api, "another") for out_id in ("order-1", "order-2", "never")]
    assert said == [said[0]] * 3
    for out_id in ("order-1", "order-2", "never"):  # of parts from 1 on there may be none
        assert find_by_id(IdQuestion(out_id, "", 1), asking(api, "another")) == ([], 0)
    assert platform.calls == []


def test_the_same_out_id_in_two_spaces_is_two_intents(api: SmsApi, store: Store) -> None:
    others = {**REPORT, "out_id": "another~order-1", "biz_id": "9007^0", "success": False}
    keep([REPORT, others], api, store, deadline=9.0)
    for space, status, message_id in (
        (SPACE, "delivered", "9006^0"),
        ("another", "failed", "9007^0"),
    ):
        ((found,), _) = find_by_id(IdQuestion("order-1", "", 0), asking(api, space))
        assert (found["status"], found["message_id"]) == (status, message_id)


def test_nobody_can_claim_a_message_that_was_sent(api: SmsApi, store: Store) -> None:
    """A receipt may be forged by whoever knows the URL of receipts."""
    sent_as(api, WireId(SPACE, "order-1"), "9006^0")
    keep([{**REPORT, "out_id": "another~order-1"}], api, store, deadline=9.0)
    assert find_by_id(IdQuestion("", "9006^0", 0), asking(api, "another")) == ([], 0)


@pytest.mark.parametrize(
    "scene",
    [
        hang_up(),
        refused("DATA_NOT_EXIST"),
        answer({**GLOBE_STATUS, "Status": "3", "ErrorCode": ""}),
    ],
)
def test_a_receipt_that_is_not_final_is_better_than_nothing(
    platform: Platform, api: SmsApi, store: Store, scene: Any
) -> None:
    platform.on("QueryMessage", scene)
    keep([GLOBE_REPORT], api, store, deadline=9.0)
    ((found,), _) = find_by_id(BY_MESSAGE, asking(api))
    assert (found["status"], found["out_id"]) == ("waiting", "order-2")


def test_a_message_id_that_cannot_be_asked_for_raises(platform: Platform, api: SmsApi) -> None:
    platform.on("QueryMessage", refused("isp.RAM_PERMISSION_DENY"))
    sent_as(api, WireId(SPACE, "order-2", 1))
    with pytest.raises(PlatformRefused):
        find_by_id(BY_MESSAGE, asking(api))


# records of another version

OF_ORDER = Subject(wire_id="tester~order-1").key(SECRET)


def test_what_a_later_version_wrote_of_a_receipt_is_not_shown(api: SmsApi, store: Store) -> None:
    keep([REPORT], api, store, deadline=9.0)
    expected = find_by_id(IdQuestion("order-1", "", 0), asking(api))
    members = members_at(store, OF_ORDER)
    (receipt,) = members["receipts"]
    rewrite(store, OF_ORDER, {**members, "receipts": [{**receipt, **LATER}], **LATER})
    assert find_by_id(IdQuestion("order-1", "", 0), asking(api)) == expected


@pytest.mark.parametrize("name", Receipt._fields[1 : Receipt._fields.index("contradictory")])
def test_a_receipt_that_lacks_a_member_is_shown_with_its_default(
    api: SmsApi, store: Store, name: str
) -> None:
    keep([REPORT], api, store, deadline=9.0)
    ((expected,), _) = find_by_id(IdQuestion("order-1", "", 0), asking(api))
    (receipt,) = members_at(store, OF_ORDER)["receipts"]
    del receipt[name]
    rewrite(store, OF_ORDER, {"receipts": [receipt]})
    ((found,), _) = find_by_id(IdQuestion("order-1", "", 0), asking(api))
    default = Receipt._field_defaults[name]
    meaning = "" if name == "err_code" else expected["meaning"]
    assert found == {**expected, name: default, "meaning": meaning}
    assert found != expected


def test_a_message_abroad_is_asked_for_by_a_record_of_a_later_version(
    platform: Platform, api: SmsApi, store: Store
) -> None:
    platform.on("QueryMessage", answer(GLOBE_STATUS))
    sent_abroad(store, 0, "1008030300001234")
    add_member(store, record_key(WireId(SPACE, "order-2", 0), SECRET))
    ((found,), _) = find_by_id(IdQuestion("order-2", "", 0), asking(api))
    assert (found["status"], found["message_id"]) == ("delivered", "1008030300001234")


@pytest.mark.parametrize("name", PartRecord._fields[: PartRecord._fields.index("others")])
def test_a_message_abroad_whose_record_lacks_a_member_is_asked_for_if_that_is_not_its_id(
    platform: Platform, api: SmsApi, store: Store, name: str
) -> None:
    platform.on("QueryMessage", answer(GLOBE_STATUS))
    sent_abroad(store, 0, "1008030300001234")
    take_member(store, record_key(WireId(SPACE, "order-2", 0), SECRET), name)
    ((found,), _) = find_by_id(IdQuestion("order-2", "", 0), asking(api))
    # without its action it may be of an operation that has numbers only
    is_asked_for = name not in ("action", "biz_id")
    assert len(platform.calls) == is_asked_for
    assert "part" in found or is_asked_for
