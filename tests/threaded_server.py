"""Servers that tests start: each runs in threads of this process while a `with` block does."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_POLL_SECONDS = 0.05


class ThreadedServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of 127.0.0.1; until it is started, connections are refused.

    `handler` is a handler class of `socketserver` or `http.server`. Each connection gets one, in a
    thread of its own. An OSError there ends the connection: clients hang up. Any other error
    fails the test. `connections` are all that came, in their order; with `tls`, the encrypted ones.
    """

    daemon_threads = False  # only then server_close waits for the threads of connections
    request_queue_size = 128

    def __init__(
        self,
        handler: type[socketserver.BaseRequestHandler],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler, bind_and_activate=False)
        self.server_bind()
        self.connections: list[socket.socket] = []
        self._tls = tls
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,))

    @property
    def port(self) -> int:
        """Where it listens, or will."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Its address for HTTP, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> Self:
        """Begin to listen; returns itself."""
        self.server_activate()
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every connection; returns when no thread is left. Does nothing more if repeated."""
        if self._thread.ident is not None:  # shutdown would wait for ever for one never started
            shut(self.socket)  # wakes the thread where the system allows; elsewhere it polls
            self.shutdown()
            self._thread.join()
        for connection in self.connections:
            shut(connection)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection; its handshake comes later, as others shall not wait for it."""
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        self.connections.append(connection)
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        with contextlib.suppress(OSError):
            if self._tls:
                request.do_handshake()
            super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection. A FIN before that would spoil what a handler does with a RST."""
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let the error of a handler end its thread: pytest makes it a failure of the test."""
        raise  # the one that is being handled where this is called


def shut(sock: socket.socket) -> None:
    """End a connection in both directions, also for a thread that is reading from it."""
    with contextlib.suppress(OSError):
        # An SSLSocket's own shutdown would forget the encryption while that thread needs it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
