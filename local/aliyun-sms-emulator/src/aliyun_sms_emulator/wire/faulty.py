"""One call that meets a fault: whether and when it is processed, and what its caller gets."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from starlette.types import Send

from aliyun_sms_emulator.faults.codes import refusal_of
from aliyun_sms_emulator.faults.fault import AFTER, BEFORE, NONE
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.wire.answers import Answer, render
from aliyun_sms_emulator.wire.connection import Connection
from aliyun_sms_emulator.wire.damage import (
    Written,
    garbage,
    gateway_page,
    send_no_http,
    send_part,
    send_whole,
)
from aliyun_sms_emulator.wire.exchange import Exchange, Processor

_UNPROCESSED = frozenset({"stall", "reset", "truncate", "garbage", "http"})
_FAILURES = {500: "InternalError", 503: "ServiceUnavailable"}


class _Gone(Exception):
    """The caller has hung up, or the emulator was told to let go of those who wait."""


class FaultyTurn:
    """Plays what one call meets, to its end."""

    def __init__(
        self,
        platform: Platform,
        processor: Processor,
        exchange: Exchange,
        connection: Connection,
        send: Send,
    ) -> None:
        self._platform = platform
        self._processor = processor
        self._exchange = exchange
        self._fault = exchange.encounter.fault
        self._connection = connection
        self._send = send
        self._late: asyncio.Future[Answer] | None = None
        self._answer: Answer | None = None

    async def play(self) -> None:
        """Process the call now, later or never, and give its caller what the fault leaves."""
        fault = self._fault
        if fault.when == BEFORE and fault.kind in _UNPROCESSED:
            whole = fault.kind in {"garbage", "http"}
            self._processor.ignore(self._exchange, fault.status if whole else 0)
        else:
            self._process()
        try:
            await self._deliver()
        except _Gone:
            await self._connection.reset()

    def _process(self) -> None:
        platform, exchange = self._platform, self._exchange
        now, delay = platform.clock.now(), exchange.encounter.accept_delay
        # What is refused by a fault is refused at once.
        processed = self._fault.kind == NONE or self._fault.when == AFTER
        if delay and processed and self._processor.admit(exchange):
            self._late = platform.late.add(
                now + delay, lambda due: self._processor.process(exchange, due)
            )
        else:
            self._answer = self._processor.process(exchange, now)

    async def _deliver(self) -> None:
        deliver = {
            "stall": self._stall,
            "reset": self._cut,
            "truncate": self._cut,
            "drip": self._drip,
            "garbage": self._garbage,
            "http": self._fail,
            "error": self._refuse,
            "throttle": self._refuse,
        }.get(self._fault.kind, self._send_answer)
        await deliver()

    async def _stall(self) -> None:
        await self._hold(self._fault.seconds)
        if self._fault.when == BEFORE:
            raise _Gone
        await self._send_answer()

    async def _cut(self) -> None:
        # No answer is needed to send nothing of it.
        whole = Written(200, [], b"") if self._fault.cut_at == 0 else await self._written()
        await send_part(self._connection, whole, self._fault)

    async def _drip(self) -> None:
        whole = await self._written()
        start = {"type": "http.response.start", "status": whole.status, "headers": whole.headers}
        await self._send(start)
        size = max(1, -(-len(whole.body) // self._fault.chunks))
        pieces = [whole.body[at : at + size] for at in range(0, len(whole.body), size)]
        for piece in pieces:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._hold(self._fault.seconds / len(pieces))
        await self._send({"type": "http.response.body"})

    async def _garbage(self) -> None:
        if self._fault.content == "not-http" and self._fault.body is None:
            await send_no_http(self._connection)
        else:
            await send_whole(self._send, garbage(self._fault))

    async def _fail(self) -> None:
        fault = self._fault
        if fault.body != "platform":
            whole = gateway_page(fault.status, empty=fault.body == "empty")
        else:
            code = fault.code or _FAILURES.get(fault.status, "ServiceUnavailable")
            message = fault.message or refusal_of(code).message
            answer = self._processor.refuse(self._exchange, code, message, fault.status)
            whole = written(self._exchange, answer)
        await send_whole(self._send, self._with_retry_after(whole))

    async def _refuse(self) -> None:
        fault = self._fault
        if fault.when == BEFORE:
            # Processing has refused it, or found something wrong earlier.
            whole = await self._written()
        else:
            answer = self._processor.refuse(self._exchange, fault.code, fault.message, fault.status)
            whole = written(self._exchange, answer)
        await send_whole(self._send, self._with_retry_after(whole))

    async def _send_answer(self) -> None:
        await send_whole(self._send, await self._written())

    async def _written(self) -> Written:
        """The true answer, as soon as it is there, or an invented one if there will be none."""
        if self._answer is None and self._late is not None:
            await self._until(self._late, math.inf)
            if self._late.cancelled():
                raise _Gone
            self._answer = self._late.result()
        return written(self._exchange, self._answer or self._processor.invent(self._exchange))

    def _with_retry_after(self, whole: Written) -> Written:
        retry_after = self._fault.retry_after
        if retry_after is None:
            return whole
        header = (b"x-acs-retry-after", str(retry_after).encode())
        return whole._replace(headers=[*whole.headers, header])

    async def _hold(self, seconds: float) -> None:
        """Let real seconds pass; raises _Gone when the caller does not wait so long."""
        await self._until(None, seconds)

    async def _until(self, done: asyncio.Future[Answer] | None, seconds: float) -> None:
        gone = [
            asyncio.ensure_future(self._connection.lost.wait()),
            asyncio.ensure_future(self._platform.let_go.wait()),
        ]
        timeout = None if seconds == math.inf else seconds
        wanted: list[asyncio.Future[Any]] = [*gone, *([] if done is None else [done])]
        try:
            await asyncio.wait(wanted, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if any(end.done() for end in gone):
                raise _Gone
        finally:
            for end in gone:
                end.cancel()


def written(exchange: Exchange, answer: Answer) -> Written:
    """Write an answer in the format asked for."""
    content_type, content = render(answer, exchange.request.answer_format)
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(content)).encode()),
        (b"x-acs-request-id", exchange.request_id.encode()),
    ]
    return Written(answer.http_status, headers, content)
