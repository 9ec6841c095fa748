"""The InvokeFunction API, called by the official SDK, and asynchronous invocations.

Sources: alibabacloud_fc20230330 (PyPI); "Retry policy" (https://alibabacloud.com/help/en/fc/retry-policy)
and "Error handling" (https://help.aliyun.com/en/functioncompute/fc/error-handling-1-2).
"""

from __future__ import annotations

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

from aliyun_fc_runtime_stub import FunctionCompute, RequestRefused
from stub_project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CODE = """
    import json
    def handler(event, context):
        print("in the log")
        if event == b"fail": raise ValueError("x")
        return b"got " + event
"""


def sdk_invoke(fc: FunctionCompute, name: str, body: bytes, **headers: str) -> Any:
    config = Config(
        access_key_id="id",
        access_key_secret="secret",
        endpoint=fc.api_url.removeprefix("http://"),
        protocol="http",
    )
    return Client(config).invoke_function_with_options(
        name,
        models.InvokeFunctionRequest(body=body, qualifier="LATEST"),
        models.InvokeFunctionHeaders(**headers),
        RuntimeOptions(),
    )


def test_a_synchronous_invocation_answers_with_the_result_and_the_log(project: Project) -> None:
    """InvokeFunction: 200, the result as the body, request id, log tail on demand."""
    project.function("f", CODE)
    reply = sdk_invoke(project.start(), "f", b"\xff1", x_fc_log_type="Tail")
    assert reply.status_code == 200
    assert reply.body.read() == b"got \xff1"
    log = base64.b64decode(reply.headers["x-fc-log-result"]).decode()
    assert f"FC Invoke Start RequestId: {reply.headers['x-fc-request-id']}\nin the log\n" in log


def test_a_function_that_fails_is_answered_with_200_and_its_error(project: Project) -> None:
    """ "Retry policy": 200 with X-Fc-Error-Type; synchronous invocations are never repeated."""
    project.function("f", CODE)
    fc = project.start()
    reply = sdk_invoke(fc, "f", b"fail")
    assert reply.status_code == 200
    assert reply.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert json.loads(reply.body.read())["errorType"] == "ValueError"
    assert len(fc.invocations()) == 1


def test_a_qualifier_other_than_latest_is_refused(project: Project) -> None:
    project.function("f", CODE)
    fc = project.start()
    url = f"{fc.api_url}/2023-03-30/functions/f/invocations?qualifier=prod"
    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        urllib.request.urlopen(url, data=b"x")
    with caught.value as answer:
        assert json.loads(answer.read())["Message"].startswith("qualifier: only LATEST exists")
    assert fc.invocations() == []


def test_an_unknown_function_is_not_found(project: Project) -> None:
    """FunctionNotFound, 404, in the API's error form."""
    project.function("f", CODE)
    with pytest.raises(Exception, match="FunctionNotFound") as caught:
        sdk_invoke(project.start(), "g", b"")
    assert caught.value.status_code == 404  # type: ignore[attr-defined]


def test_an_asynchronous_invocation_is_accepted_and_runs_later(project: Project) -> None:
    """202 at once; then the function runs in the background."""
    project.function("f", CODE)
    fc = project.start()
    reply = sdk_invoke(fc, "f", b"later", x_fc_invocation_type="Async")
    assert reply.status_code == 202
    fc.wait_for_async()
    (invocation,) = fc.invocations()
    assert (invocation.payload, invocation.trigger) == (b"got later", "async")
    assert invocation.request_id == reply.headers["x-fc-request-id"]


@pytest.mark.parametrize(("retries", "attempts"), [(None, 4), (0, 1), (2, 3)])
def test_a_failed_asynchronous_invocation_is_repeated_as_often_as_set(
    project: Project, retries: int | None, attempts: int
) -> None:
    """ "Error handling": a failed asynchronous invocation is repeated 3 times by default."""
    config = {} if retries is None else {"maxAsyncRetryAttempts": retries}
    project.function("f", CODE, asyncInvokeConfig=config)
    fc = project.start(retry_delay=0.01)
    assert fc.invoke("f", b"fail", asynchronous=True).status == 202
    fc.wait_for_async()
    assert [one.attempt for one in fc.invocations()] == list(range(1, attempts + 1))


def test_success_ends_the_repeats(project: Project, runtime: str) -> None:
    """Older runtimes see the number of the repeat in context.retry_count."""
    text = """
        import pathlib
        def handler(event, context):
            with open("tries", "a") as tries: tries.write("x")
            if len(pathlib.Path("tries").read_text()) < 3: raise ValueError
            return str(getattr(context, "retry_count", "none"))
    """
    project.function("f", text, runtime=runtime)
    fc = project.start(retry_delay=0.01)
    fc.invoke("f", asynchronous=True)
    fc.wait_for_async()
    last = fc.invocations()[-1]
    assert (last.attempt, last.error_type) == (3, None)
    assert last.payload == (b"none" if runtime == "python3.12" else b"2")


def test_a_throttled_invocation_waits_and_that_is_no_attempt(project: Project) -> None:
    """ "Error handling": a throttled invocation is tried again, and that is no attempt."""
    project.function("f", "import time\ndef handler(e, c): time.sleep(0.1); return 'ok'")
    fc = project.start(instance_limit=1, retry_delay=0.02)
    for _ in range(3):
        fc.invoke("f", asynchronous=True)
    fc.wait_for_async()
    assert [(one.attempt, one.payload) for one in fc.invocations()] == [(1, b"ok")] * 3


def test_an_event_that_is_too_old_is_not_tried_again(project: Project) -> None:
    """maxAsyncEventAgeInSeconds: an event that is too old is not tried again."""
    project.function("f", CODE, asyncInvokeConfig={"maxAsyncEventAgeInSeconds": 1})
    fc = project.start(retry_delay=0.4)
    fc.invoke("f", b"fail", asynchronous=True)
    fc.wait_for_async()
    assert len(fc.invocations()) == 2


def test_an_event_may_be_as_large_as_documented_and_no_larger(project: Project) -> None:
    """ "Limits": an asynchronous event is at most 128 KB, a synchronous one 32 MB."""
    project.function("f", CODE)
    fc = project.start()
    fc.invoke("f", b"x" * 128 * 1024, asynchronous=True)
    fc.wait_for_async()
    with pytest.raises(RequestRefused, match="at most 128 KB"):
        fc.invoke("f", b"x" * (128 * 1024 + 1), asynchronous=True)
    with pytest.raises(RequestRefused, match="over 32 MB"):
        fc.invoke("f", bytes(32 * 1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("GET", "/2023-03-30/functions/f/invocations", "Sync", 405),
        ("POST", "/2023-03-30/functions/f/invocations", "Later", 400),
        ("POST", "/2016-08-15/services/s/functions/f/invocations", "Sync", 400),
    ],
)
def test_a_request_that_the_api_does_not_know_is_refused(
    project: Project, method: str, path: str, kind: str, status: int
) -> None:
    """What the API does not know is refused with its error form."""
    project.function("f", CODE)
    request = urllib.request.Request(
        project.start().api_url + path, method=method, headers={"X-Fc-Invocation-Type": kind}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as error:
        assert error.code == status
        assert set(json.loads(error.read())) == {"RequestId", "Code", "Message"}


def test_an_invocation_is_recorded_with_duration_memory_and_start(project: Project) -> None:
    """Durations are billed in steps of 1 ms ("Billing"); memory is the instance's peak."""
    project.function("f", "import time\ndef handler(e, c): time.sleep(0.05)")
    begin = time.time()
    invocation = project.start().invoke("f")
    assert invocation.duration_ms >= 50
    assert 0 <= invocation.billed_ms - invocation.duration_ms < 1
    assert 5 < invocation.memory_mb < 100
    assert begin <= invocation.started <= time.time()


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Host", "evil.example", 403),
        ("Host", "evil.example:9000", 403),
        ("Host", "[::1", 403),
        ("Host", "", 403),
        ("Host", "localhost:9000", 200),
        ("Host", "[::1]:9000", 200),
        ("Origin", "http://evil.example", 403),
        ("Origin", "null", 403),
    ],
)
def test_no_page_of_a_browser_invokes(
    project: Project, header: str, value: str, status: int
) -> None:
    """Whoever reads a page while the stub runs must not call functions with its environment."""
    project.function("f", CODE)
    fc = project.start()
    for path in ("/2023-03-30/functions/f/invocations", "/stub/status"):
        method = "POST" if "invocations" in path else "GET"
        connection = http.client.HTTPConnection(fc.api_url.removeprefix("http://"))
        connection.request(method, path, b"" if method == "POST" else None, {header: value})
        assert connection.getresponse().status == status, path
        connection.close()


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/sms", "my-send-sms"),
        ("/codes/check?a=b", "my-verify-code"),
        ("/my-web-hook", "my-web-hook"),
        ("/hooks/x", "my-web-hook"),
    ],
)
def test_who_calls_a_function_at_the_port_of_the_api_is_told_its_url(
    project: Project, path: str, meant: str
) -> None:
    names = ("my-send-abroad-sms", "my-send-sms", "my-verify-code", "my-web-hook")
    for name in names:
        project.http(name, CODE)
    fc = project.start()
    status, message = refused(f"{fc.api_url}{path}")
    assert status == 400
    shown = path.partition("?")[0]
    url = f"{fc.url(meant).rstrip('/')}{shown}"
    assert message == (
        f"'{shown}' is no call of the Function Compute API, whose port this is; call the function "
        f"at its own URL: {url} is that of {meant}. All: "
        + ", ".join(f"{fc.url(name)} ({name})" for name in names)
    )


@pytest.mark.parametrize("path", ["/", "/qqqq", "/" + "x" * 9000])
def test_who_calls_nothing_known_there_is_told_all_urls(project: Project, path: str) -> None:
    project.http("web", CODE)
    project.function("quiet", CODE)
    fc = project.start()
    _, message = refused(f"{fc.api_url}{path}")
    assert message.endswith(
        f"whose port this is; call a function at its own URL: {fc.url('web')} (web)"
    )
    assert len(message) < 300


def test_a_stub_of_functions_without_triggers_says_that_none_has_a_url(project: Project) -> None:
    project.function("quiet", CODE)
    _, message = refused(f"{project.start().api_url}/sms")
    assert message.endswith("whose port this is; no function here has a URL of its own")


def refused(url: str) -> tuple[int, str]:
    """Return status and message of a refusal."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    with caught.value as error:
        return error.code, json.loads(error.read())["Message"]
