"""A WebSocket between a client and the program of a custom runtime: bytes, both ways.

Source: "Configure an HTTP trigger and use WebSocket to trigger a function": the connection is one
request, which ends with it; at the function's timeout both sides are closed (1006).
"""

from __future__ import annotations

import asyncio
import contextlib

from ...http_messages import ClientConnection
from .client import ADDRESS, ConnectionLost, ProgramRequest

_CHUNK = 65536
_UPGRADE = ((b"connection", b"Upgrade"), (b"upgrade", b"websocket"))


class Tunnel:
    """Joins one client with one program; `status` is that of the program's answer, 0 before it."""

    def __init__(self, client: ClientConnection, port: int) -> None:
        self.status = 0
        self._client = client
        self._port = port

    async def run(self, request: ProgramRequest, timeout: float) -> None:
        """Go on until one side closes.

        Raises asyncio.TimeoutError after `timeout` seconds, ConnectionLost if the program does not
        answer at all, OSError if it takes no connection.
        """
        reader, writer = await asyncio.open_connection(ADDRESS, self._port)
        headers = [*request.headers, *_UPGRADE]
        writer.write(ProgramRequest(request.method, request.target, headers).encoded())
        directions = (
            asyncio.ensure_future(self._from_program(reader)),
            asyncio.ensure_future(_copy(self._client.reader, writer)),
        )
        try:
            done, _ = await asyncio.wait(
                directions, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                raise asyncio.TimeoutError
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            writer.close()
        if not self.status:
            raise ConnectionLost

    async def _from_program(self, reader: asyncio.StreamReader) -> None:
        start = await reader.read(_CHUNK)
        version, _, rest = start.partition(b" ")
        if version.startswith(b"HTTP/1.") and rest[:3].isdigit():
            self.status = int(rest[:3])
            self._client.answered = True
            self._client.writer.write(start)
            await _copy(reader, self._client.writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
