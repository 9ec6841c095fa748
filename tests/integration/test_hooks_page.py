"""docs/hooks.md: each call of a product is run as it stands, and its SMS arrives."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.integration.page_blocks import Trial, blocks

CALLED = re.compile(r"curl .*/hooks/([a-z0-9-]+)", re.DOTALL)
pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl"
)


def test_each_product_can_be_tried_beside_what_the_page_starts(
    project: Path, tmp_path: Path
) -> None:
    found = blocks(project / "docs" / "hooks.md")
    (emulator,) = [block for block in found if "sms-emulator --port" in block]
    (functions,) = [block for block in found if "fc-stub start" in block]
    (scenes,) = [block for block in found if "> /tmp/scenes.json" in block]
    calls = {called[1]: block for block in found if (called := CALLED.search(block))}
    opened = re.findall(r"SMS_HOOKS=(\S+)", functions)[0].split(",")
    assert set(calls) == set(opened)
    trial = Trial(project, tmp_path)
    trial.run(scenes)
    with trial.running(emulator, functions):
        answers = {product: json.loads(trial.run(call)) for product, call in calls.items()}
        messages = json.loads(trial.run("curl -s http://127.0.0.1:8200/api/messages"))["messages"]
    assert set(answers.pop("supabase")) == {"request_id"}  # an error is another member
    outcomes = {product: answer.get("outcome", answer) for product, answer in answers.items()}
    assert set(outcomes.values()) == {"accepted", "told"}, outcomes
    assert len(messages) == len(calls)
