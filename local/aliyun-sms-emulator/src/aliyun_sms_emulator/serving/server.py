"""Serves one platform on the ports it listens on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import uvicorn

from aliyun_sms_emulator.clock import Clock
from aliyun_sms_emulator.config.config import Config
from aliyun_sms_emulator.platform import Platform, restore_platform
from aliyun_sms_emulator.receipts.pusher import all_pushers
from aliyun_sms_emulator.serving.app import build_app
from aliyun_sms_emulator.serving.listening import Listening, bind
from aliyun_sms_emulator.serving.opening import OpeningProtocol
from aliyun_sms_emulator.tables.database import unusable
from aliyun_sms_emulator.tables.store import Store
from aliyun_sms_emulator.tls.folder import server_context

_GRACE_SECONDS = 2
_RESET_SECONDS = 30  # more than any request keeps the loop busy
_KEEP_ALIVE_SECONDS = 25  # as the platform's header Keep-Alive: timeout=25


class EmulatorServer(uvicorn.Server):
    """Serves one platform on sockets of its own; one `run` per instance."""

    def __init__(
        self,
        config: Config,
        database: Path | None,
        listening: Listening,
        *,
        protocol: type[OpeningProtocol] = OpeningProtocol,
    ) -> None:
        """Bind the ports and open `database` (None is in memory).

        Raises BindError, TlsError, DatabaseError, or ConfigError when remembered settings do not
        fit.
        """
        self._listening = listening
        self._tls: ssl.SSLContext | None = None
        with contextlib.ExitStack() as undone:
            self.sockets = bind(listening)
            for each in self.sockets:
                undone.callback(each.close)
            if listening.tls_folder is not None:
                self.speak_https(listening.tls_folder)
            self.store = Store(database)
            undone.callback(self.store.close)
            try:
                self.platform: Platform = restore_platform(config, self.store, Clock())
            except sqlite3.Error as error:
                raise unusable(database, error) from error
            undone.pop_all()
        self._pushing: list[asyncio.Task[None]] = []
        self._on_ready: Callable[[], None] = lambda: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ports = [each.getsockname()[1] for each in self.sockets]
        self.url = listening.url(self.ports[0])
        super().__init__(
            uvicorn.Config(
                build_app(self.platform, listening),
                http=cast("type[asyncio.Protocol]", partial(protocol, tls=lambda: self._tls)),
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    def speak_https(self, folder: Path) -> None:
        """Take the certificate in `folder`, made where there is none; raises TlsError."""
        self._tls = server_context(folder, self._listening.own_names)

    def run_until_stopped(self, on_ready: Callable[[], None]) -> None:
        """Serve until `stop` is called; `on_ready` is called when requests are answered."""
        self._on_ready = on_ready
        try:
            asyncio.run(self.serve(sockets=self.sockets))
        finally:
            for each in self.sockets:
                each.close()
            self.store.close()

    def reset(self, config: Config) -> None:
        """Forget everything and go on with another configuration; called from another thread."""

        async def between_two_requests() -> None:
            self.platform.reset(config)

        assert self._loop is not None  # noqa: S101 - it serves
        asyncio.run_coroutine_threadsafe(between_two_requests(), self._loop).result(_RESET_SECONDS)

    def stop(self) -> None:
        """Ask the server to finish; callable from a signal handler or another thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and pushing receipts, then report readiness."""
        self._loop = asyncio.get_running_loop()
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
