"""HTTP answers: what is read, what is refused, and that it agrees with the standard library."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.http_answers import MAX_BYTES, Answer, limit, read_answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
quick = settings(max_examples=100, deadline=None, database=None)


class Pieces:
    """A socket's receiving end that gets its bytes in the given pieces, then the end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._rest: Iterator[bytes] = (piece for piece in pieces if piece)

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def recv(self, size: int) -> bytes:
        piece = next(self._rest, b"")
        assert len(piece) <= size
        return piece


def read(*pieces: bytes) -> Answer:
    return read_answer(Pieces(pieces), time.monotonic() + 10)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", Answer(200, b"{}", True)),
        (OK + b"content-length:2\r\n\r\n{}", Answer(200, b"{}", True)),
        (OK + b"A: b\r\nCONTENT-LENGTH: \t2 \r\nC: d\r\n\r\n{}", Answer(200, b"{}", True)),
        (OK + b"Content-Length: 0\r\n\r\n", Answer(200, b"", True)),
        (
            OK + b"X-Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}",
            Answer(200, b"{}", True),
        ),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Answer(200, b"", True)),
        (
            b"HTTP/1.1 429 Too Many\r\nContent-Length: 1\r\n\r\nx",
            Answer(429, b"x", True),
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"", True)),
        (OK + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}", Answer(200, b"{}", False)),
        (OK + b"connection: Close\r\nContent-Length: 2\r\n\r\n{}", Answer(200, b"{}", False)),
        (OK + b"Connection: keep-alive\r\nContent-Length: 0\r\n\r\n", Answer(200, b"", True)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", Answer(200, b"{}", False)),
        (OK + b"\r\n{}", Answer(200, b"{}", False)),
        (OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 500", Answer(200, b"{}", False)),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", Answer(200, b"{}", True)),
        (
            CHUNKED + b"1;a=b\r\n{\r\n01\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
            Answer(200, b"{}", True),
        ),
        (CHUNKED + b"0\r\n\r\n", Answer(200, b"", True)),
        (CHUNKED + b"0\r\n\r\nHTTP", Answer(200, b"", False)),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            + OK
            + b"Content-Length: 2\r\n\r\n{}",
            Answer(200, b"{}", True),
        ),
    ],
    ids=lambda value: repr(value)[-50:],
)
def test_an_answer_is_read(data: bytes, expected: Answer) -> None:
    assert read(data) == expected
    assert read(*(data[place : place + 1] for place in range(len(data))))[:2] == expected[:2]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EOFError),
        (b"HTTP/1.1 200 OK\r\nContent-", EOFError),
        (OK + b"Content-Length: 3\r\n\r\n{}", EOFError),
        (OK + b"Content-Length: 2\n\n{}", EOFError),
        (CHUNKED, EOFError),
        (CHUNKED + b"2\r\n{", EOFError),
        (CHUNKED + b"2\r\n{}\r\n", EOFError),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", EOFError),
        (CHUNKED + b"2\r\n{}0\r\n\r\n", ValueError),
        (CHUNKED + b"2\r\n{}xx0\r\n\r\n", ValueError),
        (CHUNKED + b"\r\n\r\n", ValueError),
        (CHUNKED + b"xyz\r\n{}\r\n0\r\n\r\n", ValueError),
        (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", ValueError),
        (CHUNKED + b"ffffffff\r\n{}\r\n0\r\n\r\n", ValueError),
        (OK + b"Transfer-Encoding: gzip\r\n\r\n{}", ValueError),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", ValueError),
        (OK + b"Content-Length: %d\r\n\r\n" % (MAX_BYTES + 1), ValueError),
        (b"HTTP/1.1 abc OK\r\n\r\n", ValueError),
        (b"HTTP/1.1 999 OK\r\n\r\n", ValueError),
        (b"HTTP/1.1 2000 OK\r\n\r\n", ValueError),
        (b"HTTP/2 200\r\n\r\n", ValueError),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", ValueError),
        (b" " + OK + b"Content-Length: 0\r\n\r\n", ValueError),
        (b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", ValueError),
    ],
    ids=lambda value: repr(value)[-50:],
)
def test_what_is_no_whole_answer_is_an_error(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(data)


@pytest.mark.parametrize("head", [OK, OK + b"\r\n", OK + b"A: ", CHUNKED, b"x"])
def test_an_answer_without_end_is_left(head: bytes) -> None:
    def endless() -> Iterator[bytes]:
        yield head
        while True:
            yield b"1" * 16384

    with pytest.raises(ValueError, match="too long"):
        read_answer(Pieces(endless()), time.monotonic() + 10)


def test_the_longest_answer_is_read() -> None:
    body = b"x" * MAX_BYTES
    parts = [body[place : place + 16384] for place in range(0, MAX_BYTES, 16384)]
    assert read(OK + b"Content-Length: %d\r\n\r\n" % MAX_BYTES, *parts).content == body
    chunks = [b"4000\r\n", *[b"\r\n4000\r\n"] * (len(parts) - 1)]
    pieces = [piece for pair in zip(chunks, parts, strict=True) for piece in pair]
    assert read(CHUNKED, *pieces, b"\r\n0\r\n\r\n").content == body


def test_reading_ends_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n")
        with pytest.raises(TimeoutError):
            read_answer(ours, time.monotonic() + 0.05)
        with pytest.raises(TimeoutError):
            read_answer(ours, time.monotonic())


def test_a_limit_is_the_time_that_is_left() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        limit(ours, time.monotonic() + 9.0)
        assert 0 < (ours.gettimeout() or 0.0) <= 9.0
        with pytest.raises(TimeoutError):
            limit(ours, time.monotonic())


class Recorded:
    """A socket that http.client can read an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> Any:
        return io.BytesIO(self._data)


def as_the_standard_library_reads(data: bytes) -> tuple[int, bytes]:
    answer: Any = http.client.HTTPResponse(Recorded(data), method="POST")  # type: ignore[arg-type]
    answer.begin()
    return answer.status, answer.read()


names = st.text("abcXYZ-", min_size=1, max_size=8).map("X{}".format)
values = st.text("abc :;=,0129", max_size=12)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Draw a proper answer: delimited by its length, by chunks or by the end."""
    status = draw(st.sampled_from([b"200 OK", b"400 Bad Request", b"503 ", b"404"]))
    fields = [f"{name}: {value}" for name, value in draw(st.dictionaries(names, values)).items()]
    body = draw(st.binary(max_size=60))
    cuts = sorted({0, len(body), *draw(st.lists(st.integers(0, len(body)), max_size=3))})
    chunks = [b"%x\r\n%b\r\n" % (end - start, body[start:end]) for start, end in pairwise(cuts)]
    field, content = draw(
        st.sampled_from(
            [
                (f"Content-Length: {len(body)}", body),
                ("transfer-encoding: chunked", b"".join(chunks) + b"0\r\n\r\n"),
                ("Connection: close", body),
            ]
        )
    )
    fields.insert(draw(st.integers(0, len(fields))), field)
    return b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, "\r\n".join(fields).encode(), content)


@quick
@given(answers(), st.lists(st.integers(0, 300), max_size=5))
def test_proper_answers_are_read_as_the_standard_library_does(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert read(*pieces)[:2] == as_the_standard_library_reads(data)


@quick
@given(
    st.binary(max_size=80), st.sampled_from([b"", OK, CHUNKED, OK + b"Content-Length: 9\r\n\r\n"])
)
def test_any_bytes_are_an_answer_or_an_error_that_the_transport_knows(
    data: bytes, head: bytes
) -> None:
    with contextlib.suppress(ValueError, EOFError):
        assert read(head + data).status < 600
