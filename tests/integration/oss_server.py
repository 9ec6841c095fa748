"""A small OSS: objects in memory, conditions and ranges as the real one treats them.

Sources: "GetObject", "HeadObject", "PutObject" and "HTTP Range requests" of the OSS documentation.
Signatures are kept, not checked.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tests.threaded_server import ThreadedServer

_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]+)")


class Arrived(NamedTuple):
    """One request: header names in lower case, the key decoded."""

    method: str
    key: str
    headers: Mapping[str, str]


class OssServer(ThreadedServer):
    """An OSS with one bucket, whose `objects` these are.

    `before` is called with the number of each request, from 0, and may return a status to answer
    with instead, or 0 to hang up.
    """

    def __init__(self) -> None:
        super().__init__(_Exchange)
        self.objects: dict[str, bytes] = {}
        self.arrived: list[Arrived] = []
        self.before: Callable[[int], int | None] = lambda _number: None


def etag_of(content: bytes) -> str:
    """Return the eTag of an object that was written whole."""
    return hashlib.md5(content).hexdigest().upper()


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OssServer

    def do_GET(self) -> None:
        content = self._content()
        if content is None:
            return
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        first, last = (int(wanted[1]), int(wanted[2])) if wanted else (0, len(content))
        if wanted and last < len(content):
            piece = content[first : last + 1]
            content_range = f"bytes {first}-{last}/{len(content)}"
            self._answer(206, piece, {"Content-Range": content_range})
        else:
            self._answer(200, content)  # a range that is wrong counts for nothing

    def do_HEAD(self) -> None:
        content = self._content()
        if content is not None:
            self._answer(200, content)

    def do_PUT(self) -> None:
        key, refused = self._begin()
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size + 2)[:size]
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        if refused is not None:
            self._refuse(refused)
            return
        self.server.objects[key] = body
        self._answer(200, b"", {"ETag": f'"{etag_of(body)}"'})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing."""

    def _begin(self) -> tuple[str, int | None]:
        oss = self.server
        key = unquote(urlsplit(self.path).path).removeprefix("/recipients/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        oss.arrived.append(Arrived(self.command, key, headers))
        return key, oss.before(len(oss.arrived) - 1)

    def _content(self) -> bytes | None:
        """Return the object, or None when an error was answered."""
        key, refused = self._begin()
        content = self.server.objects.get(key)
        expected = self.headers.get("If-Match", "").strip('"')
        if refused is not None:
            self._refuse(refused)
        elif content is None:
            self._refuse(404)
        elif expected and expected != etag_of(content):
            self._refuse(412)
        else:
            return content
        return None

    def _refuse(self, status: int) -> None:
        if not status:
            self.close_connection = True
            return
        error = b"<Error><Code>Refused</Code><Message>no</Message></Error>"
        encoded = base64.b64encode(error).decode()
        self._answer(status, error, {"x-oss-err": encoded})

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in {**headers, "x-oss-request-id": "5C3D9175B6FC201293AD****"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
