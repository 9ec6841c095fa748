"""The commands `fc-stub event` and `fc-stub send-event`."""

from __future__ import annotations

import io
import json
import socket
import threading
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aliyun_fc_runtime_stub import events
from aliyun_fc_runtime_stub.cli import main
from aliyun_fc_runtime_stub.commands.event_kinds import KINDS
from stub_project import Project

CODE = """
    def handler(event, context):
        print("in the log")
        if b"fail" in event: raise ValueError("x")
        return event
"""
TIME = "2026-01-31T12:00:00Z"
NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
Captured = pytest.CaptureFixture[bytes]


def run(capture: Captured, *arguments: str) -> tuple[int, bytes, str]:
    try:
        code: Any = main(arguments)
    except SystemExit as exit_:
        code = exit_.code
    captured = capture.readouterr()
    return code, captured.out, captured.err.decode()


def printed(capture: Captured, *arguments: str) -> Any:
    code, output, errors = run(capture, "event", *arguments)
    assert (code, errors) == (0, "")
    return json.loads(output)


def test_every_kind_is_printed(capfdbinary: Captured, tmp_path: Path) -> None:
    """One line per kind; what the options mean is said by --help."""
    (tmp_path / "body").write_bytes(b"hello")
    at = f"@{tmp_path / 'body'}"
    show = capfdbinary
    assert printed(show, "mns-topic", "--data", at, "--attribute", "a=b=c")["a"] == "b=c"
    stream = ["mns-topic", "--format", "stream", "--data", "hi"]
    assert run(show, "event", *stream) == (0, b"hi", "")
    assert printed(show, *stream, "--attribute", "a=b") == {"body": "hi", "attrs": {"a": "b"}}
    batch = printed(show, "mns-queue", "--base64", "--batch", "2", "--data", at, "--id", "q")
    assert [(one["id"], one["data"]["messageBody"]) for one in batch] == [
        ("q-1", "aGVsbG8="),
        ("q-2", "aGVsbG8="),
    ]
    assert printed(show, "mns-queue", "--data", at)["data"]["messageBody"] == "hello"
    assert printed(show, "eventbridge", "--data", '{"a": 1}')["data"] == {"a": 1}
    assert printed(show, "eventbridge", "--string", "--data", '{"a": 1}')["data"] == '{"a": 1}'
    several = printed(show, "eventbridge", "--data", "1", "--data", "no json")
    assert [one["data"] for one in several] == [1, "no json"]
    assert printed(show, "kafka", "--data", "v")[0]["data"]["value"] == "v"
    assert printed(show, "kafka", "--single", "--data", "v")["data"]["value"] == "v"
    assert printed(show, "rabbitmq", "--data", "v")[0]["data"]["body"] == "v"
    assert printed(show, "timer", "--data", "5", "--time", TIME) == {
        "triggerTime": TIME,
        "triggerName": "timer",
        "payload": "5",
    }
    stored = printed(show, "oss", "--key", "k", "--data", at)["events"][0]["oss"]["object"]
    assert (stored["size"], stored["eTag"]) == (5, "5D41402ABC4B2A76B9719D911017C592")
    request = printed(show, "http", "--path", "/a?b=c", "--header", "X-A: 1", "--data", "d")
    assert (request["rawPath"], request["queryParameters"], request["body"]) == (
        "/a",
        {"b": "c"},
        "d",
    )
    assert run(show, "event", "plain", "--data", "x") == (0, b"x", "")


def test_given_ids_and_times_are_deterministic(capfdbinary: Captured) -> None:
    for kind in ("mns-topic", "mns-queue", "eventbridge", "kafka", "rabbitmq", "http"):
        arguments = ("event", kind, "--id", "i", "--time", TIME, "--data", "x")
        assert run(capfdbinary, *arguments) == run(capfdbinary, *arguments)
        assert run(capfdbinary, "event", kind) != run(capfdbinary, "event", kind)


def test_data_is_read_from_standard_input(
    capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"\xff\x00")))
    assert run(capfdbinary, "event", "plain", "--data", "-") == (0, b"\xff\x00", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["event"], "KIND"),
        (["event", "sqs"], "there is no kind"),
        (["event", "timer", "--data", "a", "--data", "b"], "a timer event holds one message"),
        (["event", "timer", "--data", "@none"], "--data: none: cannot be read"),
        (["event", "timer", "--data", "\udcff"], "--data: is not UTF-8"),
        (["event", "timer", "--trigger-name", "\udcff"], "an option is not UTF-8"),
        (["event", "timer", "--time", "2026-01-31T12:00:00"], "is not a time; write it as 2026-"),
        (["event", "timer", "--time", "noon"], "is not a time; write it as 2026-"),
        (["event", "mns-queue", "--batch", "0"], "is not a number from 1"),
        (["event", "kafka", "--single", "--batch", "2"], "holds one message, not 2"),
        (["event", "mns-topic", "--attribute", "a"], "has no value"),
        (["event", "http", "--header", "a"], "has no value"),
        (["event", "oss"], "--key"),
        (["send-event", "timer"], "FUNCTION"),
        (["send-event", "timer", "--sync", "--async", "f"], "cannot be given together with"),
        (["send-event", "timer", "--api", "localhost:1", "f"], "must be an address such as"),
        (["send-event", "timer", "--api", "ftp://h", "f"], "must be an address such as"),
        (["send-event", "timer", "--api", "http://a:b@h", "f"], "--api: must be an address"),
        (["send-event", "timer", "--api", "http://h/a b", "f"], "--api: must be an address"),
        (["send-event", "timer", "--wait", "nan", "f"], "'nan' is not a number of seconds"),
    ],
)
def test_a_wrong_usage_ends_with_2_and_a_remedy(
    capfdbinary: Captured, arguments: list[str], message: str
) -> None:
    """Exit code 2 and a sentence with the remedy."""
    code, output, errors = run(capfdbinary, *arguments)
    assert (code, output) == (2, b"")
    assert message in errors


def test_a_synchronous_send_prints_the_result_and_the_log(
    project: Project, capfdbinary: Captured
) -> None:
    """Streams and direct invocations: the result on stdout, the log on stderr."""
    project.function("f", CODE)
    api = project.start().api_url
    arguments = ("send-event", "plain", "--api", api, "f", "--data")
    code, output, errors = run(capfdbinary, *arguments, "hello")
    assert (code, output) == (0, b"hello")
    assert "in the log\n" in errors
    code, output, errors = run(capfdbinary, *arguments, "fail")
    assert code == 1
    assert json.loads(output)["errorType"] == "ValueError"


def test_an_asynchronous_send_prints_every_attempt(project: Project, capfdbinary: Captured) -> None:
    """MNS topics, OSS, timers, event buses: 202, then every attempt until it is settled."""
    project.function("f", CODE, asyncInvokeConfig={"maxAsyncRetryAttempts": 1})
    fc = project.start(retry_delay=0.01)
    arguments = ("send-event", "timer", "--api", fc.api_url, "--time", TIME, "f", "--data")
    code, output, errors = run(capfdbinary, *arguments, "hello")
    assert code == 0
    assert output == events.timer("hello", time=NOON) + b"\n"
    assert errors.startswith("202 accepted, request id 1-")
    assert "in the log\n" in errors
    assert errors.endswith("attempt 1: ok\n")
    code, output, errors = run(capfdbinary, *arguments, "fail")
    assert code == 1
    assert errors.endswith("attempt 2: UnhandledInvocationError\n")


def test_with_json_each_attempt_is_one_object(project: Project, capfdbinary: Captured) -> None:
    """One object for each attempt, whichever way it was invoked; nothing else on stdout."""
    project.function("f", CODE, asyncInvokeConfig={"maxAsyncRetryAttempts": 1})
    fc = project.start(retry_delay=0.01)
    arguments = ("--api", fc.api_url, "--json", "f", "--data")
    code, output, errors = run(capfdbinary, "send-event", "plain", *arguments, "hello")
    assert (code, errors) == (0, "")
    shown = json.loads(output)
    assert (shown["payload"], shown["status"], shown["error"]) == ("hello", 200, None)
    code, output, errors = run(capfdbinary, "send-event", "timer", *arguments, "fail")
    assert (code, errors) == (1, "")
    attempts = [json.loads(line) for line in output.splitlines()]
    assert [one["attempt"] for one in attempts] == [1, 2]
    assert {one["error"] for one in attempts} == {"ValueError: x"}


def test_each_source_invokes_as_the_platforms_does(project: Project, capfdbinary: Captured) -> None:
    """MNS topics, OSS and timers invoke asynchronously (their pages); both can be asked for."""
    project.function("f", CODE)
    fc = project.start()
    asynchronous = {"mns-topic", "eventbridge", "timer", "oss"}
    for kind in KINDS:
        needed = ["--key", "k"] if kind == "oss" else []
        common = ["send-event", kind, "--api", fc.api_url, *needed]
        for how in ([], ["--sync"], ["--async"]):
            assert run(capfdbinary, *common, *how, "f")[0] == 0
        usual = "async" if kind in asynchronous else "event"
        assert [one.trigger for one in fc.invocations()[-3:]] == [usual, "event", "async"]


def test_a_send_waits_no_longer_than_asked(project: Project, capfdbinary: Captured) -> None:
    project.function("f", "import time\ndef handler(e, c): time.sleep(0.5)")
    fc = project.start()
    arguments = ["send-event", "timer", "--api", fc.api_url, "f", "--wait"]
    code, _, errors = run(capfdbinary, *arguments, "0.1")
    assert code == 4
    assert errors.endswith("not settled after 0.1 s; the stub goes on\n")
    code, _, errors = run(capfdbinary, *arguments, "0")
    assert (code, errors.count("\n")) == (0, 1)
    fc.wait_for_async()


def test_a_refusal_of_the_api_is_passed_on(project: Project, capfdbinary: Captured) -> None:
    """What the API says is passed on; a stub that is not there is named with the remedy."""
    project.function("f", CODE)
    api = project.start().api_url
    code, _, errors = run(capfdbinary, "send-event", "plain", "--api", api, "g")
    assert code == 2
    assert "FunctionNotFound: there is no function 'g'; there are: f" in errors
    big = "x" * 131_000
    code, _, errors = run(capfdbinary, "send-event", "timer", "--api", api, "f", "--data", big)
    assert code == 2
    assert "at most 128 KB" in errors


def test_a_stub_that_is_not_there_is_named_with_the_remedy(capfdbinary: Captured) -> None:
    """Nobody listens, or somebody who is no stub."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = f"http://127.0.0.1:{server.getsockname()[1]}"
        other = threading.Thread(target=answer, args=(server, b"SSH-2.0-OpenSSH\r\n"))
        other.start()
        code, _, errors = run(capfdbinary, "send-event", "plain", "--api", api, "f")
        other.join()
    assert code == 3
    assert "cannot be reached" in errors
    for command in (["send-event", "plain", "--api", api, "f"], ["status", "--api", api]):
        code, output, errors = run(capfdbinary, *command)
        assert (code, output) == (3, b"")
        assert "start it with fc-stub start" in errors


def answer(server: socket.socket, data: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(data)
