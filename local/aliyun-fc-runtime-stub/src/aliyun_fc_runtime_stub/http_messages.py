"""An HTTP request and its response, as values."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request as it arrived: names of headers in lower case, path still encoded."""

    method: str
    raw_path: bytes
    path: str
    query: bytes
    headers: Headers
    body: bytes
    client: str

    def header(self, name: str) -> str:
        """Return a header's value (the name in lower case), empty if there is none."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), "")

    def with_body(self, body: bytes) -> HttpRequest:
        """Return the request with its body, which is read apart from the rest."""
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What goes back to the client."""

    status: int
    headers: Headers
    body: bytes


@dataclass(slots=True)
class ClientConnection:
    """The connection of a client that has asked for a WebSocket; `answered`: by a program."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answered: bool = False


class ResponseStream(Protocol):
    """A client that takes a response piece by piece, as it is made."""

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of the response."""

    async def write(self, data: bytes) -> None:
        """Send a piece of its body; waits while the client takes no more."""

    async def end(self) -> None:
        """Say that the response is complete; without it the client sees it broken off."""

    async def gone(self) -> None:
        """Wait until the client has gone away, which may be never."""
