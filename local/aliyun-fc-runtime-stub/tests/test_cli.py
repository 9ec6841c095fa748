"""The command fc-stub."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from aliyun_fc_runtime_stub import runtime_environment
from aliyun_fc_runtime_stub.cli import main
from stub_project import Project

COMMAND = [sys.executable, "-m", "aliyun_fc_runtime_stub.cli"]
CODE = """
    def handler(event, context):
        print("in the log")
        if event == b"fail": raise ValueError("x")
        return b"got " + event
    def stop(context): print("stopping")
"""


def run(project: Project, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    done = subprocess.run(
        [*COMMAND, *arguments, "-t", str(project.write())], input=stdin, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_invoke_prints_the_result_and_ends_with_0_1_or_2(project: Project, tmp_path: Path) -> None:
    """The result on stdout, the log on stderr; 0 ok, 1 function error, 2 usage."""
    project.function("f", CODE)
    code, output, log = run(project, "invoke", "f", "--event", "-", stdin=b"\x00event")
    assert (code, output) == (0, b"got \x00event")
    assert "in the log\n" in log
    (tmp_path / "event").write_bytes(b"fail")
    code, output, log = run(project, "invoke", "f", "--event", str(tmp_path / "event"))
    assert code == 1
    assert json.loads(output)["errorType"] == "ValueError"
    code, output, log = run(project, "invoke", "g")
    assert (code, output) == (2, b"")
    assert log == "fc-stub: there is no function 'g'; there are: f\n"


def test_invoke_shows_what_pre_stop_wrote_and_whether_it_failed(project: Project) -> None:
    text = f"{CODE}    def bad(context): raise RuntimeError('no db')\n"
    project.function("f", CODE, instanceLifecycleConfig={"preStop": {"handler": "f.stop"}})
    project.function("g", text, instanceLifecycleConfig={"preStop": {"handler": "g.bad"}})
    code, output, log = run(project, "invoke", "f")
    assert (code, output) == (0, b"got ")
    assert "\nstopping\nFC PreStop End RequestId: " in log
    code, output, log = run(project, "invoke", "g", "--json")
    assert (code, json.loads(output)["error_type"]) == (0, None)
    assert "no db" in log
    assert log.endswith(", Error: Unhandled function error\n")


def test_a_start_with_nothing_to_run_ends_with_the_reasons(project: Project) -> None:
    project.function("web", "", runtime="nodejs18")
    project.document["resources"]["site"] = {"component": "website", "props": {}}
    code, output, log = run(project, "start")
    assert (code, output) == (2, b"")
    assert "there is nothing to run: web: runtime 'nodejs18' is not one of" in log
    assert "; site: component 'website' is not fc3\n" in log


def test_invoke_with_async_repeats_a_failed_invocation(project: Project, tmp_path: Path) -> None:
    project.function("f", CODE, asyncInvokeConfig={"maxAsyncRetryAttempts": 1})
    (tmp_path / "event").write_bytes(b"fail")
    options = ["--async", "--retry-delay", "0.01", "--event", str(tmp_path / "event")]
    code, output, log = run(project, "invoke", "f", *options)
    assert code == 1
    assert json.loads(output)["errorType"] == "ValueError"
    assert log.count("FC Invoke Start") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["invoke", "f", "--env", "A"], "'A' has no value"),
        (["invoke", "f", "--env", "g:A=1"], "--env g:A: there is no function 'g'"),
        (["invoke", "f", "--event", "none.json"], "cannot be read"),
        (["invoke", "f", "--layer", "=x"], "the name is missing"),
        (["start", "--port", "70000"], "'70000' is not a port"),
        (["start", "--max-instances", "0"], "'0' is not a number from 1"),
        (["start", "--max-instances", "²"], "'²' is not a number from 1"),
        (["start", "--retry-delay", "nan"], "'nan' is not a number of seconds"),
        (["start", "--layer", "arn=none"], "--layer arn: there is no folder none"),
        (["start", "-t", "none.yaml"], "there is no such file"),
        (["start", "--host", "256.0.0.1"], "cannot listen on 256.0.0.1:8900"),
        (["start", "--prot", "9100"], "there is no option --prot; did you mean --port?"),
        (["start", "-p", "9100"], "there is no option -p; did you mean --port?"),
        (["start", "--port"], "--port: needs a value"),
        (["start", "--host", ""], "--host: it is empty: give an address such as 127.0.0.1"),
        (["start", "--layer", "arn="], "--layer: 'arn' has no folder: write it as ARN=FOLDER"),
        (["invoke", "f", "--env", "=secret"], "--env: the name is missing: write it as NAME=VAL"),
        (["start", "--json=1"], "--json: takes no value"),
        (["start", "f"], "'f' is not expected here"),
        (["start", "-t", "f.txt"], "f.txt: is not YAML (line 1: "),
        (["start", "-t", "."], ".: cannot be read (Is a directory): name the s.yaml with -t"),
        (["serve", "-t", "s.yaml"], "there is no option -t; it belongs to fc-stub start"),
        (["-t", "s.yaml"], "-t comes after the command: fc-stub start -t ..."),
        (["invoke"], "NAME is missing"),
        (["invoke", "fff"], "there is no function 'fff'; there are: f"),
        (["event", "oss"], "--key is missing"),
        (["event", "kafka", "--offset", "x"], "--offset: 'x' is not a whole number"),
        (["event", "mns-topik"], "there is no kind 'mns-topik'; did you mean mns-topic?"),
        (["event", "mns-topic", "--format", "xml"], "--format: there is no value 'XML'; there are"),
        (["send-event", "timer", "--sync", "--async", "f"], "cannot be given together with --sync"),
        (["strat"], "there is no command 'strat'; did you mean start?"),
        (["help"], "there is no command 'help'; did you mean --help?"),
        (["stop"], "there is no command 'stop'; "),
        ([], "COMMAND is missing; there are: start, serve, "),
    ],
)
def test_a_wrong_usage_ends_with_2_and_a_remedy(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """Exit code 2 and a sentence with the remedy."""
    project.function("f", CODE)
    project.write()
    (project.folder / "f.txt").write_text("a: b: c\n", encoding="utf-8")
    monkeypatch.chdir(project.folder)
    try:
        code: Any = main(arguments)
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") <= 2, "short: no dump of all options"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_start_with_json_prints_a_line_when_ready_and_one_for_each_invocation(
    project: Project, number: signal.Signals
) -> None:
    """One line when ready, one per invocation; a signal runs preStop hooks and ends with 0."""
    hooks = {"preStop": {"handler": "f.stop", "timeout": 5}}
    project.http("f", CODE, instanceLifecycleConfig=hooks)
    project.function("web", CODE, runtime="nodejs20")
    command = [*COMMAND, "start", "--json", "--port", "0", "-t", str(project.write())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stub:
        assert stub.stdout is not None
        ready = json.loads(stub.stdout.readline())
        assert ready["event"] == "ready"
        (function,) = ready["functions"]
        assert (function["name"], function["resource"]) == ("f", "f")
        assert (function["runtime"], function["handler"]) == ("python3.12", "f.handler")
        assert list(ready["not_run"]) == ["web"]
        path = "/2023-03-30/functions/f/invocations"
        with urllib.request.urlopen(ready["api"] + path, data=b"x") as reply:
            assert reply.read() == b"got x"
        line = json.loads(stub.stdout.readline())
        assert (line["event"], line["function"], line["error_type"]) == ("invocation", "f", None)
        assert "in the log" in line["log"]
        with urllib.request.urlopen(function["url"]) as reply:
            assert reply.read().startswith(b"got {")
        stub.send_signal(number)
        rest = stub.stdout.read().decode()
        assert "stopping" in rest
        assert stub.wait() == 0


@contextmanager
def two_ports() -> Iterator[int]:
    """Find two ports in a row; the first is free, the second (the value) is taken."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port: int = taken.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port - 1)).close()
            except OSError:
                continue
            yield port
            return


def test_start_prints_a_table_and_takes_free_ports(project: Project) -> None:
    """A table for people; ports follow the API's, free ones where they are taken."""
    project.http("first", CODE)
    project.function("second", CODE, runtime="python3")
    for runtime in ("python3.12", "python3"):  # else the ports are somebody else's by then
        runtime_environment(runtime)
    with two_ports() as port:
        busy = [*COMMAND, "start", "--port", str(port), "-t", str(project.write())]
        done = subprocess.run(busy, capture_output=True, text=True)
        assert done.returncode == 2
        assert f"port {port} of 127.0.0.1 is in use: stop the program that uses it" in done.stderr
        assert "or choose another port with --port (0 takes a free one)" in done.stderr
        command = [*COMMAND, "start", "--port", str(port - 1), "-t", str(project.path)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as stub:
            assert stub.stdout is not None
            lines = [stub.stdout.readline() for _ in range(4)]
            stub.terminate()
            _, errors = stub.communicate()
    assert " ".join(lines[0].split()) == "FUNCTION RUNTIME TRIGGER URL, OR WHEN AND HOW"
    assert lines[1].startswith("first     python3.12  http GET,HEAD,POST,PUT  http://127.0.0.1:")
    assert f":{port}/" not in lines[1]
    plays = f"fc-stub send-event plain second --api http://127.0.0.1:{port - 1}"
    assert " ".join(lines[2].split()) == f"second python3 none {plays}"
    assert lines[3] == f"API at http://127.0.0.1:{port - 1}; Ctrl-C ends\n"
    assert errors.count("fc-stub: warning: functions of python3 run under Python ") == 1


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--help"],
        ["start", "--help"],
        ["invoke", "--help"],
        ["status", "--help"],
        ["event", "--help"],
        ["send-event", "oss", "--help"],
        ["--version"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert "fc-stub" in capsys.readouterr().out


def test_a_layer_folder_is_not_written_to(project: Project) -> None:
    """Neither by Python, which keeps what it has compiled beside a module, nor by the function."""
    layer = project.folder / "layer/python"
    layer.mkdir(parents=True)
    (layer / "layered.py").write_text("X = 1")
    text = """
        import layered, pathlib
        def handler(event, context):
            pathlib.Path(layered.__file__).with_name("written").touch()
            return pathlib.Path(layered.__file__).parent.name
    """
    project.function("f", text, layers=["acs:layer"])
    code, output, _ = run(project, "invoke", "f", "--layer", f"acs:layer={layer.parent}")
    assert (code, output) == (0, b"python")
    assert [path.name for path in layer.iterdir()] == ["layered.py"]


def test_layers_must_be_given(project: Project) -> None:
    """A layer lives in the cloud; without a folder for it the error says what to do."""
    project.function("f", CODE, layers=["acs:fc:cn-hangzhou:1:layers/x/versions/1"])
    code, _, log = run(project, "invoke", "f")
    assert code == 2
    assert "--layer acs:fc:cn-hangzhou:1:layers/x/versions/1=FOLDER" in log


TRIGGERS = [
    {
        "triggerName": "tick",
        "triggerType": "timer",
        "triggerConfig": {"cronExpression": "0 0 0 1 1 *", "enable": True},
    },
    {
        "triggerName": "off",
        "triggerType": "timer",
        "triggerConfig": {"cronExpression": "@every 5m"},
    },
    {
        "triggerName": "files",
        "triggerType": "oss",
        "sourceArn": "acs:oss:cn-hangzhou:1:bucket",
        "triggerConfig": {"events": ["oss:ObjectCreated:*"]},
    },
]
SETTLED = {
    "onSuccess": {"destination": "acs:fc:cn-hangzhou:1:functions/f"},
    "onFailure": {"destination": "acs:mns:cn-hangzhou:1:/queues/q/messages"},
}


def started(project: Project, *options: str) -> list[str]:
    """Return what `fc-stub start` writes until it is ready."""
    command = [*COMMAND, "start", "--port", "0", *options, "-t", str(project.write())]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as stub:
        assert stub.stdout is not None
        lines = [stub.stdout.readline()]
        while lines[-1] and "API at" not in lines[-1] and '"ready"' not in lines[-1]:
            lines.append(stub.stdout.readline())
        stub.terminate()
    return [line.strip() for line in lines]


def test_the_table_shows_triggers_and_destinations(project: Project) -> None:
    """Timers with their next time, other triggers with the command that plays them."""
    project.function("f", CODE, triggers=TRIGGERS, asyncInvokeConfig={"destinationConfig": SETTLED})
    year = datetime.now(timezone.utc).year + 1
    *lines, last = started(project, "--timers")[1:]
    api = last.removeprefix("API at ").partition(";")[0]
    assert [re.split("  +", line) for line in lines] == [
        ["f", "python3.12", "timer tick", f"0 0 0 1 1 *: next {year}-01-01T00:00:00Z"],
        ["timer off", "@every 5m: not enabled"],
        ["oss files", f"fc-stub send-event oss --bucket bucket --key KEY f --api {api}"],
        ["on success", "acs:fc:cn-hangzhou:1:functions/f (a function here)"],
        ["on failure", "acs:mns:cn-hangzhou:1:/queues/q/messages (kept at /stub/destinations)"],
    ]
    assert started(project)[1].endswith("0 0 0 1 1 *: not run; start with --timers")
    (row,) = json.loads(started(project, "--json", "--timers")[0])["functions"]
    assert row["timers"][0] == {
        "name": "tick",
        "cron_expression": "0 0 0 1 1 *",
        "enabled": True,
        "next": f"{year}-01-01T00:00:00Z",
    }
    assert row["triggers"][0]["type"] == "oss"
    assert [one["runs"] for one in row["destinations"]] == [True, False]


def test_a_hint_is_said_once_for_all_functions_that_share_its_code(project: Project) -> None:
    project.files({"shared.py": "import yaml\ndef handler(event, context): pass"})
    for number in range(5):
        project.function(f"f{number}", "", handler="shared.handler")
    _, _, log = run(project, "invoke", "f0")
    assert log.startswith("fc-stub: hint: f0: python3.12 does not carry, and its code does not")
    with_all = subprocess.Popen(
        [*COMMAND, "start", "--port", "0", "-t", str(project.write())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with with_all as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("fc-stub: hint: f0, f1, f2 and 2 more: ")
        process.terminate()
