"""What a function may do to its process, its machine and the stub, and what is left of it."""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aliyun_fc_runtime_stub import FunctionCompute, Notice, RequestRefused
from aliyun_fc_runtime_stub.instances.processes import environment_of
from stub_project import Project, process_is_gone, until

COMMAND = [sys.executable, "-m", "aliyun_fc_runtime_stub.cli"]
DOES = """
    import os, re, resource, signal, subprocess, sys, threading, time
    def handler(event, context):
        found = {}
        exec(event, {**globals(), "found": found})
        return found.get("answer", "ok")
"""


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def running(*command: str | Path, **options: Any) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Run `fc-stub start` on free ports; yield it and what its first line says."""
    with subprocess.Popen(
        [*COMMAND, *command, "--json", "--port", "0"], stdout=subprocess.PIPE, text=True, **options
    ) as stub:
        assert stub.stdout is not None
        try:
            yield stub, json.loads(stub.stdout.readline())
        finally:
            stub.terminate()


def invoke(api: str, body: bytes) -> bytes:
    url = f"{api}/2023-03-30/functions/f/invocations"
    with urllib.request.urlopen(url, data=body) as reply:
        answer: bytes = reply.read()
    return answer


WRITES_EVERYWHERE = """
for descriptor in range(3, 64):
    try: os.write(descriptor, b"\\xff" * 16)
    except OSError: pass
"""
SELF_DESTRUCTION = [
    ("os._exit(7)", "exit code 7"),
    ("os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
    ("os.kill(os.getpid(), 40)", "ended by signal 40"),
    ("os.killpg(0, signal.SIGTERM); time.sleep(9)", "exit code 143"),
    # Its channel has the number that it has in the stub, which is above 64 in a long run.
    ("os.closerange(0, 4096)", "exit code 120"),
    ("os.fork(); os.abort()", "ended by SIGABRT"),
    (WRITES_EVERYWHERE, "ended by SIGKILL"),
]


def test_a_process_that_destroys_itself_is_replaced(project: Project) -> None:
    """How it ended is said; the next invocation has a new instance."""
    project.function("f", DOES)
    fc = project.start()
    for statement, how in SELF_DESTRUCTION:
        invocation = fc.invoke("f", statement.encode())
        assert invocation.error_type is not None, statement
        error = json.loads(invocation.payload)
        assert error["errorType"] == "FunctionExitError"
        assert how in error["errorMessage"]
        assert fc.invoke("f", b"pass").payload == b"ok"


CLOSED = [
    "os.close(1); os.close(2)",
    "sys.stdout.close(); sys.stderr.close()",
    "sys.stdout = sys.stderr = None",
    "sys.stdin.close(); os.close(0)",
]


@pytest.mark.parametrize("statement", CLOSED)
def test_closed_output_fails_no_invocation(project: Project, statement: str) -> None:
    """It fails no invocation by itself, and an error is still told."""
    project.function("f", DOES)
    fc = project.start()
    assert fc.invoke("f", statement.encode()).payload == b"ok"
    failed = fc.invoke("f", f"{statement}; raise ValueError('x')".encode())
    assert failed.error_type == "UnhandledInvocationError"
    assert fc.invoke("f", b"pass").payload == b"ok"


def test_a_forked_process_that_comes_back_answers_nothing(project: Project) -> None:
    """Only the instance itself answers; the answers of the next requests are their own."""
    project.function("f", DOES)
    fc = project.start()
    fork = b"child = os.fork() == 0; found['answer'] = 'child' if child else 'parent'"
    invocation = fc.invoke("f", fork + b"\nif not child: os.wait()")
    assert invocation.payload == b"parent"
    assert "a forked process came back from the handler\n" in invocation.log
    for number in range(3):
        assert fc.invoke("f", f"found['answer'] = '{number}'".encode()).payload == b"%d" % number


def test_a_function_that_removes_its_code_starts_no_more(project: Project) -> None:
    """All its instances share one copy, so no other can start; that is what the caller reads."""
    project.function("f", DOES)
    fc = project.start()
    remove = b"import shutil; shutil.rmtree(os.environ['FC_FUNC_CODE_PATH']); os._exit(1)"
    assert fc.invoke("f", remove).error_type
    with pytest.raises(RequestRefused, match="the function has removed the folder of its code"):
        fc.invoke("f", b"pass")


def test_what_a_function_has_started_ends_with_its_instance(project: Project) -> None:
    """Even in a session of its own, which no signal to the group reaches."""
    project.function("f", DOES)
    fc = project.start()
    start = (
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True);"
        "found['answer'] = str(child.pid)"
    )
    pid = int(fc.invoke("f", start.encode()).payload)
    assert not process_is_gone(pid, seconds=0)
    fc.stop()
    assert process_is_gone(pid)


def test_a_process_is_known_by_its_environment_as_soon_as_it_has_started() -> None:
    """It is what leftovers are found by, however soon the instance ends."""
    for _ in range(200):
        with subprocess.Popen(["sleep", "60"], env={"PATH": os.defpath, "MARK": "1"}) as child:
            try:
                assert b"MARK=1\0" in environment_of(child.pid)
            finally:
                child.kill()


FORKS = """
if not os.fork():
    data = b"x" * (100 << 20)
    time.sleep(20)
data = b"x" * (100 << 20)
time.sleep(20)
"""
SHARES = """
data = b"x" * (100 << 20)
if not os.fork():
    time.sleep(0.5)
    os._exit(0)
os.wait()
"""
IN_A_THREAD = (
    "threading.Thread(target=lambda: subprocess.run([sys.executable, '-c',"
    "'import time; x = bytearray(b\"x\") * (200 << 20); time.sleep(20)'])).start(); time.sleep(20)"
)


@pytest.mark.parametrize(
    ("statement", "over"), [(FORKS, True), (IN_A_THREAD, True), (SHARES, False)]
)
def test_the_memory_of_children_counts_and_what_they_share_counts_once(
    project: Project, statement: str, over: bool
) -> None:
    """Children count, those of threads too; what forked processes share counts once."""
    project.function("f", DOES, memorySize=192, cpu=0.15)
    invocation = project.start().invoke("f", statement.encode())
    assert (b"FunctionOOMError" in invocation.payload) is over


def test_what_ends_an_instance_between_requests_is_told_at_once(project: Project) -> None:
    """Memory taken in the background, and an end by itself, are told when they happen."""
    notices: list[Notice] = []
    project.function("f", DOES, memorySize=128)
    fc = project.start(notify=notices.append)
    fc.invoke("f", b"threading.Timer(0.2, lambda: (b'x' * (200 << 20), time.sleep(9))).start()")
    until(lambda: notices)
    assert "ended between requests: it used " in notices[0].text
    fc.invoke("f", b"print('last'); threading.Timer(0.2, os._exit, [3]).start()")
    until(lambda: len(notices) == 2)
    assert notices[1].text == "an instance has ended between requests: exit code 3"


def test_idle_instances_end(project: Project) -> None:
    """After `idle_seconds`, with their preStop hook; those in use stay."""
    notices: list[Notice] = []
    text = f"{DOES}    def stop(context): print('stopping')\n"
    hooks = {"preStop": {"handler": "f.stop", "timeout": 5}}
    project.function("f", text, instanceLifecycleConfig=hooks)
    before = open_files()
    fc = project.start(idle_seconds=0.2, notify=notices.append)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: fc.invoke("f", b"time.sleep(0.3)"), range(3)))
    until(lambda: len(notices) == 3)
    assert {one.kind for one in notices} == {"instance"}
    assert all("\nstopping\nFC PreStop End" in one.log for one in notices)
    assert fc.invoke("f", b"pass").payload == b"ok"
    fc.stop()
    assert open_files() == before


def test_a_flood_of_output_holds_nobody_up(project: Project, tmp_path: Path) -> None:
    """While one function writes as fast as it can, another is answered."""
    project.function("f", DOES, timeout=60)
    project.function("g", "def handler(event, context): return 'ok'")
    fc = project.start()
    begin, end = tmp_path / "begin", tmp_path / "end"
    flood = (
        f"open({str(begin)!r}, 'w')\n"
        f"while not os.path.exists({str(end)!r}): os.write(1, b'x' * 65536)"
    )
    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(fc.invoke, "f", flood.encode())
        until(begin.exists)
        try:
            for _ in range(4):
                assert fc.invoke("g").payload == b"ok"
        finally:
            end.touch()
        assert flooding.result().payload == b"ok"
    assert sum(len(one.log) for one in fc.invocations()) < 9 * 1024 * 1024


def test_many_events_wait_their_turn(project: Project) -> None:
    """More than there are instances: all run once, in order, and nothing stays open."""
    project.function("f", "def handler(event, context): return event")
    fc = project.start(instance_limit=2)
    fc.invoke("f", b"first")
    before = open_files()
    for number in range(500):
        fc.invoke("f", b"%d" % number, asynchronous=True)
    fc.wait_for_async()
    assert {one.payload for one in fc.invocations()[1:]} == {b"%d" % one for one in range(500)}
    assert open_files() <= before + 3


def resident_kib() -> int:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[0])


def test_ten_thousand_events_wait(project: Project) -> None:
    """All are accepted before the first has run; a second time takes no more than the first."""
    project.function("f", "def handler(event, context): return event")
    fc = project.start()

    async def accept() -> int:
        for number in range(10_000):
            fc._service.invoke_later("f", b"%d" % number)
        return fc._service.queue.state("f").waiting

    used = []
    for _ in range(2):
        assert fc._wait(accept()) == 10_000
        fc.wait_for_async(600)
        assert {one.payload for one in fc.invocations()} == {b"%d" % n for n in range(10_000)}
        gc.collect()
        used.append((open_files(), resident_kib()))
    (files, memory), (files_later, memory_later) = used
    assert files_later < files + 100  # some more instances, but nothing for each event
    assert memory_later < memory + 8 * 1024


ALL_AT_ONCE = """
    import os, pathlib, time
    def handler(event, context):
        folder = pathlib.Path(event.decode())
        (folder / context.request_id).touch()
        while len(os.listdir(folder)) < 200:
            time.sleep(0.5)
        return "ok"
"""


def test_two_hundred_invocations_run_at_once_and_leave_nothing_behind(
    project: Project, tmp_path: Path
) -> None:
    """Each waits until all are there; a second time takes no more than the first."""
    project.function("f", ALL_AT_ONCE, timeout=600)
    before = open_files()
    fc = project.start(instance_limit=200)
    used = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        event = str(tmp_path / name).encode()
        with ThreadPoolExecutor(200) as pool:
            done = list(pool.map(lambda _: fc.invoke("f", event), range(200)))  # noqa: B023
        assert {one.payload for one in done} == {b"ok"}
        gc.collect()
        used.append((open_files(), resident_kib()))
    (files, memory), (files_later, memory_later) = used
    assert files_later < files + 20  # nothing for each invocation
    assert memory_later < memory + 8 * 1024
    fc.stop()
    assert open_files() <= before


@pytest.mark.parametrize(
    "statement",
    [
        "time.sleep(60)",
        "re.match('(a+)+$', 'a' * 60 + 'b')",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "os.setpgid(0, 0) or time.sleep(60)",
    ],
)
def test_a_killed_stub_leaves_no_worker(project: Project, tmp_path: Path, statement: str) -> None:
    """Not even one whose interpreter is locked by C code, or one that is stopped."""
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    project.function("f", DOES, timeout=60)
    with running("start", "-t", project.write()) as (stub, ready):
        url = f"{ready['api']}/2023-03-30/functions/f/invocations"
        headers = {"X-Fc-Invocation-Type": "Async"}
        event = f"{note}{statement}".encode()
        urllib.request.urlopen(urllib.request.Request(url, event, headers)).close()
        pid = int(until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
        time.sleep(0.1)
        stub.kill()
        stub.wait()
    assert process_is_gone(pid)


def test_a_full_disk_is_told_and_nothing_half_made_is_left(
    project: Project, tmp_path: Path
) -> None:
    """No room for the copy of the code: a sentence and the remedy, nothing half-made is left.

    A limit on the size of files stands for the full disk; the error comes from the same call.
    """
    project.function("f", DOES)
    project.files({"large.txt": "x" * 200_000})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    limited = ["sh", "-c", 'ulimit -f 150; exec "$@"', "sh", *COMMAND]
    done = subprocess.run(
        [*limited, "invoke", "f", "-t", project.write()],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot be copied: File too large; make room below {scratch}" in done.stderr
    assert list(scratch.iterdir()) == []


def test_nobody_reads_the_report(project: Project) -> None:
    """A closed pipe ends the report, a pipe that is not read delays it; the functions go on."""
    project.function("f", DOES)
    with running("start", "-t", project.write(), stderr=subprocess.PIPE) as (stub, ready):
        assert stub.stdout is not None
        assert stub.stderr is not None
        for _ in range(3):
            assert invoke(ready["api"], b"print('x' * 30000)") == b"ok"
        stub.stdout.close()
        for _ in range(3):
            assert invoke(ready["api"], b"pass") == b"ok"
        stub.send_signal(signal.SIGINT)
        assert stub.wait() == 0
        assert stub.stderr.read().endswith("fc-stub: nothing more is written: Broken pipe\n")


def test_a_stub_that_can_start_no_process_goes_on(project: Project) -> None:
    """A machine that cannot start another instance: 500 for the caller, and the stub goes on."""
    project.function("f", DOES)
    fc: FunctionCompute = project.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), hard))
    try:
        with pytest.raises(Exception, match="no process could be started for an instance"):
            fc.invoke("f", b"pass")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert fc.invoke("f", b"pass").payload == b"ok"
