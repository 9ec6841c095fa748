"""What one event takes at most in a process that has served another one before."""

from __future__ import annotations

import importlib
import sys

from benchmarks.clients.events import context


def tell(function: str, path: str) -> None:
    """Hand the event in the file at `path` to a function.

    Writes a line of three: the bytes of the event, the bytes that were resident at most beyond them
    and beyond what was there before, and the status, or the code, of the answer.
    """
    handler = importlib.import_module(f"functions.{function}").handler
    handler(b"{}", context())
    before = _status("VmRSS:")
    with open(path, "rb") as file:  # noqa: PTH123 (pathlib would be loaded, too)
        event = file.read()
    with open("/proc/self/clear_refs", "w") as peak:  # noqa: PTH123
        peak.write("5")  # the peak is forgotten: what is resident now is the peak
    answer = handler(event, context())
    added = _status("VmHWM:") - before - len(event)
    code = answer.get("statusCode") or answer["rejected"][0]["code"]
    sys.stderr.write(f"{len(event)} {added} {code}\n")


def _status(name: str) -> int:
    """Return a figure of this process in bytes: VmRSS (resident) or VmHWM (its peak)."""
    with open("/proc/self/status") as status:  # noqa: PTH123
        (line,) = (line for line in status if line.startswith(name))
    return int(line.split()[1]) * 1024
