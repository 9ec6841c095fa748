"""The life of instances: hooks, timeouts, memory, concurrency, and their end.

Sources: "Lifecycle hooks for function instances"
(https://www.alibabacloud.com/help/en/functioncompute/fc/lifecycle-hooks-for-function-instances-1),
"Limits", "Instance types and specifications".
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aliyun_fc_runtime_stub import FunctionNotFound, StubError, Throttled
from stub_project import RUNTIMES, Project, process_is_gone


def error_of(invocation: Any) -> dict[str, str]:
    error: dict[str, str] = json.loads(invocation.payload)
    return error


def test_initializer_runs_once(project: Project, runtime: str) -> None:
    """Once per instance, before the first request; its log has lines of its own."""
    text = """
        calls = []
        def init(context): calls.append("init"); print("initializing", context.function.name)
        def handler(event, context): calls.append("call"); return calls
    """
    hooks = {"initializer": {"handler": "f.init", "timeout": 5}}
    project.function("f", text, runtime=runtime, instanceLifecycleConfig=hooks)
    fc = project.start()
    first, second = fc.invoke("f"), fc.invoke("f")
    assert json.loads(first.payload) == ["init", "call"]
    assert json.loads(second.payload) == ["init", "call", "call"]
    number = first.request_id
    assert first.log == (
        f"FC Initialize Start RequestId: {number}\ninitializing f\n"
        f"FC Initialize End RequestId: {number}\n"
        f"FC Invoke Start RequestId: {number}\nFC Invoke End RequestId: {number}\n"
    )
    assert "Initialize" not in second.log


@pytest.mark.parametrize(
    ("body", "error_type"),
    [("raise ValueError('x')", "ValueError"), ("time.sleep(9)", "FunctionTimeoutError")],
)
def test_an_initializer_that_fails_fails_its_request_alone(
    project: Project, body: str, error_type: str
) -> None:
    """The request fails with InitializationError and status 200; the next has a new instance."""
    text = f"""
        import os, pathlib, time
        flag = pathlib.Path("tried")
        def init(context):
            if not flag.exists():
                flag.touch()
                {body}
        def handler(event, context): return "ok"
    """
    hooks = {"initializer": {"handler": "f.init", "timeout": 1}}
    project.function("f", text, instanceLifecycleConfig=hooks)
    fc = project.start()
    failed = fc.invoke("f")
    assert (failed.status, failed.error_type) == (200, "InitializationError")
    assert error_of(failed)["errorType"] == error_type
    assert "FC Invoke" not in failed.log
    end = f"FC Initialize End RequestId: {failed.request_id}, Error: Unhandled function error\n"
    assert failed.log.endswith(end)
    assert fc.invoke("f").payload == b"ok"


def test_pre_stop_runs_at_the_end(project: Project, tmp_path: Path, runtime: str) -> None:
    """preStop runs before an instance ends, for every instance that has served."""
    text = f"""
        import pathlib
        def stop(context): pathlib.Path({str(tmp_path)!r}, "stopped").write_text(context.region)
        def handler(event, context): return "ok"
    """
    hooks = {"preStop": {"handler": "f.stop", "timeout": 5}}
    project.function("f", text, runtime=runtime, instanceLifecycleConfig=hooks)
    fc = project.start()
    fc.invoke("f")
    assert not (tmp_path / "stopped").exists()
    fc.stop()
    assert (tmp_path / "stopped").read_text() == "cn-hangzhou"


@pytest.mark.parametrize(
    ("body", "written", "end"),
    [
        ("print('closed')", "closed\n", ""),
        ("raise RuntimeError('no db')", "no db", ", Error: Unhandled function error"),
        ("sys.exit('gone')", "gone\n", ", Error: Unhandled function error"),
    ],
)
def test_the_log_of_pre_stop_has_its_lines_and_tells_a_failure(
    project: Project, body: str, written: str, end: str
) -> None:
    text = f"""
        import sys
        def stop(context): {body}
        def handler(event, context): return "ok"
    """
    hooks = {"preStop": {"handler": "f.stop", "timeout": 5}}
    project.function("f", text, instanceLifecycleConfig=hooks)
    fc = project.start()
    fc.invoke("f")
    log = fc.stop()
    assert log.startswith("FC PreStop Start RequestId: ")
    assert written in log
    assert re.search(rf"FC PreStop End RequestId: [0-9a-f-]+{end}\n\Z", log)


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(60)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "os.fork() or time.sleep(60); time.sleep(60)",
    ],
)
def test_timeout_kills(project: Project, tmp_path: Path, body: str) -> None:
    """ "Limits": at the timeout the instance is killed, children too, and another takes over."""
    text = f"""
        import os, pathlib, signal, sys, time
        def handler(event, context):
            if event: return "ok"
            pathlib.Path({str(tmp_path)!r}, context.function.name).write_text(str(os.getpid()))
            print("before")
            {body}
    """
    names = [runtime.replace(".", "_") for runtime in RUNTIMES]
    for name, runtime in zip(names, RUNTIMES, strict=True):
        project.function(name, text, runtime=runtime, timeout=1)
    fc = project.start()
    begin = time.monotonic()
    with ThreadPoolExecutor() as pool:
        invocations = list(pool.map(fc.invoke, names))
    assert 1 <= time.monotonic() - begin < 60  # what they sleep
    for name, invocation in zip(names, invocations, strict=True):
        assert invocation.error_type == "UnhandledInvocationError"
        assert error_of(invocation)["errorType"] == "FunctionTimeoutError"
        assert "before\n" in invocation.log
        if "SIG_IGN" not in body:
            assert ", in handler" in invocation.log  # the stacks of all threads
        assert process_is_gone(int((tmp_path / name).read_text()))
        assert fc.invoke(name, b"again").payload == b"ok"


def test_import_counts_for_the_timeout(project: Project) -> None:
    """The module is imported inside the first request's timeout (seen in a 3.12 traceback)."""
    project.function("f", "import time\ntime.sleep(30)\ndef handler(e, c): pass", timeout=1)
    assert error_of(project.start().invoke("f"))["errorType"] == "FunctionTimeoutError"


@pytest.mark.parametrize("keep", ["data", "None"])
def test_an_instance_over_its_memory_is_ended(project: Project, runtime: str, keep: str) -> None:
    """Monitoring pages: FunctionOOMError when an instance needs more than its memorySize."""
    text = f"""
        import time
        def handler(event, context):
            if event: return "ok"
            data = b"x" * (200 << 20)
            if {keep}: time.sleep(30)
            return "done"
    """
    project.function("f", text, runtime=runtime, memorySize=128)
    fc = project.start()
    invocation = fc.invoke("f")
    assert error_of(invocation)["errorType"] == "FunctionOOMError"
    assert invocation.memory_mb > 128
    assert fc.invoke("f", b"again").payload == b"ok"


@pytest.mark.parametrize("body", ["os._exit(7)", "os.kill(os.getpid(), 11)"])
def test_a_process_that_ends_is_an_error_and_is_replaced(project: Project, body: str) -> None:
    """A process that ends by itself is an unhandled error, and the next request is served."""
    text = f"""
        import os
        def handler(event, context):
            if event: return "ok"
            if os.fork() == 0:
                import time; time.sleep(30)
            {body}
    """
    project.function("f", text)
    fc = project.start()
    assert error_of(fc.invoke("f"))["errorType"] == "FunctionExitError"
    assert fc.invoke("f", b"again").payload == b"ok"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("sys.exit('why')", "exit code 1"),
        ("raise KeyboardInterrupt", "SIGINT"),
        ("raise Own", "exit code 1"),
    ],
)
def test_what_is_no_exception_ends_the_instance(project: Project, body: str, code: str) -> None:
    """The published runtime catches Exception alone, so anything else ends the process."""
    text = f"""
        import os, sys
        class Own(BaseException): pass
        count = 0
        def handler(event, context):
            global count
            count += 1
            if event: {body}
            return f"{{count}} {{os.getpid()}}"
    """
    project.function("f", text)
    fc = project.start()
    first = fc.invoke("f").payload.split()
    error = error_of(fc.invoke("f", b"exit"))
    assert error["errorType"] == "FunctionExitError"
    assert code in error["errorMessage"]
    count, process = fc.invoke("f").payload.split()
    assert (first[0], count) == (b"1", b"1")
    assert process != first[1]


def test_sys_exit_while_a_module_is_loaded_ends_the_instance(project: Project) -> None:
    project.function("f", "import sys\nsys.exit(3)")
    assert error_of(project.start().invoke("f"))["errorType"] == "FunctionExitError"


SLOW = """
    import os, time
    def handler(event, context): time.sleep(float(event)); return str(os.getpid())
"""


def test_an_instance_serves_one_request_at_a_time(project: Project) -> None:
    """ "Instance types": one request at a time; more instances under load; idle ones are reused.

    instanceConcurrency has no effect in a built-in runtime.
    """
    project.function("f", SLOW, instanceConcurrency=10)
    fc = project.start()
    results: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: results.append(fc.invoke("f", b"0.3").payload))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 3
    assert fc.invoke("f", b"0").payload in results


def test_too_many_instances_are_throttled(project: Project) -> None:
    """ "Limits": too many instances are throttled (429)."""
    project.function("f", SLOW)
    fc = project.start(instance_limit=1)
    busy = threading.Thread(target=fc.invoke, args=("f", b"0.5"))
    busy.start()
    time.sleep(0.2)
    with pytest.raises(Throttled):
        fc.invoke("f", b"0")
    busy.join()
    assert fc.invoke("f", b"0").error_type is None


@pytest.mark.parametrize("freeze", [True, False])
def test_an_instance_is_frozen_between_requests_if_asked(project: Project, freeze: bool) -> None:
    """ "Instance types": between requests an instance is frozen; here by choice."""
    text = """
        import threading, time
        count = 0
        def run():
            global count
            while True: count += 1; time.sleep(0.01)
        def handler(event, context):
            if not count: threading.Thread(target=run, daemon=True).start(); time.sleep(0.05)
            return str(count)
    """
    project.function("f", text)
    fc = project.start(freeze=freeze)
    first = int(fc.invoke("f").payload)
    time.sleep(0.5)
    grown = int(fc.invoke("f").payload) - first
    assert grown <= 5 if freeze else grown >= 10


@pytest.mark.parametrize("freeze", [True, False])
def test_workers_end_with_the_stub_and_take_their_children_along(
    project: Project, tmp_path: Path, freeze: bool
) -> None:
    """Workers end with the stub, even if it is killed, and take their children along."""
    text = f"""
        import os, pathlib, signal, time
        def handler(event, context):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            pathlib.Path({str(tmp_path)!r}, "pid").write_text(f"{{os.getpid()}} {{os.getcwd()}}")
            return "ok"
    """
    project.function("f", text)
    script = (
        "import sys, time\nfrom aliyun_fc_runtime_stub import FunctionCompute\n"
        f"fc = FunctionCompute({str(project.write())!r}, port=0, freeze={freeze})\n"
        "fc.start(); fc.invoke('f'); print('ready', flush=True); time.sleep(int(sys.argv[1]))\n"
        "fc.stop()\n"
    )
    # a folder of its own, where no other stub cleans up meanwhile
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    with subprocess.Popen([*command, "60"], stdout=subprocess.PIPE, env=environment) as stub:
        assert stub.stdout is not None
        assert stub.stdout.readline() == b"ready\n"
        stub.kill()
    number, code = (tmp_path / "pid").read_text().split()
    assert process_is_gone(int(number))
    assert Path(code).exists()
    # the next start removes what the killed one could not
    subprocess.run([*command, "0"], check=True, env=environment, stdout=subprocess.DEVNULL)
    assert not Path(code).exists()


def test_stop_ends_all(project: Project, tmp_path: Path) -> None:
    """Stopping ends a busy instance as well, removes the code, and may be repeated."""
    text = f"""
        import os, pathlib, time
        def handler(event, context):
            pathlib.Path({str(tmp_path)!r}, "pid").write_text(f"{{os.getpid()}} {{os.getcwd()}}")
            time.sleep(30)
    """
    project.function("f", text, timeout=60)
    fc = project.start()
    fc.invoke("f", asynchronous=True)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    number, folder = (tmp_path / "pid").read_text().split()
    fc.stop()
    fc.stop()
    assert process_is_gone(int(number))
    assert not Path(folder).exists()


def test_an_unknown_name_is_told_with_the_known_ones(project: Project) -> None:
    project.function("f", "def handler(e, c): return 'ok'")
    fc = project.start()
    with pytest.raises(FunctionNotFound, match="there are: f"):
        fc.invoke("g")
    with pytest.raises(StubError, match="no http trigger"):
        fc.url("f")
    with pytest.raises(FunctionNotFound, match="no function 'g'; there are"):
        project.start(functions=["g"])


def test_a_timeout_amid_a_write_is_a_timeout(project: Project, runtime: str) -> None:
    """SIGTERM meets the function inside print(), where Python's streams take nothing else."""
    text = """
        def handler(event, context):
            if event: return "ok"
            while True: print("." * 100)
    """
    project.function("f", text, runtime=runtime, timeout=1)
    fc = project.start()
    for _ in range(3):
        invocation = fc.invoke("f")
        assert error_of(invocation)["errorType"] == "FunctionTimeoutError"
    assert fc.invoke("f", b"again").payload == b"ok"
