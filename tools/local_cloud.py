"""The local cloud: sms-emulator and fc-stub as processes that end with the one who started them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from tools.languages import own

BIN = Path(sys.executable).parent
EMULATOR_PORT, STUB_PORT = 8100, 8900
READY_SECONDS = 180  # after what is installed has been installed
STOP_SECONDS = 10
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EMULATOR_SECRET = "testsecret"  # noqa: S105 (every emulator's)
ENDPOINTS = (
    "SMS_ENDPOINT",
    "SMS_INTERNATIONAL_ENDPOINT",
    "SMS_PNVS_ENDPOINT",
    "SMS_BASE_ENDPOINT",
    "SMS_MNS_ENDPOINT",
)


class NotStarted(Exception):
    """A program of the local cloud cannot run; the text says why."""


class _PortTaken(NotStarted):
    """Another program has taken the port since it was looked at."""


class Output(NamedTuple):
    """What is done with a program's output: `ready` reads as much as says that it is ready, and
    returns None if it ended before; `rest` reads on until the program ends."""

    ready: Callable[[IO[str]], Any]
    rest: Callable[[IO[str]], object]


def read_json_line(output: IO[str]) -> Any:
    """Return the JSON of the first line, None if there is none."""
    line = output.readline()
    return json.loads(line) if line else None


QUIET = Output(read_json_line, lambda output: output.read())


def end_by_signals() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does: with what stands in its blocks."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))


class LocalCloud:
    """Starts programs, and ends them all when its block ends, whatever ends it.

    `folder` is a temporary one, for what they keep. `used` names what uses it, in its name.
    """

    def __init__(self, used: str) -> None:
        self._used = used
        self._stack = ExitStack()

    def __enter__(self) -> LocalCloud:
        """Make the folder, and the guard that removes it if this process is killed."""
        starting = own(
            "Starting the SMS emulator and Function Compute on this machine ...",
            "正在本机启动短信模拟器和函数计算……",
        )
        print(starting, flush=True)
        with _undisturbed():
            temporary = tempfile.TemporaryDirectory(prefix=f"fc-sms-{self._used}-")
            self.folder = self._stack.enter_context(temporary)
            self._guard = self._stack.enter_context(_Guard(self.folder))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all programs, the last one first."""
        self._stack.close()

    def start_emulator(self) -> Any:
        """Start sms-emulator; return what it says when it is ready, such as its `url`."""
        database = ("--database", f"{self.folder}/sms.sqlite3")
        return self.start((EMULATOR_PORT, 1), "sms-emulator", *database, "--json", output=QUIET)

    def settings(self, emulator: str) -> dict[str, str]:
        """Return the functions' settings with which nothing leaves this machine.

        What they send goes to the emulator, what they remember into the folder.
        """
        return {
            **dict.fromkeys(ENDPOINTS, emulator),
            "SMS_STATE_URL": f"sqlite://{self.folder}/state.sqlite3",
            "SMS_STATE_SECRET": secrets.token_urlsafe(24),
            "SMS_ALLOW_LOCAL_STATE": "1",
        }

    def start(self, ports: tuple[int, int], command: str, *arguments: str, output: Output) -> Any:
        """Start a program at the first of so many `ports`, or at any if they are or become busy.

        Returns what `output.ready` has read. Raises NotStarted.
        """
        port = _port(*ports)
        try:
            return self._start_at(port, command, arguments, output)
        except _PortTaken:
            _say_busy(port)
        return self._start_at(0, command, arguments, output)

    def _start_at(self, port: int, command: str, arguments: tuple[str, ...], output: Output) -> Any:
        """Start a program; settings that the developer's shell has for the cloud stay out of it."""
        environment = {name: v for name, v in os.environ.items() if not name.startswith("SMS_")}
        with _undisturbed():
            process = subprocess.Popen(
                [BIN / command, *arguments, "--port", str(port)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the one who started it
                text=True,
            )
            self._guard.watch(process.pid)
            self._stack.callback(_stop, process)
        assert process.stdout  # noqa: S101 (for the type checker)
        assert process.stderr  # noqa: S101
        errors = _Errors(process.stderr)
        errors.start()
        watchdog = threading.Timer(READY_SECONDS, process.kill)
        watchdog.daemon = True
        watchdog.start()
        found = output.ready(process.stdout)
        watchdog.cancel()
        if found is None:
            errors.join()
            if errors.port_taken:
                raise _PortTaken(command)
            problem = f"{command} did not start; its message is above"
            raise NotStarted(own(problem, f"{command} 没有启动，原因见上面的输出"))
        threading.Thread(target=output.rest, args=[process.stdout], daemon=True).start()
        return found


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a signal that ends this process wait for the end of the block, when all is known."""
    came: list[int] = []
    before = [(one, signal.signal(one, lambda number, _: came.append(number))) for one in ENDING]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)
        for number in came:
            signal.raise_signal(number)


class _Guard:
    """A process that ends what this one has started when this one is killed and cannot (kill -9).

    It knows by a pipe whose other end closes with this process, whatever ends it.
    """

    def __init__(self, folder: str) -> None:
        pipe, self._pipe = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)  # it ends with the one it guards
            os.close(self._pipe)
            os.setsid()
            _guard(pipe, folder)
            os._exit(0)
        os.close(pipe)

    def watch(self, process: int) -> None:
        """End a process, too, if the one that is guarded is killed."""
        os.write(self._pipe, b"%d " % process)

    def __enter__(self) -> _Guard:
        """It has begun already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say that all has ended well."""
        os.write(self._pipe, b"done")
        os.close(self._pipe)
        os.waitpid(self._process, 0)


def _guard(pipe: int, folder: str) -> None:
    with os.fdopen(pipe) as told:
        words = told.read().split()
    if "done" in words:
        return
    left = [process for process in map(int, words) if _signal(process, signal.SIGTERM)]
    deadline = time.monotonic() + STOP_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [process for process in left if _signal(process, 0)]
    for process in left:
        _signal(process, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _signal(process: int, number: int) -> bool:
    """Signal a process (0: only ask); return whether there is one."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)
        return True
    return False


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _port(first: int, count: int) -> int:
    """Return `first` if it and the ports after it are free, else 0: any that are free."""
    for port in range(first, first + count):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                _say_busy(port)
                return 0
    return first


def _say_busy(port: int) -> None:
    busy = f"Port {port} is busy; free ports are taken instead."
    print(own(busy, f"端口 {port} 已被占用，换用空闲的端口。"), flush=True)


class _Errors(threading.Thread):
    """Passes on what a program writes to standard error, but for the words about a taken port."""

    def __init__(self, errors: IO[str]) -> None:
        super().__init__(daemon=True)
        self.port_taken = False
        self._errors = errors

    def run(self) -> None:
        """Read until the program ends."""
        for line in self._errors:
            if "choose another port with --port" in line:
                self.port_taken = True
            else:
                print(line, end="", file=sys.stderr, flush=True)
