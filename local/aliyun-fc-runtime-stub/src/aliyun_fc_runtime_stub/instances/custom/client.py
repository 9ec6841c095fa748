"""Requests to the program of a custom runtime, over HTTP/1.1 connections that are kept.

Source: "Process exited unexpectedly before completing request" (Function Compute keeps connections
alive; where one breaks, it repeats GET, HEAD, OPTIONS and TRACE, and fails others with 502).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Protocol

import httptools

from ...http_messages import Headers

ADDRESS = "127.0.0.1"
_REPEATED = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_CHUNK = 65536
_HEAD_LIMIT = 1 << 20  # a response's head beyond this is no HTTP


class ConnectionLost(Exception):
    """The program closed its connection before its response was complete."""


class NotHttp(Exception):
    """What the program answered is no HTTP response."""


@dataclass(frozen=True, slots=True)
class ProgramRequest:
    """A request as the program gets it; `target` is path and query, `headers` without framing."""

    method: str
    target: bytes
    headers: Headers
    body: bytes = b""

    def encoded(self) -> bytes:
        """Return it as it goes over the wire."""
        head = [self.method.encode() + b" " + self.target + b" HTTP/1.1"]
        head += [name + b": " + value for name, value in self.headers]
        if self.body or self.method not in _REPEATED:
            head.append(b"content-length: " + str(len(self.body)).encode())
        return b"\r\n".join((*head, b"", b"")) + self.body


@dataclass(slots=True)
class Reply:
    """A response of the program: its head, and its body as far as it has come.

    `length` is None where only its end will tell the length of the body (a stream).
    """

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    length: int | None = None


class Receiver(Protocol):
    """Takes a response as it comes."""

    async def head(self, reply: Reply) -> None:
        """Take the head, as soon as it is complete."""

    async def body(self, data: bytes) -> None:
        """Take a piece of the body."""


class _Parser:
    """What `httptools` has found in a response so far."""

    def __init__(self, method: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._pieces: list[bytes] = []
        self.reply = Reply()
        self.head_complete = False
        self.complete = False

    def feed(self, data: bytes) -> bytes:
        """Read more; return what has come of the body."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise NotHttp(str(error)) from None
        pieces = b"".join(self._pieces)
        self._pieces.clear()
        return pieces

    def keeps_alive(self) -> bool:
        return bool(self._parser.should_keep_alive())

    def end(self) -> None:
        """The program has closed the connection: for some responses that is the end."""
        chunked = any(name == b"transfer-encoding" for name, _ in self.reply.headers)
        if not self.head_complete or chunked or self.reply.length is not None:
            raise ConnectionLost
        self.complete = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self.reply.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self.head_complete = status >= 200
        self.reply.status = status
        sizes = [value for name, value in self.reply.headers if name == b"content-length"]
        if sizes and sizes[0].isdigit():
            self.reply.length = int(sizes[0])
        if self._method == "HEAD" or status in {204, 304}:
            self.reply.length = self.reply.length or 0
            self.complete = self.head_complete

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self.head_complete:
            self.complete = True
        else:  # 100 Continue and its like: the response is still to come
            self.reply = Reply()


class ProgramClient:
    """Sends requests to the port of one program, and keeps the connections."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, request: ProgramRequest, receiver: Receiver) -> Reply:
        """Send a request; hand on its response.

        Raises ConnectionLost, NotHttp, or OSError if the program takes no connection.
        """
        fresh = not self._kept
        try:
            return await self._send(request, receiver)
        except (ConnectionLost, OSError):
            if fresh or request.method not in _REPEATED:
                raise
        self.close()
        return await self._send(request, receiver)

    async def _send(self, request: ProgramRequest, receiver: Receiver) -> Reply:
        reader, writer = await self._connection()
        parser = _Parser(request.method)
        sending = asyncio.ensure_future(_write(writer, request.encoded()))
        try:
            await _receive(parser, reader, receiver)
        except BaseException:
            writer.transport.abort()
            raise
        finally:
            sending.cancel()
        if parser.keeps_alive() and not reader.at_eof():
            self._kept.append((reader, writer))
        else:
            writer.close()
        return parser.reply

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._kept:
            reader, writer = self._kept.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(ADDRESS, self.port)

    def close(self) -> None:
        """Close the connections that are kept."""
        for _, writer in self._kept:
            writer.close()
        self._kept.clear()


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(OSError):  # what has been answered before all was sent is an answer
        writer.write(data)
        await writer.drain()


async def _receive(parser: _Parser, reader: asyncio.StreamReader, receiver: Receiver) -> None:
    told, before = False, 0
    while not parser.complete:
        try:
            data = await reader.read(_CHUNK)
        except OSError:
            data = b""
        piece = parser.feed(data) if data else b""
        if not data:
            parser.end()
        before += 0 if parser.head_complete else len(data)
        if before > _HEAD_LIMIT:
            raise NotHttp("the head of the response does not end")
        if parser.head_complete and not told:
            told = True
            await receiver.head(parser.reply)
        if piece:
            await receiver.body(piece)
