"""The first SMS of the README and of the quick start: their blocks, run as they stand."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.page_blocks import PORT, PROGRAMS, Trial, blocks, commands
from tools.doctor.callers import TRIVIAL_KEYS
from tools.local_cloud import EMULATOR_PORT, STUB_PORT

PAGES = ("README.md", "README.zh-CN.md", "docs/quick-start.md", "docs/zh/quick-start.md")
GOES_ON = re.compile(
    r"fc-stub (start|serve)|sms-emulator( --|$)|make (demo|serve)(?!.*ONCE)|--follow|"
    r"s config add|s deploy"
)
PROGRAM = re.compile(
    r"(\S*)\b(fc-stub|sms-emulator) "
    r"(start|serve|status|invoke|event|send-event|send|messages|explain|--\S+)\b"
)
SHOP = f"""
import subprocess

def sign_up(number, endpoint):
    sends = ["{PROGRAMS}/sms-emulator", "send", number, "--param", "code=4711"]
    names = ["--template", "SMS_123456789", "--sign-name", "A shop"]
    subprocess.run([*sends, *names, "--url", "http://" + endpoint], check=True)
"""
ENGLISH_CODE, CHINESE_CODE = "SMS_100006", "SMS_100001"  # so that each reads its own language
OF_THE_DEMO = {EMULATOR_PORT, *range(STUB_PORT, STUB_PORT + 7)}


def trial(project: Path, name: str) -> list[str]:
    """Return the three blocks of the trial: emulator, functions, requests."""
    found = blocks(project / name)
    start = next(place for place, block in enumerate(found) if "sms-emulator --port" in block)
    return found[start : start + 3]


@pytest.mark.parametrize("name", [*PAGES, "docs/deploy.md", "docs/zh/deploy.md"])
def test_no_command_that_goes_on_stands_before_another(project: Path, name: str) -> None:
    found = blocks(project / name)
    assert len(found) > 5
    for block in found:
        assert not [each for each in commands(block)[:-1] if GOES_ON.search(each)], block


def test_no_block_has_a_comment(project: Path) -> None:
    """zsh, the shell of macOS, hands a comment that is pasted to the command as arguments."""
    pages = [
        page
        for page in project.rglob("*.md")
        if not {".venv", "node_modules", "build", "dist"} & {*page.relative_to(project).parts}
    ]
    found = [(page, block) for page in pages for block in blocks(page)]
    assert len(found) > 100
    bare = [(page.name, re.sub(r"'[^']*'|\"[^\"]*\"", "", block)) for page, block in found]
    assert [each for each in bare if re.search(r"(^|\s)#", each[1])] == []


def test_the_local_programs_are_called_where_make_setup_puts_them(project: Path) -> None:
    pages = [*project.glob("README*.md"), *(project / "docs").rglob("*.md")]
    called = [
        (page.name, folder, program)
        for page in pages
        for folder, program, _ in PROGRAM.findall(page.read_text("utf-8"))
    ]
    assert len(called) > 10
    assert [each for each in called if not each[1].endswith(".venv/bin/")] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_block_of_the_walk_takes_or_asks_a_port_of_the_demo(project: Path, name: str) -> None:
    text = "\n".join(blocks(project / name))
    named = {int(port) for port in [*PORT.findall(text), *re.findall(r"--port (\d+)", text)]}
    assert named >= {8200, 9100, 9101, 9103}
    assert not named & OF_THE_DEMO


@pytest.mark.parametrize("name", PAGES)
def test_the_key_of_the_trial_fits_and_the_doctor_refuses_it(project: Path, name: str) -> None:
    _, functions, requests = trial(project, name)
    (key,) = set(re.findall(r"Bearer ([\w-]+)", requests))
    assert f"SMS_API_KEYS=trial:{hashlib.sha256(key.encode()).hexdigest()}\n" in functions
    assert key in TRIVIAL_KEYS


@pytest.mark.parametrize("name", PAGES)
def test_all_pages_have_the_same_trial(project: Path, name: str) -> None:
    emulator, *others = trial(project, name)
    first, *same = trial(project, "README.md")
    template = CHINESE_CODE if "zh" in name else ENGLISH_CODE
    assert [each.replace(template, ENGLISH_CODE) for each in others] == same
    assert commands(emulator)[-1] == commands(first)[-1]


def test_the_test_that_the_readme_shows_passes(project: Path, tmp_path: Path) -> None:
    text = (project / "README.md").read_text("utf-8")
    (shown,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_shop.py").write_text(shown, "utf-8")
    (tmp_path / "shop.py").write_text(SHOP, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_trial_sends_an_sms_and_shows_that_it_was_delivered(
    project: Path, tmp_path: Path
) -> None:
    emulator, functions, requests = trial(project, "README.md")
    trial_here = Trial(project, tmp_path)
    with trial_here.running(emulator, functions):
        sent, status = map(json.loads, trial_here.run(requests).splitlines())
    assert sent["outcome"] == "accepted"
    assert [(each["out_id"], each["status"]) for each in status] == [(sent["out_id"], "delivered")]
