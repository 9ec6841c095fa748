"""The TCP connection under a request: faults cut, reset and hold it up, and it is no free room.

A head is at most 256 KiB, and a request has to be there within a minute of its first byte (of the
connection's beginning, for the first one), so that half requests cost neither memory nor files.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "aliyun_sms_emulator.connection"
_LINGER_ZERO = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # Winsock: two u_short
_MAX_HEAD_BYTES = 256 * 1024
_REQUEST_SECONDS = 60.0
_TOO_LARGE = b"431 Request Header Fields Too Large", b"The head is larger than 256 KiB."
_TOO_SLOW = b"408 Request Timeout", b"The request did not come in time."


class Connection:
    """One connection of a client."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.lost = asyncio.Event()

    def write(self, data: bytes) -> None:
        """Write bytes as they are, beside the HTTP server."""
        self._transport.write(data)

    async def reset(self) -> None:
        """End it with a TCP RST; returns when it is gone."""
        transport = self._transport
        if not transport.is_closing():
            with_rst = transport.get_extra_info("socket")
            with_rst.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            transport.abort()
        await self.lost.wait()

    async def finish(self) -> None:
        """End it with a TCP FIN after what was written; returns when it is gone."""
        self._transport.close()
        await self.lost.wait()


class FaultyProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, which hands each request its connection in the ASGI scope."""

    connection: Connection
    request_seconds = _REQUEST_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self.connection = Connection(transport)
        self._in_head, self._head_bytes = True, 0
        self._deadline = self.loop.call_later(self.request_seconds, self._end, _TOO_SLOW)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake those who wait for the end."""
        super().connection_lost(exc)
        self._deadline.cancel()
        self.connection.lost.set()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it makes the head too large."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > _MAX_HEAD_BYTES:
            self._end(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"connection": self.connection}}
        self._in_head, self._head_bytes = True, 1  # not 0: it has begun
        self._deadline.cancel()
        self._deadline = self.loop.call_later(self.request_seconds, self._end, _TOO_SLOW)

    def on_headers_complete(self) -> None:
        """End the head of a request."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request; the time for its answer is not limited."""
        self._deadline.cancel()
        super().on_message_complete()

    def _end(self, reason: tuple[bytes, bytes]) -> None:
        """Refuse a request that has not come whole."""
        status, text = reason
        if self._head_bytes and not self.transport.is_closing():
            head = b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            head += b"Content-Length: %d\r\n\r\n%b"
            self.transport.write(head % (status, len(text), text))
        self.transport.close()


def connection_of(scope: Scope) -> Connection:
    """The connection that carried a request."""
    connection: Connection = scope["extensions"][_EXTENSION]["connection"]
    return connection
