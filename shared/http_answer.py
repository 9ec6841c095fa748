"""Reads one HTTP answer off a socket, up to a deadline, however slowly its bytes drip in.

http.client takes four times as long, most of it for headers that nobody asks for.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_BYTES = 4 * 1024 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([^\r]*))?(?=\r|$)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,10})[ \t]*(?:\r|$)", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r]*)", re.IGNORECASE)
_CLOSES = re.compile(rb"HTTP/1\.0|.*?\r\nconnection:[ \t]*close", re.IGNORECASE | re.DOTALL)
_WITHOUT_BODY = (204, 304)


class Answer(NamedTuple):
    """What matters of an answer; `keeps_alive`: its connection may carry another request."""

    status: int
    reason: str
    content: bytes
    keeps_alive: bool


def limit(sock: Any, deadline: float) -> None:
    """Let `sock` take until `deadline` (monotonic seconds); raises TimeoutError if that is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)


def read_answer(sock: Any, deadline: float) -> Answer:
    """Read the answer to a POST, after any that are only informational.

    Raises ValueError when the bytes are no HTTP/1.1 answer or too many, EOFError when they are too
    few, OSError when the connection breaks, TimeoutError at the deadline.
    """
    reader = _Reader(sock, deadline)
    head, status, reason = b"", 100, ""
    while status < 200:
        head = reader.until(b"\r\n\r\n")
        match = _STATUS_LINE.match(head)
        if not match:
            raise ValueError("no status line")
        status, reason = int(match[1]), (match[2] or b"").decode("latin-1")
    content, delimited = _content(reader, head, status)
    keeps_alive = delimited and not reader.waiting and not _CLOSES.match(head)
    return Answer(status, reason, content, keeps_alive)


def _content(reader: _Reader, head: bytes, status: int) -> tuple[bytes, bool]:
    if status in _WITHOUT_BODY:
        return b"", True
    if encoding := _ENCODING.search(head):
        if encoding[1].strip().lower() != b"chunked":
            raise ValueError("an encoding that was not asked for")
        return b"".join(reader.chunks()), True
    if length := _LENGTH.search(head):
        return reader.take(int(length[1])), True
    return reader.rest(), False


class _Reader:
    def __init__(self, sock: Any, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self.waiting = b""

    def until(self, mark: bytes) -> bytes:
        while mark not in self.waiting:
            self._receive()
        found, _, self.waiting = self.waiting.partition(mark)
        return found

    def take(self, size: int) -> bytes:
        if not 0 <= size <= MAX_BYTES:
            raise ValueError("too long")
        while len(self.waiting) < size:
            self._receive()
        taken, self.waiting = self.waiting[:size], self.waiting[size:]
        return taken

    def chunks(self) -> Iterator[bytes]:
        left = MAX_BYTES
        while size := int(self.until(b"\r\n").partition(b";")[0], 16):
            left -= size
            yield self.take(size if left >= 0 else MAX_BYTES + 1)
            if self.take(2) != b"\r\n":
                raise ValueError("a chunk that does not end")
        while self.until(b"\r\n"):
            pass

    def rest(self) -> bytes:
        with contextlib.suppress(EOFError):
            while True:
                self._receive()
        return self.waiting

    def _receive(self) -> None:
        if len(self.waiting) > MAX_BYTES:
            raise ValueError("too long")
        limit(self._sock, self._deadline)
        received = self._sock.recv(16384)
        if not received:
            raise EOFError("cut off")
        self.waiting += received
