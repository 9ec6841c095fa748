"""Nothing holds a secret: the emulator's faults, real Redis, TLS and OSS; see tests/unit.

The emulator's SignatureDoesNotMatch repeats the whole request, as the platform's does.
"""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import socketserver
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aliyun_sms_emulator import SmsEmulator
from shared import transport
from shared.receipts import mns_queue
from shared.state.choice import open_store
from tests.integration.redis_server import RedisServer
from tests.threaded_server import ThreadedServer
from tests.unit.certificates import Authority
from tests.unit.hostile_inputs import calls
from tests.unit.scripted_server import Arrived, Scene, ScriptedServer, answer
from tests.unit.secret_watch import Secrets, new_secrets
from tests.unit.source_events import encoded, oss
from tests.unit.trigger_events import Context
from tests.unit.watched_functions import World, every_call, told_to_the_caller

Rule = Mapping[str, Any]
PASSWORD = new_secrets(0).password
many = functools.partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class RedisWorld(World):
    """The functions with a Redis that asks for a password."""

    def __init__(self, environment: pytest.MonkeyPatch, url: str, folder: Path, state: str) -> None:
        super().__init__(environment, url, folder)
        self.state_url = state
        self._client: Any = redis.Redis.from_url(state, decode_responses=True)

    def forget(self) -> None:
        """Empty the Redis."""
        self._client.flushall()

    def kept(self) -> bytes:
        """Return all keys with their values, but what could not be read and is kept raw."""
        read = {
            "string": self._client.get,
            "zset": lambda key: self._client.zrange(key, 0, -1, withscores=True),
        }
        keys = [key for key in self._client.scan_iter() if ":unread:" not in key]
        found = {key: read[self._client.type(key)](key) for key in keys}
        return json.dumps(found, ensure_ascii=False).encode()

    def close(self) -> None:
        """End its own connection."""
        self._client.close()


@pytest.fixture(scope="module")
def guarded_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL, with the password, of a Redis that asks for one."""
    folder = tmp_path_factory.mktemp("guarded-redis")
    with RedisServer(folder, "--requirepass", PASSWORD) as server:
        yield server.url.replace("redis://", f"redis://:{quote(PASSWORD, safe='')}@")


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, emulator: SmsEmulator, guarded_redis: str, tmp_path: Path
) -> Iterator[RedisWorld]:
    world = RedisWorld(monkeypatch, emulator.url, tmp_path, guarded_redis)
    open_store.cache_clear()
    yield world
    emulator.clear_faults()
    world.close()
    open_store.cache_clear()
    mns_queue._TOKENS.clear()
    transport.SESSION.close()


def begin(world: World, secrets: Secrets, emulator: SmsEmulator, *, right_key: bool) -> Secrets:
    """Prepare an example and return its secrets; the SMS service knows its key only if told so."""
    secrets = secrets._replace(password=PASSWORD)
    if right_key:
        secrets = secrets._replace(access_key_secret=emulator.access_key_secret)
    world.prepare(secrets)
    if right_key:
        world.environment.setenv("SMS_ACCESS_KEY_ID", emulator.access_key_id)
        world.environment.setenv("SMS_ACCESS_KEY_SECRET", emulator.access_key_secret)
    return secrets


def rules(secrets: Secrets) -> list[Rule]:
    """Return the ways in which the emulator fails; their texts hold all secrets."""
    said = "; ".join(secrets)
    ids = dict.fromkeys(("BizId", "MessageId", "RequestId", "Message"), said)
    codes = ("isv.MOBILE_NUMBER_ILLEGAL", "isp.SYSTEM_ERROR", "SignatureNonceUsed", "isv.OF_NOBODY")
    contents = ("html", "binary", "empty", "list", "types", "broken-json", "not-http")
    return [
        {"kind": "none", "visibility_delay_seconds": "never"},
        *({"kind": "error", "code": code, "message": said} for code in codes),
        {"kind": "error", "code": "SignatureDoesNotMatch", "message": said, "status": 400},
        {"kind": "http", "status": 503, "body": "html", "when": "after"},
        {"kind": "http", "status": 500, "message": said},
        *({"kind": "garbage", "content": content, "when": "after"} for content in contents),
        {"kind": "garbage", "body": said, "status": 302},
        {"kind": "garbage", "body": json.dumps({"Code": "OK", "ResponseCode": "OK", **ids})},
        {"kind": "garbage", "body": json.dumps({"Code": said, "ResponseCode": said, **ids})},
        {"kind": "reset", "when": "after"},
        {"kind": "truncate", "when": "after"},
        {"kind": "reset", "bytes": "half"},
    ]


@many(max_examples=80)
@given(st.data(), st.integers(0, 2**32), st.integers(0, 18), st.integers(0, 9))
def test_no_input_and_no_fault_makes_a_function_tell_or_crash(
    world: RedisWorld, emulator: SmsEmulator, data: st.DataObject, seed: int, fault: int, key: int
) -> None:
    secrets = begin(world, new_secrets(seed), emulator, right_key=key > 2)
    emulator.set_faults(rules(secrets)[fault])
    call = data.draw(calls(secrets))
    for _ in range(2):
        world.check(world.run(call), secrets, *call.may_return)


@pytest.mark.parametrize("right_key", [False, True], ids=["unknown key", "known key"])
def test_every_function_stands_every_fault(
    world: RedisWorld, emulator: SmsEmulator, right_key: bool
) -> None:
    for number, _ in enumerate(rules(new_secrets(0))):
        secrets = begin(world, new_secrets(number), emulator, right_key=right_key)
        emulator.set_faults(rules(secrets)[number])
        for call in every_call(secrets):
            world.check(world.run(call), secrets, *told_to_the_caller(call))
    assert len(emulator.requests()) > 100


def test_a_signature_that_does_not_match_is_not_passed_through(
    world: RedisWorld, emulator: SmsEmulator
) -> None:
    secrets = begin(world, new_secrets(1), emulator, right_key=False)
    world.environment.setenv("SMS_ACCESS_KEY_ID", emulator.access_key_id)
    world.environment.setenv("SMS_ACCESS_KEY_SECRET", secrets.access_key_secret)
    for method in ("ACS3-HMAC-SHA256", "HMAC-SHA1"):
        world.environment.setenv("SMS_SIGNATURE_METHOD", method)
        for call in every_call(secrets):
            told = world.run(call)
            world.check(told, secrets)
            if call.function == "send_international_sms":
                assert json.loads(told.returned["body"])["code"] == "SignatureDoesNotMatch"
    assert {request.code for request in emulator.requests()} == {"SignatureDoesNotMatch"}
    assert emulator.messages() == []


def test_a_code_that_was_sent_is_in_the_message_alone(
    world: RedisWorld, emulator: SmsEmulator
) -> None:
    secrets = begin(world, new_secrets(2), emulator, right_key=True)
    for call in every_call(secrets):
        if call.function == "verify_code":
            told = world.run(call)
            world.check(told, secrets)
            let_out = (told.log, told.text, world.kept().decode())
            (message,) = emulator.messages()
            (code,) = message.template_param.values()
            assert len(code) == 6
            assert not [text for text in let_out if code in text.replace(secrets.mainland, "")]


# what is around the platform


class _RudeRedis(ThreadedServer):
    """Speaks just enough of Redis' protocol to refuse each command with its own words."""

    def __init__(self, reply: Callable[[list[str]], str]) -> None:
        super().__init__(_Refusals)
        self.reply = reply


class _Refusals(socketserver.StreamRequestHandler):
    server: _RudeRedis

    def handle(self) -> None:
        with contextlib.suppress(ValueError):  # half a command: the client has hung up
            while line := self.rfile.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int(self.rfile.readline()[1:])
                    words.append(self.rfile.read(size + 2)[:-2].decode())
                self.wfile.write(self.server.reply(words).encode())


RUDE: Mapping[str, Callable[[list[str]], str]] = {
    "knows no command": lambda words: (
        f"-ERR unknown command '{words[0]}', with args beginning with: {' '.join(words[1:])}\r\n"
    ),
    "repeats the command as its code": lambda words: f"-{' '.join(words).upper()}\r\n",
    "is read-only": lambda words: f"-READONLY {words}\r\n",
    "is full": lambda words: f"-OOM command not allowed: {words}\r\n",
    "has another password": lambda words: f"-WRONGPASS invalid pair {words}\r\n",
    "lets nobody do anything": lambda words: f"-NOPERM {words}\r\n",
    "fails for a reason of its own": lambda words: f"-MISCONF {words}\r\n",
    "is no Redis": lambda words: f"HTTP/1.1 400 {words}\r\n",
}


@pytest.mark.parametrize("reply", RUDE.values(), ids=RUDE)
def test_a_redis_that_repeats_what_it_is_told_is_not_repeated(
    world: RedisWorld, emulator: SmsEmulator, reply: Callable[[list[str]], str]
) -> None:
    secrets = begin(world, new_secrets(3), emulator, right_key=True)
    with _RudeRedis(reply) as server:
        address = f"redis://user:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/0"
        world.environment.setenv("SMS_STATE_URL", address)
        for call in every_call(secrets):
            told = world.run(call)
            world.check(told, secrets, *told_to_the_caller(call))
            if call.function == "send_sms":
                assert "store-unavailable" in told.text
                assert "the Redis of SMS_STATE_URL cannot be used" in told.log
    open_store.cache_clear()
    assert emulator.messages() == []


@pytest.mark.parametrize(
    "form", ["rediss://:{0}@{2}", "redis://:{0}@{1}?db={0}", "redis://{0}", "redis://:{0}@/0"]
)
def test_a_redis_that_cannot_be_spoken_to_is_not_named_with_its_password(
    world: RedisWorld, emulator: SmsEmulator, form: str
) -> None:
    secrets = begin(world, new_secrets(4), emulator, right_key=True)
    address = world.state_url.rpartition("@")[2]
    url = form.format(quote(PASSWORD, safe=""), address, emulator.endpoint)
    world.environment.setenv("SMS_STATE_URL", url)
    for call in every_call(secrets):
        world.check(world.run(call), secrets, *told_to_the_caller(call))
    assert emulator.messages() == []


def _closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return f"https://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture(scope="module")
def strangers_certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return Authority(tmp_path_factory.mktemp("certificates")).server("IP:127.0.0.1")


@pytest.mark.parametrize("where", ["a closed port", "no TLS", "an unknown authority"])
def test_a_service_out_of_reach_is_told_without_what_was_to_be_sent(
    world: RedisWorld, emulator: SmsEmulator, strangers_certificate: ssl.SSLContext, where: str
) -> None:
    secrets = begin(world, new_secrets(5), emulator, right_key=True)
    urls = {"a closed port": _closed_port(), "no TLS": emulator.url.replace("http:", "https:")}
    function: Any = type("Function", (), {"timeout": 2.25})
    with ScriptedServer(lambda _arrived: answer({}), tls=strangers_certificate) as server:
        for name in ("SMS_ENDPOINT", "SMS_INTERNATIONAL_ENDPOINT", "SMS_BASE_ENDPOINT"):
            world.environment.setenv(name, urls.get(where, server.url))
        for call in every_call(secrets):
            told = world.run(call, Context(function=function))
            world.check(told, secrets)
            if call.function == "send_international_sms":
                assert told.status == 503
                assert "no connection to 127.0.0.1" in told.log
    assert emulator.messages() == []


def test_an_oss_that_repeats_the_request_is_not_repeated(
    world: RedisWorld, emulator: SmsEmulator
) -> None:
    def refuse(arrived: Arrived) -> Scene:
        text = f"{arrived.start_line} {dict(arrived.headers)}"
        document = f"<Error><Code>SignatureDoesNotMatch</Code><Message><![CDATA[{text}]]></Message>"
        return answer(f"{document}</Error>".encode(), "403 Forbidden")

    secrets = begin(world, new_secrets(6), emulator, right_key=False)
    event = encoded(oss(f"sms-files/{secrets.mainland}.csv", b"phone_number\n"))
    with ScriptedServer(refuse) as server:
        world.environment.setenv("SMS_LOCAL_BUCKETS", "")
        world.environment.setenv("SMS_OSS_ENDPOINT", server.url)
        call = every_call(secrets)[-2]._replace(event=event)
        told = world.run(call)
    world.check(told, secrets)
    assert "OSS refuses access (403)" in told.text
    assert any(secrets.security_token in str(each.headers) for each in server.arrived)


def test_what_is_kept_is_looked_at(world: RedisWorld, emulator: SmsEmulator) -> None:
    secrets = begin(world, new_secrets(7), emulator, right_key=True)
    for call in sorted(every_call(secrets), key=lambda call: call.function != "verify_code"):
        world.run(call)
    kept = json.loads(world.kept())
    kinds = {key.removeprefix("{fc-sms}")[1:].partition(":")[0] for key in kept}
    assert {"part", "receipts", "message", "reply", "verification", "confirmation"} <= kinds
    assert secrets.found_in(f"{kept}{secrets.mainland}") == ["mainland"]
