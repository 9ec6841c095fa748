"""Conversations: their order, what is unread, what the search box finds, single deletions."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from aliyun_sms_emulator import EmulatorClient, SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from aliyun_sms_emulator.tables.searches import number_part
from signing_client import Client

ANN, BOB, KIM = "13800138001", "13900139000", "85251234567"


@pytest.fixture
def emulator(emulator: SmsEmulator) -> SmsEmulator:
    emulator.settings(limits=False, delivery_delay_seconds=0)
    return emulator


def conversations(emulator: EmulatorClient, **filters: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={quote(value)}" for name, value in filters.items())
    found = emulator.call("GET", f"/api/conversations?{query}")
    assert found["total"] == len(found["conversations"])
    return list(found["conversations"])


def numbers(emulator: EmulatorClient, **filters: str) -> list[str]:
    return [found["phone_number"] for found in conversations(emulator, **filters)]


def unread(emulator: EmulatorClient) -> int:
    return int(emulator.call("GET", "/api/conversations?limit=0")["unread"])


def test_a_reply_moves_its_conversation_up(client: Client) -> None:
    emulator = client.emulator
    for number in (ANN, BOB):
        client.notify(number)
    assert numbers(emulator) == [BOB, ANN]
    emulator.reply(ANN, "thanks")
    newest, other = conversations(emulator)
    assert (newest["phone_number"], newest["text"]) == (ANN, "thanks")
    assert (newest["reply"], newest["status"], newest["messages"]) == (True, None, 1)
    assert (other["reply"], other["status"]) == (False, "failed")
    client.notify(BOB)
    assert numbers(emulator) == [BOB, ANN]


def test_the_order_is_that_of_arrival_also_when_the_clock_was_moved_back(client: Client) -> None:
    emulator = client.emulator
    client.notify(BOB)
    emulator.clock.set(datetime(2020, 1, 31, 12, tzinfo=CHINA))
    client.notify(ANN)
    assert numbers(emulator) == [ANN, BOB]
    emulator.reply(BOB, "late")
    assert numbers(emulator) == [BOB, ANN]
    assert emulator.replies()[0].after_message_id == emulator.messages()[-1].id


def test_a_number_that_only_wrote_has_a_conversation(emulator: SmsEmulator) -> None:
    emulator.reply(ANN, "hello?")
    (found,) = conversations(emulator)
    assert (found["phone_number"], found["messages"], found["text"]) == (ANN, 0, "hello?")
    assert conversations(emulator, status="delivered") == []


def test_messages_are_unread_until_they_are_marked(client: Client) -> None:
    emulator = client.emulator
    for number in (ANN, ANN, BOB):
        client.notify(number)
    first, second, _ = emulator.messages()
    emulator.reply(ANN, "mine")  # what the phone wrote is no news to it
    assert unread(emulator) == 3
    emulator.call("PUT", f"/api/conversations/{ANN}", {"read_to": first.id})
    assert [c["unread"] for c in conversations(emulator)] == [1, 1]
    emulator.call("PUT", f"/api/conversations/%2B86{ANN}", {"read_to": second.id})
    emulator.call("PUT", f"/api/conversations/{ANN}", {"read_to": first.id})  # never back
    assert unread(emulator) == 1
    emulator.call("POST", "/api/conversations/read", {})
    assert unread(emulator) == 0
    client.notify(ANN)
    assert unread(emulator) == 1


@pytest.mark.parametrize("value", [None, "1", True, -1, 2**53])
def test_only_ids_can_be_marked(emulator: SmsEmulator, value: object) -> None:
    with pytest.raises(ValueError, match="read_to: must be the id of a message"):
        emulator.call("PUT", f"/api/conversations/{ANN}", {"read_to": value})


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("订单7", [BOB, ANN]),
        ("CMD", [KIM]),
        ("order-7", [ANN]),
        ("ORDER-", [BOB, ANN]),
        ("SMS_100002", [BOB, ANN]),
        ("+86 139-0013", [BOB]),
        ("0086 (139) 0013.9000", [BOB]),
        ("+852 5123", [KIM]),
        ("5123", [KIM]),
        ("gracias", [KIM]),
        ("50%", [KIM]),
        ("_", [BOB, ANN]),
        ("!", [KIM]),
        ("nothing", []),
    ],
)
def test_one_search_finds_all_that_names_a_message(
    client: Client, search: str, found: list[str]
) -> None:
    emulator = client.emulator
    client.notify(ANN, OutId="order-7")
    client.notify(BOB, OutId="order-8")
    client.send_abroad(KIM, Message="cmd 50% off!")
    emulator.reply(KIM, "Gracias")
    assert sorted(numbers(emulator, search=search)) == sorted(found)


def test_ids_of_the_platform_are_found(client: Client) -> None:
    emulator = client.emulator
    client.notify(ANN)
    client.notify(BOB)
    (message, _) = emulator.messages()
    for part in (message.biz_id, message.biz_id[3:9], message.request_id, message.request_id[:8]):
        assert numbers(emulator, search=part) == [ANN], part
        assert [m.id for m in emulator.messages(search=part)] == [message.id]
        assert len(emulator.call("GET", f"/api/requests?search={quote(part)}")["requests"]) <= 1


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("+86 138-0013", "1380013"),
        ("86 13800138001", "13800138001"),
        ("00852", "852"),
        ("1234", "1234"),
        ("+1 (862)", "1862"),
        ("Ann", None),
        ("", None),
        ("１２", None),
    ],
)
def test_digits_of_a_number_however_it_is_typed(typed: str, digits: str | None) -> None:
    assert number_part(typed) == digits


@pytest.mark.parametrize(
    ("search", "count"),
    [
        ("sendsms", 2),
        ("isv.SMS_SIGNATURE", 1),
        ("nobody", 1),
        ("订单", 0),
        ("安娜", 1),
        ('"order": "7"', 1),
        ("+86 138 0013 8001", 2),
    ],
)
def test_requests_are_searched(client: Client, search: str, count: int) -> None:
    client.notify(ANN, TemplateParam='{"name": "安娜", "order": "7"}')
    client.notify(ANN, SignName="nobody", TemplateParam='{"name": "B", "order": "8"}')
    found = client.emulator.call("GET", f"/api/requests?search={quote(search)}")
    assert (len(found["requests"]), found["total"]) == (count, count)


def test_one_message_is_deleted_with_its_receipt(client: Client) -> None:
    emulator = client.emulator
    emulator.settings(receipt_url="http://127.0.0.1:9/", delivery_delay_seconds=3600)
    client.notify(ANN)
    client.notify(BOB)
    first, second = emulator.messages()
    emulator.call("DELETE", f"/api/messages/{first.id}")
    assert emulator.messages() == [second]
    assert [receipt.source_id for receipt in emulator.receipts()] == [second.id]
    for number in (first.id, 10**30):
        with pytest.raises(ValueError, match="no message has this id"):
            emulator.call("DELETE", f"/api/messages/{number}")


SMS = {
    "phone_number": f"+86{ANN}",
    "template_code": "SMS_100002",
    "sign_name": "fc-sms",
    "template_param": {"name": "Ann", "order": "7"},
    "out_id": "order-7",
}


def test_an_sms_is_sent_as_by_a_client(emulator: SmsEmulator) -> None:
    emulator.add_fault(kind="reset")  # meets programs only
    answer = emulator.call("POST", "/api/messages", SMS)
    (message,) = emulator.messages()
    assert answer == {
        "code": "OK",
        "message": "OK",
        "biz_id": message.biz_id,
        "request_id": message.request_id,
    }
    assert (message.phone_number, message.out_id) == (ANN, "order-7")
    assert emulator.requests()[0].request_id == message.request_id


def test_what_the_platform_refuses_is_answered(emulator: SmsEmulator) -> None:
    answer = emulator.call("POST", "/api/messages", {**SMS, "sign_name": "nobody"})
    assert (answer["code"], answer["biz_id"]) == ("isv.SMS_SIGNATURE_ILLEGAL", "")
    assert emulator.requests()[0].verdict == "rejected"
    answer = emulator.call("POST", "/api/messages", {**SMS, "template_code": ""})
    assert answer["code"] == "MissingTemplateCode"
    assert emulator.messages() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"phone_number": 1}, "phone_number: must be a string"),
        ({"template_param": {"code": 1}}, "template_param: must be an object of strings"),
        ({"template_param": "{}"}, "template_param: must be an object of strings"),
        ({"out_id": "\ud83d"}, "out_id: holds half"),
        ({"text": "x"}, "text: unknown field"),
    ],
)
def test_a_form_that_is_wrong_is_refused(
    emulator: SmsEmulator, change: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        emulator.call("POST", "/api/messages", {**SMS, **change})
    assert emulator.requests() == []


def test_a_security_token_of_the_configuration_is_used() -> None:
    keys = [
        {"id": "old", "secret": "s1", "status": "inactive"},
        {"id": "STS.1", "secret": "s2", "security_token": "t"},
    ]
    with SmsEmulator({"access_keys": keys}) as emulator:
        assert emulator.call("POST", "/api/messages", SMS)["code"] == "OK"


def test_a_fault_rule_is_changed_at_its_place(emulator: SmsEmulator) -> None:
    emulator.set_faults({"id": "a", "kind": "reset"}, {"id": "b", "kind": "stall"})
    changed = emulator.call("PUT", "/api/faults/a", {"kind": "http", "status": 503})
    assert changed == {"id": "a", "kind": "http", "status": 503, "met": 0, "fired": 0}
    emulator.call("PUT", "/api/faults/b", {"id": "c", "kind": "reset"})
    assert [rule["id"] for rule in emulator.faults()] == ["a", "c"]
    for path, document, problem in (
        ("a", {"id": "c", "kind": "reset"}, "id: c is taken"),
        ("a", {"kind": "nonsense"}, "kind: must be one of"),
        ("b", {"kind": "reset"}, "id: no rule has this id"),
    ):
        with pytest.raises(ValueError, match=problem):
            emulator.call("PUT", f"/api/faults/{path}", document)
    assert [rule["kind"] for rule in emulator.faults()] == ["http", "reset"]


def test_a_database_of_the_version_before_keeps_its_replies(tmp_path: Path) -> None:
    path = tmp_path / "sms.db"
    with SmsEmulator(database=path) as emulator:
        emulator.reply(ANN, "early")
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE replies DROP COLUMN after_message_id")
        database.execute("ALTER TABLE requests DROP COLUMN notes")
        database.execute("DROP INDEX messages_by_message_id")
        database.execute("ALTER TABLE messages DROP COLUMN version")
        database.execute("PRAGMA user_version = 3")
    database.close()
    with SmsEmulator(database=path) as emulator:
        assert emulator.replies()[0].after_message_id == 0
        assert numbers(emulator) == [ANN]
