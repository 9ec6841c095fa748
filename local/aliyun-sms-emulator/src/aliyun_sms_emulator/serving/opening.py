"""The first bytes of a connection, which say what it is: https, a tunnel to a proxy, or http.

So each port takes all three, and one address is enough to point a client at.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from aliyun_sms_emulator.gateway.connection import FaultyProtocol
from aliyun_sms_emulator.serving.proxy import (
    CONNECTED,
    MAX_HEAD_BYTES,
    PROXIED,
    Refused,
    absolute_target,
    refusal,
    tunnel_target,
)
from aliyun_sms_emulator.tls.layer import TlsLayer

_TLS_HANDSHAKE = b"\x16"  # RFC 8446, section 5.1: the type of the first record
_CONNECT = b"CONNECT "
_log = logging.getLogger(__name__)


class OpeningProtocol(FaultyProtocol):
    """Looks at the first bytes, and goes on as the protocol that they begin."""

    def __init__(
        self, *arguments: Any, tls: Callable[[], ssl.SSLContext | None], **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._tls = tls
        self._in_tunnel = False
        self._first: bytes | None = b""  # None when it is known what they begin

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or begin again on the TLS layer that was put under it."""
        if self.transport is not None:
            self._deadline.cancel()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._first is None:
            super().data_received(data)
        else:
            self._first += data
            self._open()

    def on_headers_complete(self) -> None:
        """Let a request to a proxy become one to this server, which remembers whom it named."""
        target = None if self.url.startswith(b"/") else absolute_target(self.url)
        if target is not None:
            authority, self.url = target
            extensions = self.scope["extensions"]
            extensions[PROXIED] = {"authority": authority.decode("latin-1")}
        super().on_headers_complete()

    def _open(self) -> None:
        first = self._first or b""
        if first.startswith(_TLS_HANDSHAKE):
            self._open_tls(first)
        elif not _CONNECT.startswith(first[: len(_CONNECT)]) or self._in_tunnel:
            self._first = None
            super().data_received(first)
        elif b"\r\n\r\n" in first:
            self._open_tunnel(first)
        elif len(first) > MAX_HEAD_BYTES:
            self._refuse("the head of the request is too large")

    def _open_tls(self, first: bytes) -> None:
        context = self._tls()
        if context is None:
            _log.warning("a client speaks TLS, and https is off; start sms-emulator with --tls")
            self.transport.close()
            return
        layer = TlsLayer(self.transport, self, context)
        self._first = b""
        layer.data_received(first)

    def _open_tunnel(self, first: bytes) -> None:
        head, _, rest = first.partition(b"\r\n\r\n")
        try:
            tunnel_target(head + b"\r\n", https=self._tls() is not None)
        except Refused as error:
            self._refuse(str(error))
            return
        self._first, self._in_tunnel = b"", True
        self.transport.write(CONNECTED)
        if rest:
            self.data_received(rest)

    def _refuse(self, problem: str) -> None:
        _log.warning("a tunnel was refused: %s", problem)
        self.transport.write(refusal(problem))
        self.transport.close()
