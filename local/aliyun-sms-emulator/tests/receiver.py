"""A real HTTP server that takes pushed receipts and can be told to refuse them."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from server_threads import serving

TAKEN = (200, b'{"code":0,"msg":"ok"}')


class Receiver:
    """`arrays` holds what was pushed; `answers` what to answer first, then always `TAKEN`."""

    def __init__(self) -> None:
        self.arrays: queue.Queue[list[dict[str, Any]]] = queue.Queue()
        self.content_types: list[str] = []
        self.answers: list[tuple[int, bytes]] = []
        self.url = ""

    def next(self) -> list[dict[str, Any]]:
        return self.arrays.get(timeout=10)

    def handler(self) -> type[BaseHTTPRequestHandler]:
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


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    with serving(receiver.handler()) as url:
        receiver.url = f"{url}/receipts/token?x=1"
        yield receiver
