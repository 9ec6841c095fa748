"""Pushes receipts and replies to the configured URLs, by the emulator's clock.

The receiver has taken an array when it answers 200 and a JSON object whose `code` is a number.
Source: https://help.aliyun.com/zh/sms/developer-reference/smsreport-2
"""

from __future__ import annotations

import json
import logging
import math
import sqlite3

from aliyun_sms_emulator.clock import iso_text
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.receipts.http_post import PostFailed, post_json
from aliyun_sms_emulator.records import PushAttempt
from aliyun_sms_emulator.wire.reports import REPLY, REPORT

_OK = 200
_RECOVERY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Pusher:
    """Pushes one kind in one shape."""

    def __init__(self, platform: Platform, kind: str, *, international: bool = False) -> None:
        self._platform = platform
        self._kind = kind
        self._international = international

    async def run(self) -> None:
        """Push what is due and wait for more, until the platform closes."""
        # Not the cancellation alone: Python 3.11's wait_for may swallow it.
        while not self._platform.closing:
            seen = self._platform.changes.count
            try:
                seconds = await self._push_due()
            except sqlite3.Error as error:
                _log.error("pushing %s failed: %s; trying again", self._kind, error)
                seconds = _RECOVERY_SECONDS
            if seconds > 0:
                await self._platform.changes.wait(seconds, seen)

    async def _push_due(self) -> float:
        """Push one array if one is due; returns how long to wait before the next look."""
        settings, clock = self._platform.settings, self._platform.clock
        url = settings.reply_url if self._kind == REPLY else settings.receipt_url
        outbox, international = self._platform.store.outbox, self._international
        first = outbox.next_time(self._kind, international=international) if url else None
        if first is None:
            return math.inf
        now, size = clock.now(), settings.push_batch_size
        due = outbox.due(self._kind, now, size, international=international) if first <= now else []
        closes_at = first + settings.push_batch_seconds
        if not due or (len(due) < size and now < closes_at):
            return (first if not due else closes_at) - now if clock.running else math.inf
        document = json.dumps([body for _, body in due], ensure_ascii=False)
        attempt = await self._attempt(url, document, settings.push_timeout_seconds, now)
        with self._platform.store.transaction():
            outbox.record_attempt([push_id for push_id, _ in due], attempt, clock.now())
        self._platform.changes.announce()
        return 0

    async def _attempt(self, url: str, document: str, timeout: float, now: float) -> PushAttempt:
        status: int | None = None
        try:
            status, body = await post_json(url, document.encode(errors="replace"), timeout)
            problem = _problem(status, body)
        except PostFailed as error:
            problem = str(error)
        return PushAttempt(iso_text(now), status, accepted=not problem, problem=problem)


def all_pushers(platform: Platform) -> list[Pusher]:
    """One pusher for each kind and shape, so that a slow receiver holds up its own kind only."""
    return [
        Pusher(platform, REPORT),
        Pusher(platform, REPORT, international=True),
        Pusher(platform, REPLY),
    ]


def _problem(status: int, body: bytes) -> str:
    if status != _OK:
        return f"HTTP status {status}, not 200"
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return "the answer is not JSON"
    code = answer.get("code") if isinstance(answer, dict) else None
    if isinstance(code, bool) or not isinstance(code, int | float):
        return "the answer is no object whose code is a number"
    return ""
