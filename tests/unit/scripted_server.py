"""A server on a real socket that does to each request what a test says, misbehaviour included."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tests.threaded_server import ThreadedServer

PATIENCE = 10.0  # seconds after which a test that went wrong ends all the same


class Arrived(NamedTuple):
    """One request as it came: header names in lower case, the connection's place from 0."""

    connection: int
    start_line: str
    headers: Mapping[str, str]
    body: bytes


class Line(NamedTuple):
    """The server's end of a connection, as a scene gets it; `over` is set when the test ends."""

    sock: socket.socket
    over: threading.Event


Scene = Callable[[Line], bool]  # plays on a Line, says whether the connection stays open
Respond = Callable[[Arrived], Scene]


def answer(body: object = None, status: str = "200 OK", *headers: str) -> Scene:
    """Answer properly: `body` is bytes, or what becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers]
    return say("\r\n".join(head).encode() + b"\r\n\r\n" + content, stay=True)


def say(data: bytes, *, stay: bool = False) -> Scene:
    """Write `data` as it is, then hang up unless told to `stay`."""

    def play(line: Line) -> bool:
        line.sock.sendall(data)
        return stay

    return play


def hang_up() -> Scene:
    """Close without a word."""
    return say(b"")


def reset() -> Scene:
    """Break the connection off with a TCP reset."""

    def play(line: Line) -> bool:
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return play


def stall(data: bytes = b"") -> Scene:
    """Write `data` and then nothing until the test is over."""

    def play(line: Line) -> bool:
        line.sock.sendall(data)
        line.over.wait(PATIENCE)
        return False

    return play


def drip(data: bytes, pause: float) -> Scene:
    """Write `data` byte by byte with a `pause` (seconds) before each."""

    def play(line: Line) -> bool:
        for place in range(len(data)):
            if line.over.wait(pause):
                return False
            line.sock.sendall(data[place : place + 1])
        return True

    return play


def one_by_one(*scenes: Scene) -> Respond:
    """Play `scenes` in order, the last one ever after."""
    rest = list(scenes)
    return lambda _arrived: rest.pop(0) if len(rest) > 1 else rest[0]


class ScriptedServer(ThreadedServer):
    """Does to each request what `respond` says; `shake_after` delays TLS handshakes, in seconds.

    `arrived` are the requests that were read whole; `ended` counts the connections that ended.
    """

    def __init__(
        self, respond: Respond, tls: ssl.SSLContext | None = None, shake_after: float = 0.0
    ) -> None:
        super().__init__(_Connection, tls)
        self.respond = respond
        self.over = threading.Event()
        self.arrived: list[Arrived] = []
        self.ended = threading.Semaphore(0)
        self._shake_after = shake_after

    def bodies(self) -> list[bytes]:
        """Return the bodies of the requests that arrived."""
        return [arrived.body for arrived in self.arrived]

    def stop(self) -> None:
        """End every scene, close every socket."""
        self.over.set()
        super().stop()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Wait, then serve a connection."""
        self.over.wait(self._shake_after)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and count that."""
        super().shutdown_request(request)
        self.ended.release()


class _Connection(socketserver.StreamRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        number = self.server.connections.index(self.connection)
        while arrived := _read(number, self.rfile):
            self.server.arrived.append(arrived)
            scene = self.server.respond(arrived)
            if not scene(Line(self.connection, self.server.over)):
                return


def _read(number: int, stream: Iterable[bytes]) -> Arrived | None:
    lines = []
    for line in stream:
        if line == b"\r\n":
            break
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    if not lines:
        return None
    pairs = [line.partition(": ") for line in lines[1:]]
    headers = {name.lower(): value for name, _, value in pairs}
    body: bytes = stream.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]
    return Arrived(number, lines[0], headers, body)
