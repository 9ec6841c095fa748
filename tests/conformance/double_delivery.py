"""A network that delivers every request twice: what it takes to present a nonce again.

The second answer goes back, so that the SDK under test is told of the refusal itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.threaded_server import ThreadedServer


@contextmanager
def double_delivery(upstream: str) -> Iterator[str]:
    """Forward to the URL `upstream`, head and body unchanged, and yield the URL to send to."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            self._forward(body)
            status, content = self._forward(body)
            self.send_response(status)
            self.send_header("content-type", "application/json;charset=utf-8")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def _forward(self, body: bytes) -> tuple[int, bytes]:
            with closing(HTTPConnection(urlsplit(upstream).netloc)) as connection:
                connection.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                response = connection.getresponse()
                return response.status, response.read()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadedServer(Handler) as server:
        yield server.url
