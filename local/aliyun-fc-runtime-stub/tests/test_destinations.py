"""Destinations of asynchronous invocations.

Source: "Result callback" (https://www.alibabacloud.com/help/en/fc/user-guide/result-callback). What
`condition` says is not confirmed.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from aliyun_fc_runtime_stub import Delivery, FunctionCompute
from stub_project import Project

CODE = """
    def handler(event, context):
        if event == b"fail": raise ValueError("x")
        return b"got " + event
"""
TOPIC = "acs:mns:cn-hangzhou:1234567890123456:/topics/results/messages"
QUEUE = "acs:mns:cn-hangzhou:1234567890123456:/queues/failed/messages"


def config(success: str = "", failure: str = "", **more: Any) -> dict[str, Any]:
    return {
        "maxAsyncRetryAttempts": 1,
        "destinationConfig": {
            "onSuccess": {"destination": success},
            "onFailure": {"destination": failure},
        },
        **more,
    }


def arn(function: str) -> str:
    return f"acs:fc:cn-hangzhou:1234567890123456:functions/{function}"


def settle(fc: FunctionCompute, event: bytes) -> list[Delivery]:
    fc.invoke("f", event, asynchronous=True)
    fc.wait_for_async()
    return list(fc.destinations())


def test_a_settled_invocation_sends_one_message(project: Project) -> None:
    """One message when it is settled: after success, or after the last repeat."""
    project.function("f", CODE, asyncInvokeConfig=config(TOPIC, QUEUE))
    fc = project.start(retry_delay=0.01)
    (done,) = settle(fc, b"\xff1")
    assert (done.destination, done.outcome, done.error) == (TOPIC, "success", "")
    body = json.loads(done.body)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body.pop("timestamp"))
    assert body == {
        "requestContext": {
            "requestId": done.request_id,
            "functionArn": arn("f"),
            "condition": "",
            "approximateInvokeCount": 1,
        },
        "requestPayload": "\ufffd1",
        "responseContext": {"statusCode": 200, "functionError": ""},
        "responsePayload": "got \ufffd1",
    }
    _, failed = settle(fc, b"fail")
    assert (failed.destination, failed.outcome) == (QUEUE, "failure")
    body = json.loads(failed.body)
    assert body["requestContext"]["condition"] == "UnhandledInvocationError"
    assert body["requestContext"]["approximateInvokeCount"] == 2
    assert body["responseContext"]["functionError"] == "UnhandledInvocationError"
    assert json.loads(body["responsePayload"])["errorType"] == "ValueError"
    assert body["requestPayload"] == "fail"


def test_without_a_destination_and_synchronously_no_message_is_sent(project: Project) -> None:
    project.function("f", CODE, asyncInvokeConfig=config(failure=QUEUE))
    fc = project.start()
    fc.invoke("f", b"fail")
    assert settle(fc, b"fine") == []


def test_a_function_is_invoked(project: Project) -> None:
    """A function of the same s.yaml runs asynchronously, with the body as its event."""
    project.function("f", CODE, asyncInvokeConfig=config(failure=arn("catcher")))
    project.function("catcher", "def handler(event, context): return event")
    fc = project.start(retry_delay=0.01)
    (delivery,) = settle(fc, b"fail")
    caught = fc.invocations()[-1]
    assert (caught.function, caught.trigger) == ("catcher", "destination")
    assert caught.payload == delivery.body
    assert caught.request_id != delivery.request_id


def test_an_unknown_function_is_kept(project: Project) -> None:
    project.function("f", CODE, asyncInvokeConfig=config(arn("elsewhere/LATEST")))
    fc = project.start()
    assert [one.destination for one in settle(fc, b"")] == [arn("elsewhere/LATEST")]
    assert len(fc.invocations()) == 1


def test_a_circle_ends(project: Project) -> None:
    """Each body holds the one before it, until it is too large."""
    project.function("f", "def handler(event, context): return 'ok'")
    project.function("f", asyncInvokeConfig=config(arn("f")))
    fc = project.start()
    *before, last = settle(fc, b"")
    assert {one.error for one in before} == {""}
    assert "takes at most 128 KB" in last.error
    assert len(fc.invocations()) == len(before) + 1


@pytest.mark.parametrize(("target", "room"), [(TOPIC, 64), (arn("f2"), 128)])
def test_a_destination_takes_messages_up_to_its_size(
    project: Project, target: str, room: int
) -> None:
    """ "Result callback": 64 KB for MNS and EventBridge, 128 KB for functions."""
    project.function("f", "def handler(event, context): return event", timeout=20)
    project.function("f", asyncInvokeConfig=config(target), timeout=20)
    project.function("f2", "def handler(event, context): return 'ok'")
    fc = project.start()
    half = room * 1024 // 2
    assert settle(fc, b"x" * (half - 1000))[-1].error == ""
    assert f"takes at most {room} KB" in settle(fc, b"x" * half)[-1].error


def test_an_event_that_became_too_old_is_a_failure(project: Project) -> None:
    """maxAsyncEventAgeInSeconds: an event that never could start is a failure, too."""
    project.function("f", "import time\ndef handler(e, c): time.sleep(1.2)")
    project.function("f", asyncInvokeConfig=config(failure=QUEUE, maxAsyncEventAgeInSeconds=1))
    fc = project.start(instance_limit=1, retry_delay=0.4)
    fc.invoke("f", b"first", asynchronous=True)
    (delivery,) = settle(fc, b"second")
    body = json.loads(delivery.body)
    assert body["requestPayload"] == "second"
    assert body["requestContext"]["condition"] == "EventAgeExceeded"
    assert body["requestContext"]["approximateInvokeCount"] == 0
    assert body["responseContext"] == {"statusCode": 429, "functionError": "ResourceExhausted"}


def get(url: str, **options: Any) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, **options)) as reply:
        return json.loads(reply.read())


def test_messages_and_attempts_are_read_on_the_port_of_the_api(project: Project) -> None:
    """What was told, and what came of an invocation, can be read on the port of the API."""
    project.function("f", CODE, asyncInvokeConfig=config(failure=QUEUE))
    fc = project.start(retry_delay=0.01)
    assert get(f"{fc.api_url}/stub/destinations") == {"destinations": []}
    (delivery,) = settle(fc, b"fail")
    (told,) = get(f"{fc.api_url}/stub/destinations")["destinations"]
    assert told == {
        "destination": QUEUE,
        "function": "f",
        "request_id": delivery.request_id,
        "outcome": "failure",
        "body": json.loads(delivery.body),
        "error": "",
    }
    state = get(f"{fc.api_url}/stub/invocations/{delivery.request_id}")
    assert state["pending"] is False
    assert [one["error_type"] for one in state["attempts"]] == ["UnhandledInvocationError"] * 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "destinations", 405), ("GET", "nothing", 404), ("GET", "invocations/1-x", 404)],
)
def test_a_control_request_that_is_not_known_is_refused(
    project: Project, method: str, path: str, status: int
) -> None:
    project.function("f", CODE)
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{project.start().api_url}/stub/{path}", method=method)
    with caught.value as error:
        assert error.code == status
