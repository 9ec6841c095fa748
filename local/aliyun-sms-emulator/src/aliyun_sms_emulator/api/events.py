"""`/api/events`: server-sent events that say when something has changed.

The form: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import math

from starlette.types import Receive, Scope, Send

from aliyun_sms_emulator.platform import Platform

HEARTBEAT_SECONDS = 15.0
_GAP_SECONDS = 0.02  # many changes at once are told once
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
]


class EventStream:
    """ASGI application: one event `change` at the start and after every change of anything."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell of changes until the reader goes away or the emulator ends."""
        if scope["method"] != "GET":
            await send({"type": "http.response.start", "status": 405, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await self._tell(send, gone)
        finally:
            gone.cancel()
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})

    async def _tell(self, send: Send, gone: asyncio.Task[None]) -> None:
        platform, told, due = self._platform, -1, math.inf
        while not gone.done() and not platform.closing:
            now = platform.clock.now()
            # What only time has changed is told as well.
            event = b": still here\n\n"
            if told != platform.changes.count or due <= now:
                told = platform.changes.count
                event = f"retry: 1000\nevent: change\ndata: {told}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.sleep(_GAP_SECONDS)
            due = platform.store.inbox.next_receipt_at(now) or math.inf
            await self._wait(due, told, gone)

    async def _wait(self, due: float, told: int, gone: asyncio.Task[None]) -> None:
        platform, seconds = self._platform, HEARTBEAT_SECONDS
        if platform.clock.running:
            seconds = min(seconds, max(due - platform.clock.now(), 0.0))
        change = asyncio.create_task(platform.changes.wait(seconds, told))
        await asyncio.wait({change, gone}, return_when=asyncio.FIRST_COMPLETED)
        change.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
