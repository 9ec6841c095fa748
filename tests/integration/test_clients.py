"""The clients of docs/clients, as they stand: they send once, although an answer is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.integration.cloud import API_KEY, SEND, Cloud
from tests.integration.conftest import StartCloud
from tests.unit.scripted_server import ScriptedServer, answer, one_by_one, say

CLIENTS = {"client.py": sys.executable, "client.mjs": "node", "client.sh": "sh"}
NOTICE, CODE = "SMS_100002", "SMS_100001"
NUMBER = "13800138000"
IN_PROGRESS = {"code": "in-progress", "retryable": True}
TIMED_OUT = {"errorType": "FunctionTimeoutError", "errorMessage": "Function timed out"}
CUT_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
QUICK = {"SMS_SETTLE_SECONDS": "1", "SMS_CODE_TEMPLATE": CODE}
each_client = pytest.mark.parametrize(
    "name",
    [pytest.param("client.mjs", marks=pytest.mark.node), "client.py", "client.sh"],
)


@pytest.fixture
def with_state(start_cloud: StartCloud, tmp_path: Path) -> Cloud:
    changes = {
        **QUICK,
        "SMS_STATE_URL": f"sqlite://{tmp_path / 'state.db'}",
        "SMS_STATE_SECRET": "a-secret-of-this-test",
        "SMS_ALLOW_LOCAL_STATE": "1",
    }
    return start_cloud(changes=changes)


def start(project: Path, cloud: Cloud, name: str, key: str = API_KEY) -> subprocess.Popen[str]:
    """Start a client, which sends to NUMBER."""
    # As `s info` prints them, with a / at the end.
    sms, codes = (cloud.functions.url(each) for each in (SEND, "fc-sms-verify-code"))
    return start_at(project, name, sms=sms, codes=codes, key=key)


def start_at(
    project: Path, name: str, *, sms: str, codes: str, key: str = API_KEY
) -> subprocess.Popen[str]:
    """Start a client with the addresses of the two functions."""
    addresses = {"SMS_URL": sms, "CODES_URL": codes}
    return subprocess.Popen(
        [CLIENTS[name], project / "docs" / "clients" / name],
        env={"PATH": os.environ["PATH"], **addresses, "SMS_KEY": key, "NUMBER": NUMBER},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lose_the_answer_of_the_notice(emulator: SmsEmulator) -> None:
    """The notice is accepted, its answer lost, and it cannot be looked up for a while."""
    emulator.set_faults(
        {"match": {"template_code": NOTICE}, "kind": "reset", "when": "after", "times": 1}
    )
    emulator.settings(visibility_delay_seconds=2.5)


def notices(emulator: SmsEmulator) -> int:
    return len([message for message in emulator.messages() if message.template_code == NOTICE])


@each_client
def test_a_client_repeats_after_a_504_sends_once_and_checks_a_code(
    project: Path, with_state: Cloud, name: str
) -> None:
    emulator = with_state.emulator
    lose_the_answer_of_the_notice(emulator)
    client = start(project, with_state, name)
    code = emulator.wait_for_message(phone_number=NUMBER, template_code=CODE, timeout=30).code
    written, _ = client.communicate(f"{code}\n", timeout=30)
    assert client.returncode == 0, written
    assert written.startswith("504")
    assert "sent: accepted" in written
    assert "verified: true" in written.lower()
    assert notices(emulator) == 1


@each_client
def test_a_client_repeats_nothing_where_that_is_not_safe(
    project: Path, start_cloud: StartCloud, name: str
) -> None:
    cloud = start_cloud(changes=QUICK)  # without shared state
    lose_the_answer_of_the_notice(cloud.emulator)
    client = start(project, cloud, name)
    written, _ = client.communicate(timeout=30)
    assert client.returncode != 0
    assert "the same call again" not in written
    assert "answer-lost" in written
    assert notices(cloud.emulator) == 1


@each_client
def test_a_client_says_why_it_was_refused(project: Path, cloud: Cloud, name: str) -> None:
    client = start(project, cloud, name, key="another-key")
    written, _ = client.communicate(timeout=30)
    assert client.returncode != 0
    assert "not-authenticated" in written


@each_client
def test_a_client_repeats_what_others_than_fc_sms_answered(project: Path, name: str) -> None:
    """Function Compute ends a function, a page of a gateway comes, or nothing but a beginning."""
    answers = one_by_one(
        answer(TIMED_OUT, "502 Bad Gateway"),
        say(CUT_OFF),
        answer(IN_PROGRESS, "409 Conflict", "Retry-After: 1"),
        answer({"outcome": "accepted"}),
        answer(b'[1, "<html>"]', "403 Forbidden"),
    )
    with ScriptedServer(answers) as server:
        client = start_at(project, name, sms=server.url, codes=server.url)
        written, _ = client.communicate(timeout=60)
        sends, codes = server.bodies()[:4], server.bodies()[4:]
    assert written.count("the same call again") == 3
    assert "sent: accepted" in written
    assert len({*sends}) == 1
    assert len(codes) == 1  # what is refused for good is not repeated
    assert "403" in written
    assert "<html>" in written
    assert client.returncode != 0
