"""The ports that programs of custom runtimes listen on.

On Function Compute each instance has port 9000 (or what s.yaml says) to itself. Here each gets a
free one, told in FC_SERVER_PORT and FC_CUSTOM_LISTEN_PORT. A program that listens on its fixed port
all the same is moved to the free one where Linux allows it (runtime/moved_ports.py). Elsewhere
there is one such program at a time, on the fixed port itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...errors import RequestRefused
from .client import ADDRESS

LAUNCHER = Path(__file__).parent.parent / "runtime" / "launcher.py"
PYTHON = (sys.executable, "-E", "-s", "-S")
# All of 127.0.0.0/8 is this machine on Linux: who listens on 127.0.0.1 alone is not reached here.
_OTHER_ADDRESS = "127.0.0.2"
_fixed: dict[int, str] = {}


@lru_cache
def can_move_ports() -> bool:
    """Say whether this machine can move a program's port; tried once, which takes 0.1 s."""
    try:
        done = subprocess.run([*PYTHON, LAUNCHER, "check"], timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@dataclass(slots=True)
class ProgramPorts:
    """Where one program of the function may open: `given`, or by itself on `fixed` (0: not)."""

    function: str
    wanted: int
    given: int
    fixed: int

    @staticmethod
    def take(function: str, wanted: int, *, movable: bool) -> ProgramPorts:
        """Choose ports; raises RequestRefused (429) if the function's fixed port is in use."""
        if _fixed.get(wanted) == function:
            raise _refused(function, wanted)
        fixed = wanted if not movable and wanted not in _fixed and _is_free(wanted) else 0
        if fixed:
            _fixed[fixed] = ""
        return ProgramPorts(function, wanted, free_port(), fixed)

    def __iter__(self) -> Iterator[int]:
        """Go through the ports where the program may open."""
        return iter((self.given, self.fixed) if self.fixed else (self.given,))

    def opened(self, port: int) -> None:
        """Note where it has opened."""
        if port == self.fixed:
            _fixed[port] = self.function
        else:
            self.release()

    def release(self) -> None:
        """Let other programs have the fixed port."""
        if self.fixed:
            _fixed.pop(self.fixed, None)
            self.fixed = 0

    def check_refused(self) -> None:
        """Raise RequestRefused (429) if it did not open for another has its fixed port."""
        if _fixed.get(self.wanted) == self.function and not self.fixed:
            raise _refused(self.function, self.wanted)


def _refused(function: str, port: int) -> RequestRefused:
    message = (
        f"{function!r} listens on port {port} whatever FC_SERVER_PORT says, and this machine "
        "cannot move it, so there is one instance at a time: let it listen on FC_SERVER_PORT"
    )
    return RequestRefused(429, "ResourceExhausted", message)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("", 0))
        port: int = one.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("", port))
        except OSError:
            return False
    return True


async def answers(port: int) -> bool:
    """Say whether something takes connections at a port."""
    return await _connects(ADDRESS, port)


async def answers_others(port: int) -> bool:
    """Say whether it takes them from other machines, too, as Function Compute's connections are."""
    return sys.platform != "linux" or await _connects(_OTHER_ADDRESS, port)


async def _connects(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
