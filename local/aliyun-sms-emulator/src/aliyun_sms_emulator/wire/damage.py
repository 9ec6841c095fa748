"""What a client gets instead of the answer it should: the part of a fault that is on the wire."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from starlette.types import Send

from aliyun_sms_emulator.faults.fault import HALF, Fault
from aliyun_sms_emulator.wire.connection import Connection

_HTML = """<html>
<head><title>{status} {reason}</title></head>
<body>
<center><h1>{status} {reason}</h1></center>
<hr><center>Tengine</center>
</body>
</html>
"""
_GARBAGE: dict[str, tuple[bytes, bytes]] = {
    "binary": (b"application/octet-stream", bytes(range(256)) * 4),
    "empty": (b"application/json;charset=utf-8", b""),
    "list": (b"application/json;charset=utf-8", b"[1,2,3]"),
    "types": (
        b"application/json;charset=utf-8",
        b'{"Code":0,"Message":null,"RequestId":{"a":1},"BizId":["1"],"ResponseCode":true}',
    ),
    "broken-json": (b"application/json;charset=utf-8", b'{"Code":"OK","Message":"OK",,}'),
}
_NOT_HTTP = b"\x16\x03\x03\x00\x02\x02\x28 this is no HTTP\r\n\r\n"


class Written(NamedTuple):
    """An answer ready for the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def head(self) -> bytes:
        """Status line and headers, up to the empty line."""
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}".encode()]
        lines += [name + b": " + value for name, value in self.headers]
        return b"\r\n".join((*lines, b"", b""))

    def cut(self, cut_at: int | str) -> bytes:
        """The beginning of it, up to `cut_at` bytes (negative: without the last ones) or half."""
        whole = self.head + self.body
        if cut_at == HALF:
            cut_at = len(self.head) + len(self.body) // 2
        end = int(cut_at) if int(cut_at) >= 0 else len(whole) + int(cut_at)
        return whole[: max(0, min(end, len(whole) - 1))]


def plain(status: int, content_type: bytes, body: bytes) -> Written:
    """Build an answer with its two usual headers."""
    length = str(len(body)).encode()
    return Written(status, [(b"content-type", content_type), (b"content-length", length)], body)


def gateway_page(status: int, *, empty: bool = False) -> Written:
    """Build what a proxy in front of the platform says, as HTML or without a body."""
    page = "" if empty else _HTML.format(status=status, reason=_reason(status))
    return plain(status, b"text/html", page.encode())


def garbage(fault: Fault) -> Written:
    """Build an answer with a body nobody asked for."""
    if fault.body is not None:
        return plain(fault.status, b"application/json;charset=utf-8", fault.body.encode())
    if fault.content == "html":
        return gateway_page(fault.status)
    if fault.content == "huge":
        return plain(fault.status, b"application/json;charset=utf-8", b" " * fault.size)
    content_type, body = _GARBAGE[fault.content]
    return plain(fault.status, content_type, body)


async def send_whole(send: Send, answer: Written) -> None:
    """Answer as always."""
    start = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": answer.headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})


async def send_part(connection: Connection, answer: Written, fault: Fault) -> None:
    """Send the beginning of an answer, then end the connection as the fault says."""
    connection.write(answer.cut(fault.cut_at))
    await (connection.reset() if fault.kind == "reset" else connection.finish())


async def send_no_http(connection: Connection) -> None:
    """Send bytes that are no HTTP answer, then end the connection."""
    connection.write(_NOT_HTTP)
    await connection.finish()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
