"""The function `operate`: which events it takes, and what it returns for the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.operate import handler
from tests.unit.trigger_events import Context, http_event

NUMBER = "13800138000"


def run(event: object) -> dict[str, Any]:
    content = event if isinstance(event, bytes) else json.dumps(event).encode()
    told: dict[str, Any] = handler(content, Context())
    json.dumps(told)
    return told


@pytest.fixture
def state(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.sqlite3")
    environment.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    environment.setenv("SMS_STATE_SECRET", "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz")


@pytest.mark.usefixtures("state")
def test_a_command_is_answered_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    assert run({"command": "unread"}) == {"answer": {"unread": [], "left": 0, "days": 30}}
    line = json.loads(capsys.readouterr().out)
    assert (line["action"], line["outcome"], line["command"]) == ("command", "done", "unread")


@pytest.mark.usefixtures("environment")
def test_a_command_that_needs_state_says_what_to_set() -> None:
    assert "SMS_STATE_URL" in run({"command": "unread"})["error"]["detail"]


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("event", "field"),
    [
        (b"", "event"),
        (b"\xff", "event"),
        (b"[" * 100_000, "event"),
        (b'{"command": "unread", "command": "unread"}', "JSON"),
        ([], "body"),
        ({}, "command"),
        ({"command": []}, "command"),
        ({"command": f"why {NUMBER}"}, "command"),
        ({"command": "unread", NUMBER: 1}, "not a field"),
        ({"command": "unread", "arguments": []}, "arguments"),
        ({"command": "unread", "arguments": {"number": NUMBER}}, "arguments.number"),
        ({"command": "unread", "arguments": {"raw": NUMBER}}, "raw"),
        ({"triggerTime": "2026-01-31T08:00:00Z", "payload": NUMBER}, "not a field"),
    ],
)
def test_what_is_no_command_is_refused_by_name(
    event: object, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = run(event)
    assert field in told["error"]["detail"]
    assert NUMBER not in json.dumps(told) + capsys.readouterr().out


@pytest.mark.usefixtures("state")
def test_a_request_over_http_is_refused_whatever_it_asks_for() -> None:
    told = run(http_event({"command": "unread"}, path="/"))
    assert told["statusCode"] == 403
    assert "InvokeFunction" in told["body"]


@pytest.mark.usefixtures("environment")
def test_without_state_why_tells_the_hash_to_search_the_log_for() -> None:
    answer = run({"command": "why", "arguments": {"id": "order-17"}})["answer"]
    assert (answer["has_state"], answer["sends"]) == (False, [])
    assert len(answer["out_id_hashes"][0]) == 16


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("command", "arguments", "field"),
    [
        ("why", {}, "id"),
        ("why", {"id": "a b"}, "id"),
        ("why", {"id": "order-17", "caller": 1}, "caller"),
        ("why", {"id": "order-17", "first_part": -1}, "first_part"),
        ("why-number", {"day": "20260131"}, "phone_number"),
        ("why-number", {"phone_number": NUMBER, "day": "yesterday"}, "day"),
        ("replies", {}, "day"),
        ("forget", {"phone_number": "12"}, "phone_number"),
        ("hashes", {"text": ""}, "text"),
        ("budget", {"all": True}, "arguments.all"),
    ],
)
def test_a_wrong_argument_is_named(command: str, arguments: dict[str, Any], field: str) -> None:
    told = run({"command": command, "arguments": arguments})
    assert told["error"]["detail"].startswith(f"{field}: ")
