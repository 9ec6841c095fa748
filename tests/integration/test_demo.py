"""``make demo``, run as a newcomer runs it: on a copy of the project, in a terminal of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.integration.local_program import ADDRESS, LocalProgram, answers, copy_project
from tests.threaded_server import ThreadedServer
from tools.install_runtimes import SAID_EVERY


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    """A copy of what the demo uses."""
    return copy_project(project, tmp_path)


@pytest.fixture
def running() -> Iterator[list[LocalProgram]]:
    """The demos that a test started; none outlives it."""
    demos: list[LocalProgram] = []
    yield demos
    for demo in demos:
        demo.kill()


def files(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


class Once(NamedTuple):
    """A demo that has run to its end, and the files of its copy before and after."""

    demo: LocalProgram
    before: dict[str, int]
    after: dict[str, int]


@pytest.fixture(scope="module")
def once(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Once:
    """A demo with ``--once``."""
    folder = copy_project(project, tmp_path_factory.mktemp("once"))
    before = files(folder)
    demo = LocalProgram(folder, "demo", "--once")
    assert demo.end() == 0, demo.text
    return Once(demo, before, files(folder))


def test_once_it_sends_one_sms_shows_everything_and_leaves_nothing(once: Once) -> None:
    demo = once.demo
    for words in (
        "POST /sms",
        '"phone_numbers": "13800138000"',
        '< 200 {"out_id": ',
        '"outcome": "accepted"',
        "GET /delivery-status",
        '"status": "delivered"',
        "Delivered",
        "POST /international-sms",
        "MNS topic",
        '"verified": true',
        "POST /hooks/supabase",
        "POST /hooks/alertmanager",
        "Your code is 561166, valid 5 minutes.",
        "Alarm: InstanceDown, severity critical, state firing.",
        '   log {"time": ',
        '"action": "SendSms"',
    ):
        assert words in demo.text
    assert demo.left() == []
    assert not any(answers(url) for url in set(ADDRESS.findall(demo.text)))
    assert once.after == once.before


def test_each_log_line_stands_under_the_step_it_belongs_to(once: Once) -> None:
    steps = re.split(r"^\d\. ", once.demo.text, flags=re.MULTILINE)[1:]
    of_a_line = re.compile(r'^   log .*?"function": "(\w+)"', re.MULTILINE)
    logged = [set(of_a_line.findall(step)) for step in steps]
    assert logged == [
        {"send_sms"},
        {"receive_receipts", "query_delivery_status"},
        {"send_international_sms"},
        {"send_on_event"},
        {"verify_code"},
        {"receive_hook"},
        {"receive_hook"},
        {"receive_receipts"},
    ]
    assert sum(map(int, re.findall(r'"reports": (\d+)', once.demo.text))) == 6, "one for each SMS"


def test_a_chinese_reader_reads_chinese(folder: Path, running: list[LocalProgram]) -> None:
    demo = LocalProgram(folder, "demo", "--once", LC_ALL="zh_CN.UTF-8", PYTHONUTF8="1")
    running.append(demo)
    assert demo.end() == 0, demo.text
    said = [line for line in demo.text.splitlines() if line and not line.startswith("   ")]
    assert len(said) > 8
    assert [line for line in said if not re.search("[\u4e00-\u9fff]", line)] == []
    assert "收件箱里：【fc-sms】您的验证码为561166，5分钟内有效。" in demo.text
    assert "收件箱里：【fc-sms】告警：InstanceDown，级别critical，状态触发。" in demo.text


def test_settings_meant_for_the_cloud_do_not_reach_it(
    folder: Path, running: list[LocalProgram]
) -> None:
    demo = LocalProgram(
        folder,
        "demo",
        "--once",
        SMS_ACCESS_KEY_ID="a-real-key",
        SMS_ACCESS_KEY_SECRET="a-real-secret",
        SMS_API_KEYS="no-hash",
        SMS_AUTH="function",
        SMS_ROLE="acs:ram::1234567890123456:role/fc-sms",
        SMS_SIGN_NAME="A real signature",
    )
    running.append(demo)
    assert demo.end() == 0, demo.text
    assert "a-real-key" not in demo.text


def test_busy_ports_are_left_alone(folder: Path, running: list[LocalProgram]) -> None:
    taken = []
    for port in (8100, 8900, 8901):
        busy = socket.socket()
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.0.1", port))
            busy.listen()
        except OSError:
            busy.close()  # it is busy anyway
        else:
            taken.append(busy)
    demo = LocalProgram(folder, "demo", "--once")
    running.append(demo)
    assert demo.end() == 0, demo.text
    for busy in taken:
        busy.close()
    assert "Port 8100 is busy; free ports are taken instead." in demo.text
    assert "Port 8900 is busy; free ports are taken instead." in demo.text
    assert not {":8100", ":8900", ":8901"} & set(re.findall(r"(?<=127\.0\.0\.1):\d+", demo.text))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_commands_that_it_prints_send_an_sms_and_ask_for_its_status(
    folder: Path, running: list[LocalProgram]
) -> None:
    demo = LocalProgram(folder, "demo")
    running.append(demo)
    demo.read_until("Running until Ctrl-C.")
    printed = re.search(r"what became of it:\n(.*?)\n\n", demo.text, re.DOTALL)
    assert printed
    done = subprocess.run(
        ["sh", "-e", "-c", re.sub(r"^   log .*\n?", "", printed[1], flags=re.MULTILINE)],
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        check=True,
        capture_output=True,
        text=True,
    )
    sent, status = map(json.loads, done.stdout.splitlines())
    assert (sent["outcome"], sent["out_id"]) == ("accepted", "mine-1")
    assert [each["out_id"] for each in status] == ["mine-1"]


@pytest.mark.parametrize(
    ("number", "all_of_it", "code"),
    [(signal.SIGINT, True, 0), (signal.SIGTERM, False, 143)],
)
def test_it_keeps_running_until_it_is_ended(
    folder: Path, running: list[LocalProgram], number: signal.Signals, all_of_it: bool, code: int
) -> None:
    demo = LocalProgram(folder, "demo")
    running.append(demo)
    demo.read_until("Running until Ctrl-C.")
    addresses = set(ADDRESS.findall(demo.text))
    assert len(addresses) == 8
    for words in ("/inbox", "Call with the API key", "GET, POST", "status --api"):
        assert words in demo.text
    assert all(answers(url) for url in addresses)
    demo.signal(number, all_of_it=all_of_it)
    assert demo.end() == code, demo.text
    assert "Traceback" not in demo.text
    assert demo.left() == []
    assert not any(answers(url) for url in addresses)


def test_nothing_outlives_a_demo_that_is_killed(folder: Path, running: list[LocalProgram]) -> None:
    demo = LocalProgram(folder, "demo")
    running.append(demo)
    demo.read_until("Running until Ctrl-C.")
    demo.signal(signal.SIGKILL, all_of_it=False)
    assert demo.end() == -signal.SIGKILL  # its output closes with the last that holds it
    assert demo.left() == []
    assert not any(answers(url) for url in set(ADDRESS.findall(demo.text)))


def test_a_terminal_without_chinese_is_no_error(folder: Path, running: list[LocalProgram]) -> None:
    demo = LocalProgram(folder, "demo", "--once", PYTHONIOENCODING="latin-1")
    running.append(demo)
    assert demo.end() == 0, demo.text
    assert "In the inbox: \\u3010fc-sms\\u3011" in demo.text


@pytest.mark.parametrize("seconds", [0, 0.01, 0.05, 0.1, 0.3, 0.6])
def test_it_may_be_ended_before_it_is_ready(
    folder: Path, running: list[LocalProgram], seconds: float
) -> None:
    demo = LocalProgram(folder, "demo")
    running.append(demo)
    demo.read_until("Starting")
    time.sleep(seconds)
    demo.signal(signal.SIGINT, all_of_it=True)
    assert demo.end() == 0
    assert "Traceback" not in demo.text
    assert demo.left() == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.yaml", "edition: 3.0.0\nresources: [", "demo: fc-stub did not start"),
        ("functions/send_sms.py", "import no_such_module\n", "/sms answered 502"),
    ],
)
def test_what_is_broken_is_said_and_the_exit_code_is_not_zero(
    folder: Path, running: list[LocalProgram], name: str, content: str, message: str
) -> None:
    (folder / name).write_text(content)
    demo = LocalProgram(folder, "demo", "--once")
    running.append(demo)
    assert demo.end() == 1, demo.text
    assert "demo: " in demo.text
    assert message in demo.text
    assert "Traceback" not in demo.text
    assert demo.left() == []


class SlowIndex(BaseHTTPRequestHandler):
    """A package index that takes its time, and then has nothing."""

    def do_GET(self) -> None:
        time.sleep(SAID_EVERY + 2)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def test_a_slow_network_is_waited_for_and_said_and_without_packages_it_goes_on(
    folder: Path, running: list[LocalProgram]
) -> None:
    with ThreadedServer(SlowIndex) as index:
        network = {"PIP_INDEX_URL": index.url, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
        network |= {"PIP_CONFIG_FILE": "/dev/null", "NO_PROXY": "127.0.0.1"}
        cache = folder / "scratch" / "cache"
        demo = LocalProgram(folder, "demo", XDG_CACHE_HOME=str(cache), **network)
        running.append(demo)
        demo.read_until("Delivered")
    demo.signal(signal.SIGINT, all_of_it=True)
    assert demo.end() == 0
    assert re.search(r"Installing what python3\.12 carries .* \d+ s so far", demo.text)
    assert "What python3.12 carries could not be installed: ERROR: " in demo.text
