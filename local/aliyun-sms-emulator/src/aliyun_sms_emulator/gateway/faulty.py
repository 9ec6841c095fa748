"""One call that meets a fault: whether and when it is processed, and what its caller gets."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from starlette.types import Send

from aliyun_sms_emulator.faults.fault import AFTER, BEFORE, Fault
from aliyun_sms_emulator.faults.kind import Gone, Unprocessed
from aliyun_sms_emulator.faults.kinds import KINDS
from aliyun_sms_emulator.gateway.connection import Connection
from aliyun_sms_emulator.gateway.exchange import Exchange, Processor
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.wire.answers import Answer, render
from aliyun_sms_emulator.wire.written import Written


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

    @property
    def fault(self) -> Fault:
        """The fault it meets."""
        return self._fault

    async def play(self) -> None:
        """Process the call now, later or never, and give its caller what the fault leaves."""
        fault, kind = self._fault, KINDS[self._fault.kind]
        if fault.when == BEFORE and kind.before in {Unprocessed.REPLACED, Unprocessed.CUT}:
            whole = kind.before is Unprocessed.REPLACED
            self._processor.ignore(self._exchange, fault.status if whole else 0)
        else:
            self._process()
        try:
            await kind.deliver(self)
        except Gone:
            await self._connection.reset()

    def _process(self) -> None:
        platform, exchange = self._platform, self._exchange
        now, delay = platform.clock.now(), exchange.encounter.accept_delay
        # What is refused by a fault is refused at once.
        refused = self._fault.when != AFTER and KINDS[self._fault.kind].refuses
        if delay and not refused and self._processor.admit(exchange):
            self._late = platform.late.add(
                now + delay, lambda due: self._processor.process(exchange, due)
            )
        else:
            self._answer = self._processor.process(exchange, now)

    async def true_answer(self) -> Written:
        """The true answer, as soon as it is there, or an invented one if there will be none."""
        if self._answer is None and self._late is not None:
            await self._until(self._late, math.inf)
            if self._late.cancelled():
                raise Gone
            self._answer = self._late.result()
        return written(self._exchange, self._answer or self._processor.invent(self._exchange))

    def refusal(self, code: str, message: str, status: int) -> Written:
        """The answer of a refusal: the service's with status 200, else the gateway's."""
        return written(
            self._exchange, self._processor.refuse(self._exchange, code, message, status)
        )

    async def send(self, whole: Written) -> None:
        """Answer as always."""
        await send_whole(self._send, whole)

    async def send_slowly(self, whole: Written, pieces: list[bytes], pause: float) -> None:
        """Answer with the head of `whole` at once, then its body piece by piece."""
        await self._send(_start(whole))
        for piece in pieces:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self.hold(pause)
        await self._send({"type": "http.response.body"})

    async def break_off(self, sent: bytes, *, reset: bool) -> None:
        """Send bytes as they are, then end the connection with a TCP RST or FIN."""
        self._connection.write(sent)
        await (self._connection.reset() if reset else self._connection.finish())

    async def hold(self, seconds: float) -> None:
        """Let real seconds pass; raises Gone when the caller does not wait so long."""
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
                raise Gone
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


async def send_whole(send: Send, answer: Written) -> None:
    """Answer as always."""
    await send(_start(answer))
    await send({"type": "http.response.body", "body": answer.body})


def _start(answer: Written) -> dict[str, Any]:
    return {
        "type": "http.response.start",
        "status": answer.status,
        "headers": answer.headers,
    }
