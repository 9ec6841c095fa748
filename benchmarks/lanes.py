"""The programs that are compared, and the parent's side of their processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from benchmarks import packages
from benchmarks.certificates import make_certificates
from benchmarks.clients.function import API_KEY

FUNCTION, SMS_API, SDK, REQUESTS = "function", "sms_api", "official_sdk", "bare_requests"
_CODE = (
    "from benchmarks.clients.loop import serve\n"
    "from benchmarks.clients.{lane} import send\n"
    "serve(send)"
)


class FirstSend(NamedTuple):
    """From the start of a process to its first accepted SMS."""

    wall_seconds: float
    cpu_seconds: float
    resident_bytes: float


class Block(NamedTuple):
    """Many sends of a warm process."""

    cpu_seconds: float
    wall_seconds: float


class Field(NamedTuple):
    """Where the lanes run: folders of packages below `folder`, and the server's two addresses."""

    folder: Path
    http: str
    https: str

    def process(self, lane: str, endpoint: str, *, bytecode: bool = True) -> Process:
        """Start the program `lane`, which sends its first SMS to `endpoint`."""
        code = "sdk" if lane == SDK else "ours"
        path = (code if bytecode else f"{code}-uploaded", "runtime")
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(str(self.folder / name) for name in path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "SMS_ENDPOINT": endpoint,
            "SMS_ACCESS_KEY_ID": "testid",
            "SMS_ACCESS_KEY_SECRET": "testsecret",
            "SMS_API_KEYS": f"benchmark:{hashlib.sha256(API_KEY.encode()).hexdigest()}",
            "SSL_CERT_DIR": str(self.folder / "authorities"),
            "REQUESTS_CA_BUNDLE": str(self.folder / "bundle.pem"),
        }
        return Process(lane, environment, self.folder / "harness")


class Process:
    """A running lane; `first` is what its first send took."""

    def __init__(self, lane: str, environment: dict[str, str], folder: Path) -> None:
        # Not the virtual environment's Python: its .pth files would be part of every start.
        python = getattr(sys, "_base_executable", sys.executable)
        command = [python, "-W", "ignore", "-c", _CODE.format(lane=lane)]
        started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
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
        self._stdin.write(f"{threads} {each}\n")
        self._stdin.flush()
        return Block(*self._read())

    def close(self) -> None:
        """End the process."""
        self._stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _read(self) -> tuple[float, float]:
        other = []
        for line in self._stderr:
            word, *figures = line.split(" ")
            if word == "report":
                return float(figures[0]), float(figures[1])
            other.append(line)
        self._process.wait()
        raise RuntimeError(f"{self._lane} failed:\n{''.join(other)}")


@contextlib.contextmanager
def open_field(folder: Path) -> Iterator[Field]:
    """Lay out packages and certificates in `folder`, and run the server meanwhile."""
    packages.make_runtime(folder / "runtime")
    packages.make_harness(folder / "harness")
    for suffix, bytecode in (("", True), ("-uploaded", False)):
        packages.make_ours(folder / f"ours{suffix}", bytecode=bytecode)
        packages.make_sdk(folder / f"sdk{suffix}", bytecode=bytecode)
    certificates = make_certificates(folder)
    command = [sys.executable, "-m", "benchmarks.server", str(certificates.server)]
    with subprocess.Popen(
        command, cwd=packages.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        ports = cast("IO[str]", server.stdout).readline().split()
        if len(ports) != 2:
            raise RuntimeError("the server did not start; its message is above")
        try:
            yield Field(folder, f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}")
        finally:
            server.terminate()
