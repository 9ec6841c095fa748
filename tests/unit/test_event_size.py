"""How much memory an event takes, before anybody is known and after: far from the 256 MB there are.

What is measured are the bytes that Python asks for, which are the same in each run.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from shared.receipts.push_endpoint import is_timer_event
from shared.trigger.event_size import LARGEST_CONTENT, LARGEST_EVENT, MAX_BODY_BYTES, is_too_large
from shared.trigger.http_trigger import longest_base64
from tests.unit.large_events import (
    EMOJI,
    MB,
    enveloped,
    filled,
    huge_event,
    largest_bodies,
    peak_of,
)
from tests.unit.trigger_events import API_KEY, Context, FunctionInfo, base64_event, http_event

HTTP_FUNCTIONS = {
    "send_sms": "/sms",
    "send_international_sms": "/international-sms",
    "query_delivery_status": "/delivery-status",
    "receive_receipts": "/receipts/no-token",
    "verify_code": "/codes",
}
LARGEST_BODIES = largest_bodies()
SMALL_OBJECT = '{"":0},'


@pytest.fixture(scope="module", params=[43, 192])
def huge(request: pytest.FixtureRequest) -> bytes:
    """A request with an emoji in it, of so many MB."""
    return huge_event(request.param * MB, key=None)


def run(function: str, event: bytes, timeout: int = 30) -> Any:
    handler = importlib.import_module(f"functions.{function}").handler
    return handler(event, Context(function=FunctionInfo(timeout=timeout)))


def measured(function: str, event: bytes, timeout: int = 30) -> tuple[Any, int]:
    """Return what a function returned, and the bytes it took at most beside the event."""
    run(function, b"{}", timeout)  # what is loaded once is not counted
    returned: list[Any] = []
    peak = peak_of(lambda: returned.append(run(function, event, timeout)))
    return returned[0], peak


@pytest.mark.parametrize("function", HTTP_FUNCTIONS)
def test_a_huge_request_is_refused_and_takes_no_memory(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    function: str,
    huge: bytes,
) -> None:
    answer, peak = measured(function, huge)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (413, "body-too-large")
    assert f"larger than {MAX_BODY_BYTES} bytes; send in several requests" in problem["detail"]
    assert problem["retryable"] is False
    assert peak < MB
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["level"], told["action"], told["outcome"]) == ("warning", "answer", "413")
    assert (told["code"], told["function"]) == ("body-too-large", function)


def test_a_huge_event_is_a_rejected_entry_and_takes_no_memory(
    deployed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], huge: bytes
) -> None:
    result, peak = measured("send_on_event", huge)
    (rejected,) = result.pop("rejected")
    assert (rejected["entry"], rejected["code"]) == (0, "event-too-large")
    assert f"larger than {LARGEST_EVENT} bytes" in rejected["reason"]
    assert "send several" in rejected["reason"]
    assert result == {"accepted": [], "unknown": [], "ignored": []}
    assert peak < MB
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-2]["code"] == "event-too-large"


@pytest.mark.parametrize("size", [LARGEST_CONTENT + 1000, 4 * MB, LARGEST_EVENT - 1000])
def test_a_body_that_is_surely_too_large_is_refused_as_a_huge_one(
    environment: pytest.MonkeyPatch, size: int
) -> None:
    event = huge_event(size, key=None)
    answer, peak = measured("send_sms", event)
    assert answer["statusCode"] == 413
    assert peak < MB


@pytest.mark.parametrize("key", [None, API_KEY], ids=["a stranger", "a caller"])
@pytest.mark.parametrize("name", LARGEST_BODIES)
def test_the_largest_request_that_is_read_takes_less_than_64_mb(
    environment: pytest.MonkeyPatch, name: str, key: str | None
) -> None:
    event = enveloped(LARGEST_BODIES[name], key=key)
    if name == "base64":
        event = event.replace(b'"isBase64Encoded": false', b'"isBase64Encoded": true')
    answer, peak = measured("send_sms", event)
    assert answer["statusCode"] in ((401,) if key is None else (400, 413, 422))
    assert len(event) + peak < 64 * MB


@pytest.mark.parametrize(
    "event",
    [
        filled(SMALL_OBJECT, LARGEST_CONTENT, before="[", after="0]"),
        filled(SMALL_OBJECT, LARGEST_CONTENT, before='{"requests":[', after="0]}"),
        filled(SMALL_OBJECT, LARGEST_CONTENT, before=f'{{"a":"{EMOJI}","b":[', after="0]}"),
        filled("[],", LARGEST_CONTENT, before="[", after="0]"),
        json.dumps(
            {
                "TopicName": "orders",
                "MessageId": "1",
                "Message": filled(SMALL_OBJECT, MB, before="[", after="0]"),
            }
        ),
        filled('"1",', 39_990, before="[", after="0]"),
    ],
    ids=["items", "requests", "no requests", "empty items", "a message", "many entries"],
)
def test_the_largest_event_that_is_read_takes_less_than_64_mb(
    deployed: pytest.MonkeyPatch, event: str
) -> None:
    result, peak = measured("send_on_event", event.encode())
    assert result["rejected"]
    assert len(event) + peak < 64 * MB


def test_as_many_requests_as_an_event_may_hold_take_less_than_64_mb(
    deployed: pytest.MonkeyPatch,
) -> None:
    requests = [
        {
            "phone_numbers": f"138{number:08}",
            "template_code": "SMS_1",
            "template_param": {"name": "Li", "order": f"A-{number}"},
            "out_id": f"order-{number}",
        }
        for number in range(10_000)
    ]
    event = json.dumps({"requests": requests}).encode()
    result, peak = measured("send_on_event", event, timeout=1)  # no time is left to send them
    assert len(result["rejected"]) == 10_000
    assert len(event) + peak < 64 * MB


def test_a_body_of_1_mb_is_read_however_it_is_escaped(environment: pytest.MonkeyPatch) -> None:
    blank = MAX_BODY_BYTES - 2
    escaped = enveloped("\\u005b" + "\\u0020" * blank + "\\u005d")
    assert len(escaped) > 6 * MAX_BODY_BYTES
    for event in (
        escaped,
        http_event("[" + " " * blank + "]"),
        http_event("[" + "\n" * blank + "]"),
        base64_event(b"[" + b" " * blank + b"]"),
    ):
        assert json.loads(run("send_sms", event)["body"])["detail"] == "body: must be a JSON object"


def test_who_is_not_known_is_told_so_before_the_body_is_looked_at(
    environment: pytest.MonkeyPatch,
) -> None:
    for event in (
        base64_event(b"{}", key="wrong").replace(b"e30=", b"%%%%"),
        http_event("x" * (MAX_BODY_BYTES + 1), key="wrong"),
        base64_event(b"x" * (MAX_BODY_BYTES + 1), key="wrong"),
        http_event("{}", key="wrong", headers={"Content-Type": "text/plain"}),
    ):
        assert run("send_sms", event)["statusCode"] == 401


def test_the_limits_are_exact() -> None:
    assert not is_too_large(b"x" * LARGEST_CONTENT)
    assert is_too_large(b"x" * (LARGEST_CONTENT + 1))
    escapes = b"\\u003c" * (LARGEST_EVENT // 6)
    assert not is_too_large(escapes.ljust(LARGEST_EVENT, b"x"))
    assert is_too_large(escapes.ljust(LARGEST_EVENT + 1, b"x"))
    assert len(base64_event(b"x" * MAX_BODY_BYTES)) > longest_base64(MAX_BODY_BYTES)


@pytest.mark.parametrize(
    "unit", ["\\\\\\\\u003c", "\\\\u", "\\\\", "\\n", '\\"', f"{EMOJI}\\\\u00"], ids=repr
)
def test_no_escape_hides_how_much_there_is(unit: str) -> None:
    event = filled(unit, LARGEST_EVENT, before='"', after='"')
    said = len(json.loads(event))
    assert said > LARGEST_CONTENT
    assert is_too_large(event.encode())
    assert is_too_large(event[1:].encode())  # another byte is where a piece ends


def test_a_large_event_is_no_timer_s(environment: pytest.MonkeyPatch) -> None:
    timer = {"triggerTime": "2022-07-29T10:02:58Z", "triggerName": "queues", "payload": "queues"}
    assert is_timer_event(json.dumps(timer).encode())
    large = json.dumps({**timer, "payload": EMOJI * 20_000}, ensure_ascii=False).encode()
    peak = peak_of(lambda: is_timer_event(large))
    assert peak < 1000
    assert not is_timer_event(large)
    assert run("receive_receipts", large)["statusCode"] == 400
