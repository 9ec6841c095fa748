"""What another caller sent or asked for is answered as what never was, after the same calls.

No status, no text and no call more or less tells that somebody else's id exists: complete answers
are compared, what the SMS service was asked, and each command that Redis got.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import redis

from aliyun_sms_emulator import SmsEmulator
from shared import ids, transport
from shared.clock import platform_date
from tests.integration.redis_server import RedisServer

OWNER, STRANGER = "b3duZXItb2YtdGhlLW1lc3NhZ2Vz", "c3RyYW5nZXItd2hvLWd1ZXNzZXM"
TOKEN = "dG9rZW4tb2YtdGhlLXJlY2VpcHRzLXVybA"
NUMBER, ABROAD = "13800138000", "85251234567"
FUNCTIONS = {
    "/sms": "send_sms",
    "/international-sms": "send_international_sms",
    "/delivery-status": "query_delivery_status",
    "/codes": "verify_code",
    "/codes/check": "verify_code",
    f"/receipts/{TOKEN}": "receive_receipts",
}
Query = Mapping[str, str]


def call(key: str, path: str, body: object = None, *, query: Query | None = None) -> dict[str, Any]:
    """Let a function answer a trigger event: GET with a query, POST without."""
    event = {
        "version": "v1",
        "headers": {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        "body": "" if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "queryParameters": dict(query or {}),
        "requestContext": {"http": {"method": "GET" if query else "POST", "path": path}},
    }
    context: Any = SimpleNamespace(request_id="1-test", function=SimpleNamespace(timeout=30))
    module = importlib.import_module(f"functions.{FUNCTIONS[path]}")
    answered: dict[str, Any] = module.handler(json.dumps(event).encode(), context)
    return answered


class Sent(NamedTuple):
    """What the owner has: ids of messages that were sent, and a code."""

    out_id: str
    biz_id: str
    abroad_out_id: str
    message_id: str
    verification_id: str
    code: str


class Watched(NamedTuple):
    """An answer as it was given, and what it took."""

    answer: dict[str, Any]
    asked: Sequence[tuple[str, Mapping[str, Any]]]
    commands: Sequence[str]


@pytest.fixture
def functions(
    monkeypatch: pytest.MonkeyPatch, emulator: SmsEmulator, redis_url: str
) -> Iterator[None]:
    """Functions with a Redis and two API keys."""
    for name in os.environ:
        if name.startswith(("SMS_", "ALIBABA_CLOUD_")):
            monkeypatch.delenv(name)
    keys = {"owner": OWNER, "stranger": STRANGER}
    values = {
        "SMS_API_KEYS": ",".join(
            f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in keys.items()
        ),
        "SMS_ENDPOINT": emulator.url,
        "SMS_INTERNATIONAL_ENDPOINT": emulator.url,
        "SMS_PNVS_ENDPOINT": emulator.url,
        "SMS_ACCESS_KEY_ID": emulator.access_key_id,
        "SMS_ACCESS_KEY_SECRET": emulator.access_key_secret,
        "SMS_SIGN_NAME": "fc-sms",
        "SMS_COUNTRIES": "HK",
        "SMS_CODE_TEMPLATE": "SMS_100001",
        "SMS_RECEIPT_TOKEN": TOKEN,
        "SMS_STATE_URL": redis_url,
        "SMS_STATE_SECRET": "a-secret-of-the-tests",
        "SMS_SETTLE_SECONDS": "0.2",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    yield
    transport.SESSION.close()


@pytest.fixture(params=["own", "pnvs"])
def sent(
    request: pytest.FixtureRequest,
    functions: None,
    monkeypatch: pytest.MonkeyPatch,
    emulator: SmsEmulator,
) -> Sent:
    """What the owner sent: to the mainland with a receipt, abroad without one, and a code."""
    emulator.settings(visibility_delay_seconds=0)
    out_ids = [ids.new_out_id() for _ in range(2)]
    text = {"template_code": "SMS_100002", "template_param": {"name": "Li", "order": "A-17"}}
    mainland = {"phone_numbers": NUMBER, "out_id": out_ids[0], **text}
    biz_id = body_of(call(OWNER, "/sms", mainland))["biz_id"]
    abroad = {"phone_numbers": f"+{ABROAD}", "message": "Hello", "out_id": out_ids[1]}
    message_id = body_of(call(OWNER, "/international-sms", abroad))["message_id"]
    receipt = {
        "phone_number": NUMBER,
        "success": True,
        "err_code": "DELIVERED",
        "out_id": f"owner~{out_ids[0]}",
        "biz_id": biz_id,
        "send_time": "2027-01-15 16:00:00",
        "report_time": "2027-01-15 16:00:04",
    }
    assert body_of(call("", f"/receipts/{TOKEN}", [receipt]))["code"] == 0
    if request.param == "pnvs":
        monkeypatch.setenv("SMS_CODE_BACKEND", "pnvs")
        monkeypatch.setenv("SMS_CODE_TEMPLATE", "100001")
        monkeypatch.setenv("SMS_CODE_SIGN_NAME", "验证码服务")
    created = body_of(call(OWNER, "/codes", {"phone_number": "13800138001", "purpose": "login"}))
    newest = emulator.messages()[-1]
    (code,) = re.findall("[0-9]{6}", newest.text)
    return Sent(
        out_id=out_ids[0],
        biz_id=biz_id,
        abroad_out_id=out_ids[1],
        message_id=message_id,
        verification_id=created["verification_id"],
        code=code,
    )


def body_of(answer: Mapping[str, Any]) -> Any:
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def watched(
    emulator: SmsEmulator, redis_server: RedisServer, ask: Callable[[str], Any], asked_id: str
) -> Watched:
    """Ask about `asked_id` and watch; the id and what follows from it are left out of the calls."""
    before = len(emulator.requests())
    with (
        redis.Redis.from_url(redis_server.url, decode_responses=True) as client,
        client.monitor() as monitor,
    ):
        answer = ask(asked_id)
        redis_server.ask("ECHO", "the end of the question")
        commands = []
        for seen in monitor.listen():
            if seen["command"].startswith("ECHO the end"):
                break
            commands.append(_without_digests(seen["command"], asked_id))
    requests = emulator.requests()[before:]
    asked = [
        (request.action, json.loads(json.dumps(request.parameters).replace(asked_id, "<id>")))
        for request in requests
    ]
    return Watched(answer, asked, [each for each in commands if not _is_about_clients(each)])


def _without_digests(command: str, asked_id: str) -> str:
    return re.sub(r"[0-9a-f]{32}", "<digest>", command.replace(asked_id, "<id>"))


def _is_about_clients(command: str) -> bool:
    """Whether a command is of a connection, not of a question."""
    return command.startswith(("CLIENT", "MONITOR", "HELLO", "AUTH", "SELECT"))


def by_out_id(**more: str) -> Callable[[str], Any]:
    return lambda out_id: call(STRANGER, "/delivery-status", query={"out_id": out_id, **more})


def by_message_id(message_id: str) -> Any:
    return call(STRANGER, "/delivery-status", query={"message_id": message_id})


def by_number(name: str) -> Callable[[str], Any]:
    def ask(asked_id: str) -> Any:
        today = platform_date(time.time())
        about = {"phone_number": NUMBER, "send_date": today, "include_content": True}
        return call(STRANGER, "/delivery-status", {**about, name: asked_id})

    return ask


QUESTIONS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "out_id": (by_out_id(), "out_id"),
    "out_id of a message abroad": (by_out_id(), "abroad_out_id"),
    "out_id from its second part on": (by_out_id(first_part="1"), "out_id"),
    "BizId": (by_message_id, "biz_id"),
    "MessageId": (by_message_id, "message_id"),
    "number and out_id": (by_number("out_id"), "out_id"),
    "number and BizId": (by_number("biz_id"), "biz_id"),
}


@pytest.mark.parametrize("sent", ["own"], indirect=True)
@pytest.mark.parametrize("question", QUESTIONS)
def test_another_spaces_message_is_answered_as_one_that_never_was(
    sent: Sent, emulator: SmsEmulator, redis_server: RedisServer, question: str
) -> None:
    ask, name = QUESTIONS[question]
    others = getattr(sent, name)
    seen = watched(emulator, redis_server, ask, others)
    assert seen == watched(emulator, redis_server, ask, _like(others))
    assert [*seen.asked, *seen.commands] != []
    assert others not in seen.answer["body"]
    assert seen.answer["statusCode"] in (200, 404)
    if seen.answer["statusCode"] == 200:
        assert seen.answer["body"] == "[]"


@pytest.mark.parametrize("sent", ["own"], indirect=True)
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_owner_is_answered(monkeypatch: pytest.MonkeyPatch, sent: Sent, question: str) -> None:
    """So the test above compares with something."""
    monkeypatch.setattr(f"{__name__}.STRANGER", OWNER)
    ask, name = QUESTIONS[question]
    answer = ask(getattr(sent, name))
    if question == "out_id from its second part on":
        assert body_of(answer) == []
        return
    (found,) = body_of(answer)
    is_abroad = question in ("out_id of a message abroad", "MessageId")
    assert found["out_id"] == (sent.abroad_out_id if is_abroad else sent.out_id)


@pytest.mark.parametrize("sent", ["own"], indirect=True)
def test_in_the_list_of_a_number_neither_text_nor_out_id_of_another_space_is_shown(
    sent: Sent,
) -> None:
    today = platform_date(time.time())
    body = {"phone_number": NUMBER, "send_date": today, "include_content": True}
    (owners,) = body_of(call(OWNER, "/delivery-status", body))
    (strangers,) = body_of(call(STRANGER, "/delivery-status", body))
    assert owners["out_id"] == sent.out_id
    assert "Li" in owners["content"]
    assert strangers == {**owners, "out_id": "", "content": ""}


@pytest.mark.parametrize("is_right", [True, False])
def test_another_spaces_verification_is_checked_as_one_that_never_was(
    sent: Sent, emulator: SmsEmulator, redis_server: RedisServer, is_right: bool
) -> None:
    typed = sent.code if is_right else "000000"

    def ask(verification_id: str) -> Any:
        about = {"phone_number": "13800138001", "purpose": "login", "code": typed}
        return call(STRANGER, "/codes/check", {**about, "verification_id": verification_id})

    never = _like(sent.verification_id)
    for _ in range(6):  # more than there are tries
        seen = watched(emulator, redis_server, ask, sent.verification_id)
        unseen = watched(emulator, redis_server, ask, never)
        assert seen.answer == unseen.answer
        assert body_of(seen.answer) == {"verified": False, "request_id": "1-test"}
        assert seen.asked == unseen.asked == []
        assert _kinds(seen.commands) == _kinds(unseen.commands)
    about = {"phone_number": "13800138001", "purpose": "login", "code": sent.code}
    own = call(OWNER, "/codes/check", {**about, "verification_id": sent.verification_id})
    assert body_of(own)["verified"] is True


def _kinds(commands: Sequence[str]) -> list[str]:
    """Return the name and the key of each command: what is compared there differs."""
    return [
        " ".join(word for word in command.split() if word.isupper() or word.startswith("{fc-sms}"))
        for command in commands
    ]


def _like(known: str) -> str:
    """Return an id of the same form that was never given out."""
    return known.translate(
        str.maketrans("0123456789abcdefghijklmnop", "5678901234bcdefghijklmnopa")
    )
