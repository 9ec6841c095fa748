"""The emulated platform: what it knows, its clock, its memory and who waits for messages."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from aliyun_sms_emulator.clock import Clock
from aliyun_sms_emulator.config import Config, ConfigError
from aliyun_sms_emulator.fates import DEFAULT_FATE
from aliyun_sms_emulator.receipts.shapes import REPORT
from aliyun_sms_emulator.settings import InvalidSetting, Settings, merged_changes
from aliyun_sms_emulator.store import Store


class Changes:
    """Wakes those who wait until a message arrives or the clock is moved."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def announce(self) -> None:
        """Wake everybody who waits."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Return at the next change, or after `seconds`, which may be infinite."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, None if seconds == math.inf else seconds)
        except (asyncio.TimeoutError, TimeoutError):
            pass
        finally:
            self._waiting.discard(future)


@dataclass(slots=True)
class Platform:
    """All state of one running emulator; used from the server's event loop only."""

    config: Config
    store: Store
    clock: Clock
    settings: Settings
    changes: Changes = field(default_factory=Changes)
    closing: bool = False
    requests_seen: int = 0

    def change_settings(self, changes: dict[str, object]) -> None:
        """Apply and remember changes of settings; raises InvalidSetting."""
        settings = self.settings.changed(changes)
        remembered = cast("dict[str, object]", self.store.state("settings") or {})
        self.store.set_state("settings", merged_changes(remembered, changes))
        self.settings = settings
        self.changes.announce()

    def reset_settings(self) -> None:
        """Go back to the settings of the configuration."""
        self.store.set_state("settings", {})
        self.settings = self.config.settings
        self.changes.announce()

    def request_time(self) -> float:
        """The time by which request timestamps, nonces and tokens are judged."""
        if self.settings.timestamp_clock == "real":
            return self.clock.real_time()
        return self.clock.now()

    def remember_clock(self) -> None:
        """Store the clock and wake those whom a new time may concern."""
        self.store.set_state(
            "clock", {"offset": self.clock.offset, "frozen_at": self.clock.frozen_at}
        )
        self.changes.announce()

    def report(
        self, account: str, kind: str, source_id: int, ready_at: float, *, international: bool
    ) -> None:
        """Queue a receipt or reply, and push it where a URL is set; receipts as often as asked."""
        url, copies = self.settings.reply_url, 1
        if kind == REPORT:
            url, copies = self.settings.receipt_url, 1 + self.settings.receipt_duplicates
        for _ in range(copies):
            self.store.queue.add(account, kind, source_id, ready_at)
            if url:
                self.store.outbox.add(kind, source_id, ready_at, international=international)

    async def wait_for(
        self, count: Callable[[], int], enough: int, seconds: float, poll_seconds: float
    ) -> int:
        """Wait up to real `seconds` until `count()` is `enough`; returns the last count.

        What can change without any event is looked at every `poll_seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            total = count()
            left = deadline - time.monotonic()
            if total >= enough or left <= 0 or self.closing:
                return total
            await self.changes.wait(min(left, poll_seconds))

    def fate(self, phone_number: str) -> str:
        """The fate of messages to a number."""
        fate = self.store.fate(phone_number)
        return fate or self.config.numbers.get(phone_number, DEFAULT_FATE)

    def close(self) -> None:
        """Let go of those who wait."""
        self.closing = True
        self.changes.announce()


def restore_platform(config: Config, store: Store, clock: Clock) -> Platform:
    """Build the platform with the clock and settings its database remembers."""
    remembered_clock = store.state("clock")
    if isinstance(remembered_clock, dict):
        clock.offset = remembered_clock["offset"]
        clock.frozen_at = remembered_clock["frozen_at"]
    remembered = cast("dict[str, object]", store.state("settings") or {})
    try:
        settings = config.settings.changed(remembered)
    except InvalidSetting as error:
        raise ConfigError(
            f"setting {error.key}, changed earlier and kept in the database, {error.message};"
            " change the configuration, or name another file with --database"
        ) from error
    return Platform(config, store, clock, settings)
