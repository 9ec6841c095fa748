"""The local cloud: what the runtime stub adds, how soon it is ready and what it bears, and the
emulator's rate."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import IO, Any, cast

from benchmarks import stub_load
from benchmarks.lanes import SMS_API, Field, processor_seconds
from benchmarks.report import Row, difference

INVOCATIONS = 600
_STARTS = 5
SENDS = 1500
_BIN = Path(sys.executable).parent
_START_SECONDS = 180  # the first start of the stub may install a runtime's packages
_HANDLER = """\
def handler(event, context):
    return {"statusCode": 200, "headers": {}, "body": "{}"}
"""
_S_YAML = """\
edition: 3.0.0
name: benchmark
access: default
resources:
  trivial:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: trivial
      runtime: python3.12
      handler: trivial.handler
      code: ./code
      memorySize: 256
      cpu: 0.25
      diskSize: 512
      timeout: 10
      triggers:
        - triggerName: http
          triggerType: http
          triggerConfig:
            authType: anonymous
            methods: [GET]
"""


def measure(field: Field) -> list[Row]:
    """Measure both, each in a process of its own."""
    project = field.folder / "trivial"
    (project / "code").mkdir(parents=True)
    (project / "code" / "trivial.py").write_text(_HANDLER)
    (project / "s.yaml").write_text(_S_YAML)
    start = ("fc-stub", "start", "--max-instances", "200", "-t", str(project / "s.yaml"))
    with running(*start) as (_, ready):  # installs what the runtime has built in, if need be
        added = _added_row(field, ready)
    started = [_ready_seconds(start) for _ in range(_STARTS)]
    with running(*start) as (_, ready):
        load = stub_load.measure(str(ready["functions"][0]["url"]))
    return [added, _ready_row(started), *load, _emulator_row(field)]


def _ready_seconds(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    with running(*command):
        return time.perf_counter() - begin


def _ready_row(started: list[float]) -> Row:
    return Row(
        "runtime stub: ready",
        median(started),
        " s",
        limit=1,
        detail=f"{_STARTS} starts, {min(started):.2f} to {max(started):.2f} s",
    )


def _added_row(field: Field, ready: Any) -> Row:
    url = str(ready["functions"][0]["url"])
    stub, floor = (HTTPConnection(one.split("/")[2]) for one in (url, field.http))
    for _ in range(20):
        _exchange(stub)
        _exchange(floor)
    through, direct = [], []
    for _ in range(INVOCATIONS):
        through.append(_exchange(stub) * 1000)
        direct.append(_exchange(floor) * 1000)
    stub.close()
    floor.close()
    return Row(
        "runtime stub: added to an invocation",
        difference(through, direct),
        " ms",
        limit=1,
        detail=f"{median(through):.2f} ms through the HTTP trigger, "
        f"{median(direct):.2f} ms for the bare exchange",
    )


def _exchange(connection: HTTPConnection) -> float:
    started = time.perf_counter()
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"the answer to a trivial request is {answer.status}")
    return time.perf_counter() - started


def _emulator_row(field: Field) -> Row:
    """Count by the emulator's processor time, which is what one core of its own would give it."""
    database = field.folder / "emulator.sqlite3"
    with running("sms-emulator", "--database", str(database)) as (pid, ready):
        client = field.process(SMS_API, str(ready["url"]))
        try:
            client.send(2, 50)
            before = processor_seconds(pid)
            wall = client.send(2, SENDS // 2).wall_seconds
            busy = processor_seconds(pid) - before
        finally:
            client.close()
    return Row(
        "emulator: signed sends on one core",
        SENDS / busy,
        " /s",
        limit=500,
        at_least=True,
        detail=f"{SENDS / wall:,.0f} by the clock, beside the client; database in a file",
    )


@contextlib.contextmanager
def running(command: str, *arguments: str) -> Iterator[tuple[int, Any]]:
    """Run a server of the local cloud on free ports; yields its process id and what it said."""
    with subprocess.Popen(
        [_BIN / command, *arguments, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        stdout = cast("IO[str]", process.stdout)
        watchdog = threading.Timer(_START_SECONDS, process.kill)
        watchdog.start()
        try:
            line = stdout.readline()
            watchdog.cancel()
            if not line:
                raise RuntimeError(f"{command} did not start; its message is above")
            threading.Thread(target=_drain, args=(stdout,), daemon=True).start()
            yield process.pid, json.loads(line)
        finally:
            watchdog.cancel()
            process.terminate()


def _drain(stream: IO[str]) -> None:
    with contextlib.suppress(ValueError):
        for _ in stream:
            pass
