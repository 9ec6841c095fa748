"""Answers of HTTP/1.1, read from a socket up to a deadline.

http.client is not used: reading an answer takes it four times as long. Its timeout is one for each
read, so an answer that drips in slowly may take for ever. And it does not say whether more bytes
wait behind an answer, which would be taken for the next one.

An answer may have MAX_BYTES and no coding but chunks; another is a ValueError. Source: RFC 9112.
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

MAX_BYTES = 4 * 1024 * 1024
_PIECE = 16384  # bytes to receive at once
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?= |\r|$)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,10})[ \t]*(?:\r|$)", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r]*)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_WITHOUT_BODY = (204, 304)


class Answer(NamedTuple):
    """What is needed of an answer; `keeps_alive`: its connection may carry another request."""

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
    """Read the answer to any request but HEAD, after those that are only informational (1xx).

    `deadline` is in monotonic seconds. Raises ValueError when it is no HTTP/1.1 answer or too long,
    EOFError when it ends too early, TimeoutError at the deadline, and OSError when the connection
    breaks.
    """
    reader = _Reader(sock, deadline)
    status = 100
    while status < 200:
        head = reader.until(b"\r\n\r\n")
        match = _STATUS_LINE.match(head)
        if not match:
            raise ValueError("no status line")
        status = int(match[1])
    content, has_marked_end = _read_content(reader, head, status)
    closes = head.startswith(b"HTTP/1.0") or _CLOSES.search(head) or reader.waiting
    return Answer(status, content, keeps_alive=has_marked_end and not closes)


class _Reader:
    """Takes bytes from a socket; `waiting` are those that were received and not yet taken."""

    def __init__(self, sock: Any, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self.waiting = b""

    def until(self, mark: bytes) -> bytes:
        """Return the bytes before `mark`, which is taken and left out."""
        while mark not in self.waiting:
            self._receive()
        found, _, self.waiting = self.waiting.partition(mark)
        return found

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; raises ValueError unless it is from 0 to MAX_BYTES."""
        if not 0 <= size <= MAX_BYTES:
            raise ValueError("too long")
        while len(self.waiting) < size:
            self._receive()
        taken, self.waiting = self.waiting[:size], self.waiting[size:]
        return taken

    def chunks(self) -> Iterator[bytes]:
        """Yield the chunks of a body, each ``<size in hex>[;extension]\\r\\n<bytes>\\r\\n``.

        One of size 0 ends them; lines of trailers may follow it.
        """
        room = MAX_BYTES
        while size := int(self.until(b"\r\n").partition(b";")[0], 16):
            room -= size
            if room < 0:
                raise ValueError("too long")
            yield self.take(size)
            if self.take(2) != b"\r\n":
                raise ValueError("a chunk that does not end")
        while self.until(b"\r\n"):
            pass

    def rest(self) -> bytes:
        """Return all bytes until the server closes the connection."""
        with suppress(EOFError):
            while True:
                self._receive()
        return self.waiting

    def _receive(self) -> None:
        if len(self.waiting) > MAX_BYTES:
            raise ValueError("too long")
        limit(self._sock, self._deadline)
        received = self._sock.recv(_PIECE)
        if not received:
            raise EOFError("cut off")
        self.waiting += received


def _read_content(reader: _Reader, head: bytes, status: int) -> tuple[bytes, bool]:
    """Return the body, and whether its end is marked, so that another answer may follow it."""
    if status in _WITHOUT_BODY:
        return b"", True
    if encoding := _ENCODING.search(head):
        if encoding[1].strip().lower() != b"chunked":
            raise ValueError("an encoding that was not asked for")
        return b"".join(reader.chunks()), True
    if length := _LENGTH.search(head):
        return reader.take(int(length[1])), True
    return reader.rest(), False
