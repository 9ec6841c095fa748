# ruff: noqa: INP001  (a folder of its own, of programs that import nothing of ours)
"""Starts the program of a custom runtime, stays beside it, and ends as it ends.

Started as `python -E -s -S launcher.py LIFELINE`, with a JSON object on standard input: `command`,
`environment`, and `ports`, of which the first is moved to the second where the program listens
(see moved_ports.py; without effect where this machine cannot do it). Where the command cannot be
run, the exit code is the error number, as on Function Compute ("Error handling" of custom
runtimes). `launcher.py check` says by its exit code whether ports can be moved here.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from typing import Any, NoReturn

from lifeline import end_with  # type: ignore[import-not-found]
from moved_ports import PortMover, can_move_ports, give_binds  # type: ignore[import-not-found]

_FIRST = 3  # the first descriptor behind standard input, output and error


def run_program(start: dict[str, Any], ours: socket.socket) -> NoReturn:
    """Become the program."""
    try:
        give_binds(ours)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a child inherits
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.closerange(_FIRST, 256)
        command = start["command"]
        os.execvpe(command[0], command, start["environment"])  # noqa: S606
    except OSError as error:
        os._exit(error.errno or 1)
    except BaseException:
        os._exit(1)


def end_like(status: int) -> NoReturn:
    """End as the program has ended: with its exit code, or by the same signal."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def main() -> None:
    """Start the program, and wait for its end."""
    if sys.argv[1] == "check":
        sys.exit(0 if can_move_ports() else 1)
    os.setpgid(0, 0)
    start = json.loads(sys.stdin.buffer.read())
    ours, theirs = socket.socketpair()
    program = os.fork()
    if program == 0:
        run_program(start, theirs)
    theirs.close()
    end_with(int(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(program, signal.SIGTERM))
    PortMover(ours, *start["ports"]).start()
    end_like(os.waitpid(program, 0)[1])


if __name__ == "__main__":
    main()
