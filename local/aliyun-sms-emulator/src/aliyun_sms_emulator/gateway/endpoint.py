"""The platform API at `/`: one call in, one answer out, unless a fault comes between."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from aliyun_sms_emulator.gateway.connection import connection_of
from aliyun_sms_emulator.gateway.exchange import Exchange, Processor
from aliyun_sms_emulator.gateway.faulty import FaultyTurn, send_whole, written
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.wire.errors import GatewayError
from aliyun_sms_emulator.wire.leniency import Leniency
from aliyun_sms_emulator.wire.request import WireRequest, parse_request

MAX_BODY_BYTES = 5 * 1024 * 1024


class PlatformEndpoint:
    """ASGI application that answers calls to the platform API."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._processor = Processor(platform)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            body = await _read_body(receive)
        except ConnectionError:
            return
        refused: GatewayError | None = None
        try:
            request = _parse(scope, body)
        except GatewayError as error:
            refused = error
            request = WireRequest(scope["method"], "/", {}, {"Format": "JSON"}, {}, b"")
        leniency = Leniency(self._platform.settings.strict)
        exchange = Exchange(request, self._platform.encounter(request), leniency, refused)
        if exchange.encounter.is_harmless:
            answer = self._processor.process(exchange, self._platform.clock.now())
            await send_whole(send, written(exchange, answer))
        else:
            turn = FaultyTurn(self._platform, self._processor, exchange, connection_of(scope), send)
            await turn.play()


def _parse(scope: Scope, body: bytes | None) -> WireRequest:
    if scope["method"] not in {"GET", "POST"}:
        raise GatewayError(
            "UnsupportedHTTPMethod", "This http method is not supported; use GET or POST."
        )
    if body is None:
        raise GatewayError("InvalidParameter", "The request body is too large.", 413)
    return parse_request(
        scope["method"], scope["path"], scope["headers"], scope["query_string"], body
    )


async def _read_body(receive: Receive) -> bytes | None:
    """Read the whole body; None if it is too large, after reading past it.

    Raises ConnectionError when the caller goes away half-way.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if size <= MAX_BODY_BYTES else None
