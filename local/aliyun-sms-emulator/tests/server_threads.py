"""Servers in threads of this process, for as long as a `with` block runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer

from aliyun_sms_emulator.serving.server import EmulatorServer, ServerThread


@contextmanager
def serving(handler: type[BaseRequestHandler]) -> Iterator[str]:
    """Let `handler` serve the connections to a free port; yields the URL."""
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def emulating(server: EmulatorServer) -> Iterator[EmulatorServer]:
    """Run an emulator of another make than SmsEmulator's."""
    thread = ServerThread(server)
    thread.start()
    try:
        yield server
    finally:
        thread.stop()
