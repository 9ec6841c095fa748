"""What a function sees, and what becomes of what it returns, writes and raises.

Sources: "Environment variables", "Context", "Log", "Error handling" and "Request handlers" pages of
Function Compute (https://www.alibabacloud.com/help/en/functioncompute/fc/environment-variables,
https://help.aliyun.com/en/functioncompute/fc/context-1, .../fc/logging-2) and a published copy of
the 3.6/3.9 runtime.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from aliyun_fc_runtime_stub import find_interpreter
from aliyun_fc_runtime_stub.instances.carried_packages import base_packages
from stub_project import RUNTIMES, Project

RETURN_ENVIRONMENT = """
    import os
    def handler(event, context): return dict(os.environ)
"""


def call(project: Project, text: str, event: bytes = b"", **props: Any) -> Any:
    project.function("f", text, **props)
    invocation = project.start().invoke("f", event)
    assert invocation.error_type is None, invocation.payload
    return json.loads(invocation.payload)


def test_environment_is_exactly_the_documented_one(
    project: Project, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "Environment variables": FC_* names by runtime, the function's own, nothing of ours."""
    monkeypatch.setenv("DEVELOPER_SECRET", "x")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    seen = call(project, RETURN_ENVIRONMENT, runtime=runtime, environmentVariables={"A": "1"})
    version = "FC_FUNCTION_VERSION" if runtime == "python3.12" else "FC_VER_ID"
    assert set(seen) == {
        "A", "FC_ACCOUNT_ID", "FC_CUSTOM_LISTEN_PORT", "FC_FUNCTION_HANDLER",
        "FC_FUNCTION_MEMORY_SIZE", "FC_FUNCTION_NAME", "FC_FUNC_CODE_PATH", "FC_INSTANCE_ID",
        "FC_REGION", "HOME", "LANG", "PATH", "PWD", "TERM", version,
    }  # fmt: skip
    assert seen["FC_FUNCTION_HANDLER"] == "f.handler"
    assert seen["FC_FUNCTION_MEMORY_SIZE"] == "256"
    assert seen["FC_FUNC_CODE_PATH"] == seen["PWD"]


def test_keys_come_with_a_role_only(project: Project) -> None:
    """ "Context": temporary keys come from the function's role. Here they are worthless ones."""
    seen = call(project, RETURN_ENVIRONMENT, role="fc-role")
    assert seen["ALIBABA_CLOUD_ACCESS_KEY_ID"].startswith("STS.")
    assert seen["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    assert seen["ALIBABA_CLOUD_SECURITY_TOKEN"]


def test_variables_of_the_command_line_override_s_yaml(project: Project) -> None:
    """`--env` sets a variable of all functions or of one, over what s.yaml says."""
    for name in ("one", "two"):
        project.function(name, RETURN_ENVIRONMENT, environmentVariables={"A": "yaml"})
    fc = project.start(environment={"A": "all", "two:A": "two", "FC_X": "y"})
    one, two = (json.loads(fc.invoke(name).payload) for name in ("one", "two"))
    assert (one["A"], two["A"], one["FC_X"]) == ("all", "two", "y")


def test_a_function_runs_under_its_runtimes_python_and_packages(
    project: Project, runtime: str
) -> None:
    """Python page: a function runs under the Python its runtime names, with FC's packages."""
    text = """
        import sys, requests
        def handler(event, context):
            package = "requests==" + requests.__version__
            return [list(sys.version_info[:2]), package, sys.warnoptions]
    """
    version, package, warn = call(project, text, runtime=runtime)
    found = find_interpreter(runtime)
    expected = sys.version_info[:2] if found is None else map(int, runtime[6:].split("."))
    assert version == list(expected)
    assert package == base_packages(runtime)[0].requirement
    assert warn == ["ignore"]


def test_modules_are_looked_for_in_the_order_of_the_platform(
    project: Project, tmp_path: Path, runtime: str
) -> None:
    """Published runtime: code, layers, runtime folder, PYTHONPATH, library, site-packages."""
    (tmp_path / "layer/python").mkdir(parents=True)
    text = """
        import os, sys
        def handler(event, context): return [sys.path, os.getcwd()]
    """
    project.function(
        "f",
        text,
        runtime=runtime,
        layers=["arn"],
        environmentVariables={"PYTHONPATH": "/code/python"},
    )
    fc = project.start(layers={"arn": tmp_path / "layer"})
    path, folder = json.loads(fc.invoke("f").payload)
    assert path[0] == folder
    assert re.fullmatch(r"/.*/layer-\w+/python/lib/python3\.\d+/site-packages", path[1])
    assert path[2] == path[1].partition("/lib/")[0]
    assert path[3].endswith("/runtime")
    assert path[4] == f"{folder}/python"
    assert path[-1].endswith("/site-packages")


def test_event_is_bytes(project: Project, runtime: str) -> None:
    """ "Request handlers": the event of a Python 3 function is bytes."""
    text = "def handler(event, context): return type(event).__name__ + event.hex()"
    project.function("f", text, runtime=runtime)
    assert project.start().invoke("f", b"\x00\xff").payload == b"bytes00ff"


CONTEXT = """
    def public(thing): return sorted(name for name in vars(thing))
    def handler(event, context):
        context.getLogger().info("from the context's logger")
        found = {"context": public(context), "function": public(context.function)}
        for name in ("service", "credentials", "tracing"):
            if hasattr(context, name):
                found[name] = public(getattr(context, name))
        found["values"] = [context.request_id, context.region, context.account_id,
            context.function.name, context.function.handler, context.function.memory,
            context.function.timeout]
        found["logger"] = context.logger is None
        return found
"""


def test_the_context_has_what_its_runtimes_has(project: Project, runtime: str) -> None:
    """ "Context": python3.12 has no credentials and no service; older runtimes have both."""
    project.function("f", CONTEXT, runtime=runtime)
    invocation = project.start().invoke("f")
    seen = json.loads(invocation.payload)
    shared = ["account_id", "function", "getLogger", "logger", "region", "request_id"]
    if runtime == "python3.12":
        assert seen["context"] == sorted([*shared, "log_project", "log_store"])
        assert seen["logger"] is True
        names = ["handler", "memory", "name", "qualifier", "timeout", "version_id"]
    else:
        older = ["credentials", "requestId", "retry_count", "service", "to_json", "tracing"]
        assert seen["context"] == sorted([*shared, *older])
        assert seen["service"] == ["log_project", "log_store", "name", "qualifier", "version_id"]
        keys = ["access_key_id", "access_key_secret", "security_token"]
        names = ["accessKeyId", "accessKeySecret", "securityToken"]
        assert seen["credentials"] == sorted([*keys, *names])
        assert seen["tracing"] == ["jaeger_endpoint", "span_baggages", "span_context"]
        assert seen["logger"] is False
        names = ["handler", "memory", "name", "timeout"]
    assert seen["function"] == names
    assert seen["values"] == [
        invocation.request_id, "cn-hangzhou", "1234567890123456", "f", "f.handler", 256, 10,
    ]  # fmt: skip
    assert f"Z {invocation.request_id} [INFO] from the context's logger\n" in invocation.log


@pytest.mark.parametrize("runtime", [name for name in RUNTIMES if name != "python3.12"])
def test_the_context_of_older_runtimes_can_be_returned(project: Project, runtime: str) -> None:
    """Published runtime: it has `to_json`, which json.dumps of a result uses."""
    project.function("f", "def handler(event, context): return context", runtime=runtime)
    invocation = project.start().invoke("f")
    found = json.loads(json.loads(invocation.payload))
    assert found["requestId"] == invocation.request_id
    assert found["function"] == {"name": "f", "handler": "f.handler", "memory": 256, "timeout": 10}
    assert sorted(found["credentials"]) == ["accessKeyId", "accessKeySecret", "securityToken"]
    assert found["service"]["qualifier"] == "LATEST"


RETURNS = [
    ("'text \\u4f60'", "text 你".encode()),
    ("b'\\x00\\xff'", b"\x00\xff"),
    ("None", b"null"),
    ("5", b"5"),
    ("{'b': 1, 'a': [True]}", b'{\n    "a": [\n        true\n    ],\n    "b": 1\n}'),
    ("decimal.Decimal('1.5')", b"1.5"),
    ("datetime.date(2026, 1, 2)", b'"2026-01-02"'),
    ("datetime.datetime(2026, 1, 2, 3)", b'"2026-01-02T03:00:00"'),
    ("Own()", b'"own"'),
    ("''", b""),
]


def test_what_is_returned_becomes_the_payload(project: Project, runtime: str) -> None:
    """Published runtime: str and bytes as they are, else json.dumps with its conversions."""
    text = """
        import datetime, decimal
        class Own:
            def to_json(self): return "own"
        def handler(event, context): return eval(event)
    """
    project.function("f", text, runtime=runtime)
    fc = project.start()
    for expression, payload in RETURNS:
        assert fc.invoke("f", expression.encode()).payload == payload


FAILURES: list[tuple[str, str, str | None]] = [
    ("raise ValueError('bad \\u4f60')", "ValueError", "bad 你"),
    ("answer = object()", "TypeError", "Object of type object is not JSON serializable"),
    ("answer = '\\ud800'", "UnicodeEncodeError", None),
    ("answer = {1: 1, 'a': 2}", "TypeError", None),
    ("raise ValueError('\\ud800')", "ValueError", "\ud800"),
    ("raise Unreadable()", "Unreadable", "<Unreadable without a readable message>"),
    ("handler(event, context)", "RecursionError", None),
]


def test_an_unhandled_error_is_told_with_type_and_message(project: Project, runtime: str) -> None:
    """ "Error handling": errorMessage, errorType, stackTrace and X-Fc-Error-Type; status 200."""
    text = """
        class Unreadable(Exception):
            def __str__(self): raise RuntimeError
        def handler(event, context):
            found = {}
            exec(event, {**globals(), "event": event, "context": context}, found)
            return found.get("answer")
    """
    project.function("f", text, runtime=runtime)
    fc = project.start()
    for statement, error_type, message in FAILURES:
        invocation = fc.invoke("f", statement.encode())
        error = json.loads(invocation.payload)
        assert error["errorType"] == error_type
        assert message is None or error["errorMessage"] == message
        assert invocation.status == 200
        assert invocation.headers["X-Fc-Error-Type"] == "UnhandledInvocationError"


def test_a_stack_trace_has_the_users_frames_alone(project: Project, runtime: str) -> None:
    """ "Error handling": each frame is [file, line, function, source]; the user's frames only."""
    text = "def handler(event, context):\n    raise ValueError('x')"
    project.function("f", text, runtime=runtime)
    ((place, *rest),) = json.loads(project.start().invoke("f").payload)["stackTrace"]
    assert place == 'File "/code/f.py"'
    assert rest == ["line 2", "in handler", "raise ValueError('x')"]


def test_log_lines_have_time_request_id_and_level(project: Project, runtime: str) -> None:
    """ "Log": the root logger is preset, INFO and above, UTC, with request id; print is raw."""
    text = """
        import logging, sys
        logging.basicConfig(level="DEBUG", format="changed")
        def handler(event, context):
            logging.getLogger("child").warning("w %s", 1)
            logging.info("two\\nlines")
            logging.debug("not shown")
            print("raw")
            print("error", file=sys.stderr)
            print("no newline", end="")
    """
    project.function("f", text, runtime=runtime)
    invocation = project.start().invoke("f")
    stamp = rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {invocation.request_id}"
    assert re.fullmatch(
        rf"FC Invoke Start RequestId: {invocation.request_id}\n"
        rf"{stamp} \[WARNING\] w 1\n{stamp} \[INFO\] two\nlines\nraw\nerror\nno newline\n"
        rf"FC Invoke End RequestId: {invocation.request_id}\n",
        invocation.log,
    )


def test_an_error_stands_in_the_log(project: Project) -> None:
    """ "Log": the error JSON is logged, and the last line names the error."""
    project.function("f", "def handler(event, context): raise ValueError('x')")
    invocation = project.start().invoke("f")
    assert f"[ERROR] {invocation.payload.decode()}\n" in invocation.log
    assert invocation.log.endswith(
        f"FC Invoke End RequestId: {invocation.request_id}, Error: Unhandled function error\n"
    )


def test_long_records_are_cut(project: Project) -> None:
    """ "Limits": one log entry is at most 32 KB; the runtime itself cuts at 128 KB."""
    text = "def handler(e, c): print('x' * 40000)\n"
    project.function("f", text)
    lines = project.start().invoke("f").log.splitlines()
    assert len(lines[1]) == 32 * 1024


def test_endless_output_is_dropped(project: Project) -> None:
    """The stub protects itself: output beyond 8 MB of one invocation is dropped, and says so."""
    text = "def handler(e, c):\n for _ in range(10_000): print('x' * 999)"
    project.function("f", text)
    log = project.start().invoke("f").log
    assert len(log) < 8.1 * 1024 * 1024
    assert "more bytes of output dropped" in log


def test_an_event_and_a_result_may_be_32_mb(project: Project) -> None:
    """ "Limits": 32 MB both ways for a synchronous invocation."""
    project.function("f", "def handler(event, context): return event + b'!' * (event == b'')")
    fc = project.start()
    event = bytes(range(256)) * 4096 * 8
    assert fc.invoke("f", event).payload == event


def test_code_is_a_copy(project: Project) -> None:
    """Each start takes the code anew; what a function writes does not reach the source."""
    text = """
        import pathlib
        def handler(event, context): pathlib.Path("written.txt").write_text("x"); return "ok"
    """
    project.function("f", text)
    assert project.start().invoke("f").payload == b"ok"
    assert not (project.folder / "code/written.txt").exists()
