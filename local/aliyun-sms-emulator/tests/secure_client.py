"""A client that speaks TLS and asks proxies, byte by byte where need be."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

from aliyun_sms_emulator.tls.folder import authority


def trusting(folder: Path) -> ssl.SSLContext:
    """A client's context that trusts the authority of the emulator with this folder alone."""
    return ssl.create_default_context(cadata=authority(folder).decode())


class Stream:
    """A connection to a port of this machine, on which TLS can be begun, and begun again."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._tls: ssl.SSLObject | None = None
        self._layers: list[tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]] = []

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def begin_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Begin TLS on top of what there is."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
        below = len(self._layers)
        while not self._advance(tls, outgoing, below):
            if not (data := self._read(below)):
                raise EOFError
            incoming.write(data)
        self._layers.append((tls, incoming, outgoing))

    def _advance(self, tls: ssl.SSLObject, outgoing: ssl.MemoryBIO, below: int) -> bool:
        """Do what of a handshake can be done; returns whether it is done."""
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._write(outgoing.read(), below)  # an alert, too
        return True

    def write(self, data: bytes) -> None:
        self._write(data, len(self._layers))

    def ending(self) -> bytes:
        """Read to the end."""
        received = b""
        while data := self._read(len(self._layers)):
            received += data
        return received

    def head(self) -> bytes:
        """Read one head without a body."""
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            if not (data := self._read(len(self._layers))):
                raise EOFError(received)
            received += data
        return received

    def _write(self, data: bytes, layers: int) -> None:
        for tls, _, outgoing in reversed(self._layers[:layers]):
            if data:
                tls.write(data)
            data = outgoing.read()
        self._socket.sendall(data)

    def _read(self, layers: int) -> bytes:
        if not layers:
            return self._socket.recv(65536)
        tls, incoming, _ = self._layers[layers - 1]
        try:
            return tls.read(65536)
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLWantReadError:
            if not (data := self._read(layers - 1)):
                return b""
            incoming.write(data)
        return self._read(layers)


def ask(port: int, *lines: str, context: ssl.SSLContext | None = None, name: str = "") -> str:
    """Send one request, its lines without a Connection header, and return the whole answer."""
    with Stream(port) as stream:
        if context is not None:
            stream.begin_tls(context, name or "127.0.0.1")
        stream.write("\r\n".join((*lines, "Connection: close", "", "")).encode())
        return stream.ending().decode()


def status(answer: str) -> int:
    match = re.match(r"HTTP/1\.1 (\d{3}) ", answer)
    assert match is not None, answer
    return int(match[1])
