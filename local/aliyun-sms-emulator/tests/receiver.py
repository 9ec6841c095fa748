"""A real HTTP server that takes pushed receipts and can be told to refuse them."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

TAKEN = (200, b'{"code":0,"msg":"ok"}')


class Receiver:
    """`arrays` holds what was pushed; `answers` what to answer first, then always `TAKEN`."""

    def __init__(self) -> None:
        self.arrays: queue.Queue[list[dict[str, Any]]] = queue.Queue()
        self.content_types: list[str] = []
        self.answers: list[tuple[int, bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/receipts/token?x=1"

    def next(self) -> list[dict[str, Any]]:
        return self.arrays.get(timeout=10)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/receipts/token?x=1"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.content_types.append(self.headers["Content-Type"])
                status, answer = receiver.answers.pop(0) if receiver.answers else TAKEN
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)
                receiver.arrays.put(json.loads(body))

            def log_message(self, *_arguments: object) -> None:
                """Keep quiet."""

        return Handler
