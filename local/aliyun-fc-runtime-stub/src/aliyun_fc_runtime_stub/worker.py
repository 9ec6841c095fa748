"""One worker process, seen from the stub: frames in, frames out, its output, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from .log_text import LogText
from .memory import tree_memory

BOOTSTRAP = Path(__file__).parent / "runtime" / "bootstrap.py"
_HEAD = struct.Struct(">II")
_GRACE = 0.3
_WATCH = 0.05


class End(Enum):
    """Why a worker did not answer."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call; `end` is None if the worker answered."""

    ok: bool
    payload: bytes
    memory_kib: int
    end: End | None
    exit_code: int | None


class Worker:
    """A running bootstrap.py. Its memory limit is in MB; `frozen` stops it between calls."""

    def __init__(self, memory_limit: int, *, freeze: bool) -> None:
        self.log = LogText()
        self._limit_kib = memory_limit * 1024
        self._freeze = freeze
        self._end: End | None = None
        self._alive = False
        self._peak_kib = 0
        self._reaping = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether the worker can take another call."""
        return self._alive and self._end is None

    async def start(
        self, python: Path, code: Path, environment: Mapping[str, str], config: dict[str, Any]
    ) -> None:
        """Start the process; it loads no user code before its first call."""
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[None] = self._loop.create_future()
        ours, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        self._output, output = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [python, "-W", "ignore", BOOTSTRAP, str(theirs.fileno()), str(lifeline)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=code,
                env=dict(environment),
                pass_fds=(theirs.fileno(), lifeline),
            )
        except OSError:
            ours.close()
            os.close(self._output)
            os.close(self._lifeline)
            raise
        finally:
            theirs.close()
            os.close(lifeline)
            os.close(output)
        self._alive = True
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._output, self._read_output)
        threading.Thread(target=self._wait, name="fc-stub-wait", daemon=True).start()
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._write(config, b"")

    def _write(self, head: dict[str, Any], payload: bytes) -> None:
        encoded = json.dumps(head).encode()
        self._writer.write(_HEAD.pack(len(encoded), len(payload)) + encoded)
        if payload:
            self._writer.write(payload)

    async def call(self, head: dict[str, Any], payload: bytes, timeout: float) -> Answer:
        """Send one call and wait for its answer, at most `timeout` seconds; then it is killed."""
        if self._freeze:
            self._signal(signal.SIGCONT, group=True)
        deadline = self._loop.call_later(timeout, self._time_out)
        self._watch = self._loop.call_later(_WATCH, self._watch_memory)
        try:
            self._write(head, payload)
            sizes = await self._reader.readexactly(_HEAD.size)
            head_size, payload_size = _HEAD.unpack(sizes)
            answer = json.loads(await self._reader.readexactly(head_size))
            result = await self._reader.readexactly(payload_size)
        except (asyncio.IncompleteReadError, OSError):
            await asyncio.shield(self._exited)
            self._read_output()
            self._end = self._end or End.EXIT
            return Answer(False, b"", self._peak_kib, self._end, self._process.returncode)
        finally:
            deadline.cancel()
            self._watch.cancel()
        self._read_output()
        memory = max(answer["memory_kib"], self._peak_kib)
        if memory > self._limit_kib:
            self._end = End.MEMORY
            await self.kill()
            return Answer(False, b"", memory, End.MEMORY, None)
        if self._freeze:
            self._signal(signal.SIGSTOP, group=True)
        return Answer(answer["ok"], result, memory, None, None)

    async def kill(self) -> None:
        """End the process and everything it has started, and wait until it is gone."""
        if not self._alive:
            return
        self._end = self._end or End.EXIT
        self._kill_group()
        await asyncio.shield(self._exited)

    def _time_out(self) -> None:
        self._end = End.TIMEOUT
        self._signal(signal.SIGTERM, group=False)
        self._loop.call_later(_GRACE, self._kill_group)

    def _watch_memory(self) -> None:
        used = tree_memory(self._process.pid)
        self._peak_kib = max(self._peak_kib, used)
        if used > self._limit_kib:
            self._end = self._end or End.MEMORY
            self._kill_group()
        else:
            self._watch = self._loop.call_later(_WATCH, self._watch_memory)

    def _signal(self, number: signal.Signals, *, group: bool) -> None:
        with self._reaping, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._process.returncode is None:
                (os.killpg if group else os.kill)(self._process.pid, number)

    def _kill_group(self) -> None:
        self._signal(signal.SIGKILL, group=True)
        self._signal(signal.SIGKILL, group=False)  # it may not have a group of its own yet

    def _wait(self) -> None:
        # The process stays a zombie until its group is killed, so its number cannot be another's.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._signal(signal.SIGKILL, group=True)
        with self._reaping:
            self._process.wait()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._after_exit)

    def _after_exit(self) -> None:
        # An answer written just before the exit is still in the socket: let it be read first.
        self._loop.call_later(0.02, self._close)

    def _close(self) -> None:
        self._alive = False
        self._read_output()
        self._loop.remove_reader(self._output)
        os.close(self._output)
        os.close(self._lifeline)
        self._output = -1
        self._writer.transport.abort()
        self._exited.set_result(None)

    def _read_output(self) -> None:
        while self._output >= 0:
            try:
                data = os.read(self._output, 65536)
            except (BlockingIOError, OSError):
                return
            if not data:
                self._loop.remove_reader(self._output)
                return
            self.log.add(data)
