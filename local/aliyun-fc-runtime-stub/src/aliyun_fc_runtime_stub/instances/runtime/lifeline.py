# ruff: noqa: INP001  (a folder of its own, of programs that import nothing of ours)
"""Ends a process with the stub: standard library only, Python 3.9 to 3.14.

The lifeline is a pipe whose other end only the stub holds; when it closes, the stub is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading


def end_with(lifeline: int) -> None:
    """End this process and all of its group as soon as the lifeline closes."""
    os.set_inheritable(lifeline, False)
    if sys.platform == "linux":
        _die_with_stub(lifeline)
    threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()


def _watch(lifeline: int) -> None:
    try:
        os.read(lifeline, 1)
    finally:
        os.killpg(0, signal.SIGKILL)


def _die_with_stub(lifeline: int) -> None:
    """Let the kernel (of Linux) kill this process group when the lifeline closes.

    A stopped process, or one whose code holds the interpreter's lock, cannot watch it itself.
    """
    with contextlib.suppress(OSError):  # sandboxes need not have it
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
