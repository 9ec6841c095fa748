"""An SMS service out of reach, mute, broken or forgetful: one clear answer, and never two SMS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.ids import new_out_id
from tests.integration import faulty_network as faults
from tests.integration.cloud import Answer, Cloud
from tests.integration.contract import Contract
from tests.integration.faulty_network import Fault, FaultyNetwork

StartCloud = Callable[..., Cloud]
Notice = dict[str, Any]

NUMBER = "13800138000"
FAST = {"SMS_CONNECT_TIMEOUT": "0.3", "SMS_READ_TIMEOUT": "0.3", "SMS_SETTLE_SECONDS": "0.5"}


@pytest.fixture
def notice() -> Notice:
    """A request to send, with an out_id that no other test has."""
    return {
        "phone_numbers": NUMBER,
        "template_code": "SMS_100002",
        "template_param": {"name": "Li Xiaolong", "order": "A-17-2026"},
        "out_id": new_out_id(),
    }


@pytest.fixture(scope="module")
def _far_cloud(
    project: Path, running_emulator: SmsEmulator, contract: Contract, network: FaultyNetwork
) -> Iterator[Cloud]:
    with Cloud(project, running_emulator, contract, endpoint=network.url, changes=FAST) as cloud:
        yield cloud


@pytest.fixture
def far_cloud(_far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork) -> Iterator[Cloud]:
    """The functions, with the faulty network before them and no patience."""
    _far_cloud.start_test()
    yield _far_cloud
    network.plan()
    _far_cloud.check_log()


def question(emulator: SmsEmulator) -> dict[str, str]:
    return {"phone_number": NUMBER, "send_date": f"{emulator.clock.now:%Y%m%d}"}


def said(answer: Answer) -> tuple[int, str, str, bool]:
    """What matters of a problem document about a send."""
    body = answer.body
    return answer.status, body["code"], body["outcome"], body["retryable"]


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SMS_ACCESS_KEY_ID": "", "SMS_ACCESS_KEY_SECRET": ""}, ("role", "SMS_ACCESS_KEY_ID")),
        ({"SMS_ACCESS_KEY_SECRET": ""}, ("SMS_ACCESS_KEY_SECRET is empty",)),
        ({"SMS_ENDPOINT": "http://dysmsapi.aliyuncs.com"}, ("SMS_ENDPOINT", "https")),
        ({"SMS_READ_TIMEOUT": "soon"}, ("SMS_READ_TIMEOUT", "seconds")),
    ],
    ids=str,
)
def test_a_setting_that_is_missing_or_wrong_is_named_in_answer_and_log(
    start_cloud: StartCloud,
    emulator: SmsEmulator,
    changes: dict[str, str],
    words: tuple[str, ...],
    notice: Notice,
) -> None:
    cloud = start_cloud(changes=changes)
    answer = cloud.send(notice)
    assert (answer.status, answer.body["code"]) == (500, "configuration")
    assert not answer.body["retryable"]
    for word in words:
        assert word in answer.body["detail"]
        assert any(word in str(line) for line in cloud.log())
    assert emulator.requests() == []


def test_an_api_key_that_is_malformed_locks_its_caller_out_and_is_named_in_the_log(
    start_cloud: StartCloud, emulator: SmsEmulator, notice: Notice
) -> None:
    cloud = start_cloud(changes={"SMS_API_KEYS": "tests:not-a-hash"})
    answer = cloud.send(notice)
    assert (answer.status, answer.body["code"]) == (401, "not-authenticated")
    for word in ("SMS_API_KEYS", "make api-key"):
        assert any(word in str(line) for line in cloud.log())
    assert emulator.requests() == []


def test_a_wrong_secret_is_the_configurations_fault(
    start_cloud: StartCloud, emulator: SmsEmulator, notice: Notice
) -> None:
    cloud = start_cloud(changes={"SMS_ACCESS_KEY_SECRET": "not-the-secret"})
    answer = cloud.send(notice)
    assert said(answer) == (502, "SignatureDoesNotMatch", "rejected", False)
    assert "SMS_ACCESS_KEY_SECRET" in answer.body["detail"]
    assert not any("not-the-secret" in line for line in cloud.log_lines())
    assert emulator.messages() == []


def test_an_unknown_key_is_the_configurations_fault(
    start_cloud: StartCloud, emulator: SmsEmulator, notice: Notice
) -> None:
    cloud = start_cloud(changes={"SMS_ACCESS_KEY_ID": "nobodys-key"})
    assert said(cloud.send(notice)) == (502, "InvalidAccessKeyId.NotFound", "rejected", False)
    asked = cloud.status(question(emulator))
    assert (asked.status, asked.body["code"]) == (502, "InvalidAccessKeyId.NotFound")


def test_an_endpoint_that_refuses_connections(
    start_cloud: StartCloud, emulator: SmsEmulator, notice: Notice
) -> None:
    cloud = start_cloud(endpoint=f"https://127.0.0.1:{unused_port()}", changes=FAST)
    answer = cloud.send(notice)
    assert said(answer) == (503, "connection-failed", "rejected", True)
    assert answer.headers["Retry-After"] == "1"
    asked = cloud.status(question(emulator))
    assert (asked.status, asked.body["code"]) == (503, "connection-failed")
    assert asked.body["retryable"]
    sent = cloud.log()[0]
    assert (sent["level"], sent["action"], sent["outcome"]) == (
        "warning",
        "SendSms",
        "nothing-written",
    )
    assert "127.0.0.1" in sent["detail"]


def test_an_endpoint_without_a_name_in_the_dns(start_cloud: StartCloud, notice: Notice) -> None:
    cloud = start_cloud(endpoint="https://sms.invalid", changes=FAST)
    assert said(cloud.send(notice)) == (503, "connection-failed", "rejected", True)
    assert "sms.invalid" in cloud.log()[0]["detail"]


def test_an_endpoint_that_does_not_speak_tls(
    start_cloud: StartCloud, emulator: SmsEmulator, notice: Notice
) -> None:
    cloud = start_cloud(endpoint=f"https://{emulator.endpoint}", changes=FAST)
    assert said(cloud.send(notice)) == (503, "connection-failed", "rejected", True)
    assert emulator.requests() == []


def test_a_repeat_after_nothing_was_written_is_sent(
    start_cloud: StartCloud, emulator: SmsEmulator, notice: Notice
) -> None:
    cloud = start_cloud(endpoint=f"http://127.0.0.1:{unused_port()}", changes=FAST)
    assert cloud.send(notice).body["retryable"]
    assert start_cloud().send(notice).body["outcome"] == "accepted"
    assert [message.out_id for message in emulator.messages()] == [f"tests~{notice['out_id']}"]


NEVER_ARRIVES = {
    "stalls": (faults.stall, "answer-lost"),
    "resets": (faults.reset, "answer-lost"),
    "answers HTML": (faults.answer_html, "http-200"),
    "answers 500": (faults.answer_500, "InternalError"),
}
BREAKS_OFF = {
    "hangs up": faults.hang_up,
    "answers nonsense": faults.answer_nonsense,
    **{name: fault for name, (fault, _) in NEVER_ARRIVES.items()},
}


@pytest.mark.parametrize(("fault", "code"), NEVER_ARRIVES.values(), ids=NEVER_ARRIVES)
def test_what_cannot_be_found_is_unknown_and_not_sent_again(
    far_cloud: Cloud,
    emulator: SmsEmulator,
    network: FaultyNetwork,
    notice: Notice,
    fault: Fault,
    code: str,
) -> None:
    network.plan(fault)
    answer = far_cloud.send(notice)
    assert said(answer) == (504, code, "unknown", False)
    assert answer.body["out_id"] == notice["out_id"]
    assert "Ask POST /delivery-status" in answer.body["detail"]
    assert emulator.messages() == []
    assert {request.action for request in emulator.requests()} == {"QuerySendDetails"}
    sent = far_cloud.log()[0]
    assert (sent["level"], sent["outcome"], sent["code"]) == ("warning", "in-doubt", code)


@pytest.mark.parametrize("fault", BREAKS_OFF.values(), ids=BREAKS_OFF)
def test_a_query_may_be_repeated_whatever_happened(
    far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, fault: Fault
) -> None:
    network.plan(fault)
    answer = far_cloud.status(question(emulator))
    assert (answer.status, answer.body["retryable"]) == (504, True)
    assert far_cloud.status(question(emulator)).status == 200


@pytest.mark.parametrize(
    "fault", [faults.lose_answer, faults.cut_answer, faults.delay_answer], ids=lambda f: f.__name__
)
def test_a_message_whose_answer_was_lost_is_found(
    far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, fault: Fault, notice: Notice
) -> None:
    network.plan(fault)
    answer = far_cloud.send(notice)
    assert answer.status == 200
    assert answer.body["outcome"] == "accepted"
    assert answer.body["reconciled"] is True
    assert [message.out_id for message in emulator.messages()] == [f"tests~{notice['out_id']}"]
    doubt, *_, found, answered = far_cloud.log()
    assert (doubt["action"], doubt["outcome"], doubt["code"]) == (
        "SendSms",
        "in-doubt",
        "answer-lost",
    )
    assert (found["action"], found["outcome"]) == ("look-up", "found")
    assert answered["outcome"] == "200"


def test_a_lost_part_among_others_is_found(
    far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, notice: Notice
) -> None:
    messages = [
        {"phone_number": str(13900000000 + place), "template_param": notice["template_param"]}
        for place in range(150)
    ]
    body = {"template_code": "SMS_100002", "messages": messages, "out_id": new_out_id()}
    network.plan(faults.deliver, faults.lose_answer)
    answer = far_cloud.send(body)
    assert answer.status == 200
    assert ["reconciled" in part for part in answer.body["parts"]] == [False, True]
    assert len(emulator.messages()) == 150


def test_when_the_lookup_fails_too_the_outcome_is_unknown_until_it_is_asked_for(
    far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, notice: Notice
) -> None:
    network.plan(faults.lose_answer, *[faults.answer_500] * 10)
    assert said(far_cloud.send(notice)) == (504, "answer-lost", "unknown", False)
    assert len(emulator.messages()) == 1
    network.plan()
    found = far_cloud.status({**question(emulator), "out_id": notice["out_id"]})
    assert [entry["out_id"] for entry in found.body] == [notice["out_id"]]


def test_a_message_that_becomes_visible_late_is_unknown_at_first(
    far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, notice: Notice
) -> None:
    emulator.settings(visibility_delay_seconds=3600)
    network.plan(faults.lose_answer)
    assert said(far_cloud.send(notice)) == (504, "answer-lost", "unknown", False)
    emulator.settings(visibility_delay_seconds=0)
    assert far_cloud.send(notice).body["reconciled"] is True
    assert len(emulator.messages()) == 1


def test_an_asynchronous_send_is_not_repeated_when_its_answer_was_lost(
    far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, notice: Notice
) -> None:
    network.plan(faults.lose_answer, faults.answer_500)
    assert far_cloud.send_asynchronously(notice) == 202
    far_cloud.functions.wait_for_async()
    (invocation,) = far_cloud.invocations()
    assert invocation.attempt == 1
    assert len(emulator.messages()) == 1


def test_a_kept_connection_that_the_service_closed_is_replaced(
    far_cloud: Cloud, emulator: SmsEmulator, network: FaultyNetwork, notice: Notice
) -> None:
    closed = threading.Event()

    def deliver_and_close(exchange: faults.Exchange) -> None:
        faults.deliver(exchange)
        exchange.hang_up()
        closed.set()

    network.plan(deliver_and_close)
    assert far_cloud.send(notice).status == 200
    assert closed.wait(10)
    assert far_cloud.send({**notice, "out_id": new_out_id()}).body["outcome"] == "accepted"
    assert network.requests == 2
    assert [line["outcome"] for line in far_cloud.log() if line["action"] == "SendSms"] == [
        "accepted",
        "accepted",
    ]
