"""receive_receipts as deployed: who may push, what is answered, what is kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import receive_receipts
from shared.ids import WireId
from shared.receipts import unread
from shared.receipts.records import Receipt, of_intent
from shared.settings import read_receipt_tokens
from shared.state.sqlite_store import SqliteStore
from tests.unit import receipt_entries
from tests.unit.receipt_entries import INTERNATIONAL, NUMBER, REPLY, json_values, known_fields
from tests.unit.trigger_events import (
    API_KEY,
    SPACE,
    Context,
    FunctionInfo,
    base64_event,
    http_event,
)

SECRET = "state-secret-0123456789"
TOKEN = "receipt-token_0123456789"
MAINLAND = {**receipt_entries.MAINLAND, "out_id": f"{SPACE}~order-1"}


@pytest.fixture
def receiving(environment: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment of a function that takes receipts; there are API keys, too."""
    environment.setenv("SMS_RECEIPT_TOKEN", TOKEN)
    environment.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.sqlite3")
    environment.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    environment.setenv("SMS_STATE_SECRET", SECRET)
    return environment


def kept(store: SqliteStore, out_id: str) -> list[Receipt]:
    return of_intent(store, WireId(SPACE, out_id), state_secret=SECRET)[0]


def push(body: object, path: str = f"/receipts/{TOKEN}", **arguments: Any) -> tuple[int, Any]:
    arguments = {"key": None, "path": path, **arguments}
    event = body if isinstance(body, bytes) else http_event(body, **arguments)
    answered: Any = receive_receipts.handler(event, Context(function=FunctionInfo(timeout=30)))
    return answered["statusCode"], json.loads(answered["body"])


def test_a_push_is_answered_with_a_number_once_it_is_kept(
    receiving: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    abroad = {**INTERNATIONAL, "TaskId": f"{SPACE}~order-2"}
    status, body = push([MAINLAND, abroad, REPLY])
    assert (status, body["code"]) == (200, 0)
    assert body["msg"]
    store = SqliteStore(f"{tmp_path}/state.sqlite3")
    assert [len(kept(store, out_id)) for out_id in ("order-1", "order-2")] == [1, 1]
    logged = capsys.readouterr().out
    for secret in (TOKEN, NUMBER, "85251234567", "好的"):
        assert secret not in logged
    lines = [json.loads(line) for line in logged.splitlines()]
    (told,) = [line for line in lines if line["action"] == "receipts"]
    assert (told["reports"], told["replies"], told["unreadable"]) == (2, 1, 0)


def test_a_base64_body_and_an_empty_array_are_taken(receiving: pytest.MonkeyPatch) -> None:
    content = json.dumps([MAINLAND]).encode()
    event = base64_event(content, key=None, path=f"/receipts/{TOKEN}")
    assert push(event)[1]["code"] == 0
    assert push([])[1]["code"] == 0


def test_entries_that_cannot_be_read_do_not_keep_the_others_out(
    receiving: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, body = push([None, {"foo": 1}, MAINLAND, [MAINLAND]])
    assert (status, body["code"]) == (200, 0)
    store = SqliteStore(f"{tmp_path}/state.sqlite3")
    assert len(kept(store, "order-1")) == 1
    raw = [record.raw for record in unread.all_kept(store).values()]
    assert raw == ["null", '{"foo":1}', json.dumps([MAINLAND], separators=(",", ":"))]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [line for line in lines if line["action"] == "receipts"]
    assert (told["level"], told["reports"], told["unreadable"]) == ("warning", 1, 3)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("not json", 400),
        ("[" * 100_000, 400),
        ('[{"a": NaN}]', 400),
        ({}, 422),
        (MAINLAND, 422),
        ("null", 422),
        ("7", 422),
        ([1, 2], 422),
        ([[]], 422),
        ([{"sign_name": "x"}], 422),
        ("[" + "1," * 600_000 + "1]", 413),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_body_of_another_shape_is_refused(
    receiving: pytest.MonkeyPatch, body: object, status: int
) -> None:
    answered, problem = push(body)
    assert (answered, problem["status"]) == (status, status)
    assert not isinstance(problem["code"], int)


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        ("not json", "not json"),
        (MAINLAND, json.dumps(MAINLAND, ensure_ascii=False)),
        ("7", "7"),
        ([1], "1"),
        ('[{"a": NaN}]', '[{"a": NaN}]'),
    ],
)
def test_what_is_refused_is_kept_as_it_came(
    receiving: pytest.MonkeyPatch, tmp_path: Path, body: object, raw: str
) -> None:
    store = SqliteStore(f"{tmp_path}/state.sqlite3")
    for _ in range(2):
        assert push(body)[0] in (400, 422)
        (record,) = unread.all_kept(store).values()
        assert record.raw == raw


def test_bytes_that_are_no_text_are_kept_as_they_came(
    receiving: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = '[{"content": "好的"}]'.encode("gbk")
    assert push(base64_event(content, key=None, path=f"/receipts/{TOKEN}"))[0] == 400
    (record,) = unread.all_kept(SqliteStore(f"{tmp_path}/state.sqlite3")).values()
    assert record.content() == content


def test_a_push_is_repeated_while_something_in_it_finds_no_room(
    receiving: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SqliteStore(f"{tmp_path}/state.sqlite3")
    for giant in ({"x": "y" * 4096}, [["y" * 5000]]):
        status, body = push([{"a": 1}, giant, MAINLAND])
        assert (status, body["code"], body["retryable"]) == (503, "unread-full", True)
        assert len(kept(store, "order-1")) == 1
        assert [record.raw for record in unread.all_kept(store).values()] == ['{"a":1}']
    assert '"unread-full"' in capsys.readouterr().out


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/receipts",
        "/receipts/",
        f"/receipts/{TOKEN}x",
        f"/receipts/{TOKEN[:-1]}",
        f"/receipts/{TOKEN.upper()}",
        f"/receipts/{TOKEN}/",
        f"/receipts/x/{TOKEN}",
        f"/{TOKEN}",
        TOKEN,
        "/receipts/\ud800",
        f"/receipts/{hashlib.sha256(TOKEN.encode()).hexdigest()}",
    ],
)
def test_without_the_token_there_is_nothing(
    receiving: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    for key in (None, API_KEY):
        status, body = push([MAINLAND], path, key=key)
        assert (status, body["code"]) == (404, "not-found")
    assert not (tmp_path / "state.sqlite3").exists()


@pytest.mark.parametrize("token", ["", "   "])
def test_without_a_token_set_it_is_closed_and_the_log_says_what_to_set(
    receiving: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    receiving.setenv("SMS_RECEIPT_TOKEN", token)
    receiving.setenv("SMS_AUTH", "function")
    for path in ("/receipts/", "/receipts/x", "/", f"/receipts/{TOKEN}"):
        assert push([MAINLAND], path, key=API_KEY)[0] == 404
    assert "SMS_RECEIPT_TOKEN is not set" in capsys.readouterr().out


@pytest.mark.parametrize("auth", ["trigger", "function", "jwt"])
def test_a_trigger_that_authenticates_does_not_replace_the_token(
    receiving: pytest.MonkeyPatch, auth: str
) -> None:
    receiving.setenv("SMS_AUTH", auth)
    assert push([MAINLAND], "/receipts/guess")[0] == 404
    assert push([MAINLAND])[0] == 200


@pytest.mark.parametrize("token", ["short", "x" * 15, "x" * 201, "with/slash-0123456", "spaß" * 8])
def test_a_token_that_is_weak_or_no_path_segment_opens_nothing(
    receiving: pytest.MonkeyPatch, token: str
) -> None:
    receiving.setenv("SMS_RECEIPT_TOKEN", token)
    status, body = push([MAINLAND], f"/receipts/{token}")
    assert (status, body["code"]) == (500, "configuration")
    assert "SMS_RECEIPT_TOKEN" in body["detail"]
    assert token not in body["detail"]


def test_a_token_may_be_long() -> None:
    assert read_receipt_tokens({"SMS_RECEIPT_TOKEN": f" {'x' * 200} "}) == ("x" * 200,)
    assert read_receipt_tokens({}) == ()


def test_while_a_token_is_changed_the_old_and_the_new_one_are_taken(
    receiving: pytest.MonkeyPatch,
) -> None:
    new = "next-receipt-token_456789"
    receiving.setenv("SMS_RECEIPT_TOKEN", f" {TOKEN} , {new},")
    for token in (TOKEN, new):
        assert push([MAINLAND], f"/receipts/{token}")[0] == 200
    for path in (
        f"/receipts/{TOKEN},{new}",
        f"/receipts/{TOKEN}{new}",
        "/receipts/,",
        "/receipts/",
    ):
        assert push([MAINLAND], path)[0] == 404
    receiving.setenv("SMS_RECEIPT_TOKEN", new)
    assert push([MAINLAND])[0] == 404


@pytest.mark.parametrize("second", ["short", "with/slash-0123456", f"{'y' * 16},{'z' * 16}"])
def test_a_second_token_that_is_weak_and_a_third_one_open_nothing(
    receiving: pytest.MonkeyPatch, second: str
) -> None:
    receiving.setenv("SMS_RECEIPT_TOKEN", f"{TOKEN},{second}")
    status, body = push([MAINLAND])
    assert (status, body["code"]) == (500, "configuration")
    assert "SMS_RECEIPT_TOKEN must be 16 to 200 letters" in body["detail"]
    assert TOKEN not in body["detail"]


def test_only_post_is_taken(receiving: pytest.MonkeyPatch) -> None:
    status, body = push([MAINLAND], method="GET")
    assert (status, body["code"]) == (405, "method-not-allowed")


def test_without_a_store_nothing_is_answered_as_kept(
    receiving: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    receiving.delenv("SMS_STATE_URL")
    status, body = push([MAINLAND])
    assert (status, body["code"]) == (500, "configuration")
    assert "SMS_STATE_URL" in capsys.readouterr().out


def test_a_store_that_fails_lets_the_platform_push_again_and_the_log_says_why(
    receiving: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    receiving.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/missing/state.sqlite3")
    status, body = push([MAINLAND])
    assert (status, body["code"], body["retryable"]) == (503, "store-unavailable", True)
    told, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["level"], told["action"], told["outcome"]) == ("error", "store", "failed")
    assert "the file of SMS_STATE_URL cannot be used" in told["detail"]


@pytest.mark.parametrize("event", [b"", b"{}", b"[]", b"\xff", b"[" * 9999])
def test_an_event_of_another_kind_is_refused_quietly(
    receiving: pytest.MonkeyPatch, event: bytes
) -> None:
    assert push(event)[0] == 400


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.dictionaries(known_fields, json_values) | json_values, max_size=4))
def test_no_array_makes_the_function_fail(
    receiving: pytest.MonkeyPatch, entries: list[object]
) -> None:
    status, body = push(entries)
    assert status in (200, 400, 422), body
