"""A server that accepts every SMS at once, over HTTP and TLS, so that only clients take time.

``python -m benchmarks.server CERTIFICATE.pem`` (chain and key in one file) prints four ports, and
ends with its standard input: HTTP, TLS, HTTP where each answer takes SLOW_SECONDS, and HTTP that
counts who was sent to. A thread for each connection does the least that can be done.
"""

from __future__ import annotations

import json
import re
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.threaded_server import ThreadedServer

SLOW_SECONDS = 0.02
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_OUT_ID = re.compile(rb"\bOutId=([^&]*)")
_NUMBERS = re.compile(rb"\bPhoneNumberJson=%5B%22([^&]*)%22%5D")

Answer = Callable[[bytes], bytes]


def main(certificate: str) -> None:
    """Serve until the standard input ends."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with (
        _Server(_at_once) as plain,
        _Server(_at_once, tls) as encrypted,
        _Server(_slowly) as slow,
        _Server(_Count().answer) as counting,
    ):
        print(plain.port, encrypted.port, slow.port, counting.port, flush=True)
        sys.stdin.read()


def _http(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\n"
        b"Connection: keep-alive\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )


_ACCEPTED = _http(
    b'{"Code":"OK","Message":"OK","RequestId":"0-1-2-3","BizId":"900000000000000000^0"}'
)


def _at_once(_request: bytes) -> bytes:
    return _ACCEPTED


def _slowly(_request: bytes) -> bytes:
    time.sleep(SLOW_SECONDS)
    return _ACCEPTED


class _Count:
    """Counts the SendBatchSms requests of each OutId and the SMS to each number, until asked."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._out_ids: Counter[bytes] = Counter()
        self._numbers: Counter[bytes] = Counter()
        self._seconds: Counter[int] = Counter()

    def answer(self, request: bytes) -> bytes:
        """Count a POST; a GET is told the counts, which begin anew then."""
        with self._turn:
            if request.startswith(b"GET "):
                return _http(json.dumps(self._taken()).encode())
            out_id, numbers = _OUT_ID.search(request), _NUMBERS.search(request)
            if not out_id or not numbers:
                return _http(b'{"Code":"MissingParameter","Message":"no SendBatchSms"}')
            self._out_ids[out_id[1]] += 1
            self._seconds[int(time.time())] += 1
            self._numbers.update(numbers[1].split(b"%22%2C%22"))
        return _ACCEPTED

    def _taken(self) -> dict[str, int]:
        taken = {
            "requests": self._out_ids.total(),
            "out_ids": len(self._out_ids),
            "messages": self._numbers.total(),
            "numbers": len(self._numbers),
            "busiest_second": max(self._seconds.values(), default=0),
        }
        self._out_ids.clear()
        self._numbers.clear()
        self._seconds.clear()
        return taken


class _Server(ThreadedServer):
    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(_Connection, tls)
        self.answer = answer


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _answer_all(self.request, self.server.answer)


def _answer_all(connection: socket.socket, answer: Answer) -> None:
    """Answer whenever a whole request has come in, until the client goes away."""
    received = b""
    while data := connection.recv(65536):
        received += data
        while (size := _request_size(received)) <= len(received):
            request, received = received[:size], received[size:]
            connection.sendall(answer(request))


def _request_size(received: bytes) -> int:
    """Return the size of the first request, or more than there is while its head is not whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return len(received) + 1
    length = _LENGTH.search(received, 0, end)
    return end + 4 + (int(length[1]) if length else 0)


if __name__ == "__main__":
    main(sys.argv[1])
