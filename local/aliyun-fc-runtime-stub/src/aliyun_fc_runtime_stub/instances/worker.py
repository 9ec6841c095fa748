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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ..errors import RequestRefused
from .log_text import LogText
from .processes import end_strays, tree_memory

BOOTSTRAP = Path(__file__).parent / "runtime" / "bootstrap.py"
_HEAD = struct.Struct(">II")
_MAX_HEAD = 1024
_GRACE = 1.0
_WATCH, _IDLE_WATCH = 0.05, 0.5  # seconds between two looks at the memory
_CHUNK, _CHUNKS = 65536, 32  # read at a time: a flood must not hold up the other instances


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
    """A running bootstrap.py. Its memory limit is in MB; `freeze` stops it between calls.

    `on_exit` is called when the process has ended, for whatever reason.
    """

    def __init__(self, memory_limit: int, on_exit: Callable[[], None], *, freeze: bool) -> None:
        self.log = LogText()
        self.end: End | None = None
        self.memory_kib = 0
        self._on_exit = on_exit
        self._limit_kib = memory_limit * 1024
        self._freeze = freeze
        self._alive = False
        self._busy = False
        self._peak_kib = 0
        self._reaping = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether the worker can take another call."""
        return self._alive and self.end is None

    @property
    def process_id(self) -> int | None:
        """The process, as long as it runs."""
        return self._process.pid if self._alive else None

    @property
    def exit_code(self) -> int | None:
        """How the process has ended: its exit code, or minus the signal that killed it."""
        return self._process.returncode

    async def start(
        self, python: Path, code: Path, environment: Mapping[str, str], config: dict[str, Any]
    ) -> None:
        """Start the process; it loads no user code before its first call.

        Raises RequestRefused (500) if this machine has no room for another process.
        """
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._mark = f"FC_INSTANCE_ID={environment['FC_INSTANCE_ID']}"
        try:
            ours = self._spawn(python, code, environment)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the environment
            reason = error.strerror if isinstance(error, OSError) else error
            if not code.is_dir():
                reason = "the function has removed the folder of its code"
            message = f"no process could be started for an instance: {reason}"
            raise RequestRefused(500, "InternalServerError", message) from None
        self._alive = True
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._output, self._read_output)
        threading.Thread(target=self._wait, name="fc-stub-wait", daemon=True).start()
        self._watch = self._loop.call_later(_IDLE_WATCH, self._watch_memory)
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._write(config, b"")

    def _spawn(self, python: Path, code: Path, environment: Mapping[str, str]) -> socket.socket:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            control, their_control = socket.socketpair()
            ours.callback(control.close)
            theirs.callback(their_control.close)
            lifeline, self._lifeline = os.pipe()
            ours.callback(os.close, self._lifeline)
            theirs.callback(os.close, lifeline)
            self._output, output = os.pipe()
            ours.callback(os.close, self._output)
            theirs.callback(os.close, output)
            self._process = subprocess.Popen(  # noqa: S603
                [python, "-W", "ignore", BOOTSTRAP, str(their_control.fileno()), str(lifeline)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=code,
                env=dict(environment),
                pass_fds=(their_control.fileno(), lifeline),
            )
            ours.pop_all()
            return control

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
        self._busy = True
        self._watch.cancel()
        self._watch = self._loop.call_later(_WATCH, self._watch_memory)
        try:
            self._write(head, payload)
            sizes = await self._reader.readexactly(_HEAD.size)
            head_size, payload_size = _HEAD.unpack(sizes)
            if head_size > _MAX_HEAD:
                raise ValueError("not from bootstrap.py")
            answer = json.loads(await self._reader.readexactly(head_size))
            result = await self._reader.readexactly(payload_size)
            memory = max(int(answer["memory_kib"]), self._peak_kib)
            ok = bool(answer["ok"])
        except (asyncio.IncompleteReadError, OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, (ValueError, KeyError, TypeError)):
                self._kill_group()  # the function has written into our socket
            await asyncio.shield(self._exited)
            self.end = self.end or End.EXIT
            return Answer(False, b"", self._peak_kib, self.end, self._process.returncode)
        finally:
            deadline.cancel()
            self._busy = False
        self._read_output()
        if memory > self._limit_kib:
            self.end = End.MEMORY
            await self.kill()
            return Answer(False, b"", memory, End.MEMORY, None)
        if self._freeze:
            self._signal(signal.SIGSTOP, group=True)
        return Answer(ok, result, memory, None, None)

    async def kill(self) -> None:
        """End the process and everything it has started, and wait until it is gone."""
        if not self._alive:
            return
        self.end = self.end or End.EXIT
        self._kill_group()
        await asyncio.shield(self._exited)

    def _time_out(self) -> None:
        self.end = End.TIMEOUT
        self._signal(signal.SIGTERM, group=False)
        self._loop.call_later(_GRACE, self._kill_group)

    def _watch_memory(self) -> None:
        self.memory_kib = used = tree_memory(self._process.pid, self._limit_kib)
        self._peak_kib = max(self._peak_kib, used)
        if used > self._limit_kib:
            self.end = self.end or End.MEMORY
            self._kill_group()
        else:
            pause = _WATCH if self._busy else _IDLE_WATCH
            self._watch = self._loop.call_later(pause, self._watch_memory)

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
        end_strays(self._mark)
        with self._reaping:
            self._process.wait()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._after_exit)

    def _after_exit(self) -> None:
        # An answer written just before the exit is still in the socket: let it be read first.
        self._loop.call_later(0.02, self._close)

    def _close(self) -> None:
        self._alive = False
        self._watch.cancel()
        self._read_output()
        self._loop.remove_reader(self._output)
        os.close(self._output)
        os.close(self._lifeline)
        self._output = -1
        self._writer.transport.abort()
        self._exited.set_result(None)
        self._on_exit()

    def _read_output(self) -> None:
        for _ in range(_CHUNKS if self._output >= 0 else 0):
            try:
                data = os.read(self._output, _CHUNK)
            except (BlockingIOError, OSError):
                return
            if not data:
                self._loop.remove_reader(self._output)
                return
            self.log.add(data)
