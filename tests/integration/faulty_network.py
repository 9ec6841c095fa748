"""A proxy between the functions and the SMS service that breaks exchanges on demand."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.threaded_server import ThreadedServer, shut

_NO_LINGER = struct.pack("ii", 1, 0)

Fault = Callable[["Exchange"], None]


class FaultyNetwork(ThreadedServer):
    """Forwards requests to `upstream` (``host:port``), but for those that are planned to fail."""

    def __init__(self, upstream: str) -> None:
        super().__init__(Exchange)
        self.upstream = upstream
        self.requests = 0
        self.over = threading.Event()
        self._faults: list[Fault] = []

    def stop(self) -> None:
        """End all exchanges."""
        self.over.set()
        super().stop()

    def plan(self, *faults: Fault) -> None:
        """Treat the next requests as `faults` say, one after the other; end what still hangs."""
        self.over.set()
        self.over = threading.Event()
        self.requests = 0
        self._faults = list(faults)

    def next_fault(self) -> Fault:
        """Say what to do with the request that just arrived."""
        self.requests += 1
        return self._faults.pop(0) if self._faults else deliver


class Exchange(BaseHTTPRequestHandler):
    """One connection and the requests that come over it."""

    protocol_version = "HTTP/1.1"
    server: FaultyNetwork
    body: bytes

    def do_POST(self) -> None:
        """Read the request to its end, then do with it what is planned."""
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.next_fault()(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing."""

    def forward(self) -> tuple[int, bytes]:
        """Pass the request on as it came and return status and body of the answer."""
        connection = http.client.HTTPConnection(self.server.upstream)
        try:
            connection.request("POST", self.path, self.body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answer(self, status: int, content: bytes, media_type: str = "application/json") -> None:
        """Answer, and keep the connection."""
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        """Close the connection in good order."""
        self.close_connection = True
        shut(self.connection)

    def wait_until_over(self) -> None:
        """Keep the connection and say no more until the network is taken down."""
        self.close_connection = True
        self.server.over.wait()


def deliver(exchange: Exchange) -> None:
    """Forward the request and deliver the answer."""
    exchange.answer(*exchange.forward())


def lose_answer(exchange: Exchange) -> None:
    """Forward the request, wait for the answer, and hang up without it."""
    exchange.forward()
    exchange.hang_up()


def cut_answer(exchange: Exchange) -> None:
    """Forward the request and hang up after half the answer."""
    status, content = exchange.forward()
    exchange.send_response(status)
    exchange.send_header("Content-Length", str(len(content)))
    exchange.end_headers()
    exchange.wfile.write(content[: len(content) // 2])
    exchange.hang_up()


def delay_answer(exchange: Exchange) -> None:
    """Forward the request and say nothing for as long as the network stands."""
    exchange.forward()
    exchange.wait_until_over()


def stall(exchange: Exchange) -> None:
    """Read the request and say nothing."""
    exchange.wait_until_over()


def hang_up(exchange: Exchange) -> None:
    """Read the request and close."""
    exchange.hang_up()


def reset(exchange: Exchange) -> None:
    """Read the request and reset the connection."""
    exchange.close_connection = True
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    exchange.connection.close()


def answer_html(exchange: Exchange) -> None:
    """Answer as a captive portal or a proxy does."""
    exchange.answer(200, b"<html><body>Welcome to our network</body></html>", "text/html")


def answer_500(exchange: Exchange) -> None:
    """Answer as a broken gateway does."""
    exchange.answer(500, b'{"Code": "InternalError", "Message": "sorry"}')


def answer_nonsense(exchange: Exchange) -> None:
    """Answer something that is no HTTP."""
    exchange.close_connection = True
    exchange.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    exchange.hang_up()
