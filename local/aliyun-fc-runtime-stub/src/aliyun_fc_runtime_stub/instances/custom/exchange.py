"""One request to a custom runtime's program, and what becomes of its response."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ...http_messages import Headers, HttpResponse, ResponseStream
from ..invocation import MAX_RESULT
from .client import ProgramClient, ProgramRequest, Reply
from .requests import given_back

MAX_HEADERS = 8 * 1024


class ClientGone(Exception):
    """The client went away before the response was complete."""


class TooLarge(Exception):
    """The response is larger than the platform lets through; the text says what of it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A whole response: headers that the client may see, x-fc-status, and the body."""

    status: int
    headers: Headers
    fc_status: str
    body: bytes

    def response(self) -> HttpResponse:
        """Return it as the caller of an HTTP trigger gets it."""
        return HttpResponse(self.status, self.headers, self.body)


class Exchange:
    """Sends one request; a response of unknown length goes on to the stream as it comes.

    What goes to a stream may be of any size, as on Function Compute; of it up to 32 MB are kept.
    """

    def __init__(self, client: ProgramClient, stream: ResponseStream | None) -> None:
        self._client = client
        self._stream = stream
        self._streaming = False
        self._pieces: list[bytes] = []
        self._size = 0

    async def send(self, request: ProgramRequest, timeout: float) -> Received:
        """Send a request, and return its response.

        Raises asyncio.TimeoutError, ClientGone, TooLarge, and what ProgramClient.send raises.
        """
        sending = asyncio.ensure_future(self._client.send(request, self))
        waiting = [sending]
        gone = asyncio.ensure_future(self._stream.gone()) if self._stream else None
        if gone:
            waiting.append(gone)  # type: ignore[arg-type]
        try:
            await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                reply = sending.result()
                if self._streaming and self._stream:
                    await self._stream.end()
                return self._received(request, reply)
            if gone and gone.done():
                raise ClientGone
            raise asyncio.TimeoutError
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def head(self, reply: Reply) -> None:
        """Start the stream, if the response is one."""
        headers = given_back(reply.headers)
        size = sum(len(name) + len(value) for name, value in headers)
        if size > MAX_HEADERS:
            raise TooLarge(f"headers: {size} bytes, over 8 KB")
        if self._stream and reply.length is None:
            self._streaming = True
            await self._stream.start(reply.status, headers)

    async def body(self, data: bytes) -> None:
        """Hand on or keep a piece of the body."""
        self._size += len(data)
        if self._streaming and self._stream:
            await self._stream.write(data)
        elif self._size > MAX_RESULT:
            raise TooLarge("body: over 32 MB")
        if self._size <= MAX_RESULT:
            self._pieces.append(data)

    def _received(self, request: ProgramRequest, reply: Reply) -> Received:
        fc_status = next((value for name, value in reply.headers if name == b"x-fc-status"), b"")
        headers = given_back(reply.headers)
        if request.method == "HEAD":  # there is no body whose length would tell it
            headers += [one for one in reply.headers if one[0] == b"content-length"]
        return Received(
            status=reply.status,
            headers=headers,
            fc_status=fc_status.decode("latin-1").strip(),
            body=b"".join(self._pieces),
        )
