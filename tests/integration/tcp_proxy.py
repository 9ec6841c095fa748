"""A relay before a server: it may speak TLS to the client, and lose answers on demand."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
import time

from tests.threaded_server import ThreadedServer, shut


class TcpProxy(ThreadedServer):
    """Relays connections to `server` (host and port); `tls` is what the client is spoken to with.

    While `losing` is above 0, the next answer is not delivered: the connection ends instead. Each
    answer comes `delay` seconds late.
    """

    def __init__(self, server: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(_Relay, tls)
        self.upstream = server
        self.losing = 0
        self.lost = 0
        self.delay = 0.0

    def heard(self, data: bytes) -> None:
        """Take note of what a client has sent."""


class _Relay(socketserver.BaseRequestHandler):
    server: TcpProxy

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            answering = threading.Thread(target=self._answer, args=(upstream,))
            answering.start()
            self._ask(upstream)
            answering.join()

    def _ask(self, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65536):
                self.server.heard(data)
                upstream.sendall(data)
        shut(upstream)

    def _answer(self, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(65536):
                if self.server.losing:
                    self.server.losing -= 1
                    self.server.lost += 1
                    break
                time.sleep(self.server.delay)
                self.request.sendall(data)
        shut(self.request)
        shut(upstream)
