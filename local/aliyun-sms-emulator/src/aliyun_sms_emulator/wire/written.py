"""An answer as it stands on the wire: status, headers and body."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple


class Written(NamedTuple):
    """An answer ready for the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def head(self) -> bytes:
        """Status line and headers, up to the empty line."""
        lines = [f"HTTP/1.1 {self.status} {reason_of(self.status)}".encode()]
        lines += [name + b": " + value for name, value in self.headers]
        return b"\r\n".join((*lines, b"", b""))

    def with_header(self, name: bytes, value: bytes) -> Written:
        """The same with one header more."""
        return self._replace(headers=[*self.headers, (name, value)])


def plain(status: int, content_type: bytes, body: bytes) -> Written:
    """Build an answer with its two usual headers."""
    length = str(len(body)).encode()
    return Written(status, [(b"content-type", content_type), (b"content-length", length)], body)


def reason_of(status: int) -> str:
    """The phrase that stands behind a status, empty where there is none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
