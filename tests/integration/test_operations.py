"""docs/operations.md and docs/redis.md: their blocks, run as they stand against a local cloud.

`s` and `git` are played by programs that note how they were called. What `s` knows is held below;
each other command is one of ours, and runs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.errors import (
    ConfigurationError,
    ConnectionFailed,
    NotAuthenticated,
    SendingStopped,
    StoreUnavailable,
)
from shared.platform.refusals import explain
from shared.sending.stop import read_stop, start_sending
from shared.state.redis_store import RedisStore
from tests.integration.cloud import QUERY, SEND, Cloud
from tests.integration.conftest import StartCloud
from tests.integration.page_blocks import blocks, commands
from tests.integration.redis_server import RedisServer
from tests.node_packages import clean_environment

PAGES = ("docs/operations.md", "docs/redis.md")
PREFIX = Path(sys.prefix)
NUMBER = "13800138000"
SECRET = "h7Gq-Zt4VdXc9sBnMw2K"
# The commands of the CLI 3.1.10 (`s -h`) and of its component fc3 (devsapp/fc3, src/commands-help)
# that the pages use, each with its options.
OPTIONS_OF_S = {
    "config add": set(),
    "deploy": {"-y", "-t"},
    "remove": {"-y"},
    "invoke": {"-e", "-f"},
}
NOTED = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLED"
"""
# `make` as it is, but that it does not install anything.
MAKE = f"""#!/bin/sh
echo "make $*" >> "$CALLED"
exec {shutil.which("make")} -s -o {PREFIX}/setup.stamp VENV={PREFIX} "$@"
"""


class Shell(NamedTuple):
    """Runs blocks in the project's folder, with the variables of a deploy."""

    project: Path
    folder: Path
    environment: Mapping[str, str]

    def run(self, block: str) -> str:
        """Run a block and return what it prints; fails where a command of it does."""
        done = subprocess.run(
            ["sh", "-e", "-c", block],
            cwd=self.project,
            env=self.environment,
            input=f"{NUMBER}\n",  # for who asks at the terminal
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        assert not [each for each in (SECRET, NUMBER) if each in done.stdout + done.stderr]
        return done.stdout

    def called(self) -> list[str]:
        """Return how `make`, `s`, `git` and `sleep` were called, in order."""
        file = self.folder / "called"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `make`, and what plays `s`, `git` and `sleep`."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("make", "s", "git", "sleep"):
        program = folder / name
        program.write_text(MAKE if name == "make" else NOTED)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.fixture
def cloud_with_state(
    start_cloud: StartCloud, redis_server: RedisServer
) -> tuple[Cloud, dict[str, str]]:
    state = {
        "SMS_STATE_URL": redis_server.url,
        "SMS_STATE_SECRET": SECRET,
        "SMS_RECEIPT_TOKEN": "Kx8_vRt2QbWz5nYpLm3D",
    }
    return start_cloud(changes=state), state


@pytest.fixture
def shell(
    project: Path,
    tmp_path: Path,
    programs: Path,
    emulator: SmsEmulator,
    cloud_with_state: tuple[Cloud, dict[str, str]],
) -> Shell:
    cloud, state = cloud_with_state
    environment = clean_environment(
        **state,
        SMS_FC_ENDPOINT=cloud.functions.api_url,
        SMS_ENDPOINT=emulator.url,
        SMS_INTERNATIONAL_ENDPOINT=emulator.url,
        SMS_ACCESS_KEY_ID=emulator.access_key_id,
        SMS_ACCESS_KEY_SECRET=emulator.access_key_secret,
        SMS_API_KEYS=f"shop:{'a' * 64}",
        SMS_SIGN_NAME="fc-sms",
        CALLED=str(tmp_path / "called"),
    )
    path = f"{programs}{os.pathsep}{environment['PATH']}"
    return Shell(project, tmp_path, {**environment, "PATH": path})


def message(out_id: str) -> dict[str, object]:
    """Return a request that is sent."""
    return {
        "phone_numbers": NUMBER,
        "template_code": "SMS_100002",
        "template_param": {"name": "Li", "order": "A1"},
        "out_id": out_id,
    }


def every_block(project: Path) -> list[str]:
    """Return the blocks of the pages, with the endings that stand for values of one's own."""
    return [block for page in PAGES for block in blocks(project / page)]


# what a block sets that is not true here, such as the address of a Redis, and the AccessKey
_OWN_VALUES = re.compile(
    r"^export (ALIBABA_CLOUD_\w+|SMS_ACCESS_\w+|SMS_STATE_URL)=.*$", re.MULTILINE
)


def test_every_block_runs_as_it_stands_and_s_knows_how_it_is_called(
    project: Path, shell: Shell, cloud_with_state: tuple[Cloud, dict[str, str]]
) -> None:
    cloud, _ = cloud_with_state
    out_id = f"{shell.folder.name}-17"
    assert cloud.send(message(out_id)).status == 200
    for block in every_block(project):
        block = _OWN_VALUES.sub("true", block).replace("ID=order-17", f"ID={out_id}")
        block = block.replace("http://127.0.0.1:9100", cloud.functions.api_url)
        block = block.replace("http://127.0.0.1:9101/", cloud.functions.url(SEND))
        shell.run(block)
    called = shell.called()
    asked_of_s = [call.removeprefix("s ") for call in called if call.startswith("s ")]
    assert len(asked_of_s) > 5
    assert {name for call in asked_of_s if (name := unknown_to_s(project, call))} == set()
    for target in ("why ID", "why NUMBER", "budget", "doctor", "stop-sending", "unread", "api-key"):
        assert any(call.startswith(f"make {target}") for call in called)
    assert len({call for call in called if call.startswith("git ")}) > 1


def unknown_to_s(project: Path, call: str) -> str:
    """Return what `s` would not know in a call, such as ``daily_report invoke``; "" for nothing."""
    words = call.split()
    if words[0] in re.findall(r"^  (\w+):$", (project / "s.yaml").read_text(), re.MULTILINE):
        words = words[1:]  # the resource that is meant
    name = " ".join(words[:2]) if words[0] == "config" else words[0]
    if name not in OPTIONS_OF_S:
        return name
    options = [word for word in words if word.startswith("-")]
    return " ".join(option for option in options if option not in OPTIONS_OF_S[name])


def test_commands_in_the_text_are_those_of_the_makefile_and_of_s(project: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (project / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for command in re.findall(
            r"(?<![\w`])`((?:make|s) [^`\n]+)`", (project / page).read_text("utf-8")
        ):
            for part in command.split("&&"):
                program, name, *_ = part.split()
                if program == "make":
                    assert name in targets, command
                else:
                    assert unknown_to_s(project, part.strip().removeprefix("s ")) == "", command


def test_the_answers_that_the_page_lists_are_those_that_callers_get(project: Path) -> None:
    text = (project / "docs" / "operations.md").read_text("utf-8")
    ours = {
        "not-authenticated": NotAuthenticated.status,
        "configuration": ConfigurationError.status,
        "connection-failed": ConnectionFailed.status,
        "sending-stopped": SendingStopped.status,
        "store-unavailable": StoreUnavailable.status,
    }
    checked = 0
    for status, codes in re.findall(r"^\| (\d{3}) (`[^|]+) \|", text, re.MULTILINE):
        for code in re.findall(r"`([^`]+)`", codes):
            known = ours.get(code) or explain(code.removesuffix("..."))[1]
            assert known == int(status), code
            checked += 1
    assert checked > 10


def test_nothing_is_sent_between_the_two_commands_and_it_goes_on_after(
    shell: Shell, cloud_with_state: tuple[Cloud, dict[str, str]], redis_server: RedisServer
) -> None:
    cloud, _ = cloud_with_state
    store = RedisStore(redis_server.url)
    before, body = (message(f"{shell.folder.name}-{name}") for name in ("before", "night"))
    assert cloud.send(before).status == 200
    try:
        assert "Sending has been stopped since" in shell.run("make stop-sending")
        assert read_stop(store)
        answer = cloud.send(body)
        assert (answer.status, answer.body["code"]) == (503, "sending-stopped")
        assert answer.headers["Retry-After"] == "60"
        status = cloud.request("GET", QUERY, f"delivery-status?out_id={before['out_id']}")
        assert status.status == 200
        assert cloud.send(before).body["replayed"] is True
        assert len(cloud.emulator.messages()) == 1
        assert "sending has been stopped since" in shell.run("make doctor")
        assert "Sending goes on" in shell.run("make start-sending")
        assert cloud.send(body).status == 200
    finally:
        start_sending(store)
        store._client.close()  # type: ignore[no-untyped-call]


def test_the_commands_of_a_block_stand_on_lines_of_their_own(project: Path) -> None:
    """So that each can be pasted alone, and none is overlooked here."""
    ours = re.compile(
        r"export \w+=.*|make [a-z-]+.*|s [a-z_ -]+.*|git \w+ .*|sleep \d+|python3 -c '.*'|curl .*"
    )
    for block in every_block(project):
        assert all(ours.fullmatch(command) for command in commands(block)), block


def test_the_timer_s_command_runs_the_report(
    cloud_with_state: tuple[Cloud, dict[str, str]],
) -> None:
    """What `s daily_report invoke` does."""
    cloud, _ = cloud_with_state
    told = json.loads(cloud.functions.invoke("fc-sms-daily-report", b"").payload)
    assert told["mainland"].keys() == told["abroad"].keys()
    assert "problem" not in told
