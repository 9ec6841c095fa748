"""Receipts and replies as they are pushed: every shape is read, or is nothing of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.receipts.pushed import Reply, Report, entries_in, raw_entry, read_entry
from tests.unit.receipt_entries import (
    ABROAD,
    BIZ_ID,
    INTERNATIONAL,
    MAINLAND,
    NUMBER,
    OLDER,
    REPLY,
    failed,
    json_values,
    known_fields,
    without,
)


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
    )


def test_a_receipt_of_the_older_international_form_is_read() -> None:
    assert read_entry(OLDER) == Report(
        ABROAD,
        "order-3",
        "1234567^0",
        "delivered",
        "DELIVERED",
        "2027-01-15 16:00:00",
        "2027-01-15 16:00:04",
        2,
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
        ({**OLDER, "SendStatus": 3}, "delivered"),
        ({**OLDER, "SendStatus": "2", "ErrorCode": "MOBILE_IN_BLACK"}, "failed"),
        ({**OLDER, "SendStatus": "1", "ErrorCode": ""}, "waiting"),
        ({**OLDER, "SendStatus": 1, "ErrorCode": "UNKNOW"}, "waiting"),
        (without(OLDER, "SendStatus"), "delivered"),
        (without(OLDER, "PhoneNumber", "ExternalId"), "delivered"),
        ({**without(INTERNATIONAL, "Status"), "ErrorCode": "EXPIRED"}, "failed"),
    ],
)
def test_a_receipt_says_delivered_failed_or_waiting(entry: object, status: str) -> None:
    read = read_entry(entry)
    assert isinstance(read, Report)
    assert read.status == status


@pytest.mark.parametrize(
    ("entry", "status", "is_contradictory"),
    [
        (MAINLAND, "delivered", False),
        ({**MAINLAND, "err_code": "Delivered"}, "delivered", False),
        ({**MAINLAND, "err_code": ""}, "delivered", False),
        ({**MAINLAND, "err_code": "MK:0001"}, "delivered", True),
        ({**MAINLAND, "err_code": "NEW:0001"}, "delivered", True),
        ({**MAINLAND, "err_code": "ACCEPTD"}, "delivered", False),
        (failed(), "failed", False),
        (failed(err_code="DELIVERED"), "failed", True),
        (failed(err_code="DELIVRD"), "failed", True),
        (without(failed(), "success"), "failed", False),
        (INTERNATIONAL, "delivered", False),
        ({**INTERNATIONAL, "ErrorCode": "EXPIRED"}, "delivered", True),
        ({**INTERNATIONAL, "Status": "6"}, "failed", True),
        ({**INTERNATIONAL, "Status": "3", "ErrorCode": "SENDING"}, "waiting", False),
        (OLDER, "delivered", False),
        ({**OLDER, "SendStatus": "2"}, "failed", True),
        ({**OLDER, "ErrorCode": "MK:0001"}, "delivered", True),
    ],
)
def test_the_status_decides_and_a_code_that_says_something_else_is_marked(
    entry: object, status: str, is_contradictory: bool
) -> None:
    read = read_entry(entry)
    assert isinstance(read, Report)
    assert (read.status, read.contradictory) == (status, is_contradictory)


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
        ({"err_code": 7}, {"err_code": "7", "contradictory": True}),
        ({"err_code": "x" * 1000}, {"err_code": "x" * 64, "contradictory": True}),
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
        without(OLDER, "ExternalId", "BizId"),
        without(OLDER, "SendStatus", "ErrorCode"),
        without(REPLY, "phone_number"),
        {"sign_name": "签名", "sign_status": "AUDIT_STATE_PASS"},
    ],
)
def test_what_is_neither_receipt_nor_reply_is_not_read(entry: object) -> None:
    assert read_entry(entry) is None


BODY = json.dumps([MAINLAND, REPLY]).encode()


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b"\xef\xbb\xbf" + BODY,
        b" \n" + json.dumps([MAINLAND, REPLY], indent=1).encode() + b"\r\n",
        base64.b64encode(BODY),
        base64.encodebytes(BODY),
        base64.encodebytes(BODY).replace(b"\n", b"\r\n"),
        b"  " + base64.b64encode(BODY) + b"\n",
        base64.b64encode(BODY).rstrip(b"="),
        base64.b64encode(b"\xef\xbb\xbf" + BODY),
    ],
)
def test_a_message_is_read_in_base64_or_as_it_is(body: bytes) -> None:
    assert entries_in(body) == [MAINLAND, REPLY]


def test_a_message_may_be_one_entry_alone() -> None:
    assert entries_in(json.dumps(OLDER).encode()) == [OLDER]
    assert entries_in(base64.b64encode(json.dumps(OLDER).encode())) == [OLDER]


@pytest.mark.parametrize(
    "body",
    [b"", b"12345678", b'"text"', b"not base64 !", b"[" * 100_000, b"\xff\xfe", b"eyJ9", b"{"],
)
def test_what_is_no_message_is_not_read(body: bytes) -> None:
    assert entries_in(body) is None
    assert entries_in(base64.b64encode(body)) is None


@given(json_values)
def test_whatever_an_entry_is_it_can_be_kept_as_it_came(entry: object) -> None:
    raw = raw_entry(entry)
    assert raw is not None
    assert json.dumps(json.loads(raw)) == json.dumps(entry)


def test_an_entry_that_is_nested_too_deep_is_said_to_be() -> None:
    entry: list[object] = []
    for _ in range(100_000):
        entry = [entry]
    assert raw_entry(entry) is None


@given(st.dictionaries(known_fields, json_values) | json_values)
def test_no_entry_is_too_odd_to_be_read(entry: object) -> None:
    read = read_entry(entry)
    assert read is None or json.dumps(read).encode("utf-8")
