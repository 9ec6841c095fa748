"""TLS under a connection whose first bytes have already been read.

asyncio can put TLS only under a connection that is new. Here one port takes http, https and
tunnels, and the first bytes say which it is. So this is the protocol of the connection below, which
carries what is encrypted, and the transport of the protocol above.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from typing import Any

_CHUNK = 65536
_log = logging.getLogger(__name__)


class TlsLayer(asyncio.Transport, asyncio.Protocol):
    """Decrypts what comes from `below` for `above`, and encrypts what goes back."""

    def __init__(
        self, below: asyncio.Transport, above: asyncio.Protocol, context: ssl.SSLContext
    ) -> None:
        super().__init__()
        self._below, self._above = below, above
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_side=True)
        self._open = self._ended = False
        below.set_protocol(self)

    # What the connection below calls.

    def data_received(self, data: bytes) -> None:
        """Take what is encrypted."""
        if self._ended:
            return
        self._received.write(data)
        try:
            if not self._open:
                self._tls.do_handshake()
                self._open = True
                self._above.connection_made(self)
            while not self._ended and (plain := self._tls.read(_CHUNK)):
                self._above.data_received(plain)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # the peer has said goodbye
            self.close()
        except ssl.SSLError as error:
            self._fail(error)
        self._flush()

    def eof_received(self) -> bool | None:
        """Pass on that no more comes."""
        return self._above.eof_received() if self._open else None

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on that it is gone."""
        self._ended = True
        self._above.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that the peer reads too slowly."""
        self._above.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the peer reads again."""
        self._above.resume_writing()

    # What the protocol above calls.

    def write(self, data: bytes | bytearray | memoryview[int] | Any) -> None:
        """Encrypt and send."""
        if data and not self._ended:
            self._tls.write(data)
            self._flush()

    def close(self) -> None:
        """Say goodbye in TLS, then close."""
        if not self._ended:
            self._ended = True
            with contextlib.suppress(ssl.SSLError):  # the peer need not say goodbye
                self._tls.unwrap()
            self._flush()
        self._below.close()

    def abort(self) -> None:
        """Close at once."""
        self._ended = True
        self._below.abort()

    def is_closing(self) -> bool:
        """Say whether it is closed or will be."""
        return self._ended or self._below.is_closing()

    def pause_reading(self) -> None:
        """Let what comes wait."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what comes."""
        self._below.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Answer about TLS itself, else about the connection below."""
        if name == "sslcontext":
            return self._tls.context
        return self._below.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Put another protocol above."""
        assert isinstance(protocol, asyncio.Protocol)  # noqa: S101 - streams know no other kind
        self._above = protocol

    def _flush(self) -> None:
        if self._to_send.pending:
            self._below.write(self._to_send.read())

    def _fail(self, error: ssl.SSLError) -> None:
        reason = (error.reason or str(error)).lower().replace("_", " ")
        if "unknown ca" in reason or "certificate" in reason:
            _log.warning(
                "a client does not trust this emulator's certificate (%s);"
                " give its process the settings that `sms-emulator trust` prints",
                reason,
            )
        elif not self._open:
            _log.warning("TLS with a client failed: %s", reason)
        self._flush()  # the alert that says why
        self._ended = True
        self._below.close()
