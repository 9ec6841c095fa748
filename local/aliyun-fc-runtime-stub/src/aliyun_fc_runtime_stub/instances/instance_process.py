"""The process of an instance with all that it starts: its output, its memory, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path

from ..errors import RequestRefused
from .log_text import LogText
from .processes import end_strays, tree_memory

_GRACE = 1.0
_WATCH, _IDLE_WATCH = 0.05, 0.5  # seconds between two looks at the memory
_CHUNK, _CHUNKS = 65536, 32  # read at a time: a flood must not hold up the other instances


class End(Enum):
    """Why a process did not answer."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    EXIT = "exit"


def not_started(reason: object) -> RequestRefused:
    """Return the error of a machine that has no room for another process."""
    message = f"no process could be started for an instance: {reason}"
    return RequestRefused(500, "InternalServerError", message)


class InstanceProcess:
    """A process that leads a group of its own. Its memory limit is in MB.

    `on_exit` is called when it has ended, for whatever reason. `end` is why it was or is being
    ended, None as long as it may go on. With `launched` it only starts another program, and does
    not count itself.
    """

    def __init__(
        self, memory_limit: int, on_exit: Callable[[], None], *, launched: bool = False
    ) -> None:
        self.log = LogText()
        self.end: End | None = None
        self.memory_kib = 0
        self.peak_kib = 0
        self.limit_kib = memory_limit * 1024
        self._on_exit = on_exit
        self._launched = launched
        self._output = -1
        self._running = False
        self._busy = False
        self._reaping = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._running

    @property
    def process_id(self) -> int | None:
        """The process, as long as it runs."""
        return self._process.pid if self._running else None

    @property
    def exit_code(self) -> int | None:
        """How the process has ended: its exit code, or minus the signal that killed it."""
        return self._process.returncode

    def start(
        self,
        command: Callable[[int], Sequence[str | Path]],
        *,
        code: Path,
        environment: Mapping[str, str],
        mark: str,
        descriptors: Sequence[int] = (),
        standard_input: bytes = b"",
    ) -> None:
        """Start the process in the folder `code`.

        `command` is called with the descriptor of the lifeline: a pipe whose other end only the
        stub holds, so that it closes when the stub is gone. `mark` is the FC_INSTANCE_ID of the
        instance: what has left the group is found by it. The process inherits `descriptors`.
        Raises RequestRefused (500) if this machine has no room for another process.
        """
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._mark = f"FC_INSTANCE_ID={mark}"
        try:
            self._spawn(command, code, environment, descriptors)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the environment
            reason = error.strerror if isinstance(error, OSError) else error
            if not code.is_dir():
                reason = "the function has removed the folder of its code"
            raise not_started(reason) from None
        self._running = True
        self._feed(standard_input)
        os.set_blocking(self._output, False)
        self._loop.add_reader(self._output, self.read_output)
        threading.Thread(target=self._wait, name="fc-stub-wait", daemon=True).start()
        self._watch = self._loop.call_later(_IDLE_WATCH, self._watch_memory)

    def _spawn(
        self,
        command: Callable[[int], Sequence[str | Path]],
        code: Path,
        environment: Mapping[str, str],
        descriptors: Sequence[int],
    ) -> None:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            lifeline, self._lifeline = os.pipe()
            ours.callback(os.close, self._lifeline)
            theirs.callback(os.close, lifeline)
            self._output, output = os.pipe()
            ours.callback(os.close, self._output)
            theirs.callback(os.close, output)
            self._process = subprocess.Popen(  # noqa: S603
                command(lifeline),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=code,
                env=dict(environment),
                pass_fds=(*descriptors, lifeline),
            )
            ours.pop_all()

    def _feed(self, standard_input: bytes) -> None:
        pipe = self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            if pipe is not None:
                pipe.write(standard_input)
                pipe.close()

    async def ended(self) -> None:
        """Wait until the process has ended."""
        await asyncio.shield(self._exited)

    def set_busy(self, busy: bool) -> None:
        """Look at the memory more often while a call is running."""
        self._busy = busy
        if busy:
            self._watch.cancel()
            self._watch = self._loop.call_later(_WATCH, self._watch_memory)

    def freeze(self) -> None:
        """Stop the process and what it has started, as Function Compute does between requests."""
        self._signal(signal.SIGSTOP, group=True)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT, group=True)

    async def kill(self) -> None:
        """End the process and everything it has started, and wait until it is gone."""
        if not self._running:
            return
        self.end = self.end or End.EXIT
        self.kill_group()
        await self.ended()

    def time_out(self) -> None:
        """Ask it to end by SIGTERM, and make it end a second later."""
        self.end = End.TIMEOUT
        self._signal(signal.SIGTERM, group=False)
        self._loop.call_later(_GRACE, self.kill_group)

    def _watch_memory(self) -> None:
        process, limit = self._process.pid, self.limit_kib
        self.memory_kib = used = tree_memory(process, limit, itself=not self._launched)
        self.peak_kib = max(self.peak_kib, used)
        if used > limit:
            self.end = self.end or End.MEMORY
            self.kill_group()
        else:
            pause = _WATCH if self._busy else _IDLE_WATCH
            self._watch = self._loop.call_later(pause, self._watch_memory)

    def _signal(self, number: signal.Signals, *, group: bool) -> None:
        with self._reaping, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._process.returncode is None:
                (os.killpg if group else os.kill)(self._process.pid, number)

    def kill_group(self) -> None:
        """Kill it with all that it has started."""
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
        self._running = False
        self._watch.cancel()
        self.read_output()
        self._loop.remove_reader(self._output)
        os.close(self._output)
        os.close(self._lifeline)
        self._output = -1
        self._exited.set_result(None)
        self._on_exit()

    def read_output(self) -> None:
        """Take what has been written so far into the log."""
        for _ in range(_CHUNKS if self._output >= 0 else 0):
            try:
                data = os.read(self._output, _CHUNK)
            except (BlockingIOError, OSError):
                return
            if not data:
                self._loop.remove_reader(self._output)
                return
            self.log.add(data)
