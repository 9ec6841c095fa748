"""The programs that are compared, and the parent's side of their processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, cast

from benchmarks import packages
from benchmarks.certificates import make_certificates
from benchmarks.clients.events import API_KEY, HOOK_KEY, RECEIPT_TOKEN
from tests.integration.redis_server import RedisServer

FUNCTION, SMS_API, SDK, REQUESTS = "function", "sms_api", "official_sdk", "bare_requests"
WITH_REDIS, WITH_OSS2 = "bare_requests_and_redis", "bare_requests_and_oss2"
INVOCATION = "invocation"
RECEIPTS, CODE_CHECKS, PROTOCOL = "receipts", "code_checks", "protocol"
FILE, SDK_FILE, INSTANCE = "file", "official_sdk_file", "instance"

_LOOPS = {
    **dict.fromkeys((RECEIPTS, CODE_CHECKS, PROTOCOL), ("serve", "send, prepare")),
    **dict.fromkeys((FILE, SDK_FILE, INSTANCE), ("serve_runs", "run")),
}
_CODE = (
    "from benchmarks.clients.loop import {loop}\n"
    "from benchmarks.clients.{lane} import {names}\n"
    "{loop}({names})"
)
_SERVER_PORTS = 4
# Rules that a benchmark would run into; they are counted all the same.
_HIGH_LIMITS = (
    "number-per-minute=999999999,number-per-hour=999999999,number-per-day=999999999,"
    "mainland-per-day=999999999,mainland-per-month=999999999"
)


class FirstSend(NamedTuple):
    """From the start of a process to its first accepted SMS, or to its imports if it runs."""

    wall_seconds: float
    cpu_seconds: float
    resident_bytes: float


class Block(NamedTuple):
    """Many sends of a warm process."""

    cpu_seconds: float
    wall_seconds: float


class Run(NamedTuple):
    """A long piece of work of one process, what it took at most, and the counts it told."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: float
    counts: tuple[int, ...]


class Field(NamedTuple):
    """Where the lanes run: folders of packages below `folder`, and the addresses of servers.

    `slow` takes its time to answer and `counting` counts; see the server. `redis` is a URL.
    """

    folder: Path
    http: str
    https: str
    slow: str
    counting: str
    redis: str
    server_pid: int

    def process(
        self,
        lane: str,
        endpoint: str,
        environment: Mapping[str, str] | None = None,
        *,
        bytecode: bool = True,
    ) -> Process:
        """Start the program `lane`, which sends its first SMS to `endpoint`."""
        loop, names = _LOOPS.get(lane, ("serve", "send"))
        code = _CODE.format(lane=lane, loop=loop, names=names)
        started = time.perf_counter()
        return Process(
            lane, self._popen(lane, code, endpoint, environment or {}, bytecode), started
        )

    def told(self, lane: str, code: str, environment: Mapping[str, str]) -> str:
        """Return what `code`, run as a program of `lane`, writes as its last line of errors."""
        process = self._popen(lane, code, self.http, environment, bytecode=True)
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{lane} failed:\n{errors}")
        return str(errors).splitlines()[-1]

    def with_store(self, url: str, limit: str = "") -> dict[str, str]:
        """Return the environment of a function with shared state, and with a limit more."""
        return {
            "SMS_STATE_URL": url,
            "SMS_STATE_SECRET": "a secret of the benchmark",
            "SMS_ALLOW_LOCAL_STATE": "1",
            "SMS_LIMITS": f"{_HIGH_LIMITS},{limit}",
        }

    def _popen(
        self, lane: str, code: str, endpoint: str, more: Mapping[str, str], bytecode: bool
    ) -> subprocess.Popen[str]:
        folder = "sdk" if lane.startswith(SDK) else "ours"
        path = (folder if bytecode else f"{folder}-uploaded", "runtime")
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(str(self.folder / name) for name in path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "SMS_ENDPOINT": endpoint,
            "SMS_INTERNATIONAL_ENDPOINT": endpoint,
            "SMS_ACCESS_KEY_ID": "testid",
            "SMS_ACCESS_KEY_SECRET": "testsecret",
            "SMS_SIGN_NAME": "fc-sms",
            "SMS_API_KEYS": f"benchmark:{_digest(API_KEY)},hook-logto:{_digest(HOOK_KEY)}",
            "SMS_HOOKS": "logto",
            "SMS_RECEIPT_TOKEN": RECEIPT_TOKEN,
            "SMS_CODE_TEMPLATE": "SMS_100001",
            "SSL_CERT_DIR": str(self.folder / "authorities"),
            "REQUESTS_CA_BUNDLE": str(self.folder / "bundle.pem"),
            **more,
        }
        # Not the virtual environment's Python: its .pth files would be part of every start.
        python = getattr(sys, "_base_executable", sys.executable)
        return subprocess.Popen(
            [python, "-W", "ignore", "-c", code],
            cwd=self.folder / "harness",
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Process:
    """A running lane; `first` is what its first send took, counted from `started`."""

    def __init__(self, lane: str, process: subprocess.Popen[str], started: float) -> None:
        self._process = process
        self._lane = lane
        self._stdin = cast("IO[str]", self._process.stdin)
        self._stderr = cast("IO[str]", self._process.stderr)
        cpu, resident = self._read()
        self.first = FirstSend(time.perf_counter() - started, cpu, resident)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, threads: int, each: int) -> Block:
        """Have `threads` threads send `each` SMS each."""
        self.begin(threads, each)
        return Block(*self._read())

    def begin(self, *words: object) -> None:
        """Have it run with these words, none of which holds a space."""
        self._stdin.write(" ".join(map(str, words)) + "\n")
        self._stdin.flush()

    def end(self) -> Run:
        """Wait for the end of the run that was begun."""
        cpu, wall, peak, *counts = self._read()
        return Run(cpu, wall, peak, tuple(map(int, counts)))

    def close(self) -> None:
        """End the process."""
        self._stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _read(self) -> list[float]:
        other = []
        for line in self._stderr:
            word, *figures = line.split(" ")
            if word == "report":
                return [float(figure) for figure in figures]
            other.append(line)
        self._process.wait()
        raise RuntimeError(f"{self._lane} failed:\n{''.join(other)}")


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has taken, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def open_field(folder: Path) -> Iterator[Field]:
    """Lay out packages and certificates in `folder`, and run the servers meanwhile."""
    packages.make_runtime(folder / "runtime")
    packages.make_harness(folder / "harness")
    for suffix, bytecode in (("", True), ("-uploaded", False)):
        packages.make_ours(folder / f"ours{suffix}", bytecode=bytecode)
        packages.make_sdk(folder / f"sdk{suffix}", bytecode=bytecode)
    certificates = make_certificates(folder)
    command = [sys.executable, "-m", "benchmarks.server", str(certificates.server)]
    with (
        RedisServer(folder) as redis,
        subprocess.Popen(
            command, cwd=packages.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        ports = cast("IO[str]", server.stdout).readline().split()
        if len(ports) != _SERVER_PORTS:
            raise RuntimeError("the server did not start; its message is above")
        http, https, slow, counting = (f"//127.0.0.1:{port}" for port in ports)
        try:
            yield Field(
                folder,
                f"http:{http}",
                f"https:{https}",
                f"http:{slow}",
                f"http:{counting}",
                redis.url,
                server.pid,
            )
        finally:
            server.terminate()
