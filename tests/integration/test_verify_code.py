"""Verification codes with a real Redis or state file and the SMS service, both back ends."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import redis
import requests
from schemathesis.core.transport import Response

from aliyun_sms_emulator import SmsEmulator
from functions import verify_code
from shared import ids, transport
from tests.integration.contract import Contract
from tests.integration.redis_server import RedisServer

API_KEY, OTHER_KEY = "a2V5LW9mLXRoZS1jb2RlLXRlc3Rz", "a2V5LW9mLXNvbWVib2R5LWVsc2U"
NUMBER, ABROAD = "13800138000", "+85251234567"
SPAWN = multiprocessing.get_context("spawn")


class Answer(NamedTuple):
    """One answer of the function."""

    status: int
    body: Any


class Desk:
    """Calls the function in this process with an API key; answers are held to the contract."""

    def __init__(self, emulator: SmsEmulator, contract: Contract) -> None:
        self.emulator = emulator
        self.key = API_KEY
        self._contract = contract

    def create(self, number: str = NUMBER, purpose: str = "login", **fields: Any) -> Answer:
        return self.call("codes", {"phone_number": number, "purpose": purpose, **fields})

    def created(self, *arguments: str, **fields: Any) -> tuple[str, str]:
        """Create; return the verification_id, and the code that the phone got."""
        before = len(self.emulator.messages())
        answer = self.create(*arguments, **fields)
        assert answer.status == 200, answer
        (message,) = self.emulator.messages()[before:]
        (code,) = re.findall("[0-9]{4,8}", message.text)
        return answer.body["verification_id"], code

    def check(self, verification_id: str, code: str, number: str = NUMBER, **fields: Any) -> bool:
        body = check_body(verification_id, code)
        answer = self.call("codes/check", {**body, "phone_number": number, **fields})
        assert answer.status == 200, answer
        assert set(answer.body) == {"verified", "request_id"}
        return bool(answer.body["verified"])

    def call(self, path: str, body: object) -> Answer:
        answered = call_function(path, body, self.key)
        headers = {name.lower(): [value] for name, value in answered["headers"].items()}
        request = requests.Request("POST", f"http://function/{path}").prepare()
        content, status = answered["body"].encode(), answered["statusCode"]
        response = Response(status, headers, content, request, elapsed=0.0, verify=True)
        self._contract.check("POST", path, response)
        return Answer(status, json.loads(content))


@pytest.fixture
def out_id() -> str:
    """An out_id of this test alone: the service remembers the nonces that follow from them."""
    return ids.new_out_id()


def call_function(path: str, body: object, key: str = API_KEY) -> dict[str, Any]:
    """Let the function answer a trigger event."""
    event = {
        "version": "v1",
        "headers": {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"http": {"method": "POST", "path": f"/{path}"}},
    }
    context: Any = SimpleNamespace(request_id="1-test", function=SimpleNamespace(timeout=30))
    return verify_code.handler(json.dumps(event).encode(), context)


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, emulator: SmsEmulator
) -> Iterator[pytest.MonkeyPatch]:
    """A function that is set up, but for a back end of its own."""
    for name in os.environ:
        if name.startswith(("SMS_", "ALIBABA_CLOUD_")):
            monkeypatch.delenv(name)
    values = {
        "SMS_API_KEYS": ",".join(
            f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"
            for name, key in (("tests", API_KEY), ("somebody-else", OTHER_KEY))
        ),
        "SMS_ENDPOINT": emulator.url,
        "SMS_INTERNATIONAL_ENDPOINT": emulator.url,
        "SMS_PNVS_ENDPOINT": emulator.url,
        "SMS_ACCESS_KEY_ID": emulator.access_key_id,
        "SMS_ACCESS_KEY_SECRET": emulator.access_key_secret,
        "SMS_SIGN_NAME": "fc-sms",
        "SMS_COUNTRIES": "HK,SG",
        "SMS_CODE_TEMPLATE": "SMS_100001",
        "SMS_STATE_SECRET": "a-secret-of-the-tests",
        "SMS_SETTLE_SECONDS": "0.2",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    yield monkeypatch
    transport.SESSION.close()


@pytest.fixture(params=["redis", "sqlite"])
def own(
    request: pytest.FixtureRequest,
    environment: pytest.MonkeyPatch,
    emulator: SmsEmulator,
    contract: Contract,
    tmp_path: Path,
) -> Desk:
    """The own back end."""
    if request.param == "redis":
        environment.setenv("SMS_STATE_URL", request.getfixturevalue("redis_url"))
    else:
        environment.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state")
        environment.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    return Desk(emulator, contract)


@pytest.fixture
def pnvs(environment: pytest.MonkeyPatch, emulator: SmsEmulator, contract: Contract) -> Desk:
    """The platform's back end."""
    environment.setenv("SMS_CODE_BACKEND", "pnvs")
    environment.setenv("SMS_CODE_TEMPLATE", "100001")
    environment.setenv("SMS_CODE_SIGN_NAME", "验证码服务")
    return Desk(emulator, contract)


# the own back end


def test_a_code_is_sent_and_passes_once(own: Desk) -> None:
    verification_id, code = own.created()
    assert not own.check(verification_id, "000000" if code != "000000" else "111111")
    assert not own.check(verification_id, code, "13800138001")
    assert not own.check(verification_id, code, purpose="pay")
    assert own.check(verification_id, code, purpose="login")
    assert not own.check(verification_id, code)


def test_five_wrong_tries_end_a_code(own: Desk) -> None:
    verification_id, code = own.created()
    for number in range(5):
        assert not own.check(verification_id, f"{number}x")
    assert not own.check(verification_id, code)


def test_the_same_out_id_is_one_sms(own: Desk, out_id: str) -> None:
    verification_id, code = own.created(out_id=out_id)
    again = own.create(out_id=out_id)
    assert (again.status, again.body["verification_id"]) == (200, verification_id)
    assert len(own.emulator.messages()) == 1
    assert own.create(out_id=out_id, purpose="pay").status == 409
    assert own.check(verification_id, code)


def test_the_second_code_in_a_minute_is_refused(own: Desk) -> None:
    own.created()
    answer = own.create()
    assert (answer.status, answer.body["code"]) == (429, "codes-per-minute")
    assert len(own.emulator.requests()) == 1
    own.created("13800138001")


def test_a_rejected_code_counts_for_nothing(own: Desk, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_CODE_TEMPLATE", "SMS_999999")
    assert own.create().status == 502
    assert own.create().status == 502
    environment.setenv("SMS_CODE_TEMPLATE", "SMS_100001")
    assert own.check(*own.created())


def test_a_number_abroad_gets_its_code(own: Desk, environment: pytest.MonkeyPatch) -> None:
    assert own.create(ABROAD).status == 422
    environment.setenv("SMS_CODE_MESSAGE", "{code} is your code.")
    verification_id, code = own.created(ABROAD)
    assert own.check(verification_id, code, ABROAD)
    environment.setenv("SMS_CODE_MESSAGE", "")
    environment.setenv("SMS_CODE_INTERNATIONAL_TEMPLATE", "SMS_100003")
    verification_id, code = own.created("+6581234567")
    assert own.check(verification_id, code, "006581234567")


def test_a_store_that_is_down_sends_nothing(own: Desk, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMS_STATE_URL", "redis://127.0.0.1:1/0")
    answer = own.create()
    assert (answer.status, answer.body["code"]) == (503, "store-unavailable")
    assert own.call("codes/check", check_body("a" * 32, "123456")).status == 503
    assert own.emulator.requests() == []


def check_body(verification_id: str, code: str) -> dict[str, str]:
    about = {"phone_number": NUMBER, "purpose": "login"}
    return {**about, "verification_id": verification_id, "code": code}


@pytest.mark.parametrize("own", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", ["codes", "codes/check"])
@pytest.mark.parametrize(
    "body", [[], {}, {"verification_id": "a" * 32, "phone_number": NUMBER, "code": "1"}]
)
def test_a_bad_body_is_422(own: Desk, path: str, body: object) -> None:
    assert own.call(path, body).status == 422
    assert own.emulator.requests() == []


def check_in_process(together: Barrier, verification_id: str, codes: list[str], said: Any) -> None:
    """Check `codes` in a process of its own, when all are ready, and hand the answers over."""
    together.wait()
    answers = [call_function("codes/check", check_body(verification_id, code)) for code in codes]
    said.put([json.loads(answer["body"]) for answer in answers])


def passed_in_processes(verification_id: str, codes: list[list[str]]) -> list[int]:
    """Let a process check each list of codes, all at once; return how many passed in each."""
    together, said = SPAWN.Barrier(len(codes)), SPAWN.Queue()
    workers = [
        SPAWN.Process(target=check_in_process, args=(together, verification_id, each, said))
        for each in codes
    ]
    for worker in workers:
        worker.start()
    answers = [said.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
        worker.close()
    said.close()
    said.join_thread()
    assert all("verified" in answer for process in answers for answer in process), answers
    return [sum(answer["verified"] for answer in process) for process in answers]


def test_of_processes_that_check_the_right_code_at_once_one_passes(own: Desk) -> None:
    verification_id, code = own.created()
    passed = passed_in_processes(verification_id, [[code] * 5] * 4)
    assert sorted(passed) == [0, 0, 0, 1]


def test_processes_that_guess_at_once_share_the_tries(own: Desk) -> None:
    verification_id, code = own.created()
    guesses = [f"{number:06}" for number in range(8) if f"{number:06}" != code]
    assert passed_in_processes(verification_id, [[*guesses[:5], code]] * 3) == [0, 0, 0]


@pytest.mark.parametrize("own", ["redis"], indirect=True)
def test_redis_holds_neither_code_nor_number_and_forgets(
    own: Desk, redis_server: RedisServer, out_id: str
) -> None:
    verification_id, code = own.created(out_id=out_id)
    keys = redis_server.ask("KEYS", "*")
    assert (
        len([key for key in keys if key.startswith("{fc-sms}:")]) == 4
    )  # code, send, message, share
    assert len(keys) == 4 + 3 + 3 + 2 + 1  # limits of codes, number and budget; the unconfirmed
    for key in keys:
        kind = redis_server.ask("TYPE", key)
        asked = ("ZRANGE", key, 0, -1) if kind == "zset" else ("GET", key)
        kept = key + str(redis_server.ask(*asked))
        assert NUMBER not in kept
        assert not re.search(rf"(?<![0-9]){code}(?![0-9])", kept)
        assert out_id not in kept
        assert 0 < redis_server.ask("TTL", key) <= 32 * 86400  # a month, and a day for the report
    assert own.check(verification_id, code)


# whose it is


def test_another_key_can_neither_check_a_code_nor_use_up_its_tries(own: Desk, out_id: str) -> None:
    verification_id, code = own.created(out_id=out_id)
    own.key = OTHER_KEY
    for typed in ([code] * 6, ["000000" if code != "000000" else "111111"] * 6):
        assert not any(own.check(verification_id, each) for each in typed)
    own.key = API_KEY
    assert own.check(verification_id, code)


def test_another_key_cannot_block_an_out_id(own: Desk, out_id: str) -> None:
    own.key = OTHER_KEY
    others, others_code = own.created("13800138001", purpose="pay", out_id=out_id)
    own.key = API_KEY
    verification_id, code = own.created(out_id=out_id)
    assert verification_id != others
    assert own.check(verification_id, code)
    own.key = OTHER_KEY
    assert own.check(others, others_code, "13800138001", purpose="pay")


def test_what_was_refused_may_be_asked_for_again_with_another_number(
    own: Desk, environment: pytest.MonkeyPatch, out_id: str
) -> None:
    environment.setenv("SMS_CODE_TEMPLATE", "SMS_999999")
    assert own.create(out_id=out_id).status == 502
    environment.setenv("SMS_CODE_TEMPLATE", "SMS_100001")
    verification_id, code = own.created("13800138001", purpose="pay", out_id=out_id)
    assert own.create(out_id=out_id).status == 409
    assert not own.check(verification_id, code)
    assert own.check(verification_id, code, "13800138001", purpose="pay")


# what is refused


def keys_of(url: str) -> set[str]:
    """Return every key in a Redis or a state file, with its table."""
    if url.startswith("redis:"):
        with redis.Redis.from_url(url, decode_responses=True) as client:
            return set(client.keys())
    with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as database:
        rows = [
            f"{table} {key}"
            for table in ("records", "counts", "moments")
            for (key,) in database.execute(f"SELECT key FROM {table}")
        ]
    return set(rows)


@pytest.fixture
def folder_in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder whose files need no disk, where there is one: each step of SQLite waits for it."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.parametrize("back_end", ["own", "pnvs"])
@pytest.mark.parametrize("reason", ["mainland-per-day", "country-closed"])
def test_three_thousand_codes_that_we_refuse_leave_no_key(
    own: Desk,
    environment: pytest.MonkeyPatch,
    folder_in_memory: Path,
    back_end: str,
    reason: str,
) -> None:
    if os.environ["SMS_STATE_URL"].startswith("sqlite:"):
        environment.setenv("SMS_STATE_URL", f"sqlite://{folder_in_memory}/state")
    if back_end == "pnvs":
        environment.setenv("SMS_CODE_BACKEND", "pnvs")
        environment.setenv("SMS_CODE_TEMPLATE", "100001")
        environment.setenv("SMS_CODE_SIGN_NAME", "验证码服务")
    environment.setenv("SMS_CODE_MESSAGE", "{code} is your code.")
    environment.setenv("SMS_LIMITS", "mainland-per-day=1")
    url = os.environ["SMS_STATE_URL"]
    own.created()
    before, sent = keys_of(url), len(own.emulator.requests())
    numbers = "+4479460{:05}" if reason == "country-closed" else "139{:08}"
    if back_end == "pnvs" and reason == "country-closed":
        reason = "invalid-request"  # it sends nothing abroad
    for place in range(3000):
        body = {"phone_number": numbers.format(place), "purpose": "login"}
        answer = json.loads(call_function("codes", body)["body"])
        assert answer["code"] == reason
    assert keys_of(url) <= before  # a window of a minute may be over
    assert len(own.emulator.requests()) == sent


# the platform's back end


def test_the_platform_makes_sends_and_checks_a_code(pnvs: Desk) -> None:
    verification_id, code = pnvs.created()
    assert len(code) == 6
    assert not pnvs.check(verification_id, "000000" if code != "000000" else "111111")
    assert not pnvs.check("a" * 64, code)
    pnvs.key = OTHER_KEY
    assert not pnvs.check(verification_id, code)
    pnvs.key = API_KEY
    assert not pnvs.check(verification_id, code, "13800138001")
    assert not pnvs.check(verification_id, code, purpose="pay")
    assert pnvs.check(verification_id, code, purpose="login")
    assert not pnvs.check(verification_id, code)


def test_with_state_the_platform_is_asked_as_often_as_there_are_tries(
    pnvs: Desk, environment: pytest.MonkeyPatch, redis_url: str
) -> None:
    environment.setenv("SMS_STATE_URL", redis_url)
    verification_id, code = pnvs.created()
    for wrong in range(7):
        assert not pnvs.check(verification_id, f"{wrong}x")
    assert not pnvs.check(verification_id, code)
    asked = [request.action for request in pnvs.emulator.requests()]
    assert asked == ["SendSmsVerifyCode"] + ["CheckSmsVerifyCode"] * 5


def test_with_state_a_lost_verdict_costs_no_try(
    pnvs: Desk, environment: pytest.MonkeyPatch, redis_url: str
) -> None:
    environment.setenv("SMS_STATE_URL", redis_url)
    environment.setenv("SMS_CODE_TRIES", "1")
    verification_id, code = pnvs.created()
    fault = {"kind": "http", "status": 503, "match": {"action": "CheckSmsVerifyCode"}}
    pnvs.emulator.set_faults(fault)
    for _ in range(3):
        assert pnvs.call("codes/check", check_body(verification_id, code)).status == 504
    pnvs.emulator.clear_faults()
    assert pnvs.check(verification_id, code)
    assert not pnvs.check(verification_id, code)


def test_without_a_secret_the_platform_is_asked_for_no_code(
    pnvs: Desk, environment: pytest.MonkeyPatch
) -> None:
    verification_id, code = pnvs.created()
    environment.setenv("SMS_STATE_SECRET", "")
    for path, body in (
        ("codes", {"phone_number": NUMBER, "purpose": "login"}),
        ("codes/check", check_body(verification_id, code)),
    ):
        answer = pnvs.call(path, body)
        assert (answer.status, answer.body["code"]) == (500, "configuration")
        assert "SMS_STATE_SECRET" in answer.body["detail"]
    assert len(pnvs.emulator.requests()) == 1


def test_the_platforms_code_expires(pnvs: Desk) -> None:
    verification_id, code = pnvs.created()
    pnvs.emulator.clock.advance(301)
    assert not pnvs.check(verification_id, code)


def test_the_platforms_interval_is_429(pnvs: Desk) -> None:
    pnvs.created()
    answer = pnvs.create()
    assert (answer.status, answer.body["code"]) == (429, "biz.FREQUENCY")


def test_without_state_a_repeat_is_stopped_by_its_nonce(pnvs: Desk, out_id: str) -> None:
    verification_id, code = pnvs.created(out_id=out_id)
    again = pnvs.create(out_id=out_id)
    assert (again.status, again.body["verification_id"]) == (504, verification_id)
    assert len(pnvs.emulator.messages()) == 1
    assert pnvs.check(verification_id, code)


def test_with_state_a_repeat_is_the_same_verification(
    pnvs: Desk, environment: pytest.MonkeyPatch, redis_url: str, out_id: str
) -> None:
    environment.setenv("SMS_STATE_URL", redis_url)
    verification_id, code = pnvs.created(out_id=out_id)
    again = pnvs.create(out_id=out_id)
    assert (again.status, again.body["verification_id"]) == (200, verification_id)
    assert pnvs.check(verification_id, code)


# the log


@pytest.mark.parametrize("back_end", ["own", "pnvs"])
def test_the_log_tells_what_happened_and_nothing_of_whom(
    request: pytest.FixtureRequest,
    environment: pytest.MonkeyPatch,
    emulator: SmsEmulator,
    contract: Contract,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    back_end: str,
) -> None:
    desk: Desk
    if back_end == "pnvs":
        desk = request.getfixturevalue("pnvs")
    else:
        environment.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state")
        environment.setenv("SMS_ALLOW_LOCAL_STATE", "1")
        desk = Desk(emulator, contract)
    verification_id, code = desk.created(client_ip="203.0.113.7")
    desk.check(verification_id, code)
    desk.check(verification_id, code)
    said = capsys.readouterr().out
    told = [(line["action"], line["outcome"]) for line in map(json.loads, said.splitlines())]
    assert told.count(("create-code", "accepted")) == 1
    assert [outcome for action, outcome in told if action == "check-code"] == [
        "verified",
        "used" if back_end == "own" else "wrong",
    ]
    assert said.count("client_hash") == 1
    for secret in (NUMBER, "203.0.113.7", API_KEY, verification_id):
        assert secret not in said
    assert not re.search(rf"(?<![0-9a-f]){code}(?![0-9a-f])", said)
