"""The handshake of a WebSocket, taken over from the HTTP server with the whole connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import uvicorn

from ..http_messages import ClientConnection, HttpRequest, HttpResponse

_REASON = b"WebSocket refused"


class WebSocketProtocol(asyncio.StreamReaderProtocol):
    """What the HTTP server hands a connection to whose client asks for a WebSocket.

    The application (see `uvicorn.Config`) has a method `web_socket`, which is called with the
    connection; its first bytes are the request.
    """

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: object) -> None:
        del app_state
        application: Any = config.app
        self._serve: Callable[[ClientConnection], Awaitable[None]] = application.web_socket
        self._tasks: set[asyncio.Task[None]] = server_state.tasks
        super().__init__(asyncio.StreamReader(), self._connected)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._run(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(ClientConnection(reader, writer))
        finally:
            writer.close()


async def read_handshake(connection: ClientConnection) -> tuple[HttpRequest, int]:
    """Return the request that a connection begins with, and the port that it came to."""
    head = (await connection.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    method, target, _ = head[0].split(b" ", 2)
    path, _, query = target.partition(b"?")
    headers = []
    for line in head[1:-2]:
        name, _, value = line.partition(b": ")
        headers.append((name.lower(), value))
    client, server = (connection.writer.get_extra_info(name) for name in ("peername", "sockname"))
    request = HttpRequest(
        method=method.decode("latin-1"),
        raw_path=path,
        path=unquote(path.decode("latin-1")),
        query=query,
        headers=headers,
        body=b"",
        client=client[0],
    )
    return request, server[1]


async def refuse(connection: ClientConnection, response: HttpResponse) -> None:
    """Answer a handshake by a response that is none."""
    lines = [b"HTTP/1.1 %d %s" % (response.status, _REASON)]
    lines += [name + b": " + value for name, value in response.headers]
    lines += [b"content-length: %d" % len(response.body), b"connection: close", b"", b""]
    connection.writer.write(b"\r\n".join(lines) + response.body)
    await connection.writer.drain()
