"""Binds a port and serves one platform on it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from aliyun_sms_emulator.clock import Clock
from aliyun_sms_emulator.config.config import Config
from aliyun_sms_emulator.errors import BindError
from aliyun_sms_emulator.gateway.connection import FaultyProtocol
from aliyun_sms_emulator.platform import Platform, restore_platform
from aliyun_sms_emulator.receipts.pusher import all_pushers
from aliyun_sms_emulator.serving.app import build_app
from aliyun_sms_emulator.serving.guard import is_everywhere
from aliyun_sms_emulator.tables.database import unusable
from aliyun_sms_emulator.tables.store import Store

_GRACE_SECONDS = 2
_KEEP_ALIVE_SECONDS = 25  # as the platform's header Keep-Alive: timeout=25


class EmulatorServer(uvicorn.Server):
    """Serves one platform on a socket of its own; one `run` per instance."""

    def __init__(
        self,
        config: Config,
        database: Path | None,
        host: str,
        port: int,
        *,
        protocol: type[FaultyProtocol] = FaultyProtocol,
    ) -> None:
        """Bind `host:port` (0 is a free port) and open `database` (None is in memory).

        Raises BindError, DatabaseError, or ConfigError when remembered settings do not fit.
        """
        self.socket = _bind(host, port)
        try:
            self.store = Store(database)
        except Exception:
            self.socket.close()
            raise
        try:
            self.platform: Platform = restore_platform(config, self.store, Clock())
        except Exception as error:
            self.socket.close()
            self.store.close()
            if isinstance(error, sqlite3.Error):
                raise unusable(database, error) from error
            raise
        self._pushing: list[asyncio.Task[None]] = []
        self._on_ready: Callable[[], None] = lambda: None
        bound_port = self.socket.getsockname()[1]
        called = host
        if is_everywhere(host):  # no address to call
            called = "::1" if ":" in host else "127.0.0.1"
        shown_host = f"[{called}]" if ":" in called else called
        self.url = f"http://{shown_host}:{bound_port}"
        super().__init__(
            uvicorn.Config(
                build_app(self.platform, host),
                http=protocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    def run_until_stopped(self, on_ready: Callable[[], None]) -> None:
        """Serve until `stop` is called; `on_ready` is called when requests are answered."""
        self._on_ready = on_ready
        try:
            asyncio.run(self.serve(sockets=[self.socket]))
        finally:
            self.socket.close()
            self.store.close()

    def stop(self) -> None:
        """Ask the server to finish; callable from a signal handler or another thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and pushing receipts, then report readiness."""
        await super().startup(sockets)
        self._pushing = [asyncio.create_task(p.run()) for p in all_pushers(self.platform)]
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Release those who wait for messages, then finish."""
        self.platform.close()
        for task in self._pushing:
            task.cancel()
        await asyncio.gather(*self._pushing, return_exceptions=True)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller, who ends with exit code 0."""
        yield


class ServerThread:
    """Runs a server in a background thread."""

    def __init__(self, server: EmulatorServer) -> None:
        self.server = server
        self._decided = threading.Event()
        self._serving = False
        self._thread = threading.Thread(target=self._run, name="sms-emulator", daemon=True)

    def start(self) -> None:
        """Start and return when requests are answered."""
        self._thread.start()
        self._decided.wait()
        if not self._serving:
            raise RuntimeError("the emulator did not start; its error is in the log")

    def stop(self) -> None:
        """Stop and return when everything is closed."""
        self.server.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.server.run_until_stopped(self._on_ready)
        finally:
            self._decided.set()

    def _on_ready(self) -> None:
        self._serving = True
        self._decided.set()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise BindError(_bind_problem(host, port, error)) from error
    return listener


def _bind_problem(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use; stop the program that uses it, or choose another"
            " port with --port (0 takes a free one)"
        )
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return f"port {port} may not be used without privileges; choose one from 1024 with --port"
    return f"cannot listen on {host} port {port} ({error}); check --host and --port"
