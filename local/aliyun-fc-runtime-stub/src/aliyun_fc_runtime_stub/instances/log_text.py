"""What a function writes to standard output and error, as FC keeps it.

Source of the lines around it: published copies of the runtime, and logs that users have published.
"""

from __future__ import annotations

INVOKE, INITIALIZE, PRE_STOP = "Invoke", "Initialize", "PreStop"
LINE_LIMIT = 32 * 1024
TOTAL_LIMIT = 8 * 1024 * 1024


class LogText:
    """Collects output: a line longer than 32 KB is cut ("Limits": a single log entry is 32 KB).

    To protect the stub, output beyond 8 MB of one invocation is dropped, and the log says so.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        """Add bytes as they come out of the pipe."""
        room = max(0, TOTAL_LIMIT - len(self._data))
        self._data += data[:room]
        self._dropped += len(data) - min(room, len(data))

    def take(self) -> str:
        """Return all text so far, and start again."""
        data, dropped = bytes(self._data), self._dropped
        self._data.clear()
        self._dropped = 0
        lines = [line[:LINE_LIMIT] for line in data.split(b"\n")]
        text = b"\n".join(lines).decode("utf-8", "replace")
        if text and not text.endswith("\n"):
            text += "\n"
        return text + (f"[fc-stub: {dropped} more bytes of output dropped]\n" if dropped else "")


def framed(name: str, request_id: str, text: str, *, failed: bool) -> str:
    """Return what a call has written between the lines of its start and end.

    `name`: INVOKE, INITIALIZE or PRE_STOP.
    """
    end = ", Error: Unhandled function error" if failed else ""
    first = f"FC {name} Start RequestId: {request_id}\n"
    return f"{first}{text}FC {name} End RequestId: {request_id}{end}\n"
