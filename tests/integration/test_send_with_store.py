"""Sends with shared state, from the HTTP trigger on: repeats are safe, whatever was lost.

The SMS service of these tests checks no nonces, so that nothing but the store stops a second SMS.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from aliyun_sms_emulator import SmsEmulator
from shared.ids import new_out_id
from tests.integration import faulty_network as faults
from tests.integration.cloud import (
    API_KEY,
    ONE_NUMBER_AGAIN_AND_AGAIN,
    SEND,
    Answer,
    Cloud,
)
from tests.integration.contract import Contract
from tests.integration.faulty_network import FaultyNetwork
from tests.integration.redis_server import RedisServer

NUMBER = "13800138000"
SECRET = "the-secret-of-the-state"
QUICK = {"SMS_READ_TIMEOUT": "0.6", "SMS_SETTLE_SECONDS": "0.5"}
Notice = dict[str, Any]
StartCloud = Callable[..., Cloud]


class Deployment(NamedTuple):
    """The functions, the network before the SMS service, and the service."""

    cloud: Cloud
    network: FaultyNetwork
    emulator: SmsEmulator

    def sends(self) -> list[str]:
        """The OutIds of the requests to send that reached the service."""
        return [
            request.parameters["OutId"]
            for request in self.emulator.requests()
            if request.action in ("SendSms", "SendBatchSms")
        ]

    def inbox(self) -> list[str]:
        """The OutIds of the messages that were sent."""
        return [message.out_id for message in self.emulator.messages()]


@pytest.fixture(scope="module", params=["redis", "sqlite"])
def _running(
    request: pytest.FixtureRequest,
    project: Path,
    running_emulator: SmsEmulator,
    contract: Contract,
    network: FaultyNetwork,
    running_redis: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cloud]:
    file = tmp_path_factory.mktemp("state") / "state.db"
    changes = {
        **QUICK,
        "SMS_LIMITS": ONE_NUMBER_AGAIN_AND_AGAIN,
        "SMS_STATE_SECRET": SECRET,
        "SMS_ALLOW_LOCAL_STATE": "1" if request.param == "sqlite" else "",
        "SMS_STATE_URL": f"sqlite://{file}" if request.param == "sqlite" else running_redis.url,
    }
    with Cloud(project, running_emulator, contract, endpoint=network.url, changes=changes) as cloud:
        yield cloud


@pytest.fixture
def deployment(
    _running: Cloud, emulator: SmsEmulator, network: FaultyNetwork
) -> Iterator[Deployment]:
    """The functions with a store, on Redis and on SQLite."""
    emulator.settings(nonce_scope="off", limits=False)
    _running.start_test()
    yield Deployment(_running, network, emulator)
    network.plan()
    _running.check_log()


@pytest.fixture
def notice() -> Notice:
    """A request to send, with an out_id that no other test has."""
    return {
        "phone_numbers": NUMBER,
        "template_code": "SMS_100002",
        "template_param": {"name": "Li Xiaolong", "order": "A-17-2026"},
        "out_id": new_out_id(),
    }


def personalised(count: int) -> Notice:
    messages = [
        {
            "phone_number": str(13900000000 + place),
            "template_param": {"name": f"Name-{place:04}", "order": f"Order-{place:04}"},
        }
        for place in range(count)
    ]
    return {"template_code": "SMS_100002", "messages": messages, "out_id": new_out_id()}


def how(answer: Answer) -> str:
    """Say how a send ended: the status, and what marks the answer."""
    body = answer.body
    marks = [name for name in ("reconciled", "replayed") if body.get(name)]
    return " ".join([str(answer.status), body.get("code") or body["outcome"], *marks])


def how_parts(answer: Answer) -> list[str]:
    """Say how each part ended."""
    return [
        " ".join(
            [
                part.get("code") or part["outcome"],
                *(name for name in ("reconciled", "replayed") if part.get(name)),
            ]
        )
        for part in answer.body["parts"]
    ]


def test_a_repeat_is_answered_from_the_record(deployment: Deployment, notice: Notice) -> None:
    first = deployment.cloud.send(notice)
    key = {**notice}
    repeats = [
        deployment.cloud.send(notice),
        deployment.cloud.send({**notice, "phone_numbers": ["+86 138-0013-8000"]}),
        deployment.cloud.send(notice, Idempotency_Key=key.pop("out_id")),
    ]
    assert how(first) == "200 accepted"
    for repeat in repeats:
        assert how(repeat) == "200 accepted replayed"
        for name in ("out_id", "biz_id", "platform_request_id"):
            assert repeat.body[name] == first.body[name]
    assert [request.action for request in deployment.emulator.requests()] == ["SendSms"]


@pytest.mark.parametrize(
    "changes",
    [
        {"phone_numbers": "13800138001"},
        {"template_param": {"name": "Li Xiaolong", "order": "A-18-2026"}},
        {"template_code": "SMS_100001", "template_param": {"code": "481516"}},
    ],
    ids=["number", "values", "template"],
)
def test_other_content_is_a_conflict(
    deployment: Deployment, notice: Notice, changes: dict[str, Any]
) -> None:
    deployment.cloud.send(notice)
    answer = deployment.cloud.send({**notice, **changes})
    assert how(answer) == "409 out-id-conflict"
    assert answer.body["retryable"] is False
    assert len(deployment.sends()) == 1


def test_a_refused_send_may_be_repeated_once_the_cause_is_gone(
    deployment: Deployment, notice: Notice
) -> None:
    refused = {**notice, "template_param": {"name": "Li Xiaolong"}}
    for _ in range(2):
        assert how(deployment.cloud.send(refused)) == "422 isv.TEMPLATE_MISSING_PARAMETERS"
    assert len(deployment.sends()) == 2


@pytest.fixture(params=["redis", "sqlite"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings of an empty store."""
    if request.param == "sqlite":
        url = {"SMS_STATE_URL": f"sqlite://{tmp_path}/state.db", "SMS_ALLOW_LOCAL_STATE": "1"}
    else:
        url = {"SMS_STATE_URL": request.getfixturevalue("redis_server").url}
    return {**url, "SMS_STATE_SECRET": SECRET}


def post_at_once(cloud: Cloud, bodies: Sequence[object]) -> list[requests.Response]:
    """POST all `bodies` at the same time, each over a connection of its own."""

    def post(body: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        url = f"{cloud.functions.url(SEND)}sms"
        with requests.Session() as session:
            session.trust_env = False
            return session.post(url, json=body, headers=headers, timeout=60)

    for body in bodies:
        cloud.heard(body)
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(post, bodies))


def test_of_many_at_once_one_is_sent(
    start_cloud: StartCloud,
    emulator: SmsEmulator,
    contract: Contract,
    state: dict[str, str],
    notice: Notice,
) -> None:
    emulator.settings(nonce_scope="off")
    cloud = start_cloud(changes=state)
    post_at_once(cloud, [{}] * 6)  # starts six instances
    answers = post_at_once(cloud, [notice] * 6)
    for answer in answers:
        contract.check("POST", "sms", answer)
        if answer.status_code != 200:
            assert (answer.status_code, answer.json()["code"]) == (409, "in-progress")
            assert 1 <= int(answer.headers["Retry-After"]) <= 35
    accepted = [answer.json() for answer in answers if answer.status_code == 200]
    assert [answer.get("replayed", False) for answer in accepted].count(False) == 1
    assert len({answer["biz_id"] for answer in accepted}) == 1
    assert [message.out_id for message in emulator.messages()] == [f"tests~{notice['out_id']}"]
    assert [request.action for request in emulator.requests()] == ["SendSms"]


def test_while_one_is_sending_another_is_told_to_come_back(
    start_cloud: StartCloud,
    emulator: SmsEmulator,
    network: FaultyNetwork,
    state: dict[str, str],
    notice: Notice,
) -> None:
    cloud = start_cloud(endpoint=network.url, changes=state)
    meanwhile: list[requests.Response] = []

    def ask_first(exchange: faults.Exchange) -> None:
        meanwhile.extend(post_at_once(cloud, [notice]))
        faults.deliver(exchange)

    network.plan(ask_first)
    assert how(cloud.send(notice)) == "200 accepted"
    (busy,) = meanwhile
    problem = busy.json()
    assert (busy.status_code, problem["code"]) == (409, "in-progress")
    assert (problem["retryable"], problem["outcome"]) == (True, "unknown")
    assert 25 <= int(busy.headers["Retry-After"]) <= 35
    assert len(emulator.messages()) == 1


@pytest.fixture
def hurried_project(project: Path, tmp_path: Path) -> Path:
    """The project, but with three seconds for the functions that have thirty."""
    folder = tmp_path / "project"
    for name in ("functions", "shared"):
        shutil.copytree(project / name, folder / name)
    shutil.copy(project / ".fcignore", folder)
    template = (project / "s.yaml").read_text("utf-8")
    (folder / "s.yaml").write_text(template.replace("timeout: 30\n", "timeout: 3\n"), "utf-8")
    return folder


def kill_instances(mark: str) -> None:
    """Kill the instances that have `mark` in their environment."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


def test_what_an_instance_that_was_killed_left_behind_is_settled(
    hurried_project: Path,
    emulator: SmsEmulator,
    contract: Contract,
    network: FaultyNetwork,
    redis_server: RedisServer,
    notice: Notice,
) -> None:
    emulator.settings(nonce_scope="off")
    mark = new_out_id()
    changes = {"SMS_STATE_URL": redis_server.url, "SMS_STATE_SECRET": SECRET, "TEST_MARK": mark}

    def kill(exchange: faults.Exchange) -> None:
        exchange.forward()
        kill_instances(mark)
        exchange.hang_up()

    network.plan(kill)
    with Cloud(hurried_project, emulator, contract, endpoint=network.url, changes=changes) as cloud:
        (died,) = post_at_once(cloud, [notice])
        assert (died.status_code, died.json()["errorType"]) == (502, "FunctionExitError")
        busy = cloud.send(notice)
        assert how(busy) == "409 in-progress"
        time.sleep(int(busy.headers["Retry-After"]))
        assert how(cloud.send(notice)) == "200 accepted reconciled"
    assert [message.out_id for message in emulator.messages()] == [f"tests~{notice['out_id']}"]


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that may be stopped."""
    with RedisServer(tmp_path) as server:
        yield server


def failures(cloud: Cloud) -> list[str]:
    """What the log says about the store."""
    lines = [line for line in cloud.log() if line["action"] == "store"]
    assert {(line["level"], line["outcome"]) for line in lines} <= {("error", "failed")}
    return [line["detail"] for line in lines]


def test_while_the_store_is_down_nothing_is_sent(
    start_cloud: StartCloud, emulator: SmsEmulator, own_redis: RedisServer, notice: Notice
) -> None:
    state = {"SMS_STATE_URL": own_redis.url, "SMS_STATE_SECRET": SECRET}
    cloud = start_cloud(changes=state)
    own_redis.stop()
    for body in (notice, personalised(250)):
        answer = cloud.send(body)
        assert how(answer) == "503 store-unavailable"
        assert (answer.body["retryable"], answer.headers["Retry-After"]) == (True, "1")
        assert "this call sent nothing" in answer.body["detail"]
    assert emulator.requests() == []
    assert failures(cloud) == ["the Redis of SMS_STATE_URL cannot be used (ConnectionError)"] * 2
    own_redis.start()
    assert how(cloud.send(notice)) == "200 accepted"


def test_a_store_that_goes_down_meanwhile_does_not_hide_that_it_was_sent(
    start_cloud: StartCloud,
    emulator: SmsEmulator,
    network: FaultyNetwork,
    own_redis: RedisServer,
    notice: Notice,
) -> None:
    def stop_and_deliver(exchange: faults.Exchange) -> None:
        own_redis.stop()
        faults.deliver(exchange)

    state = {"SMS_STATE_URL": own_redis.url, "SMS_STATE_SECRET": SECRET}
    cloud = start_cloud(endpoint=network.url, changes=state)
    network.plan(stop_and_deliver)
    assert how(cloud.send(notice)) == "200 accepted"
    assert len(failures(cloud)) == len(emulator.messages()) == 1


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"SMS_STATE_URL": "redis://:pass/word@host/0"}, 500, "percent-encoded"),
        ({"SMS_STATE_URL": "sqlite:///tmp/state.db"}, 500, "SMS_ALLOW_LOCAL_STATE=1"),
        ({"SMS_STATE_URL": "memcached://host"}, 500, "redis://"),
        ({"SMS_STATE_SECRET": ""}, 500, "SMS_STATE_SECRET"),
        ({"SMS_INTENT_TTL": "forever"}, 500, "SMS_INTENT_TTL"),
        ({"SMS_STATE_URL": "redis://:pass-word@{redis}/0"}, 503, "AuthenticationError"),
    ],
    ids=["url", "file", "kind", "secret", "lifetime", "password"],
)
def test_state_that_is_set_up_wrongly_lets_nothing_out_and_is_named_in_the_log(
    start_cloud: StartCloud,
    emulator: SmsEmulator,
    redis_server: RedisServer,
    notice: Notice,
    changes: dict[str, str],
    status: int,
    words: str,
) -> None:
    state = {"SMS_STATE_URL": redis_server.url, "SMS_STATE_SECRET": SECRET, **changes}
    address = "{}:{}".format(*redis_server.address)
    cloud = start_cloud(changes={name: v.format(redis=address) for name, v in state.items()})
    answer = cloud.send(notice)
    assert answer.status == status
    log = "\n".join(cloud.log_lines())
    assert words in log
    assert not re.search("pass.word|" + SECRET, log + str(answer.body))
    assert emulator.requests() == []


def test_a_send_takes_three_round_trips_to_redis_and_one_request(
    start_cloud: StartCloud, emulator: SmsEmulator, redis_server: RedisServer, notice: Notice
) -> None:
    cloud = start_cloud(changes={"SMS_STATE_URL": redis_server.url, "SMS_STATE_SECRET": SECRET})
    cloud.send({**notice, "out_id": new_out_id()})  # connects, and loads the script
    before = commands(redis_server)
    assert how(cloud.send(notice)) == "200 accepted"
    assert commands(redis_server) - before == {"evalsha": 3}
    assert [request.action for request in emulator.requests()] == ["SendSms"] * 2


def commands(server: RedisServer) -> Counter[str]:
    """Return how often a client sent each command; those inside scripts are left out."""
    stats = server.ask("INFO", "commandstats")
    inside = (
        *("get", "set", "exists", "incrby", "pexpire", "time"),
        *("zadd", "zcard", "zcount", "zremrangebyscore"),
    )
    own = (*inside, "info", "flushall", "script", "client")
    sent = {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()}
    return Counter({name: calls for name, calls in sent.items() if name.split("|")[0] not in own})


@pytest.mark.parametrize(
    "fault", [faults.lose_answer, faults.cut_answer, faults.delay_answer], ids=lambda f: f.__name__
)
def test_a_lost_answer_is_found_and_answered_again(
    deployment: Deployment, notice: Notice, fault: faults.Fault
) -> None:
    deployment.network.plan(fault)
    assert how(deployment.cloud.send(notice)) == "200 accepted reconciled"
    assert how(deployment.cloud.send(notice)) == "200 accepted replayed"
    assert deployment.sends() == deployment.inbox() == [f"tests~{notice['out_id']}"]


def test_what_becomes_visible_late_is_settled_by_a_repeat(
    deployment: Deployment, notice: Notice
) -> None:
    deployment.emulator.settings(visibility_delay_seconds=3600)
    deployment.network.plan(faults.lose_answer)
    for _ in range(3):
        answer = deployment.cloud.send(notice)
        assert how(answer) == "504 answer-lost"
        assert answer.body["retryable"] is True
        assert "resend_unknown" in answer.body["detail"]
    deployment.emulator.settings(visibility_delay_seconds=0)
    assert how(deployment.cloud.send(notice)) == "200 accepted reconciled"
    assert how(deployment.cloud.send(notice)) == "200 accepted replayed"
    assert len(deployment.sends()) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (faults.stall, "answer-lost"),
        (faults.reset, "answer-lost"),
        (faults.answer_500, "InternalError"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_never_arrived_is_not_sent_again_unasked_nor_too_soon(
    deployment: Deployment, notice: Notice, fault: faults.Fault, code: str
) -> None:
    deployment.network.plan(fault)
    for resend in (False, False, True):
        answer = deployment.cloud.send({**notice, "resend_unknown": resend})
        assert how(answer) == f"504 {code}"
    assert deployment.sends() == []


def test_an_endpoint_out_of_reach_leaves_the_out_id_usable(
    start_cloud: StartCloud, emulator: SmsEmulator, state: dict[str, str], notice: Notice
) -> None:
    unreachable = start_cloud(endpoint="http://127.0.0.1:1", changes=state)
    assert how(unreachable.send(notice)) == "503 connection-failed"
    assert how(start_cloud(changes=state).send(notice)) == "200 accepted"
    assert len(emulator.messages()) == 1


def test_a_repeat_of_many_messages_touches_what_is_open(deployment: Deployment) -> None:
    body = personalised(250)
    body["messages"][120]["sign_name"] = "no such signature"
    sent = (faults.deliver, faults.deliver, faults.lose_answer)
    deployment.network.plan(*sent, *[faults.answer_500] * 9)
    answer = deployment.cloud.send(body)
    deployment.network.plan()
    assert answer.status == 207
    assert how_parts(answer) == ["accepted", "isv.SMS_SIGNATURE_ILLEGAL", "answer-lost"]
    assert deployment.sends() == [f"tests~{body['out_id']}~{part}" for part in range(3)]
    deployment.emulator.call("DELETE", "/api/requests")
    again = deployment.cloud.send(body)
    assert how_parts(again) == [
        "accepted replayed",
        "isv.SMS_SIGNATURE_ILLEGAL",
        "accepted reconciled",
    ]
    assert deployment.sends() == [f"tests~{body['out_id']}~1"]
    numbers = [message.phone_number for message in deployment.emulator.messages()]
    assert len(numbers) == len(set(numbers)) == 150


def test_a_repeat_of_many_accepted_messages_sends_none(deployment: Deployment) -> None:
    body = personalised(250)
    first, again = deployment.cloud.send(body), deployment.cloud.send(body)
    assert how_parts(first) == ["accepted"] * 3
    assert (again.status, how_parts(again)) == (200, ["accepted replayed"] * 3)
    assert len(deployment.emulator.messages()) == 250
    assert len(deployment.emulator.requests()) == 3
