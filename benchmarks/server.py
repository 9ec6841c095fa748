"""A server that accepts every SMS at once, over HTTP and TLS, so that only clients take time.

``python -m benchmarks.server CERTIFICATE.pem`` (chain and key in one file) prints both ports, and
ends with its standard input. A thread for each connection does the least that can be done.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
import threading

_BODY = b'{"Code":"OK","Message":"OK","RequestId":"0-1-2-3","BizId":"900000000000000000^0"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\n"
    b"Connection: keep-alive\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


def main(certificate: str) -> None:
    """Serve until the standard input ends."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=256) for _ in range(2)]
    for listener, context in zip(listeners, (None, tls), strict=True):
        threading.Thread(target=_accept, args=(listener, context), daemon=True).start()
    print(*(listener.getsockname()[1] for listener in listeners), flush=True)
    sys.stdin.read()


def _accept(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, context), daemon=True).start()


def _serve(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            _answer_all(connection)
            return
        with context.wrap_socket(connection, server_side=True) as encrypted:
            _answer_all(encrypted)


def _answer_all(connection: socket.socket) -> None:
    """Answer whenever a whole request has come in, until the client goes away."""
    received = b""
    while data := connection.recv(65536):
        received += data
        while (size := _request_size(received)) <= len(received):
            received = received[size:]
            connection.sendall(_ANSWER)


def _request_size(received: bytes) -> int:
    """Return the size of the first request, or more than there is while its head is not whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return len(received) + 1
    length = _LENGTH.search(received, 0, end)
    return end + 4 + (int(length[1]) if length else 0)


if __name__ == "__main__":
    main(sys.argv[1])
