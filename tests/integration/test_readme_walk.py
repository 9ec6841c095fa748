"""The README's first SMS: its blocks, run as they stand, one in each terminal."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.doctor.callers import TRIVIAL_KEYS

READMES = ("README.md", "README.zh-CN.md")
BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
GOES_ON = re.compile(
    r"fc-stub (start|serve)|sms-emulator( --|$)|make demo(?!.*ONCE)|--follow|s config add|s deploy"
)
PROGRAM = re.compile(
    r"(\S*)\b(fc-stub|sms-emulator) "
    r"(start|serve|status|invoke|event|send-event|send|messages|explain|--\S+)\b"
)
PORT = re.compile(r"127\.0\.0\.1:(\d+)")
HTTP_TRIGGER = re.compile(r"http \S+ +http://127\.0\.0\.1:(\d+)")
PROGRAMS = Path(sys.executable).parent


def blocks(page: Path) -> list[str]:
    """Return the shell blocks of a page, without the indentation of a list."""
    found = BLOCK.findall(page.read_text("utf-8"))
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def commands(block: str) -> list[str]:
    """Return the commands of a block, each on one line and without its comment."""
    lines = re.sub(r"\\\n\s*", "", block).splitlines()
    return [command for line in lines if (command := re.sub(r"\s#.*", "", line).strip())]


def trial(project: Path, name: str) -> list[str]:
    """Return the three blocks of the trial: emulator, functions, requests."""
    found = blocks(project / name)
    start = next(place for place, block in enumerate(found) if "sms-emulator --port" in block)
    return found[start : start + 3]


def any_port(command: str) -> str:
    """Return a command with this Python's program, at any port that is free."""
    return re.sub(r"--port \d+", "--port 0", command).replace(".venv/bin/", f"{PROGRAMS}/")


@contextmanager
def terminal(command: str, ready: str, project: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run a command that goes on, and yield what it wrote until the line with `ready`."""
    process = subprocess.Popen(
        ["sh", "-c", f"exec {command}"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    written = ""
    try:
        for line in process.stdout:
            written += line
            if ready in line:
                break
        assert ready in written, written
        yield written
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("name", READMES)
def test_no_command_that_goes_on_stands_before_another(project: Path, name: str) -> None:
    found = blocks(project / name)
    assert len(found) > 5
    for block in found:
        assert not [each for each in commands(block)[:-1] if GOES_ON.search(each)], block


def test_the_local_programs_are_called_where_make_setup_puts_them(project: Path) -> None:
    pages = [*(project / name for name in READMES), *(project / "docs").rglob("*.md")]
    called = [
        (page.name, folder, program)
        for page in pages
        for folder, program, _ in PROGRAM.findall(page.read_text("utf-8"))
    ]
    assert len(called) > 10
    assert [each for each in called if not each[1].endswith(".venv/bin/")] == []


@pytest.mark.parametrize("name", READMES)
def test_nothing_of_the_walk_asks_the_ports_of_the_demo(project: Path, name: str) -> None:
    *_, requests = trial(project, name)
    asked = {int(port) for port in PORT.findall(requests)}
    assert asked == {9101, 9103}


@pytest.mark.parametrize("name", READMES)
def test_the_key_of_the_trial_fits_and_the_doctor_refuses_it(project: Path, name: str) -> None:
    _, functions, requests = trial(project, name)
    (key,) = set(re.findall(r"Bearer ([\w-]+)", requests))
    assert f"SMS_API_KEYS=trial:{hashlib.sha256(key.encode()).hexdigest()}\n" in functions
    assert key in TRIVIAL_KEYS


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("name", READMES)
def test_the_trial_sends_an_sms_and_shows_that_it_was_delivered(
    project: Path, tmp_path: Path, name: str
) -> None:
    environment = {
        **{each: value for each, value in os.environ.items() if not each.startswith("SMS_")},
        "XDG_STATE_HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }
    emulator, functions, requests = trial(project, name)
    (serve,) = [each for each in commands(emulator) if "sms-emulator" in each]
    (start,) = commands(functions)
    with terminal(any_port(serve), "Stop with Ctrl-C", project, environment) as written:
        start = start.replace(":8200", f":{PORT.findall(written)[0]}")
        with terminal(any_port(start), "Ctrl-C ends", project, environment) as table:
            for place, port in enumerate(HTTP_TRIGGER.findall(table), 1):
                requests = requests.replace(f":910{place}/", f":{port}/")
            done = subprocess.run(
                ["sh", "-e", "-c", requests],
                cwd=project,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
    sent, status = map(json.loads, done.stdout.splitlines())
    assert sent["outcome"] == "accepted"
    assert [(each["out_id"], each["status"]) for each in status] == [(sent["out_id"], "delivered")]
