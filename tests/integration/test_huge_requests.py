"""Requests as large as Function Compute lets through, ten at once: no instance ends."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from aliyun_sms_emulator import SmsEmulator
from tests.integration.cloud import SEND, Cloud
from tests.integration.contract import Contract

RECEIVE, ON_EVENT = "fc-sms-receive-receipts", "fc-sms-send-on-event"
AT_ONCE = 10
HUGE = "\U0001f600".ljust(31_000_000, "x")


@pytest.fixture(scope="module")
def patient(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, its functions with ten minutes each: a busy machine may need them."""
    folder = tmp_path_factory.mktemp("patient")
    for name in ("functions", "shared"):
        shutil.copytree(project / name, folder / name)
    shutil.copy(project / ".fcignore", folder)
    text = (project / "s.yaml").read_text(encoding="utf-8")
    text = re.sub(r"\btimeout: [0-9]+", "timeout: 600", text)
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def cloud(patient: Path, running_emulator: SmsEmulator, contract: Contract) -> Iterator[Cloud]:
    with Cloud(patient, running_emulator, contract) as cloud:
        yield cloud


@pytest.mark.parametrize("function", [SEND, RECEIVE])
def test_ten_huge_requests_at_once_end_no_instance_and_the_next_caller_is_served(
    cloud: Cloud, emulator: SmsEmulator, function: str
) -> None:
    cloud.start_test()
    url, body = cloud.functions.url(function), HUGE.encode()
    with ThreadPoolExecutor(AT_ONCE) as strangers:
        answers = strangers.map(lambda _: requests.post(url, body, timeout=600), range(AT_ONCE))
        problems = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert problems == [(413, "body-too-large")] * AT_ONCE
    invocations = cloud.invocations()
    assert [invocation.error_type for invocation in invocations] == [None] * AT_ONCE
    assert max(invocation.memory_mb for invocation in invocations) < 128
    sent = cloud.send(
        {
            "phone_numbers": "13800138000",
            "template_code": "SMS_100002",
            "template_param": {"name": "Li", "order": "A-17"},
        }
    )
    assert sent.status == 200
    assert len(emulator.messages()) == 1


def test_a_huge_event_ends_no_instance(cloud: Cloud) -> None:
    event = {"TopicName": "orders", "MessageId": "1", "Message": HUGE}
    invocation = cloud.functions.invoke(ON_EVENT, json.dumps(event, ensure_ascii=False).encode())
    assert invocation.error_type is None
    (rejected,) = json.loads(invocation.payload)["rejected"]
    assert rejected["code"] == "event-too-large"
