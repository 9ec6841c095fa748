"""Standard output of a command that runs for long: written by a thread of its own.

A terminal that is paused, a pipe that nobody reads, one that has been closed or a full disk behind
it must not hold up the functions.
"""

from __future__ import annotations

import io
import os
import queue
import sys
import threading

_ROOM = 64 * 1024 * 1024  # characters that may wait
_END_SECONDS = 2.0


class Output:
    """Writes texts in the order they come; drops them while 64 MB wait, and says how many."""

    def __init__(self) -> None:
        self._texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._turn = threading.Lock()
        self._waiting = 0
        self._dropped = 0
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        self._thread = threading.Thread(target=self._run, name="fc-stub-output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Write a text soon."""
        with self._turn:
            if self._waiting > _ROOM:
                self._dropped += 1
                return
            self._waiting += len(text)
        self._texts.put(text)

    def close(self) -> None:
        """Wait until all is written, but not for long where nobody reads."""
        self._texts.put(None)
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        while (text := self._texts.get()) is not None:
            with self._turn:
                self._waiting -= len(text)
                dropped, self._dropped = self._dropped, 0
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except OSError as error:
                sys.stderr.write(f"fc-stub: nothing more is written: {error.strerror}\n")
                self._give_up()
                return
            if dropped:
                sys.stderr.write(f"fc-stub: {dropped} reports dropped, for nobody read them\n")

    def _give_up(self) -> None:
        with self._turn:
            self._waiting = _ROOM + 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # its buffer is not empty
