"""docs/http-api.md, docs/codes.md and a hook: each block is run, and gives the answer below it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration.page_blocks import FUNCTIONS_PORT, Trial, blocks
from tools.doctor.callers import TRIVIAL_KEYS

EXAMPLE = re.compile(r"^```sh\n(.*?)^```\n+(?:```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
EVERYTHING_ON = "SMS_STATE_URL"
# What differs from run to run: ids, times, and how far a time is away.
OF_ONE_RUN = re.compile(r".*(_id|_date|_hash|_in)|carrier")
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


class Example(NamedTuple):
    """A block of a page, and the answer below it."""

    block: str
    answer: Any


@pytest.fixture(scope="module")
def trial(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """The emulator and the functions that the quick start starts with everything on."""
    found = blocks(project / "docs" / "quick-start.md")
    (emulator,) = [block for block in found if "sms-emulator --port" in block]
    (functions,) = [block for block in found if EVERYTHING_ON in block]
    (scenes,) = [block for block in found if "> /tmp/scenes.json" in block]
    trial = Trial(project, tmp_path_factory.mktemp("trial"))
    trial.run(scenes)
    with trial.running(emulator, functions):
        yield trial


def examples(page: Path) -> list[Example]:
    """Return the examples of a page that show an answer."""
    found = EXAMPLE.findall(page.read_text("utf-8"))
    return [Example(block, json.loads(answer)) for block, answer in found if answer]


def of_any_run(value: Any) -> Any:
    """Return an answer without what differs from run to run; its names stay."""
    if isinstance(value, dict):
        return {
            name: type(part).__name__ if OF_ONE_RUN.fullmatch(name) else of_any_run(part)
            for name, part in value.items()
        }
    return [of_any_run(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["http-api.md", "codes.md"])
def test_each_example_gives_the_answer_below_it(project: Path, trial: Trial, name: str) -> None:
    shown = examples(project / "docs" / name)
    assert len(shown) == {"http-api.md": 9, "codes.md": 2}[name]
    # One shell for the page: an example takes what an earlier one set.
    script = "sleep 2\necho ---\n".join(example.block for example in shown)
    answers = [json.loads(text.splitlines()[-1]) for text in trial.run(script).split("---\n")]
    assert list(map(of_any_run, answers)) == [of_any_run(example.answer) for example in shown]


def test_every_example_names_its_address(project: Path) -> None:
    calls = [
        line
        for name in ("http-api.md", "codes.md")
        for block in blocks(project / "docs" / name)
        for line in block.splitlines()
        if re.search(r"\bcurl\b", line)
    ]
    assert len(calls) > 10
    assert [line for line in calls if not re.search(r"http://127\.0\.0\.1:\d{4}/", line)] == []


def test_the_hook_of_logto_sends_as_the_page_shows(project: Path, trial: Trial) -> None:
    found = blocks(project / "docs" / "hooks.md")
    (example,) = [block for block in found if "/hooks/logto" in block]
    assert json.loads(trial.run(example))["outcome"] == "accepted"
    messages = "http://127.0.0.1:8200/api/messages?phone_number=13800138022"
    inbox = json.loads(trial.run(f"curl -s {messages}"))["messages"]
    assert [each["template_param"] for each in inbox].count({"code": "123456"}) == 1


@pytest.mark.parametrize("name", ["hooks.md", "zh/hooks.md"])
def test_no_two_hooks_of_the_page_send_a_code_to_one_number(project: Path, name: str) -> None:
    """A number gets one code a minute; that of the first SMS has had one."""
    calls = "".join(block for block in blocks(project / "docs" / name) if "/hooks/" in block)
    numbers = [*re.findall(r"86(1\d{10})", calls), "13800138000"]
    assert len(numbers) == len(set(numbers)) == 9


def test_an_alarm_of_the_quick_start_arrives(project: Path, trial: Trial) -> None:
    found = blocks(project / "docs" / "quick-start.md")
    (alarm,) = [block for block in found if "/hooks/alertmanager" in block]
    assert json.loads(trial.run(alarm))["sent"] == 1
    messages = "http://127.0.0.1:8200/api/messages?template_code=SMS_100008"
    (message,) = json.loads(trial.run(f"curl -s {messages}"))["messages"]
    assert message["text"] == "【fc-sms】Alarm: InstanceDown, severity critical, state firing."


def test_codes_of_the_quick_start_go_abroad_too(trial: Trial) -> None:
    call = (
        "curl -s http://127.0.0.1:9106/codes -H 'Authorization: Bearer trial-key' "
        "-H 'Content-Type: application/json' "
        """-d '{"phone_number": "+852 5123 4567", "purpose": "login"}'"""
    )
    assert json.loads(trial.run(call))["verification_id"]


def test_receipts_are_pushed_to_where_the_quick_start_says(project: Path, trial: Trial) -> None:
    found = blocks(project / "docs" / "quick-start.md")
    (setting,) = [block for block in found if '"receipt_url"' in block]
    (alarm,) = [block for block in found if "/hooks/alertmanager" in block]
    trial.run(setting + alarm.replace("InstanceDown", "DiskFull"))
    pushed = "http://127.0.0.1:8200/api/receipts?state=pushed&wait=20"
    assert json.loads(trial.run(f"curl -s '{pushed}'"))["receipts"]


def test_the_doctor_refuses_the_keys_of_the_trial(project: Path) -> None:
    text = (project / "docs" / "quick-start.md").read_text("utf-8")
    entries = set(re.findall(r"([\w-]+):([0-9a-f]{64})", text))
    assert len(entries) == 3
    for name, digest in entries:
        assert digest in {hashlib.sha256(key.encode()).hexdigest() for key in (*TRIVIAL_KEYS, name)}


def test_the_quick_start_says_at_which_port_each_function_is(project: Path, trial: Trial) -> None:
    rows = re.findall(
        r"^\| `\w+` \| `http://127\.0\.0\.1:(\d+)/",
        (project / "docs" / "quick-start.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert [int(port) for port in rows] == [FUNCTIONS_PORT + place for place in range(1, 7)]
    assert len({trial.address(int(port)) for port in rows}) == len(rows)
