"""A process and all that it has started, as /proc shows them; elsewhere than on Linux: nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
_PROC = Path("/proc")
_SIZE, _ENVIRONMENT_END = 23 - 3, 51 - 3  # fields of stat behind the name, which is the second
_LOOKS = 300
_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp


def tree_memory(process: int, limit_kib: int, *, itself: bool = True) -> int:
    """Return the resident memory in KiB of a process and its children, 0 where /proc is missing.

    Without `itself` only the children count.

    Pages that forked processes share count once for each. Only where that comes to more than
    `limit_kib` are shares counted, which takes the kernel longer.
    """
    tree = [one for one in _tree(process) if itself or one != process]
    total = sum(_resident(one) for one in tree)
    if total > limit_kib and len(tree) > 1:
        return sum(_share(one) for one in tree)
    return total


def _tree(process: int) -> Iterator[int]:
    yield process
    threads = f"/proc/{process}/task"
    try:
        for thread in os.listdir(threads):  # noqa: PTH208  (every 50 ms)
            with open(f"{threads}/{thread}/children", "rb") as children:  # noqa: PTH123
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
            if wanted in environment_of(int(folder.name)):
                os.kill(int(folder.name), signal.SIGKILL)


def environment_of(process: int) -> bytes:
    """Return the environment a process was started with, as /proc has it; may raise OSError.

    Between the kernel's taking the new program and its writing down the environment there is
    none, although whoever started it goes on already: that moment is waited for.
    """
    folder = _PROC / str(process)
    for _ in range(_LOOKS):
        found = (folder / "environ").read_bytes()  # first: one that is not ours to read raises
        if found or not _starting(folder):
            break
        time.sleep(0.01)
    return found or (folder / "environ").read_bytes()


def _starting(folder: Path) -> bool:
    fields = (folder / "stat").read_bytes().rpartition(b") ")[2].split()
    return fields[_SIZE] != b"0" and fields[_ENVIRONMENT_END] == b"0"


def tree_listens(process: int) -> set[int]:
    """Return the TCP ports that a process and its children listen on, as far as /proc tells."""
    sockets = {link for one in _tree(process) for link in _links(one)}
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and f"socket:[{fields[9]}]" in sockets:
                    found.add(int(fields[1].rpartition(":")[2], 16))
    return found


def _links(process: int) -> Iterator[str]:
    folder = f"/proc/{process}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208
            with contextlib.suppress(OSError):
                yield os.readlink(f"{folder}/{name}")  # noqa: PTH115
