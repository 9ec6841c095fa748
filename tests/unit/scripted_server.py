"""A server on a real socket that does to each request what a test says, misbehaviour included."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

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


class ScriptedServer:
    """Listens on 127.0.0.1 once started.

    `arrived` are the requests that were read whole; `ended` counts the connections that ended.
    """

    def __init__(
        self, respond: Respond, tls: ssl.SSLContext | None = None, shake_after: float = 0.0
    ) -> None:
        self.arrived: list[Arrived] = []
        self.connections: list[socket.socket] = []
        self.ended = threading.Semaphore(0)
        self._respond = respond
        self._tls = tls
        self._shake_after = shake_after  # seconds to wait before the TLS handshake
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """The endpoint, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> ScriptedServer:
        """Begin to listen; until then connections are refused."""
        self._listener.listen(16)
        self._run(self._accept)
        return self

    def stop(self) -> None:
        """End every scene, close every socket."""
        self._over.set()
        for sock in (self._listener, *self.connections):
            _shut(sock)
        for thread in self._threads:
            thread.join(PATIENCE)
        for sock in (self._listener, *self.connections):
            sock.close()

    def bodies(self) -> list[bytes]:
        """Return the bodies of the requests that arrived."""
        return [arrived.body for arrived in self.arrived]

    def _run(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            self.connections.append(sock)
            self._run(self._serve, len(self.connections) - 1, sock)

    def _serve(self, number: int, sock: socket.socket) -> None:
        try:
            if self._tls:
                self._over.wait(self._shake_after)
                sock = self.connections[number] = self._tls.wrap_socket(sock, server_side=True)
            with sock.makefile("rb") as stream:
                while arrived := _read(number, stream):
                    self.arrived.append(arrived)
                    if not self._respond(arrived)(Line(sock, self._over)):
                        break
        except OSError:
            pass
        finally:
            sock.close()
            self.ended.release()


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


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
