"""What goes wrong in the program of a custom runtime.

Sources: "Error handling" of custom runtimes (messages, exit codes), the error codes of the API
2023-03-30 (412 CAExited, CAFileNotFound), "Configure instance health checks", "Process exited
unexpectedly before completing request" (502).
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stub_project import Project, process_is_gone, until
from test_http_trigger import send

OK = "self.answer('ok')"


def started_by(project: Project, *command: str, **config: Any) -> dict[str, Any]:
    """Start a function by this command, with no other file than `kept.sh`; return what came."""
    project.program("f", OK, config={"command": list(command), **config})
    project.files({"kept.sh": "#!/bin/sh\nexit 7\n"})
    never = command[-1].endswith("sleep(99)")
    fc = project.start(start_seconds=1 if never else 60)
    invocation = fc.invoke("f")
    reply = send(fc.url("f"), "GET", "/")
    assert (invocation.status, reply.status) == (412, 412)
    told = json.loads(invocation.payload)
    assert reply.json()["Code"] == told["Code"]
    assert told["RequestId"] == invocation.request_id
    result: dict[str, Any] = told
    return result


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["/code/none"], "CAFileNotFound", "the file /code/none is not exist"),
        (["./none"], "CAFileNotFound", "the file ./none is not exist"),
        (["no-such-language"], "CAFileNotFound", "this machine has no no-such-language"),
        (["/var/fc/lang/dotnet99/bin/dotnet"], "CAFileNotFound", "this machine has no dotnet99"),
        (["/code/kept.sh"], "CAExited", "(code 13, message:permission denied)"),
        (["sh", "kept.sh"], "CAExited", "(code 7, message:argument list too long) with start"),
        (["python3", "none.py"], "CAExited", "Logs:"),
        (["sh", "-c", "kill -9 $$"], "CAExited", "(code 137) with start command 'sh -c kill"),
        (["python3", "-m", "http.server", "--bind", "127.0.0.1", "9000"], "FunctionNotStarted",
         "listens on 127.0.0.1 alone"),
        (["python3", "-c", "import socket as s, time; s.create_server(('', 0)); time.sleep(99)"],
         "FunctionNotStarted", "failed on port 9000 in 1 seconds"),
    ],
)  # fmt: skip
def test_a_program_that_does_not_start_is_told_as_the_platform_tells_it(
    project: Project, command: list[str], code: str, message: str
) -> None:
    told = started_by(project, *command)
    assert told["Code"] == code
    assert message in told["Message"]


def test_all_calls_that_wait_for_a_start_learn_that_it_failed(project: Project) -> None:
    command = ["sh", "-c", "echo told; sleep 1; exit 1"]
    project.program("f", OK, config={"command": command}, instanceConcurrency=2)
    fc = project.start()
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(fc.invoke, ["f", "f"]))
    for invocation in found:
        told = json.loads(invocation.payload)
        assert (invocation.status, told["Code"]) == (412, "CAExited")
        assert told["RequestId"] == invocation.request_id
        assert "Logs:told\n" in told["Message"]
    assert sorted(invocation.log for invocation in found) == ["", "told\n"]


def test_without_a_command_bootstrap_is_started(project: Project) -> None:
    """ "Principles": /code/bootstrap is the default; the packer lets it be executed."""
    project.program("f", OK)
    project.files({"bootstrap": "#!/bin/bash\ncd /code && exec python3 /code/f.py\n"})
    del project.document["resources"]["f"]["props"]["customRuntimeConfig"]
    assert project.start().invoke("f").payload == b"ok"


def test_a_program_that_takes_another_port_is_told_where_it_listens(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    project.program("f", OK, f'("0.0.0.0", {port})')
    message = json.loads(project.start(start_seconds=2).invoke("f").payload)["Message"]
    assert f"listens on {port})" in message


HEALTH = "self.answer('', 503 if self.path == '/ready' and os.path.exists({0!r}) else 200)"


def test_an_instance_that_is_not_healthy_does_not_start(project: Project, tmp_path: Path) -> None:
    """The page: if the first health check fails, the instance has failed to start."""
    (tmp_path / "ill").touch()
    check = {"httpGetUrl": "/ready", "periodSeconds": 1, "failureThreshold": 2}
    project.program("f", HEALTH.format(str(tmp_path / "ill")), config={"healthCheckConfig": check})
    fc = project.start()
    told = json.loads(fc.invoke("f").payload)
    assert told["Code"] == "FunctionNotStarted"
    assert "health check failed on port 9000: GET /ready: 503." in told["Message"]
    (tmp_path / "ill").unlink()
    assert fc.invoke("f").status == 200


def test_an_instance_that_falls_ill_gets_no_more_requests(project: Project, tmp_path: Path) -> None:
    """The page: after failureThreshold failures in a row requests go to other instances."""
    check = {"httpGetUrl": "/ready", "periodSeconds": 1, "failureThreshold": 1}
    text = HEALTH.format(str(tmp_path / "ill")).replace("''", "os.getpid()")
    project.program("f", text, config={"healthCheckConfig": check})
    notices: list[str] = []
    fc = project.start(notify=lambda notice: notices.append(notice.text))
    first = int(fc.invoke("f").payload)
    (tmp_path / "ill").touch()
    until(lambda: notices)
    (tmp_path / "ill").unlink()
    assert notices == ["an instance is unhealthy, gets no more requests, and ends: GET /ready: 503"]
    assert int(fc.invoke("f").payload) != first
    assert process_is_gone(first)


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("os._exit(3)", "FunctionExitError", "before completing request (exit code 3)"),
        ("time.sleep(30)", "FunctionTimeoutError", "timed out after 1 seconds"),
        ("self.wfile.write(b'SMTP\\r\\n'); time.sleep(1)", "BadResponse", "is not HTTP"),
        ("self.answer('', 200, [('a', 'x' * 9000)])", "BadResponse", "headers: 9001 bytes"),
        ("self.answer(b'x' * (33 << 20))", "BadResponse", "body: over 32 MB"),
        (
            "self.close_connection = True",
            "FunctionExitError",
            "it closed the connection, and goes on",
        ),
        ("data = b'x' * (300 << 20); time.sleep(60)", "FunctionOOMError", "memorySize is 256 MB"),
    ],
)
def test_a_program_that_fails_is_an_error_and_the_next_call_is_answered(
    project: Project, body: str, error_type: str, message: str
) -> None:
    """The page: 502 where a request was not completed. InvokeFunction answers 200 as always."""
    text = f"""
        if body or self.path == "/fail":
            {body}
        else:
            self.answer("ok")
    """
    project.program("f", text, timeout=1 if "30)" in body else 60)
    fc = project.start()
    reply = send(fc.url("f"), "GET", "/fail")
    assert (reply.status, reply.headers["x-fc-error-type"]) == (502, "UnhandledInvocationError")
    assert fc.invoke("f").payload == b"ok"
    invocation = fc.invoke("f", b"x")
    assert (invocation.status, invocation.error_type) == (200, "UnhandledInvocationError")
    for payload in (reply.body, invocation.payload):
        error = json.loads(payload)
        assert error["errorType"] == error_type
        assert message in error["errorMessage"]
    assert fc.invoke("f").payload == b"ok"


def test_a_stream_that_breaks_off_breaks_off_for_the_client(project: Project) -> None:
    text = """
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"4\\r\\ndata\\r\\n")
        os._exit(1)
    """
    project.program("f", text)
    fc = project.start()
    connection = http.client.HTTPConnection(urlsplit(fc.url("f")).netloc)
    connection.request("GET", "/")
    response = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


def test_a_client_that_goes_away_ends_its_request(project: Project) -> None:
    """ "Invocation canceled by client"; the instance goes on."""
    text = "print(self.path, flush=True); time.sleep(0.2 if body else 5); self.answer(os.getpid())"
    project.program("f", text, instanceConcurrency=2)
    fc = project.start()
    process = fc.invoke("f", b"x").payload
    connection = http.client.HTTPConnection(urlsplit(fc.url("f")).netloc)
    connection.request("GET", "/")
    connection.close()
    canceled = until(lambda: fc.invocations()[1:])[0]
    assert b"Invocation canceled by client" in canceled.payload
    assert canceled.duration_ms < 5000
    assert fc.invoke("f", b"x").payload == process


def test_a_program_that_ends_between_requests_is_replaced(project: Project) -> None:
    text = "self.answer('ok'); os._exit(4) if body else None"
    project.program("f", text)
    notices: list[str] = []
    fc = project.start(notify=lambda notice: notices.append(notice.text))
    assert fc.invoke("f", b"x").payload == b"ok"
    until(lambda: notices)
    assert notices == ["an instance has ended between requests: exit code 4"]
    assert fc.invoke("f").payload == b"ok"


WITHOUT_FILTERS = """
import ctypes, os, struct, sys
# What many sandboxes do: seccomp() is refused, here by a filter of the older kind.
refuse, allow = (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, {number}), refuse, allow]
code = b"".join(struct.pack("HBBI", *step) for step in steps)
buffer = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer)))
library = ctypes.CDLL(None)
library.prctl(38, 1, 0, 0, 0)
assert library.prctl(22, 2, program, 0, 0) == 0
from aliyun_fc_runtime_stub import FunctionCompute
from aliyun_fc_runtime_stub.errors import RequestRefused
from concurrent.futures import ThreadPoolExecutor
with FunctionCompute({path!r}, port=0, variables={{}}) as fc:
    print(fc.invoke("f", b"x").payload.decode())
    def call(_):
        try:
            return fc.invoke("f").payload.decode()
        except RequestRefused as error:
            return f"{{error.status}} {{error}}"
    with ThreadPoolExecutor() as pool:
        print(*sorted(pool.map(call, range(2))), sep="\\n")
    print(fc.invoke("free").payload.decode())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there is nothing to refuse")
def test_where_ports_cannot_be_moved_a_fixed_port_has_one_instance(project: Project) -> None:
    """A machine without seccomp user notification: one instance, and a message that says why."""
    with socket.create_server(("0.0.0.0", 0)) as one:
        port = one.getsockname()[1]
    slow = "time.sleep(0 if body else 1); self.answer('ok')"
    project.program("f", slow, f'("0.0.0.0", {port})', config={"port": port})
    free = '("0.0.0.0", int(os.environ["FC_SERVER_PORT"]))'
    project.program("free", "self.answer('free')", free, config={"port": port})
    number = {"x86_64": 317, "aarch64": 277}[__import__("platform").machine()]
    script = WITHOUT_FILTERS.format(path=str(project.write()), number=number)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    first, refused, second, third = done.stdout.splitlines()
    assert (first, second, third) == ("ok", "ok", "free")
    assert re.match(rf"429 'f' listens on port {port} whatever FC_SERVER_PORT says", refused)
    assert "one instance at a time" in refused


@pytest.mark.parametrize("freeze", [True, False])
def test_a_program_ends_with_the_stub_and_what_it_has_started(
    project: Project, freeze: bool
) -> None:
    """Even where the stub is killed, the program is stopped, and its child left its group."""
    text = """
        import subprocess
        child = subprocess.Popen(["sleep", "60"], start_new_session=not body)
        self.answer(f"{os.getpid()} {child.pid}")
    """
    project.program("f", text)
    fc = project.start()
    numbers = fc.invoke("f").payload.split()
    fc.stop()
    script = (
        "import time\nfrom aliyun_fc_runtime_stub import FunctionCompute\n"
        f"fc = FunctionCompute({str(project.path)!r}, port=0, variables={{}}, freeze={freeze})\n"
        "fc.start(); print(fc.invoke('f', b'x').payload.decode(), flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stub:
        assert stub.stdout is not None
        numbers += stub.stdout.readline().split()
        stub.kill()
    assert all(process_is_gone(int(number)) for number in numbers)
