"""``make serve``, run as one runs it who tries a deploy: in a terminal of its own."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.local_program import ADDRESS, LocalProgram, answers, copy_project
from tests.integration.serverless_devs import ServerlessDevs

RUNS = "Running until Ctrl-C."
EXPORT = re.compile(r"^export (\w+)=(\S+)$", re.MULTILINE)
INBOX = re.compile(r"(http://\S+)/inbox")
SMS_URL = re.compile(r"fc-sms-send-sms .*?(http://127\.0\.0\.1:\d+)/")
SMS = {
    "phone_numbers": "13800138000",
    "template_code": "SMS_100001",
    "template_param": {"code": "4711"},
}


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    """A copy of the project."""
    return copy_project(project, tmp_path / "copy")


@pytest.fixture
def running(folder: Path) -> Iterator[list[LocalProgram]]:
    """What a test has started; nothing of it outlives the test."""
    started: list[LocalProgram] = []
    yield started
    for program in started:
        program.kill()


def serve(folder: Path, running: list[LocalProgram], *options: str) -> LocalProgram:
    """Start it, and wait until it says that it runs."""
    program = start(folder, running, *options)
    program.read_until(RUNS)
    return program


def start(folder: Path, running: list[LocalProgram], *options: str) -> LocalProgram:
    program = LocalProgram(folder, "serve", *options, XDG_STATE_HOME=str(folder.parent / "state"))
    running.append(program)
    return program


def send(url: str) -> Any:
    """Send an SMS by the function; return the answer."""
    headers = {"Authorization": "Bearer trial-key", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/sms", json.dumps(SMS).encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.loads(answer.read())


def received(program: LocalProgram) -> int:
    (inbox,) = INBOX.findall(program.text)
    with urllib.request.urlopen(f"{inbox}/api/messages", timeout=30) as answer:
        return len(json.loads(answer.read())["messages"])


def exported(program: LocalProgram) -> Mapping[str, str]:
    return dict(EXPORT.findall(program.text))


@pytest.mark.node
def test_what_is_deployed_sends_to_the_emulator_and_outlives_a_kill(
    folder: Path, running: list[LocalProgram], node_modules: Path, tmp_path: Path
) -> None:
    program = serve(folder, running)
    deployer = ServerlessDevs(node_modules, tmp_path / "home")
    deployer.run(folder, "send_sms deploy -y", exported(program))
    shown = deployer.run(folder, "send_sms info", exported(program))
    (url,) = set(ADDRESS.findall(shown))
    assert send(url)["outcome"] == "accepted"
    assert received(program) == 1
    key = exported(program)["AccessKeySecret"]
    program.signal(signal.SIGKILL, all_of_it=False)
    assert program.end() == -signal.SIGKILL
    assert program.left() == []
    again = serve(folder, running)
    assert exported(again)["AccessKeySecret"] == key
    (url,) = SMS_URL.findall(again.text)
    assert send(url)["outcome"] == "accepted"
    assert received(again) == 1


@pytest.mark.parametrize(
    ("number", "all_of_it", "code"), [(signal.SIGINT, True, 0), (signal.SIGTERM, False, 143)]
)
def test_nothing_is_left_when_it_ends(
    folder: Path, running: list[LocalProgram], number: signal.Signals, all_of_it: bool, code: int
) -> None:
    program = serve(folder, running)
    addresses = set(ADDRESS.findall(program.text))
    assert len(addresses) == 2
    assert all(answers(url) for url in addresses)
    program.signal(number, all_of_it=all_of_it)
    assert program.end() == code, program.text
    assert "Traceback" not in program.text
    assert program.left() == []
    assert not any(answers(url) for url in addresses)


def test_all_that_has_to_be_exported_is_printed(folder: Path, running: list[LocalProgram]) -> None:
    program = serve(folder, running)
    assert set(exported(program)) == {
        "AccessKeyID",
        "AccessKeySecret",
        "AccountID",
        "FC_CLIENT_CUSTOM_ENDPOINT",
        "FC_CODE_TEMP_OSS_ENDPOINT",
        "SMS_ACCESS_KEY_ID",
        "SMS_ACCESS_KEY_SECRET",
        "SMS_API_KEYS",
        "SMS_SIGN_NAME",
    }


def test_busy_ports_are_left_alone(folder: Path, running: list[LocalProgram]) -> None:
    with ExitStack() as stack:
        for port in (8100, 8900):
            busy = stack.enter_context(socket.socket())
            busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                busy.bind(("127.0.0.1", port))
                busy.listen()
            except OSError:  # it is busy anyway
                continue
        program = serve(folder, running)
    assert "Port 8100 is busy; free ports are taken instead." in program.text
    assert "Port 8900 is busy; free ports are taken instead." in program.text
    assert not {":8100", ":8900"} & set(re.findall(r"(?<=127\.0\.0\.1):\d+", program.text))


def test_a_second_one_says_that_the_first_has_the_folder(
    folder: Path, running: list[LocalProgram]
) -> None:
    serve(folder, running)
    second = start(folder, running)
    assert second.end() == 1, second.text
    assert "in use by another fc-stub" in second.text
    assert "serve: fc-stub did not start" in second.text
    third = serve(folder, running, "--state", str(folder / "another"))
    assert exported(third)["FC_CLIENT_CUSTOM_ENDPOINT"]
