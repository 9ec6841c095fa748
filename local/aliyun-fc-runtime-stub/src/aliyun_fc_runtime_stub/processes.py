"""A process and all that it has started, as /proc shows them; elsewhere than on Linux: nothing."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
_PROC = Path("/proc")


def tree_memory(process: int, limit_kib: int) -> int:
    """Return the resident memory in KiB of a process and its children, 0 where /proc is missing.

    Pages that forked processes share count once for each. Only where that comes to more than
    `limit_kib` are shares counted, which takes the kernel longer.
    """
    tree = list(_tree(process))
    total = sum(_resident(one) for one in tree)
    if total > limit_kib and len(tree) > 1:
        return sum(_share(one) for one in tree)
    return total


def _tree(process: int) -> Iterator[int]:
    yield process
    try:
        for thread in os.scandir(f"/proc/{process}/task"):
            with open(f"{thread.path}/children", "rb") as children:  # noqa: PTH123  (every 50 ms)
                found = children.read()
            for child in found.split():
                yield from _tree(int(child))
    except OSError:  # it has ended
        return


def _resident(process: int) -> int:
    try:
        with open(f"/proc/{process}/statm", "rb") as statm:  # noqa: PTH123
            return int(statm.read().split()[1]) * _PAGE_KIB
    except (OSError, IndexError):
        return 0


def _share(process: int) -> int:
    try:
        text = (_PROC / str(process) / "smaps_rollup").read_bytes()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(b"Pss:"))
    except (OSError, StopIteration):
        return _resident(process)


def end_strays(variable: str) -> None:
    """End all processes with this environment variable (`NAME=value`), which no group holds."""
    wanted = variable.encode() + b"\0"
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
