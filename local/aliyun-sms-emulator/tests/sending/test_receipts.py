"""Receipts and replies pushed over HTTP."""

from __future__ import annotations

import json
import socket
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest

from aliyun_sms_emulator import ConfigError, EmulatorClient, SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from emulator_config import CONFIG
from receiver import Receiver
from signing_client import Client, Reply, raw

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=CHINA)
JSON = {"Content-Type": "application/json"}


def attempts(emulator: EmulatorClient) -> list[tuple[int | None, bool]]:
    (message,) = emulator.messages()
    return [(attempt.http_status, attempt.accepted) for attempt in message.push_attempts]


def wait_for_attempts(emulator: EmulatorClient, count: int) -> None:
    """Attempts are noted right after the receiver has answered."""
    for _ in range(1000):
        if len(attempts(emulator)) >= count:
            return
        emulator.receipts(wait=0.01, count=10**6)
    raise AssertionError(attempts(emulator))


def test_a_mainland_receipt_has_the_documented_fields(client: Client, receiver: Receiver) -> None:
    emulator = client.emulator
    emulator.clock.set(NOON)
    emulator.settings(receipt_url=receiver.url)
    biz_id = client.send(OutId="o1").json["BizId"]
    assert [push.state for push in emulator.receipts()] == ["waiting"]
    emulator.clock.advance(1)
    assert receiver.next() == [
        {
            "phone_number": "13800138000",
            "send_time": "2026-03-01 12:00:00",
            "report_time": "2026-03-01 12:00:01",
            "success": True,
            "err_code": "DELIVERED",
            "err_msg": "用户接收成功",
            "sms_size": "1",
            "biz_id": biz_id,
            "out_id": "o1",
        }
    ]
    assert receiver.content_types == ["application/json;charset=utf-8"]
    (push,) = emulator.receipts(wait=10, state="pushed", kind="SmsReport")
    (message,) = emulator.messages()
    assert (push.source_id, push.next_at, push.body["out_id"]) == (message.id, None, "o1")
    assert push.attempts == message.push_attempts
    assert (push.attempts[0].at, push.attempts[0].problem) == ("2026-03-01T12:00:01.000+08:00", "")


def test_a_failed_receipt_has_its_code_and_no_empty_out_id(
    client: Client, receiver: Receiver
) -> None:
    client.emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
    client.notify("13900139000", TemplateParam=json.dumps({"name": "n" * 35, "order": "o" * 35}))
    (receipt,) = receiver.next()
    assert (receipt["success"], receipt["err_code"]) == (False, "MOBILE_NOT_ON_SERVICE")
    assert receipt["sms_size"] == "2"
    assert "out_id" not in receipt


@pytest.mark.parametrize(
    ("fate", "status", "code"),
    [
        ("deliver", "1", "success"),
        ("blacklist", "2", "MOBILE_IN_BLACK"),
        ("EXPIRED", "6", "EXPIRED"),
    ],
)
def test_an_international_receipt_has_the_documented_fields(
    client: Client, receiver: Receiver, fate: str, status: str, code: str
) -> None:
    emulator = client.emulator
    emulator.clock.set(NOON)
    emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
    emulator.set_fate("85251230002", fate)
    sent = client.send_abroad("85251230002", TaskId="t1", Message="你" * 71)
    assert receiver.next() == [
        {
            "To": "85251230002",
            "SendDate": "Sun, 01 Mar 2026 12:00:00 +0800",
            "ReceiveDate": "Sun, 01 Mar 2026 12:00:00 +0800",
            "Status": status,
            "ErrorCode": code,
            "ErrorDescription": code,
            "SmsSize": "2",
            "MessageId": sent.json["MessageId"],
            "TaskId": "t1",
        }
    ]


def test_shapes_are_never_mixed(client: Client, receiver: Receiver) -> None:
    client.emulator.clock.set(NOON)
    client.emulator.settings(receipt_url=receiver.url)
    client.send_abroad()
    client.send("85251234567", TemplateCode="SMS_100003")
    client.notify()
    client.emulator.clock.advance(1)
    arrays = sorted((receiver.next(), receiver.next()), key=len)
    assert [[min(item) for item in array] for array in arrays] == [
        ["ErrorCode"],
        ["biz_id", "biz_id"],
    ]


def test_silent_numbers_have_no_receipt(client: Client, receiver: Receiver) -> None:
    client.emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
    client.emulator.set_fate("13800138099", "silent")
    client.send("13800138099")
    assert client.emulator.receipts() == []


def test_messages_sent_without_a_url_are_not_pushed_later(
    client: Client, receiver: Receiver
) -> None:
    client.emulator.settings(delivery_delay_seconds=0)
    client.send()
    client.emulator.settings(receipt_url=receiver.url)
    assert client.emulator.receipts() == []


@pytest.mark.parametrize(
    "answer",
    [
        (500, b'{"code":0}'),
        (201, b'{"code":0}'),
        (302, b'{"code":0}'),
        (200, b'{"code":"0"}'),
        (200, b'{"code":true}'),
        (200, b'{"msg":"ok"}'),
        (200, b"[0]"),
        (200, b""),
        (200, b"\xff"),
        (200, b"[" * 5000),
        (200, b"x" * 100_000),
    ],
)
def test_a_receiver_that_answers_something_else_is_asked_again(
    client: Client, receiver: Receiver, answer: tuple[int, bytes]
) -> None:
    emulator = client.emulator
    emulator.clock.set(NOON)
    emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
    receiver.answers = [answer]
    client.send()
    wait_for_attempts(emulator, 1)
    assert emulator.messages()[0].push_attempts[0].problem
    (push,) = emulator.receipts()
    assert (push.state, push.next_at) == ("waiting", "2026-03-01T12:01:00.000+08:00")


@pytest.mark.parametrize("answer", [b'{"code":0}', b'{"code":-1.5,"msg":"x"}'])
def test_any_number_counts(client: Client, receiver: Receiver, answer: bytes) -> None:
    client.emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
    receiver.answers = [(200, answer)]
    client.send()
    assert client.emulator.receipts(wait=10, state="pushed")


@pytest.mark.parametrize(("abroad", "waits"), [(False, [60, 300, 600]), (True, [60, 300])])
def test_a_receipt_is_dropped_after_its_retries(
    client: Client, receiver: Receiver, abroad: bool, waits: list[float]
) -> None:
    emulator = client.emulator
    emulator.clock.set(NOON)
    emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
    receiver.answers = [(503, b"")] * 10
    (client.send_abroad if abroad else client.send)()
    wait_for_attempts(emulator, 1)
    for number, seconds in enumerate(waits, start=1):
        emulator.clock.advance(seconds - 0.5)
        assert len(attempts(emulator)) == number
        emulator.clock.advance(0.5)
        wait_for_attempts(emulator, number + 1)
    (push,) = emulator.receipts(state="dropped")
    assert [(a.http_status, a.accepted) for a in push.attempts] == [(503, False)] * (len(waits) + 1)
    assert push.next_at is None


def test_a_retry_that_is_taken_ends_it(client: Client, receiver: Receiver) -> None:
    emulator = client.emulator
    emulator.clock.set(NOON)
    emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
    receiver.answers = [(500, b"")]
    client.send()
    wait_for_attempts(emulator, 1)
    emulator.clock.advance(60)
    emulator.receipts(wait=10, state="pushed")
    assert attempts(emulator) == [(500, False), (200, True)]
    assert receiver.next() == receiver.next()


def test_where_nobody_listens_an_attempt_has_failed(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client.emulator.settings(receipt_url=f"http://localhost:{port}", delivery_delay_seconds=0)
    client.send()
    wait_for_attempts(client.emulator, 1)
    (attempt,) = client.emulator.messages()[0].push_attempts
    assert (attempt.http_status, attempt.accepted) == (None, False)
    assert attempt.problem


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n"])
def test_a_receiver_that_speaks_no_http_has_not_taken_it(client: Client, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client.emulator.settings(receipt_url=url, delivery_delay_seconds=0)
        client.send()
        connection, _ = listener.accept()
        connection.recv(10_000)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        wait_for_attempts(client.emulator, 1)
        connection.close()
    assert attempts(client.emulator) == [(None, False)]


def test_a_receiver_that_never_answers_is_given_up(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client.emulator.settings(
            receipt_url=url, delivery_delay_seconds=0, push_timeout_seconds=0.05
        )
        client.send()
        wait_for_attempts(client.emulator, 1)
    assert "0.05 seconds" in client.emulator.messages()[0].push_attempts[0].problem


def test_receipts_are_pushed_in_batches(client: Client, receiver: Receiver) -> None:
    emulator = client.emulator
    emulator.clock.set(NOON)
    emulator.settings(receipt_url=receiver.url, push_batch_size=3, push_batch_seconds=10)
    client.notify(",".join(f"1380013800{n}" for n in range(7)))
    emulator.clock.advance(1)
    assert [len(receiver.next()), len(receiver.next())] == [3, 3]
    emulator.receipts(wait=10, count=6, state="pushed")
    assert len(emulator.receipts(state="waiting")) == 1
    emulator.clock.advance(9.9)
    assert len(emulator.receipts(state="waiting")) == 1
    emulator.clock.advance(0.1)
    assert [item["phone_number"] for item in receiver.next()] == ["13800138006"]


def test_duplicates_are_pushed_on_demand(client: Client, receiver: Receiver) -> None:
    client.emulator.settings(
        receipt_url=receiver.url, delivery_delay_seconds=0, receipt_duplicates=2, push_batch_size=1
    )
    client.send()
    first = receiver.next()
    assert receiver.next() == receiver.next() == first
    client.emulator.receipts(wait=10, count=3, state="pushed")
    assert attempts(client.emulator) == [(200, True)] * 3


def test_clearing_the_inbox_forgets_receipts(client: Client, receiver: Receiver) -> None:
    client.emulator.clock.set(NOON)
    client.emulator.settings(receipt_url=receiver.url)
    client.send()
    client.emulator.reply("13800138000", "TD")
    client.emulator.clear()
    client.emulator.clock.advance(60)
    assert client.emulator.receipts() == []
    assert client.emulator.replies() == []


def test_a_reply_is_pushed(client: Client, receiver: Receiver) -> None:
    emulator = client.emulator
    emulator.clock.set(NOON)
    emulator.settings(reply_url=receiver.url)
    Client(emulator, "other", "other-secret").send(SmsUpExtendCode="90997")
    reply = emulator.reply("+8613800138000", "退订 😀")
    assert (reply.account, reply.phone_number) == ("another", "13800138000")
    assert receiver.next() == [
        {
            "phone_number": "13800138000",
            "content": "退订 😀",
            "send_time": "2026-03-01 12:00:00",
            "dest_code": "90997",
            "sequence_id": str(reply.id),
        }
    ]
    assert emulator.replies() == [reply]
    (push,) = emulator.receipts(wait=10, kind="SmsUp", state="pushed")
    assert push.source_id == reply.id


def test_a_reply_of_somebody_unknown_goes_to_the_default_account(client: Client) -> None:
    reply = client.emulator.reply("85251234567", "Hi")
    assert (reply.account, reply.dest_code) == ("default", "1000")
    assert client.emulator.reply("85251234567", "Hi", "7").dest_code == "7"
    assert client.emulator.receipts() == []


def post(emulator: EmulatorClient, document: object) -> Reply:
    return raw(emulator, "POST", "/api/replies", json.dumps(document).encode(), JSON)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phone_number": "x"}, "phone_number"),
        ({"phone_number": 13800138000}, "phone_number"),
        ({"content": ""}, "content"),
        ({"content": "x" * 1001}, "content"),
        ({"content": "\ud83d"}, "content"),
        ({"content": None}, "content"),
        ({"dest_code": "abc"}, "dest_code"),
        ({"dest_code": ""}, "dest_code"),
        ({"sign_name": "x"}, "sign_name"),
    ],
)
def test_a_bad_reply_is_refused(
    emulator: SmsEmulator, changes: dict[str, object], field: str
) -> None:
    reply = post(emulator, {"phone_number": "13800138000", "content": "TD", **changes})
    assert (reply.status, reply.json["error"]["field"]) == (400, field)
    assert emulator.replies() == []


@pytest.mark.parametrize(
    "query", ["kind=SmsReports", "state=lost", "limit=x", "wait=-1", "count=x", "phone_number=1"]
)
def test_a_bad_query_of_receipts_is_refused(emulator: SmsEmulator, query: str) -> None:
    reply = raw(emulator, "GET", f"/api/receipts?{query}")
    assert (reply.status, reply.json["error"]["field"]) == (400, query.partition("=")[0])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"receipt_url": "127.0.0.1:9"}, "receipt_url"),
        ({"receipt_url": "ftp://127.0.0.1"}, "receipt_url"),
        ({"receipt_url": "http://"}, "receipt_url"),
        ({"receipt_url": "http://[::1"}, "receipt_url"),
        ({"receipt_url": "http://127.0.0.1:0"}, "receipt_url"),
        ({"receipt_url": "http://127.0.0.1:99999"}, "receipt_url"),
        ({"receipt_url": "http://127.0.0.1/a b"}, "receipt_url"),
        ({"receipt_url": "http://127.0.0.1/\r\nX: y"}, "receipt_url"),
        ({"receipt_url": "http://a:b@127.0.0.1"}, "receipt_url"),
        ({"receipt_url": "http://127.0.0.1/#x"}, "receipt_url"),
        ({"receipt_url": ["http://127.0.0.1"]}, "receipt_url"),
        ({"receipt_url": "http://192.0.2.1/"}, "receipt_url"),
        ({"reply_url": "http://localhost.example.com/"}, "reply_url"),
        ({"push_to_other_hosts": "yes"}, "push_to_other_hosts"),
        ({"push_batch_size": 0}, "push_batch_size"),
        ({"push_batch_size": 1001}, "push_batch_size"),
        ({"push_batch_seconds": -1}, "push_batch_seconds"),
        ({"push_timeout_seconds": 0}, "push_timeout_seconds"),
        ({"push_timeout_seconds": 301}, "push_timeout_seconds"),
        ({"receipt_duplicates": -1}, "receipt_duplicates"),
        ({"receipt_duplicates": True}, "receipt_duplicates"),
        ({"query_message_status": "2020"}, "query_message_status"),
    ],
)
def test_a_bad_setting_is_refused_and_nothing_changes(
    emulator: SmsEmulator, changes: dict[str, object], field: str
) -> None:
    before = emulator.settings()
    with pytest.raises(ValueError, match=f"^{field}: "):
        emulator.settings(**changes)
    assert emulator.settings() == before


def test_other_hosts_have_to_be_allowed(emulator: SmsEmulator) -> None:
    url = "https://sms.example.com/receipts"
    emulator.settings(receipt_url=url, push_to_other_hosts=True)
    with pytest.raises(ValueError, match="receipt_url: names another machine"):
        emulator.settings(push_to_other_hosts=False)
    changed = emulator.settings(receipt_url=None, push_to_other_hosts=False)
    assert changed["receipt_url"] == ""
    assert emulator.settings(reply_url="http://[::1]:8/")["reply_url"] == "http://[::1]:8/"


def test_a_restart_goes_on(tmp_path: Path, receiver: Receiver) -> None:
    database = tmp_path / "sms.db"
    receiver.answers = [(500, b"")]
    with SmsEmulator(CONFIG, database=database) as emulator:
        emulator.clock.set(NOON)
        emulator.settings(receipt_url=receiver.url, delivery_delay_seconds=0)
        Client(emulator).send(OutId="o1")
        wait_for_attempts(emulator, 1)
    with SmsEmulator(CONFIG, database=database) as emulator:
        assert attempts(emulator) == [(500, False)]
        emulator.clock.advance(60)
        emulator.receipts(wait=10, state="pushed")
        assert attempts(emulator) == [(500, False), (200, True)]
    assert receiver.next() == receiver.next()


def test_stopping_does_not_wait_for_a_receiver() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        SmsEmulator(CONFIG) as emulator,
    ):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        emulator.settings(receipt_url=url, delivery_delay_seconds=0, push_timeout_seconds=300)
        Client(emulator).send()
        connection, _ = listener.accept()
    connection.close()


def test_it_may_be_stopped_between_two_attempts() -> None:
    with SmsEmulator(CONFIG) as emulator:
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        emulator.settings(receipt_url=url, delivery_delay_seconds=0)
        Client(emulator).send()
        wait_for_attempts(emulator, 1)


@pytest.mark.parametrize("version", [1, 2])
def test_a_database_of_an_earlier_version_is_taken_over(tmp_path: Path, version: int) -> None:
    path = tmp_path / "sms.db"
    with SmsEmulator(CONFIG, database=path) as emulator:
        Client(emulator).send(OutId="o1")
    database = sqlite3.connect(path)
    database.execute("DROP INDEX messages_by_out_id")
    database.execute("ALTER TABLE messages DROP COLUMN visible_at")
    database.execute("ALTER TABLE requests DROP COLUMN fault")
    database.execute("ALTER TABLE requests DROP COLUMN notes")
    database.execute("DROP INDEX messages_by_message_id")
    database.execute("ALTER TABLE messages DROP COLUMN version")
    database.execute("ALTER TABLE replies DROP COLUMN after_message_id")
    if version == 1:
        for table in ("pushes", "queue_entries", "replies", "queue_tokens", "verification_codes"):
            database.execute(f"DROP TABLE {table}")
        database.execute("ALTER TABLE messages DROP COLUMN api")
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.close()
    with SmsEmulator(CONFIG, database=path) as emulator:
        assert [(m.out_id, m.api) for m in emulator.messages()] == [("o1", "SendSms")]
        assert [record.fault for record in emulator.requests()] == [""]
        assert Client(emulator).send_abroad().code == "OK"


def test_remembered_settings_that_no_longer_fit_are_refused(tmp_path: Path) -> None:
    database = tmp_path / "sms.db"
    config = {**CONFIG, "settings": {"push_to_other_hosts": True}}
    with SmsEmulator(config, database=database) as emulator:
        emulator.settings(receipt_url="http://sms.example.com/")
    with pytest.raises(ConfigError, match="receipt_url"), SmsEmulator(CONFIG, database=database):
        pass
    with SmsEmulator(config, database=database) as emulator:
        assert emulator.settings()["receipt_url"] == "http://sms.example.com/"
