"""One HTTP POST on the server's event loop, so that it can be given up at any moment."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

import httptools

_MAX_ANSWER_BYTES = 64 * 1024
_PORTS = {"http": 80, "https": 443}


class PostFailed(Exception):
    """No usable answer came; the text says why."""


class _Answer:
    """Collects one response; the parser calls its methods."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False

    def on_body(self, chunk: bytes) -> None:
        self.body += chunk

    def on_message_complete(self) -> None:
        self.complete = True


async def post_json(url: str, document: bytes, timeout: float) -> tuple[int, bytes]:
    """Post a JSON document; returns status and body, or raises PostFailed.

    `timeout` are the seconds for all of it. Redirects are not followed.
    """
    try:
        return await asyncio.wait_for(_exchange(url, document), timeout)
    except (asyncio.TimeoutError, TimeoutError) as error:
        raise PostFailed(f"no answer within {timeout:g} seconds") from error
    except (OSError, UnicodeError, httptools.HttpParserError) as error:
        raise PostFailed(str(error) or type(error).__name__) from error


async def _exchange(url: str, document: bytes) -> tuple[int, bytes]:
    parts = urlsplit(url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or _PORTS[parts.scheme]
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n"
            "Content-Type: application/json;charset=utf-8\r\n"
            f"Content-Length: {len(document)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + document)
        await writer.drain()
        return await _read(reader)
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.complete:
        chunk = await reader.read(_MAX_ANSWER_BYTES)
        if not chunk:
            break
        parser.feed_data(chunk)
        if len(answer.body) > _MAX_ANSWER_BYTES:
            raise PostFailed(f"the answer is larger than {_MAX_ANSWER_BYTES} bytes")
    # Without a length the answer ends with the connection, which the parser does not see.
    status = parser.get_status_code()
    if status == 0:
        raise PostFailed("the connection was closed without an answer")
    return status, bytes(answer.body)
