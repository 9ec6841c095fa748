"""A relay before a server: it may speak TLS to the client, and lose answers on demand."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from types import TracebackType


class TcpProxy:
    """Relays connections to `server` (host and port); `tls` is what the client is spoken to with.

    While `losing` is above 0, the next answer is not delivered: the connection ends instead.
    """

    def __init__(self, server: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.losing = 0
        self.lost = 0

    def __enter__(self) -> TcpProxy:
        """Start to listen."""
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all connections."""
        for opened in (self._listener, *self._open):
            _end(opened)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                client = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            except OSError:
                client.close()
                continue
            server = socket.create_connection(self._server)
            self._open += (client, server)
            for relay in (self._ask, self._answer):
                self._threads.append(threading.Thread(target=relay, args=(client, server)))
                self._threads[-1].start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        _end(server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self.losing:
                    self.losing -= 1
                    self.lost += 1
                    break
                client.sendall(data)
        _end(client)
        _end(server)


def _end(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()
