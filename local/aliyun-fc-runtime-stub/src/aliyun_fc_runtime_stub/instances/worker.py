"""One worker process, seen from the stub: frames in, frames out."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .instance_process import End, InstanceProcess, not_started

BOOTSTRAP = Path(__file__).parent / "runtime" / "bootstrap.py"
_HEAD = struct.Struct(">II")
_MAX_HEAD = 1024


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
        self._process = InstanceProcess(memory_limit, self._exited)
        self.log = self._process.log
        self._on_exit = on_exit
        self._freeze = freeze

    def _exited(self) -> None:
        self._writer.transport.abort()
        self._on_exit()

    @property
    def end(self) -> End | None:
        """Why the process was ended, None as long as it may go on."""
        return self._process.end

    @property
    def memory_kib(self) -> int:
        """What the process and its children had at the last look."""
        return self._process.memory_kib

    @property
    def alive(self) -> bool:
        """Whether the worker can take another call."""
        return self._process.running and self._process.end is None

    @property
    def process_id(self) -> int | None:
        """The process, as long as it runs."""
        return self._process.process_id

    @property
    def exit_code(self) -> int | None:
        """How the process has ended: its exit code, or minus the signal that killed it."""
        return self._process.exit_code

    async def start(
        self, python: Path, code: Path, environment: Mapping[str, str], config: dict[str, Any]
    ) -> None:
        """Start the process; it loads no user code before its first call.

        Raises RequestRefused (500) if this machine has no room for another process.
        """
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise not_started(error.strerror) from None
        with theirs:
            try:
                self._process.start(
                    lambda lifeline: _command(python, theirs.fileno(), lifeline),
                    code=code,
                    environment=environment,
                    mark=environment["FC_INSTANCE_ID"],
                    descriptors=(theirs.fileno(),),
                )
            except BaseException:
                ours.close()
                raise
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._write(config, b"")

    def _write(self, head: dict[str, Any], payload: bytes) -> None:
        encoded = json.dumps(head).encode()
        self._writer.write(_HEAD.pack(len(encoded), len(payload)) + encoded)
        if payload:
            self._writer.write(payload)

    async def call(self, head: dict[str, Any], payload: bytes, timeout: float) -> Answer:
        """Send one call and wait for its answer, at most `timeout` seconds; then it is killed."""
        process = self._process
        if self._freeze:
            process.thaw()
        deadline = asyncio.get_running_loop().call_later(timeout, process.time_out)
        process.set_busy(True)
        try:
            self._write(head, payload)
            sizes = await self._reader.readexactly(_HEAD.size)
            head_size, payload_size = _HEAD.unpack(sizes)
            if head_size > _MAX_HEAD:
                raise ValueError("not from bootstrap.py")
            answer = json.loads(await self._reader.readexactly(head_size))
            result = await self._reader.readexactly(payload_size)
            memory = max(int(answer["memory_kib"]), process.peak_kib)
            ok = bool(answer["ok"])
        except (asyncio.IncompleteReadError, OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, (ValueError, KeyError, TypeError)):
                process.kill_group()  # the function has written into our socket
            await process.ended()
            process.end = process.end or End.EXIT
            return Answer(False, b"", process.peak_kib, process.end, process.exit_code)
        finally:
            deadline.cancel()
            process.set_busy(False)
        process.read_output()
        if memory > process.limit_kib:
            process.end = End.MEMORY
            await process.kill()
            return Answer(False, b"", memory, End.MEMORY, None)
        if self._freeze:
            process.freeze()
        return Answer(ok, result, memory, None, None)

    async def kill(self) -> None:
        """End the process and everything it has started, and wait until it is gone."""
        await self._process.kill()


def _command(python: Path, control: int, lifeline: int) -> list[str | Path]:
    return [python, "-W", "ignore", BOOTSTRAP, str(control), str(lifeline)]
