"""How much memory a process and all its children hold."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def tree_memory(process: int) -> int:
    """Return the resident memory in KiB of a process and its children, 0 where /proc is missing."""
    folder = Path("/proc", str(process))
    try:
        total = int((folder / "statm").read_text().split()[1]) * _PAGE_KIB
        children = (folder / "task" / str(process) / "children").read_text().split()
    except (OSError, IndexError):
        return 0
    return total + sum(tree_memory(int(child)) for child in children)
