"""Events through Function Compute, a real Redis and the SMS service: what was really sent."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from aliyun_fc_runtime_stub import FunctionCompute, events
from aliyun_sms_emulator import SmsEmulator
from shared.ids import new_out_id
from tests.integration.cloud import ONE_NUMBER_AGAIN_AND_AGAIN
from tests.integration.faulty_network import (
    FaultyNetwork,
    delay_answer,
    deliver,
    hang_up,
    lose_answer,
)
from tests.integration.redis_server import RedisServer

NAME = "fc-sms-send-on-event"
LOST_EVENTS = "acs:mns:cn-hangzhou:123456:/queues/lost/messages"
BUCKET = "recipients"
STATE_SECRET = "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz"
NUMBER = "13800138000"
NOTICE: Mapping[str, Any] = {
    "phone_numbers": NUMBER,
    "template_code": "SMS_100002",
    "template_param": {"name": "Li Xiaolong", "order": "A-17-2026"},
}


def notice(**fields: Any) -> str:
    return json.dumps({**NOTICE, **fields})


class Functions:
    """The function with triggers of all kinds; `environment` is what it sees besides the usual."""

    def __init__(
        self, project: Path, folder: Path, emulator: SmsEmulator, environment: Mapping[str, str]
    ) -> None:
        self.buckets = folder / "buckets"
        self.buckets.mkdir()
        self.environment = {
            "SMS_ACCESS_KEY_ID": emulator.access_key_id,
            "SMS_ACCESS_KEY_SECRET": emulator.access_key_secret,
            "SMS_SIGN_NAME": "fc-sms",
            "SMS_INTERNATIONAL_ENDPOINT": emulator.url,
            "SMS_ALLOW_LOCAL_STATE": "1",
            "SMS_LOCAL_BUCKETS": str(self.buckets),
            "SMS_FILE_TEMPLATE_CODE": "SMS_100002",
            "SMS_READ_TIMEOUT": "1",
            "SMS_SETTLE_SECONDS": "0.5",
            "SMS_COUNTRIES": "HK",
            "SMS_LIMITS": ONE_NUMBER_AGAIN_AND_AGAIN,
            **environment,
        }
        template = folder / "s.yaml"
        template.write_text(json.dumps(s_yaml(project)))
        self.functions = FunctionCompute(template, self.environment, port=0, retry_delay=0.05)

    def run(self, event: bytes) -> dict[str, list[dict[str, Any]]]:
        """Invoke the function synchronously; it has to succeed."""
        done = self.functions.invoke(NAME, event)
        assert done.error_type is None, done.payload
        result: dict[str, list[dict[str, Any]]] = json.loads(done.payload)
        return result

    def deliver(self, event: bytes) -> list[str | None]:
        """Deliver an event asynchronously and return how its attempts ended."""
        accepted = self.functions.invoke(NAME, event, asynchronous=True)
        self.functions.wait_for_async()
        return [
            done.error_type
            for done in self.functions.invocations()
            if done.request_id == accepted.request_id
        ]

    def put(self, content: str, key: str = "") -> bytes:
        """Put an object into the bucket and return the event about it."""
        key = key or f"sms-files/{new_out_id()}.csv"
        path = self.buckets / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        etag = hashlib.md5(content.encode()).hexdigest().upper()
        return events.oss(key, bucket=BUCKET, etag=etag, size=len(content))


def s_yaml(project: Path) -> dict[str, Any]:
    """Return an s.yaml whose asynchronous invocations are repeated, and with an HTTP trigger."""
    props = {
        "region": "cn-hangzhou",
        "functionName": NAME,
        "runtime": "python3.12",
        "code": str(project),
        "handler": "functions/send_on_event.handler",
        "timeout": 60,
        "asyncInvokeConfig": {
            "maxAsyncRetryAttempts": 3,
            "destinationConfig": {"onFailure": {"destination": LOST_EVENTS}},
        },
        "triggers": [
            {
                "triggerName": "http",
                "triggerType": "http",
                "triggerConfig": {"authType": "anonymous", "methods": ["POST"]},
            }
        ],
    }
    resources = {"send_on_event": {"component": "fc3", "props": props}}
    return {"edition": "3.0.0", "name": "events", "access": "default", "resources": resources}


@pytest.fixture(scope="module")
def running_functions(
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
    running_emulator: SmsEmulator,
    network: FaultyNetwork,
    running_redis: RedisServer,
) -> Iterator[Functions]:
    environment = {
        "SMS_ENDPOINT": network.url,
        "SMS_STATE_URL": running_redis.url,
        "SMS_STATE_SECRET": STATE_SECRET,
    }
    folder = tmp_path_factory.mktemp("events")
    functions = Functions(project, folder, running_emulator, environment)
    with functions.functions:
        yield functions


@pytest.fixture
def functions(
    running_functions: Functions, emulator: SmsEmulator, network: FaultyNetwork
) -> Iterator[Functions]:
    """The function with a Redis; what it logs is searched for what nobody may log."""
    network.plan()
    before = len(running_functions.functions.invocations())
    yield running_functions
    secrets = {message.phone_number for message in emulator.messages()}
    secrets |= {"Li Xiaolong", "A-17-2026", emulator.access_key_secret}
    for done in running_functions.functions.invocations()[before:]:
        assert not [secret for secret in secrets if secret in done.log], done.log


KINDS: Mapping[str, Callable[[str, str], bytes]] = {
    "MNS topic": lambda data, one_id: events.mns_topic(data, message_id=one_id),
    "MNS topic, attributes": lambda data, one_id: events.mns_topic(
        data, message_id=one_id, attributes={"Extend": '{"key":"value"}'}
    ),
    "MNS queue": lambda data, one_id: events.mns_queue(data, event_id=one_id),
    "MNS queue, base64": lambda data, one_id: events.mns_queue(
        data, event_id=one_id, base64_body=True
    ),
    "MNS queue, batch": lambda data, one_id: events.mns_queue(data, event_id=one_id, array=True),
    "bus": lambda data, one_id: events.eventbridge(json.loads(data), event_id=one_id),
    "bus, a string": lambda data, one_id: events.eventbridge(data, event_id=one_id),
    "bus, batch": lambda data, one_id: events.eventbridge(
        json.loads(data), event_id=one_id, array=True
    ),
    "Kafka": lambda data, one_id: events.kafka(data, event_id=one_id),
    "Kafka, strings": lambda data, one_id: events.kafka(data, event_id=one_id, strings=True),
    "RabbitMQ": lambda data, one_id: events.rabbitmq(data, event_id=one_id),
    "timer": lambda data, one_id: events.timer(data, trigger_name=one_id),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_sends_once_however_often_it_is_delivered(
    functions: Functions, emulator: SmsEmulator, kind: str
) -> None:
    event = KINDS[kind](notice(), new_out_id())
    first, second = functions.run(event), functions.run(event)
    (message,) = emulator.messages()
    assert message.text == "【fc-sms】Li Xiaolong，您的订单A-17-2026已发货。"
    assert message.out_id == f".event~{first['accepted'][0]['out_id']}"
    assert second["accepted"][0]["replayed"] is True


@pytest.mark.parametrize(
    "wrap",
    [
        events.plain,
        lambda data: events.mns_topic(data, content_format="STREAM"),
        lambda data: events.mns_topic(data, content_format="STREAM", attributes={"a": "b"}),
    ],
    ids=["direct", "STREAM", "STREAM with attributes"],
)
def test_an_event_without_an_id_brings_its_out_id(
    functions: Functions, emulator: SmsEmulator, wrap: Callable[[str], bytes]
) -> None:
    assert functions.run(wrap(notice()))["rejected"][0]["reason"].startswith("out_id")
    out_id = new_out_id()
    assert functions.run(wrap(notice(out_id=out_id)))["accepted"][0]["out_id"] == out_id
    assert [message.out_id for message in emulator.messages()] == [f".event~{out_id}"]


def test_a_batch_is_sent_but_for_what_is_wrong_in_it(
    functions: Functions, emulator: SmsEmulator
) -> None:
    bodies = [
        notice(phone_numbers="13800138001"),
        "not json",
        notice(phone_numbers="13800138002", template_code="SMS_404404"),
        json.dumps({"phone_numbers": "+85251234567", "message": "hello"}),
        notice(phone_numbers="12345"),
    ]
    result = functions.run(events.mns_queue(*bodies, event_id=new_out_id()))
    assert [entry["entry"] for entry in result["accepted"]] == [0, 3]
    assert {entry["entry"]: entry["code"] for entry in result["rejected"]} == {
        1: "malformed-json",
        2: "isv.SMS_TEMPLATE_ILLEGAL",
        4: "invalid-request",
    }
    assert sorted(message.phone_number for message in emulator.messages()) == [
        "13800138001",
        "85251234567",
    ]


def test_an_added_http_trigger_sends_nothing(functions: Functions, emulator: SmsEmulator) -> None:
    body = notice(out_id=new_out_id())
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(functions.functions.url(NAME), data=body, timeout=10)
    assert '"http-refused"' in answer.text
    assert emulator.messages() == []


# repeats by Function Compute


def test_an_answer_that_was_lost_is_settled_by_a_repeat(
    functions: Functions, emulator: SmsEmulator, network: FaultyNetwork
) -> None:
    network.plan(lose_answer, hang_up, hang_up, hang_up)
    attempts = functions.deliver(events.mns_topic(notice(), message_id=new_out_id()))
    assert attempts == ["UnhandledInvocationError", None]
    assert len(emulator.messages()) == 1


def test_what_was_refused_for_a_minute_ends_at_the_destination(
    functions: Functions, emulator: SmsEmulator
) -> None:
    emulator.clock.set(emulator.clock.now)
    code = notice(template_code="SMS_100001", template_param={"code": "481516"})
    functions.run(events.mns_topic(code, message_id=new_out_id()))
    event = events.mns_topic(code, message_id=new_out_id())
    attempts = functions.deliver(event)
    assert attempts == ["UnhandledInvocationError"] * 4
    assert len(emulator.messages()) == 1
    lost = json.loads(functions.functions.destinations()[-1].body)
    assert "entries are not settled" in json.dumps(lost["responsePayload"])
    assert lost["requestPayload"] in (event.decode(), json.loads(event))
    emulator.clock.advance(60)
    functions.run(event)
    assert len(emulator.messages()) == 2


def test_a_store_that_is_down_lets_nothing_through_until_it_is_back(
    functions: Functions, emulator: SmsEmulator, redis_server: RedisServer
) -> None:
    event = events.mns_topic(notice(), message_id=new_out_id())
    redis_server.stop()
    try:
        assert functions.deliver(event) == ["UnhandledInvocationError"] * 4
    finally:
        redis_server.start()
    assert emulator.messages() == []
    assert functions.deliver(event) == [None]
    assert len(emulator.messages()) == 1


# files


def recipients(count: int, first: int = 13900000000) -> str:
    rows = [f"{first + n},Name-{n:06},Order-{n:06}" for n in range(count)]
    return "\n".join(["phone_number,name,order", *rows])


def times_sent(emulator: SmsEmulator) -> Counter[str]:
    return Counter(message.phone_number for message in emulator.messages())


def test_a_file_is_sent_and_its_result_is_no_file(
    functions: Functions, emulator: SmsEmulator
) -> None:
    content = recipients(450).replace("13900000321,", "1390000,")
    event = functions.put(content)
    (entry,) = functions.run(event)["accepted"]
    assert entry["rows"] == {"accepted": 449, "rejected": 1, "unknown": 0}
    sent = {message.phone_number: message.text for message in emulator.messages()}
    assert len(sent) == 449
    assert sent["13900000449"] == "【fc-sms】Name-000449，您的订单Order-000449已发货。"
    result = (functions.buckets / BUCKET / entry["results"]).read_text()
    assert "139000" not in result
    again = functions.put(result, entry["results"])
    assert len(functions.run(again)["ignored"]) == 1
    assert functions.deliver(event) == [None]
    assert set(times_sent(emulator).values()) == {1}


def test_a_file_whose_answers_are_lost_is_settled_by_repeats(
    functions: Functions, emulator: SmsEmulator, network: FaultyNetwork
) -> None:
    emulator.settings(visibility_delay_seconds=0.8)
    network.plan(deliver, lose_answer, deliver, lose_answer)
    attempts = functions.deliver(functions.put(recipients(800)))
    assert attempts[0] == "UnhandledInvocationError"
    assert attempts[-1] is None
    assert len(times_sent(emulator)) == 800
    assert set(times_sent(emulator).values()) == {1}


INVOKE = """
import sys
from types import SimpleNamespace
from functions import send_on_event
context = SimpleNamespace(request_id="1-crash", function=SimpleNamespace(timeout=5))
send_on_event.handler(sys.stdin.buffer.read(), context)
"""


def test_a_file_goes_on_where_a_killed_invocation_stood(
    functions: Functions, emulator: SmsEmulator, network: FaultyNetwork, project: Path
) -> None:
    network.plan(deliver, deliver, delay_answer)
    event = functions.put(recipients(600))
    environment = {**os.environ, **functions.environment, "SMS_FILE_PARALLEL": "1"}
    killed = subprocess.Popen(
        [sys.executable, "-c", INVOKE],
        cwd=project,
        env={**environment, "SMS_READ_TIMEOUT": "30", "SMS_CONNECT_TIMEOUT": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    with killed:
        assert killed.stdin
        killed.stdin.write(event)
        killed.stdin.close()
        emulator.wait_for_message(timeout=20, phone_number="13900000299")
        killed.send_signal(signal.SIGKILL)
    network.plan()
    assert len(times_sent(emulator)) == 300
    (entry,) = functions.run(event)["accepted"]
    assert entry["parts"] == {"accepted": 6, "rejected": 0, "unknown": 0}
    assert len(times_sent(emulator)) == 600
    assert set(times_sent(emulator).values()) == {1}
    result = (functions.buckets / BUCKET / entry["results"]).read_text().splitlines()
    parts = {line["part"]: line for line in map(json.loads, result) if "part" in line}
    assert [parts[part].get("replayed", False) for part in range(4)] == [True, True, False, False]
    assert parts[2]["reconciled"] is True
