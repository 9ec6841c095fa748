"""The emulated platform: what it knows, its clock, its memory and who waits for messages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

from aliyun_sms_emulator.clock import Clock
from aliyun_sms_emulator.config import Config
from aliyun_sms_emulator.fates import DEFAULT_FATE
from aliyun_sms_emulator.settings import Settings, merged_changes
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
        """Return at the next change, or after `seconds`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait_for(future, seconds)
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

    def reset_settings(self) -> None:
        """Go back to the settings of the configuration."""
        self.store.set_state("settings", {})
        self.settings = self.config.settings

    def remember_clock(self) -> None:
        """Store the clock and wake those whom a new time may concern."""
        self.store.set_state(
            "clock", {"offset": self.clock.offset, "frozen_at": self.clock.frozen_at}
        )
        self.changes.announce()

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
    return Platform(config, store, clock, config.settings.changed(remembered))
