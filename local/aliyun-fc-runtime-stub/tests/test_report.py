"""What `fc-stub start` and `fc-stub status` show."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aliyun_fc_runtime_stub.cli import main
from stub_project import Project, until

COMMAND = [sys.executable, "-m", "aliyun_fc_runtime_stub.cli"]
CODE = """
    import time
    def handler(event, context):
        print("in the log 你")
        if b"fail" in event: raise ValueError("two\\nlines")
        if b"wait" in event: time.sleep(30)
        return {"statusCode": 418, "headers": {}, "body": "", "isBase64Encoded": False}
"""


class Terminal:
    """A running `fc-stub start` whose output is a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self._screen = screen
        self.text = ""

    def read_until(self, words: str) -> None:
        deadline = time.monotonic() + 10
        while words not in self.text:
            ready, _, _ = select.select([self._screen], [], [], deadline - time.monotonic())
            assert ready, self.text
            self.text += os.read(self._screen, 65536).decode().replace("\r\n", "\n")


@contextmanager
def in_a_terminal(project: Project, **environment: str) -> Iterator[Terminal]:
    screen, line = pty.openpty()
    command = [*COMMAND, "start", "--port", "0", "-t", str(project.write())]
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment = {**clean, "TERM": "xterm", **environment}
    with subprocess.Popen(command, stdout=line, env=environment) as process:
        os.close(line)
        terminal = Terminal(process, screen)
        try:
            terminal.read_until("Ctrl-C ends\n")
            yield terminal
        finally:
            process.terminate()
            process.wait()
            os.close(screen)


def get(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as reply:
            status: int = reply.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_an_invocation_is_one_line_with_its_log_below(
    project: Project, environment: dict[str, str], coloured: bool
) -> None:
    """Trigger, status, duration, billed duration, memory, error; the log below it."""
    project.http("f", CODE)
    with in_a_terminal(project, **environment) as terminal:
        url = re.findall(r"http://[\d.:]+/", terminal.text)[0]
        assert get(url) == 418
        assert get(f"{url}?fail") == 502
        terminal.read_until("Unhandled function error")
    text = terminal.text
    assert ("\x1b[" in text) is coloured
    plain = re.sub(r"\x1b\[\d*m", "", text)
    figures = r"\d+\.\d ms, billed \d+ ms, \d+ MB"
    assert re.search(
        rf"^\d\d:\d\d:\d\d f http 418 {figures}\n  FC Invoke Start .*\n  in the log 你\n",
        plain,
        re.MULTILINE,
    )
    assert re.search(
        rf"^\d\d:\d\d:\d\d f http 502 {figures}  ValueError: two lines\n", plain, re.MULTILINE
    )


def test_changes_are_reported(project: Project) -> None:
    project.http("f", CODE)
    with in_a_terminal(project, NO_COLOR="1") as terminal:
        project.path.write_text("edition: [")
        terminal.read_until("the functions run on as they were\n")
        project.http("g", CODE)
        project.write()
        terminal.read_until("reloaded: s.yaml has changed  http://")
        assert get(terminal.text.split()[-1]) == 418
    assert re.search(r"^\d\d:\d\d:\d\d error: .*s\.yaml: is not YAML", terminal.text, re.MULTILINE)


def test_a_terminal_that_knows_no_chinese_fails_no_invocation(project: Project) -> None:
    """The report is never the reason why an invocation fails."""
    project.http("f", CODE)
    with in_a_terminal(project, PYTHONIOENCODING="ascii") as terminal:
        assert get(re.findall(r"http://[\d.:]+/", terminal.text)[0]) == 418
        terminal.read_until(r"in the log \u4f60")


def test_status_shows_instances_the_queue_and_timers(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instances, the asynchronous queue and timers of a running stub."""
    timer = {"cronExpression": "0 0 0 1 1 *", "enable": True}
    triggers = [{"triggerName": "new-year", "triggerType": "timer", "triggerConfig": timer}]
    project.function("f", CODE, triggers=triggers, timeout=60)
    project.function("idle", "def handler(event, context): pass")
    fc = project.start(timers=True, instance_limit=2)
    fc.invoke("idle")
    for _ in range(3):
        fc.invoke("f", b"wait", asynchronous=True)

    def shown(*options: str) -> str:
        assert main(["status", "--api", fc.api_url, *options]) == 0
        return capsys.readouterr().out

    def waiting() -> Any:
        status = json.loads(shown("--json"))
        return status if all(one["memory_mb"] for one in status["functions"][0]["instances"]) else 0

    status = until(waiting)
    f, idle = status["functions"]
    assert f["queue"] == {"running": 2, "waiting": 1}
    assert [(one["busy"], one["requests"]) for one in f["instances"]] == [(True, 1)] * 2
    assert [(one["busy"], one["requests"]) for one in idle["instances"]] == [(False, 1)]
    assert f["timers"][0]["next"].endswith("-01-01T00:00:00Z")
    text = shown()
    assert re.search(
        r"^f +2 busy, 0 idle +2 running, 1 waiting +\S+T00:00:00Z new-year$", text, re.MULTILINE
    )
    assert re.search(r"^idle +0 busy, 1 idle +0 running, 0 waiting +-$", text, re.MULTILINE)
    assert len(re.findall(r"^\d+ +f +busy +\d+ MB +1$", text, re.MULTILINE)) == 2
    fc.stop()
    assert main(["status", "--api", fc.api_url]) == 3


def test_with_json_whatever_happens_is_one_object_a_line(project: Project) -> None:
    """One object a line: ready, invocations, what happens between them, the end."""
    project.http("f", CODE)
    command = [*COMMAND, "start", "--json", "--port", "0", "-t", str(project.write())]
    lines: list[Any] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stub:
        assert stub.stdout is not None
        lines.append(json.loads(stub.stdout.readline()))
        reader = threading.Thread(
            target=lambda pipe: lines.extend(map(json.loads, pipe)), args=(stub.stdout,)
        )
        reader.start()
        url = lines[0]["functions"][0]["url"]
        assert get(f"{url}?fail") == 502
        project.files({"more.py": ""})
        until(lambda: get(url) and [one for one in lines if one["event"] == "reloaded"])
        stub.send_signal(signal.SIGTERM)
        assert stub.wait() == 0
        reader.join()
    failed = next(one for one in lines if one["event"] == "invocation")
    shown = (failed["function"], failed["trigger"], failed["status"], failed["error"])
    assert shown == ("f", "http", 502, "ValueError: two\nlines")
    assert failed["billed_ms"] >= failed["duration_ms"] > 0
    assert failed["memory_mb"] > 1
    assert "in the log 你" in failed["log"]
    changed = next(one for one in lines if one["event"] == "reloaded")
    assert (changed["function"], changed["message"]) == ("f", "the code has changed")


@pytest.mark.parametrize("is_on_the_path", [True, False])
def test_a_command_that_is_shown_works_in_the_terminal_that_shows_it(
    project: Project, tmp_path: Path, *, is_on_the_path: bool
) -> None:
    project.function("waits", CODE)
    program = tmp_path / "bin of mine" / "fc-stub"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom aliyun_fc_runtime_stub.cli import main\nmain()\n")
    program.chmod(0o755)
    paths = ["/usr/bin", "/bin", *([str(program.parent)] if is_on_the_path else [])]
    with subprocess.Popen(
        [program, "start", "--port", "0", "-t", str(project.write())],
        env=dict(os.environ, PATH=":".join(paths)),
        stdout=subprocess.PIPE,
        text=True,
    ) as stub:
        assert stub.stdout is not None
        lines = [stub.stdout.readline() for _ in range(3)]
        stub.terminate()
    command = "fc-stub" if is_on_the_path else f"'{program}'"
    assert f" {command} send-event plain waits --api " in lines[1]
