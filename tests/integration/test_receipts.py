"""The whole circle: a send, the receipt that the SMS service pushes or queues, and the status."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from aliyun_sms_emulator import SmsEmulator
from shared.clock import Clock
from shared.ids import WireId, new_out_id
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.receipts import keeping, records
from shared.sending.part_records import PartRecord, number_digests, record_key
from shared.settings import Credentials, read_settings
from shared.state.records import record_text
from shared.state.redis_store import RedisStore
from shared.state.store import Change
from tests.integration.cloud import QUERY, Answer, Cloud
from tests.integration.contract import Contract
from tests.integration.faulty_network import FaultyNetwork, lose_answer
from tests.integration.redis_server import RedisServer

RECEIVE = "fc-sms-receive-receipts"
TOKEN = "cmVjZWlwdHMtdG9rZW4tMTIz"
STATE_SECRET = "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz"
REPORTS, REPLIES = "Alicom-Queue-42-SmsReport", "Alicom-Queue-42-SmsUp"
NUMBER, DEAD, ABROAD = "13800138000", "13800138009", "85251234567"
TIMER = b'{"triggerTime": "2026-11-20T08:00:00Z", "triggerName": "queues", "payload": "queues"}'


class Circle:
    """The functions with a Redis, and an SMS service that pushes its receipts to them."""

    def __init__(self, cloud: Cloud, contract: Contract) -> None:
        self.cloud = cloud
        self.emulator = cloud.emulator
        self._contract = contract
        self.url = f"{cloud.functions.url(RECEIVE)}receipts/{TOKEN}"

    def send(self, **fields: Any) -> Answer:
        body = {"phone_numbers": NUMBER, "template_code": "SMS_100002", **fields}
        return self.cloud.send({"template_param": {"name": "Li", "order": "A-17"}, **body})

    def arrive(self, seconds: float = 10, count: int = 1, state: str = "pushed") -> list[Any]:
        """Let the SMS service's time pass, and wait until `count` receipts are in `state`."""
        self.emulator.clock.advance(seconds)
        pushes = self.emulator.receipts(wait=20, count=count, state=state)
        assert len(pushes) == count
        return pushes

    def by_id(self, query: str) -> Answer:
        return self.cloud.request("GET", QUERY, f"delivery-status?{query}")

    def statuses(self, out_id: str) -> list[str]:
        answer = self.by_id(f"out_id={out_id}")
        assert answer.status == 200, answer.body
        return [found["status"] for found in answer.body]

    def push(self, body: object, token: str = TOKEN, **headers: str) -> requests.Response:
        """Push as the SMS service does, but what and where the test says."""
        url = f"{self.cloud.functions.url(RECEIVE)}receipts/{token}"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json;charset=utf-8", **headers}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, content, headers=headers, timeout=60)
        self._contract.check("POST", "receipts/{token}", answer)
        return answer

    def empty_queues(self) -> dict[str, Any]:
        invocation = self.cloud.functions.invoke(RECEIVE, TIMER)
        assert invocation.error_type is None, invocation.log
        result: dict[str, Any] = json.loads(invocation.payload)
        return result

    def log(self, action: str) -> list[dict[str, Any]]:
        return [line for line in self.cloud.log() if line["action"] == action]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def _running(
    project: Path,
    running_emulator: SmsEmulator,
    contract: Contract,
    network: FaultyNetwork,
    redis_server: RedisServer,
) -> Iterator[Cloud]:
    changes = {
        "SMS_STATE_URL": redis_server.url,
        "SMS_STATE_SECRET": STATE_SECRET,
        "SMS_RECEIPT_TOKEN": TOKEN,
        "SMS_RECEIPT_QUEUES": f"{REPORTS},{REPLIES}",
        "SMS_BASE_ENDPOINT": running_emulator.url,
        "SMS_MNS_ENDPOINT": running_emulator.url,
        "SMS_SETTLE_SECONDS": "0.1",
    }
    with Cloud(project, running_emulator, contract, endpoint=network.url, changes=changes) as cloud:
        yield cloud


@pytest.fixture
def circle(
    _running: Cloud, emulator: SmsEmulator, contract: Contract, network: FaultyNetwork
) -> Iterator[Circle]:
    """The circle at a time that stands still; every line logged in the test is checked."""
    network.plan()
    emulator.clock.set(emulator.clock.now)
    _running.start_test()
    circle = Circle(_running, contract)
    emulator.settings(receipt_url=circle.url, reply_url=circle.url)
    emulator.set_fate(DEAD, "unreachable")
    yield circle
    _running.check_log()
    assert not [line for line in _running.log_lines() if TOKEN in line]


@pytest.fixture
def out_id() -> str:
    """An out_id of this test alone: the service remembers the nonces that follow from them."""
    return new_out_id()


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [(NUMBER, "delivered", "DELIVERED"), (DEAD, "failed", "MOBILE_NOT_ON_SERVICE")],
)
def test_a_pushed_receipt_tells_what_became_of_a_message(
    circle: Circle, out_id: str, number: str, status: str, code: str
) -> None:
    sent = circle.send(phone_numbers=number, out_id=out_id)
    (waiting,) = circle.by_id(f"out_id={out_id}").body
    assert (waiting["status"], waiting["part"]) == ("waiting", 0)
    circle.arrive()
    answer = circle.by_id(f"out_id={out_id}")
    (found,) = answer.body
    assert found["phone_number"] == f"*{number[-2:]}"
    assert (found["status"], found["err_code"], found["out_id"]) == (status, code, out_id)
    assert found["meaning"]
    assert found["message_id"] == sent.body["biz_id"]
    assert circle.by_id(f"message_id={sent.body['biz_id']}").body == [found]
    assert circle.emulator.requests()[-1].action == "SendSms"  # the platform was not asked


def test_a_message_sent_abroad_is_known_by_out_id_and_message_id(
    circle: Circle, out_id: str
) -> None:
    body = {"phone_numbers": f"+{ABROAD}", "message": "Hello", "out_id": out_id}
    answer = circle.cloud.send_abroad(body)
    assert answer.status == 200, answer.body
    (message,) = circle.emulator.messages()
    (before,) = circle.by_id(f"message_id={message.biz_id}").body
    assert (before["status"], before["out_id"]) == ("waiting", out_id)
    assert circle.by_id(f"out_id={out_id}").body == [before]
    circle.arrive()
    (found,) = circle.by_id(f"message_id={message.biz_id}").body
    assert (found["status"], found["out_id"], found["phone_number"]) == ("delivered", out_id, "*67")
    assert circle.by_id(f"out_id={out_id}").body == [found]


def test_all_numbers_of_all_parts_are_listed(circle: Circle, out_id: str) -> None:
    circle.emulator.settings(push_batch_size=60)
    messages = [
        {
            "phone_number": str(13900000000 + place) if place != 111 else DEAD,
            "template_param": {"name": f"Name-{place:04}", "order": f"Order-{place:04}"},
        }
        for place in range(250)
    ]
    answer = circle.cloud.send(
        {"template_code": "SMS_100002", "messages": messages, "out_id": out_id}
    )
    assert answer.status == 200
    circle.arrive(count=250)
    found = circle.by_id(f"out_id={out_id}").body
    assert len({each["number_hash"] for each in found}) == 250
    assert [each["phone_number"] for each in found if each["status"] == "failed"] == ["*09"]
    assert {each["out_id"] for each in found} == {out_id}


def test_repeated_receipts_change_nothing(circle: Circle, out_id: str) -> None:
    circle.emulator.settings(receipt_duplicates=3, push_batch_size=2)
    circle.send(out_id=out_id)
    pushes = circle.arrive(count=4)
    assert circle.statuses(out_id) == ["delivered"]
    late = [{**pushes[0].body, "success": False, "err_code": "MOBILE_IN_BLACK"}]
    assert circle.push(late).json()["code"] == 0
    assert circle.statuses(out_id) == ["delivered"]


def test_receipts_are_pushed_again_until_they_could_be_kept(
    circle: Circle, redis_server: RedisServer, out_id: str
) -> None:
    circle.send(out_id=out_id)
    redis_server.stop()
    try:
        circle.emulator.clock.advance(10)
        (push,) = circle.emulator.receipts(wait=0)
        while not push.attempts:
            (push,) = circle.emulator.receipts(wait=0)
        assert (push.state, push.attempts[0].http_status) == ("waiting", 503)
    finally:
        redis_server.start()
    (push,) = circle.arrive(60)
    assert [attempt.http_status for attempt in push.attempts] == [503, 200]
    assert circle.statuses(out_id) == ["delivered"]


def test_a_receipt_settles_a_send_whose_answer_was_lost(
    circle: Circle, network: FaultyNetwork, out_id: str
) -> None:
    circle.emulator.settings(visibility_delay_seconds=3600)
    network.plan(lose_answer)
    answer = circle.send(out_id=out_id)
    assert (answer.status, answer.body["outcome"]) == (504, "unknown")
    circle.arrive()
    (told,) = circle.log("receipts")
    assert told["settled"] == 1
    repeated = circle.send(out_id=out_id)
    (message,) = circle.emulator.messages()
    assert (repeated.status, repeated.body["outcome"]) == (200, "accepted")
    assert (repeated.body["replayed"], repeated.body["biz_id"]) == (True, message.biz_id)


def test_a_question_by_number_is_completed_by_receipts(circle: Circle, out_id: str) -> None:
    circle.emulator.settings(visibility_delay_seconds=3600)
    question = {
        "phone_number": NUMBER,
        "send_date": f"{circle.emulator.clock.now:%Y%m%d}",
        "out_id": out_id,
    }
    circle.send(out_id=out_id)
    assert circle.cloud.status(question).body == []
    circle.arrive()
    answer = circle.cloud.status(question)
    assert answer.headers["X-Total-Count"] == "1"
    (found,) = answer.body
    assert (found["status"], found["phone_number"]) == ("delivered", NUMBER)
    circle.emulator.settings(visibility_delay_seconds=0)
    (found,) = circle.cloud.status(question).body
    assert (found["status"], found["template_code"]) == ("delivered", "SMS_100002")


def test_a_reply_is_kept_where_the_log_says(circle: Circle, redis_server: RedisServer) -> None:
    circle.cloud.heard({"message": "Yes, I will come"})
    circle.emulator.reply(NUMBER, "Yes, I will come", "12345")
    circle.arrive(0)
    (line,) = circle.log("reply")
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        kept = json.loads(str(client.get(f"{{fc-sms}}:{line['record']}")))
    assert (kept["content"], kept["dest_code"]) == ("Yes, I will come", "12345")
    assert (kept["phone_number"], kept["number_hash"]) == ("*00", line["number_hash"])


@pytest.mark.parametrize("token", [TOKEN[:-1], TOKEN + "x", "x", "%00", f"x/{TOKEN}"])
def test_without_the_token_there_is_nothing(circle: Circle, out_id: str, token: str) -> None:
    report = [{"phone_number": NUMBER, "success": True, "out_id": f"tests~{out_id}", "biz_id": "b"}]
    answer = circle.push(report, token)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert circle.by_id(f"out_id={out_id}").status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[", 400),
        (b"\xff", 400),
        ({}, 422),
        ([1], 422),
        ([], 200),
        ([None, {"To": ABROAD, "Status": 1, "MessageId": 123, "more": [1]}], 200),
    ],
)
def test_a_body_is_answered_as_described(circle: Circle, body: object, status: int) -> None:
    assert circle.push(body).status_code == status


def test_queues_are_emptied_by_a_timer(circle: Circle, out_id: str) -> None:
    circle.emulator.settings(receipt_url="", reply_url="")
    for place in range(19):
        circle.send(phone_numbers=str(13900000000 + place), out_id=f"{out_id}-{place}")
    circle.send(phone_numbers=DEAD, out_id=f"{out_id}-dead")
    circle.emulator.clock.advance(10)
    circle.cloud.heard({"message": "See you there"})
    circle.emulator.reply(NUMBER, "See you there")
    assert circle.empty_queues() == {
        "reports": 20,
        "replies": 1,
        "unreadable": 0,
        "settled": 0,
        "problem": "",
    }
    assert circle.statuses(f"{out_id}-dead") == ["failed"]
    assert circle.statuses(f"{out_id}-18") == ["delivered"]
    circle.emulator.clock.advance(60)
    assert circle.empty_queues()["reports"] == 0
    actions = [request.action for request in circle.emulator.requests()]
    assert actions.count("DeleteMessage") == 21


def test_what_cannot_be_kept_stays_in_the_queue(
    circle: Circle, redis_server: RedisServer, out_id: str
) -> None:
    circle.emulator.settings(receipt_url="")
    circle.send(out_id=out_id)
    circle.emulator.clock.advance(10)
    redis_server.stop()
    try:
        assert circle.empty_queues()["problem"] == "store-unavailable"
    finally:
        redis_server.start()
    circle.emulator.clock.advance(60)
    assert circle.empty_queues()["problem"] == ""
    assert circle.statuses(out_id) == ["delivered"]


def test_receipts_of_one_send_that_come_at_once_are_all_kept(redis_server: RedisServer) -> None:
    settings = read_settings({"SMS_STATE_SECRET": STATE_SECRET})
    store = RedisStore(redis_server.url)
    begin = threading.Barrier(8)
    numbers = tuple(str(13800000000 + each) for each in range(200))
    wire_id = WireId("tests", "all", 3)
    digests = number_digests(wire_id, numbers, STATE_SECRET)
    part = PartRecord(state="accepted", digest="digest", attempt=1, numbers=digests)
    key = record_key(wire_id, STATE_SECRET)
    store.put(Change(key=key, old=None, new=record_text(part), ttl=3600, now=0))

    def keep(first: int) -> None:
        with Path("/dev/null").open("w") as nowhere, requests.Session() as session:
            log = Log("x", "receive_receipts", b"key", Clock(), nowhere)
            api = SmsApi(settings, lambda: Credentials("x", "y"), session, Clock(), log)
            begin.wait()
            for number in range(first, first + 25):
                report = {
                    "phone_number": number,
                    "send_time": "2026-11-20 16:00:00",
                    "success": True,
                    "biz_id": "b",
                    "out_id": "tests~all~3",
                }
                keeping.keep([report], api, store, deadline=api.clock.monotonic() + 30)

    threads = [threading.Thread(target=keep, args=(13800000000 + 25 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found, _ = records.of_intent(store, WireId("tests", "all"), state_secret=STATE_SECRET)
    store._client.close()  # type: ignore[no-untyped-call]
    assert len({receipt.number_hash for receipt in found}) == len(found) == 200
