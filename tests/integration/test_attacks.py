"""Attacks on the owner's money, hours of them in seconds: what each can cost at most, in messages.

The functions run with limits as they are by default, unless a test says otherwise, on a real Redis.
The SMS service sends whatever it is asked to, and its own record is what an attack has cost. Time
stands still for both, unless the attacker lets it pass.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import requests
from schemathesis.core.transport import Response

from aliyun_sms_emulator import SmsEmulator
from functions import send_international_sms, send_sms, verify_code
from shared import transport
from shared.clock import Clock
from shared.ids import new_out_id
from shared.limit_rules import RULE_OF
from shared.trigger import http_trigger
from tests.integration.contract import Contract
from tests.integration.redis_server import RedisServer

START = datetime.fromisoformat("2027-01-15T20:00:00+08:00")
HOUR = 3600
KEYS = {"web": "a2V5LW9mLXRoZS13ZWItc2hvcA", "app": "a2V5LW9mLXRoZS1hcHA"}
ROUTES: dict[str, http_trigger.Route] = {
    "sms": send_sms.send_sms,
    "international-sms": send_international_sms.send_international_sms,
    "codes": verify_code.create,
}
NOTICE: Mapping[str, Any] = {
    "template_code": "SMS_100002",
    "template_param": {"name": "Li", "order": "A-17"},
}
SPAWN = multiprocessing.get_context("spawn")


class Answer(NamedTuple):
    """One answer: its status, what `code` says, and Retry-After."""

    status: int
    code: str
    retry_after: int


class Attacker:
    """Calls the functions, each time as somebody else; `now` is the time, in epoch seconds."""

    def __init__(self, emulator: SmsEmulator, contract: Contract) -> None:
        self.now = START.timestamp()
        self.refused_by: set[str] = set()
        self._emulator = emulator
        self._contract = contract
        self._numbers = count()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self._emulator.clock.advance(seconds)

    def number(self, prefix: str, digits: int = 8) -> str:
        """Return a number that was not attacked yet, as far apart from the one before as it can."""
        place = next(self._numbers) * 7_654_321
        return f"{prefix}{place % 10**digits:0{digits}}"

    def address(self) -> str:
        return f"2001:db8:{next(self._numbers):x}::1"

    def call(self, path: str, body: Mapping[str, Any], *, key: str = "web") -> Answer:
        """Make one call; what is answered is held to the contract."""
        event = {
            "version": "v1",
            "headers": {"Authorization": f"Bearer {KEYS[key]}"},
            "body": json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {"http": {"method": "POST", "path": f"/{path}"}},
        }
        context: Any = SimpleNamespace(request_id="1-test", function=SimpleNamespace(timeout=30))
        clock = Clock(lambda: self.now, time.monotonic, self.wait)
        routes = {("POST", f"/{path}"): ROUTES[path]}
        answered: Any = http_trigger.serve(
            json.dumps(event).encode(), context, function="attacked", routes=routes, clock=clock
        )
        problem = json.loads(answered["body"])
        answer = Answer(
            answered["statusCode"],
            problem.get("code", ""),
            int(answered["headers"].get("Retry-After", 0)),
        )
        if answer.status != 200 and answer.code not in self.refused_by:
            self._check(path, answered)
        if answer.status == 429:
            assert answer.code in RULE_OF
            assert answer.retry_after > 0
            self.refused_by.add(answer.code)
        return answer

    def _check(self, path: str, answered: Any) -> None:
        headers = {name.lower(): [value] for name, value in answered["headers"].items()}
        request = requests.Request("POST", f"http://function/{path}").prepare()
        content, status = answered["body"].encode(), answered["statusCode"]
        response = Response(status, headers, content, request, elapsed=0.0, verify=True)
        self._contract.check("POST", path, response)


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, emulator: SmsEmulator
) -> Iterator[pytest.MonkeyPatch]:
    """Functions that are set up, but for a store, and a service without limits."""
    for name in os.environ:
        if name.startswith(("SMS_", "ALIBABA_CLOUD_")):
            monkeypatch.delenv(name)
    keys = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
    values = {
        "SMS_API_KEYS": ",".join(f"{name}:{digest}" for name, digest in keys.items()),
        "SMS_ENDPOINT": emulator.url,
        "SMS_INTERNATIONAL_ENDPOINT": emulator.url,
        "SMS_ACCESS_KEY_ID": emulator.access_key_id,
        "SMS_ACCESS_KEY_SECRET": emulator.access_key_secret,
        "SMS_SIGN_NAME": "fc-sms",
        "SMS_COUNTRIES": "GB,HK,SG",
        "SMS_CODE_TEMPLATE": "SMS_100001",
        "SMS_CODE_MESSAGE": "{code} is your code.",
        "SMS_STATE_SECRET": "a-secret-of-the-tests",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    emulator.settings(limits=False)
    yield monkeypatch
    transport.SESSION.close()


@pytest.fixture
def attacker(
    environment: pytest.MonkeyPatch, emulator: SmsEmulator, contract: Contract, redis_url: str
) -> Attacker:
    environment.setenv("SMS_STATE_URL", redis_url)
    emulator.settings(timestamp_clock="emulator")
    emulator.clock.set(START)
    return Attacker(emulator, contract)


def loss(emulator: SmsEmulator, **filters: str) -> int:
    """Return how many messages the owner pays for, by the service's own record."""
    billed, offset = 0, 0
    while True:
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        page = emulator.call("GET", f"/api/messages?limit=1000&offset={offset}&{query}")
        billed += sum(message["segments"] for message in page["messages"])
        offset += 1000
        if offset >= page["total"]:
            return int(billed)


def code(number: str, **fields: Any) -> dict[str, Any]:
    return {"phone_number": number, "purpose": "login", **fields}


# from one address


def test_one_address_asks_for_codes_to_many_numbers(
    attacker: Attacker, emulator: SmsEmulator
) -> None:
    """The numbers are new, the address is one network's: 30 messages an hour, 100 a day."""
    by_hour = []
    for _ in range(4):
        for place in range(35):
            attacker.call("codes", code(attacker.number("138"), client_ip=f"2001:db8:7:7::{place}"))
        by_hour.append(loss(emulator))
        attacker.wait(HOUR)
    assert by_hour == [30, 60, 90, 100]
    assert attacker.refused_by == {"address-per-hour", "address-per-day"}
    assert attacker.call("codes", code(attacker.number("138"), client_ip="2001:db8:7:7::1")) == (
        200,
        "",
        0,
    )  # midnight


# with another key


@pytest.mark.parametrize("wrong", [{"template_code": "SMS_404"}, {"template_param": {}}])
def test_another_key_posts_the_out_id_first_with_a_template_that_does_not_exist(
    attacker: Attacker, emulator: SmsEmulator, wrong: Mapping[str, Any]
) -> None:
    """It costs nothing, and would have blocked the owner for seven days."""
    order = {"phone_numbers": attacker.number("138"), **NOTICE, "out_id": new_out_id()}
    for _ in range(3):
        assert attacker.call("sms", {**order, **wrong}, key="app").status in (422, 502)
    assert attacker.call("sms", order, key="web") == (200, "", 0)
    assert attacker.call("sms", order, key="web") == (200, "", 0)
    assert loss(emulator) == 1


def test_another_key_sends_something_of_its_own_under_the_out_id(
    attacker: Attacker, emulator: SmsEmulator
) -> None:
    owners = {"phone_numbers": attacker.number("138"), **NOTICE, "out_id": new_out_id()}
    others = {**owners, "phone_numbers": attacker.number("138")}
    assert attacker.call("sms", others, key="app") == (200, "", 0)
    assert attacker.call("sms", owners, key="web") == (200, "", 0)
    assert attacker.call("sms", owners, key="app") == (409, "out-id-conflict", 0)
    got = [message.phone_number for message in emulator.messages()]
    assert sorted(got) == sorted([owners["phone_numbers"], others["phone_numbers"]])


def test_another_key_guesses_the_out_id_of_a_code(
    attacker: Attacker, emulator: SmsEmulator
) -> None:
    number = attacker.number("138")
    wanted = code(number, out_id=new_out_id())
    assert attacker.call("codes", {**wanted, "purpose": "x"}, key="app").status == 200
    attacker.wait(61)
    assert attacker.call("codes", wanted, key="web").status == 200
    assert loss(emulator) == 2


# from many addresses


def test_many_addresses_pump_one_prefix(attacker: Attacker, emulator: SmsEmulator) -> None:
    """A range of numbers in somebody's hand abroad: 10 messages an hour, 30 a day."""
    by_hour = []
    for _ in range(4):
        for _ in range(13):
            number = attacker.number("+8525123", 4)
            attacker.call("codes", code(number, client_ip=attacker.address()))
        by_hour.append(loss(emulator))
        attacker.wait(HOUR)
    assert by_hour == [10, 20, 30, 30]
    assert attacker.refused_by == {"prefix-per-hour", "prefix-per-day"}


@pytest.mark.parametrize(
    ("countries", "ceiling"), [("GB", 100), ("GB:7,HK", 7), ("HK", 0), ("", 0)]
)
def test_many_addresses_send_to_an_expensive_country(
    attacker: Attacker,
    emulator: SmsEmulator,
    environment: pytest.MonkeyPatch,
    countries: str,
    ceiling: int,
) -> None:
    """Numbers far apart, texts of three messages each: what the country may get, or nothing."""
    environment.setenv("SMS_COUNTRIES", countries)
    for place in range(ceiling + 10):
        body = {
            "phone_numbers": attacker.number("+447", 9),
            "message": "x" * (400 if place < 15 else 10),
            "client_ip": attacker.address(),
        }
        answer = attacker.call("international-sms", body)
        if not ceiling:
            assert (answer.status, answer.code) == (422, "country-closed")
    assert loss(emulator) == ceiling
    assert attacker.refused_by == ({"country-per-day"} if ceiling else set())


def test_many_addresses_bomb_one_number_with_codes(
    attacker: Attacker, emulator: SmsEmulator
) -> None:
    """One code a minute, 5 an hour, 10 a day; and a day is any 24 hours, midnight or not."""
    victim = "13800138000"
    by_hour = []
    for _ in range(5):
        for place in range(14):
            purpose = f"login-{place}"
            body = code(victim, client_ip=attacker.address()) | {"purpose": purpose}
            attacker.call("codes", body, key="web" if place % 2 else "app")
            attacker.wait(30)
        by_hour.append(loss(emulator))
        attacker.wait(HOUR - 14 * 30)
    assert by_hour == [5, 10, 10, 10, 10]
    assert attacker.refused_by == {"codes-per-minute", "codes-per-hour", "codes-per-day"}


def test_many_addresses_bomb_one_number_with_messages(
    attacker: Attacker, emulator: SmsEmulator
) -> None:
    """5 messages a minute, 20 an hour, 50 a day, whatever the text and however it is sent."""
    victim = "13800138000"
    alone = {"phone_numbers": victim, **NOTICE}
    personal = {
        "template_code": "SMS_100002",
        "messages": [{"phone_number": victim, "template_param": NOTICE["template_param"]}],
    }
    by_hour = []
    for _ in range(5):
        for _ in range(5):
            for place in range(6):
                body = personal if place % 2 else alone
                attacker.call("sms", {**body, "client_ip": attacker.address()})
            attacker.wait(60)
        by_hour.append(loss(emulator))
        attacker.wait(HOUR - 5 * 60)
    assert by_hour == [20, 40, 50, 50, 50]
    assert attacker.refused_by == {"number-per-minute", "number-per-hour", "number-per-day"}


def test_fresh_numbers_and_addresses_that_confirm_nothing(
    attacker: Attacker, emulator: SmsEmulator, environment: pytest.MonkeyPatch
) -> None:
    """Where that is enforced, a country has 20 codes a day that nobody confirms."""
    environment.setenv("SMS_CONFIRMATION_MODE", "enforce")
    for _ in range(25):
        attacker.call("codes", code(attacker.number("138"), client_ip=attacker.address()))
    assert loss(emulator) == RULE_OF["unconfirmed-per-country"].default == 20
    assert attacker.refused_by == {"unconfirmed-per-country"}


# with a key


def test_a_leaked_key_sends_in_the_mainland(
    attacker: Attacker, emulator: SmsEmulator, environment: pytest.MonkeyPatch
) -> None:
    """A thousand numbers a call, as fast as it goes: the budgets of the day and the month."""
    environment.setenv("SMS_LIMITS", "mainland-per-day=3000,mainland-per-month=5000")
    by_day = []
    for _ in range(3):
        for size in (900, 900, 900, 900, 200, 100, 100):
            numbers = [attacker.number("138") for _ in range(size)]
            attacker.call("sms", {"phone_numbers": numbers, **NOTICE})
        by_day.append(loss(emulator))
        attacker.wait(24 * HOUR)
    assert by_day == [3000, 5000, 5000]
    assert attacker.refused_by == {"mainland-per-day", "mainland-per-month"}


def test_a_leaked_key_has_its_own_limit_and_leaves_the_rest_to_others(
    attacker: Attacker, emulator: SmsEmulator, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SMS_LIMITS", "key-per-hour=40,key-per-day=70")
    by_hour = []
    for _ in range(3):
        for _ in range(12):
            numbers = [attacker.number("138") for _ in range(5)]
            attacker.call("sms", {"phone_numbers": numbers, **NOTICE})
        by_hour.append(loss(emulator))
        attacker.wait(HOUR)
    assert by_hour == [40, 70, 70]
    assert attacker.refused_by == {"key-per-hour", "key-per-day"}
    body = {"phone_numbers": attacker.number("138"), **NOTICE}
    assert attacker.call("sms", body, key="app").status == 200


def test_a_leaked_key_sends_abroad(attacker: Attacker, emulator: SmsEmulator) -> None:
    """Every country that is open, many numbers a call: the budget of the day, 200 messages."""
    for _ in range(5):
        for prefix, digits in (("+447", 9), ("+8525", 7), ("+658", 7)):
            numbers = [attacker.number(prefix, digits) for _ in range(20)]
            body = {
                "phone_numbers": numbers,
                "template_code": "SMS_100003",
                "template_param": {"code": "481516"},
            }
            attacker.call("international-sms", body)
    assert loss(emulator) == RULE_OF["international-per-day"].default == 200
    assert attacker.refused_by == {"international-per-day"}


# what must not open a limit


def test_a_store_that_is_gone_costs_nothing(
    attacker: Attacker, emulator: SmsEmulator, redis_server: RedisServer
) -> None:
    redis_server.kill()
    calls: list[tuple[str, dict[str, Any]]] = [
        ("sms", {"phone_numbers": "13800138000", **NOTICE}),
        ("international-sms", {"phone_numbers": "+85251234567", "message": "Hello"}),
        ("codes", code("13800138000")),
    ]
    for path, body in calls:
        answer = attacker.call(path, body)
        assert (answer.status, answer.code) == (503, "store-unavailable")
    assert emulator.requests() == []


def test_repeats_of_one_message_cost_one(attacker: Attacker, emulator: SmsEmulator) -> None:
    body = {"phone_numbers": "13800138000", **NOTICE, "out_id": new_out_id()}
    assert {attacker.call("sms", body).status for _ in range(30)} == {200}
    assert loss(emulator) == 1


NUMBERS = ("13800138001", "13800138002", "13800138003")
TOGETHER = {"number-per-day": 30, "mainland-per-month": 60}
SMS_LIMITS = ",".join(f"{rule}={TOGETHER.get(rule, 0)}" for rule in RULE_OF)


def attack_in_process(together: Barrier, said: Any) -> None:
    """Send 40 messages in a process of its own, to three numbers in turn; some of them fail."""
    together.wait()
    said.put([send_once(NUMBERS[place % 3], place % 8 == 5) for place in range(40)])


def send_once(number: str, is_wrong: bool = False) -> str:
    param = {} if is_wrong else NOTICE["template_param"]
    event = {
        "version": "v1",
        "headers": {"Authorization": f"Bearer {KEYS['web']}"},
        "body": json.dumps({"phone_numbers": number, **NOTICE, "template_param": param}),
        "isBase64Encoded": False,
        "requestContext": {"http": {"method": "POST", "path": "/sms"}},
    }
    context: Any = SimpleNamespace(request_id="1-test", function=SimpleNamespace(timeout=30))
    answered: Any = send_sms.handler(json.dumps(event).encode(), context)
    body = json.loads(answered["body"])
    return str(body.get("code") or body["outcome"])


@pytest.mark.parametrize("back_end", ["redis", "sqlite"])
def test_processes_that_attack_together_stay_within_the_limits(
    environment: pytest.MonkeyPatch,
    emulator: SmsEmulator,
    redis_url: str,
    tmp_path: Path,
    back_end: str,
) -> None:
    environment.setenv("SMS_LIMITS", SMS_LIMITS)
    url = redis_url if back_end == "redis" else f"sqlite://{tmp_path}/state.db"
    environment.setenv("SMS_STATE_URL", url)
    environment.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    ready, said = SPAWN.Barrier(4), SPAWN.Queue()
    workers = [SPAWN.Process(target=attack_in_process, args=(ready, said)) for _ in range(4)]
    for worker in workers:
        worker.start()
    told = [outcome for _ in workers for outcome in said.get(timeout=60)]
    for worker in workers:
        worker.join()
        worker.close()
    said.close()
    said.join_thread()
    sent = told.count("accepted")
    assert sent == loss(emulator) <= TOGETHER["mainland-per-month"]
    known = {"accepted", "isv.TEMPLATE_MISSING_PARAMETERS", *TOGETHER}
    assert {*told} <= known
    assert known - {*told} <= {"number-per-day"}
    for number in NUMBERS:  # what failed was given back, so that the rest can still be sent
        while send_once(number) == "accepted":
            sent += 1
        assert loss(emulator, phone_number=number) <= TOGETHER["number-per-day"]
    assert sent == loss(emulator) == TOGETHER["mainland-per-month"]
