"""A response that goes to the client piece by piece, over ASGI."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Receive, Send

from ..http_messages import Headers, HttpResponse


class AsgiStream:
    """The client of one request whose body has been read.

    `complete` adds what the gateway says with every response, such as the request id.
    """

    def __init__(
        self, receive: Receive, send: Send, complete: Callable[[HttpResponse], HttpResponse]
    ) -> None:
        self.started = False
        self._receive = receive
        self._send = send
        self._complete = complete

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of the response."""
        response = self._complete(HttpResponse(status, headers, b""))
        self.started = True
        head = {"type": "http.response.start", "status": status, "headers": response.headers}
        await self._send(head)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """Say that the response is complete."""
        await self._send({"type": "http.response.body", "body": b""})

    async def gone(self) -> None:
        """Wait until the client has gone away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
