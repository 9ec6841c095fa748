"""Answers of HTTP/1.1, read from a socket up to a deadline."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

MAX_BYTES = 4 * 1024 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?= |\r|$)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,10})[ \t]*(?:\r|$)", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r]*)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_WITHOUT_BODY = (204, 304)


class Answer(NamedTuple):
    """What matters of an answer; `keeps_alive`: its connection may carry another request."""

    status: int
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

    Raises ValueError when it is no HTTP/1.1 answer or too long, EOFError when too short, OSError
    when the connection breaks or TimeoutError at the deadline.
    """
    reader = _Reader(sock, deadline)
    status = 100
    while status < 200:
        head = reader.until(b"\r\n\r\n")
        match = _STATUS_LINE.match(head)
        if not match:
            raise ValueError("no status line")
        status = int(match[1])
    content, delimited = _content(reader, head, status)
    closes = head.startswith(b"HTTP/1.0") or _CLOSES.search(head) or reader.waiting
    return Answer(status, content, delimited and not closes)


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
        with suppress(EOFError):
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
