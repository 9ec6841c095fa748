"""Reads the body of an HTTP request, whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.types import Receive

from ..errors import RequestRefused


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Yield a body as it comes; raises RequestRefused if its client goes away before its end."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused(400, "RequestTimeout", "the body did not come whole")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def read_body(receive: Receive, limit: int, too_large: RequestRefused) -> bytes:
    """Return a body of at most `limit` bytes, else raise `too_large`.

    A longer one is read to its end all the same: a client that still writes sees no answer.
    """
    kept: list[bytes] = []
    size = 0
    async for piece in pieces(receive):
        size += len(piece)
        if size <= limit:
            kept.append(piece)
    if size > limit:
        raise too_large
    return b"".join(kept)
