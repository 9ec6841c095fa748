"""QueryTokenForMnsQueue, and the queues as a client that signs by MNS's pages sees them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import formatdate
from typing import Any
from xml.etree import ElementTree

import pytest

from aliyun_sms_emulator import EmulatorClient
from aliyun_sms_emulator.clock import CHINA
from signing_client import Client, Reply, raw

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=CHINA)
REPORTS, REPLIES = "Alicom-Queue-123-SmsReport", "Alicom-Queue-123-SmsUp"
NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"


@dataclass(frozen=True)
class QueueClient:
    emulator: EmulatorClient
    key: str
    secret: str
    token: str
    queue: str = REPORTS

    def call(self, method: str, query: str = "", body: bytes = b"", **changes: str) -> Reply:
        """`changes` replace signed headers (`_` for `-`), empty ones are left out."""
        headers = {
            "date": formatdate(usegmt=True),
            "x-mns-version": "2015-06-06",
            "x-mns-date": "ignored",
        }
        if method != "GET":
            digest = hashlib.md5(body).hexdigest().encode()
            headers["content-md5"] = base64.b64encode(digest).decode()
            headers["content-type"] = "text/xml"
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        headers = {name: value for name, value in headers.items() if value}
        target = f"/queues/{self.queue}/messages" + (f"?{query}" if query else "")
        fixed = [headers.get(name, "") for name in ("content-md5", "content-type", "date")]
        extra = [f"{n}:{headers[n]}" for n in sorted(headers) if n.startswith("x-mns-")]
        text = "\n".join([method, *fixed, *extra, target])
        digest = hmac.digest(self.secret.encode(), text.encode(), "sha1")
        headers.setdefault("authorization", f"MNS {self.key}:{base64.b64encode(digest).decode()}")
        if self.token:
            headers["security-token"] = self.token
        return raw(self.emulator, method, target, body, headers)

    def receive(self, query: str = "") -> list[dict[str, str]]:
        reply = self.call("GET", query)
        assert reply.status == 200, reply.body
        assert reply.headers["content-type"].startswith("text/xml")
        root = ElementTree.fromstring(reply.body)
        found = [root] if root.tag == f"{NAMESPACE}Message" else list(root)
        return [{e.tag.removeprefix(NAMESPACE): e.text or "" for e in item} for item in found]

    def delete(self, handle: str) -> Reply:
        return self.call("DELETE", f"ReceiptHandle={handle}")


def content(message: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(base64.b64decode(message["MessageBody"]))
    return body


def code(reply: Reply) -> tuple[int, str | None]:
    return reply.status, ElementTree.fromstring(reply.body).findtext(f"{NAMESPACE}Code")


def consumer(client: Client, kind: str = "SmsReport", **parameters: str) -> QueueClient:
    answer = client.v1("QueryTokenForMnsQueue", {"MessageType": kind, **parameters}).json
    token = answer["MessageTokenDTO"]
    return QueueClient(
        client.emulator,
        token["AccessKeyId"],
        token["AccessKeySecret"],
        token["SecurityToken"],
        REPORTS if kind == "SmsReport" else REPLIES,
    )


@pytest.fixture
def noon(client: Client) -> Client:
    client.emulator.clock.set(NOON)
    client.emulator.settings(delivery_delay_seconds=0)
    return client


def test_a_token_lasts_ten_minutes_and_its_secret_is_not_recorded(noon: Client) -> None:
    noon.emulator.settings(timestamp_clock="emulator")
    noon.at = NOON.timestamp()
    answer = noon.v1("QueryTokenForMnsQueue", {"MessageType": "SmsUp", "QueueName": REPLIES}).json
    assert (answer["Code"], answer["Message"]) == ("OK", "OK")
    token = answer["MessageTokenDTO"]
    assert token["CreateTime"] == "2026-03-01 12:00:00"
    assert token["ExpireTime"] == "2026-03-01 12:10:00"
    assert token["AccessKeySecret"] not in json.dumps(noon.emulator.call("GET", "/api/requests"))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "MissingMessageType"),
        ({"MessageType": "SmsReports"}, "isv.INVALID_PARAMETERS"),
        ({"MessageType": "SmsUp", "QueueName": REPORTS}, "isv.INVALID_PARAMETERS"),
        ({"MessageType": "SmsUp", "QueueName": "mine"}, "isv.INVALID_PARAMETERS"),
    ],
)
def test_a_bad_request_for_a_token_is_refused(
    client: Client, parameters: dict[str, str], expected: str
) -> None:
    assert client.v1("QueryTokenForMnsQueue", parameters).code == expected


def test_a_message_is_received_and_deleted(noon: Client) -> None:
    noon.send(OutId="o1")
    queue = consumer(noon)
    (message,) = queue.receive("waitseconds=1")
    assert content(message)["out_id"] == "o1"
    milliseconds = str(int(NOON.timestamp() * 1000))
    assert message["EnqueueTime"] == message["FirstDequeueTime"] == milliseconds
    assert message["NextVisibleTime"] == str(int(NOON.timestamp() * 1000) + 30_000)
    digest = hashlib.md5(message["MessageBody"].encode()).hexdigest().upper()
    assert (message["MessageBodyMD5"], message["DequeueCount"]) == (digest, "1")
    deleted = queue.delete(message["ReceiptHandle"])
    assert (deleted.status, deleted.body) == (204, b"")
    assert deleted.headers["x-mns-request-id"]
    noon.emulator.clock.advance(31)
    assert code(queue.call("GET")) == (404, "MessageNotExist")
    assert code(queue.delete(message["ReceiptHandle"])) == (404, "MessageNotExist")
    logged = [(r.action, r.code) for r in noon.emulator.requests() if r.signature_method == "MNS"]
    assert logged == [
        ("ReceiveMessage", "OK"),
        ("DeleteMessage", "OK"),
        ("ReceiveMessage", "MessageNotExist"),
        ("DeleteMessage", "MessageNotExist"),
    ]


def test_a_received_message_is_visible_again_after_30_seconds(noon: Client) -> None:
    noon.send()
    queue = consumer(noon)
    (first,) = queue.receive()
    noon.emulator.clock.advance(29.9)
    assert code(queue.call("GET")) == (404, "MessageNotExist")
    noon.emulator.clock.advance(0.1)
    assert code(queue.delete(first["ReceiptHandle"])) == (404, "MessageNotExist")
    (second,) = queue.receive()
    assert (second["DequeueCount"], second["MessageId"]) == ("2", first["MessageId"])
    assert second["FirstDequeueTime"] == first["FirstDequeueTime"]
    assert code(queue.delete(first["ReceiptHandle"])) == (404, "MessageNotExist")
    assert queue.delete(second["ReceiptHandle"]).status == 204


def test_messages_are_received_in_batches_of_16(noon: Client) -> None:
    noon.notify(",".join(f"138001380{n:02}" for n in range(18)))
    queue = consumer(noon)
    found = queue.receive("numOfMessages=16&waitseconds=1")
    numbers = [content(message)["phone_number"] for message in found]
    assert numbers == [f"138001380{n:02}" for n in range(16)]
    assert len(queue.receive("numOfMessages=16")) == 2
    assert code(queue.call("GET", "numOfMessages=16")) == (404, "MessageNotExist")


def test_a_receipt_is_there_when_it_is_due(noon: Client) -> None:
    noon.emulator.settings(delivery_delay_seconds=5)
    noon.send_abroad(TaskId="t1")
    queue = consumer(noon)
    assert code(queue.call("GET")) == (404, "MessageNotExist")
    noon.emulator.clock.advance(5)
    assert content(queue.receive()[0])["TaskId"] == "t1"


def test_a_receiver_may_wait(noon: Client) -> None:
    queue = consumer(noon)
    started = time.monotonic()
    threading.Timer(0.1, noon.send).start()
    assert len(queue.receive("waitseconds=30")) == 1
    assert time.monotonic() - started < 20


def test_duplicates_are_messages_of_their_own(noon: Client) -> None:
    noon.emulator.settings(receipt_duplicates=1)
    noon.send()
    first, second = consumer(noon).receive("numOfMessages=16")
    assert first["MessageBody"] == second["MessageBody"]
    assert first["MessageId"] != second["MessageId"]


def test_a_reply_is_received(noon: Client) -> None:
    noon.send()
    noon.emulator.reply("13800138000", "TD & <b> 😀")
    (message,) = consumer(noon, "SmsUp").receive()
    assert content(message)["content"] == "TD & <b> 😀"


def test_accounts_and_kinds_are_separate(noon: Client) -> None:
    noon.send()
    stranger = Client(noon.emulator, "other", "other-secret")
    assert code(consumer(stranger).call("GET")) == (404, "MessageNotExist")
    queue = consumer(noon, "SmsUp")
    assert code(queue.call("GET")) == (404, "MessageNotExist")
    assert code(replace(queue, queue=REPORTS).call("GET")) == (403, "AccessDenied")
    named = consumer(noon, QueueName=REPORTS)
    assert code(replace(named, queue="Alicom-Queue-9-SmsReport").call("GET")) == (
        403,
        "AccessDenied",
    )
    assert len(named.receive()) == 1


Break = Callable[[QueueClient], Reply]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda q: q.call("GET", x_mns_version=""), (400, "MissingVersionHeader")),
        (lambda q: q.call("GET", authorization="ACS a:b"), (400, "InvalidAuthorizationHeader")),
        (lambda q: replace(q, key="testid").call("GET"), (403, "InvalidAccessKeyId")),
        (lambda q: replace(q, secret="x").call("GET"), (403, "SignatureDoesNotMatch")),
        (lambda q: replace(q, token="").call("GET"), (403, "AccessDenied")),
        (lambda q: replace(q, token="x").call("GET"), (403, "AccessDenied")),
        (lambda q: q.call("GET", date=""), (400, "MissingDateHeader")),
        (lambda q: q.call("GET", date="yesterday"), (400, "InvalidDateHeader")),
        (lambda q: q.call("GET", date=formatdate(1e9, usegmt=True)), (408, "TimeExpired")),
        (lambda q: q.call("DELETE", content_md5="eA=="), (400, "InvalidDegist")),
        (lambda q: q.call("DELETE", body=b"x" * 70_000), (400, "InvalidArgument")),
        (lambda q: q.call("POST"), (400, "InvalidRequestURL")),
        (lambda q: q.call("DELETE"), (400, "MissingReceiptHandle")),
        (lambda q: q.delete("x"), (400, "ReceiptHandleError")),
        (lambda q: q.delete("9" * 30), (400, "ReceiptHandleError")),
        (lambda q: q.delete("1-" + "a" * 24), (404, "MessageNotExist")),
        (lambda q: q.call("GET", "waitseconds=31"), (400, "InvalidArgument")),
        (lambda q: q.call("GET", "waitseconds=x"), (400, "InvalidArgument")),
        (lambda q: q.call("GET", "numOfMessages=0"), (400, "InvalidArgument")),
        (lambda q: q.call("GET", "numOfMessages=17"), (400, "InvalidArgument")),
        (lambda q: q.call("GET", "peekonly=true"), (400, "InvalidQueryString")),
        (lambda q: replace(q, queue="mine").call("GET"), (404, "QueueNotExist")),
        (lambda q: replace(q, queue="%F0%9F%98%80").call("GET"), (404, "QueueNotExist")),
    ],
)
def test_a_request_with_a_mistake_is_refused(
    client: Client, call: Break, expected: tuple[int, str]
) -> None:
    assert code(call(consumer(client))) == expected


def test_a_request_without_authorization_is_refused(client: Client) -> None:
    reply = raw(client.emulator, "GET", f"/queues/{REPORTS}/messages", b"", {"x-mns-version": "1"})
    assert code(reply) == (400, "MissingAuthorizationHeader")


def test_tokens_expire(noon: Client) -> None:
    noon.emulator.settings(timestamp_clock="emulator")
    noon.at = NOON.timestamp()
    queue = consumer(noon)
    for minutes, expected in ((9, (404, "MessageNotExist")), (10, (403, "AccessDenied"))):
        noon.emulator.clock.set(NOON.replace(minute=minutes))
        date = formatdate(NOON.replace(minute=minutes).timestamp(), usegmt=True)
        assert code(queue.call("GET", date=date)) == expected
