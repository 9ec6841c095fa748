"""The emulated platform: what it knows, its clock, its memory and who waits for messages."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from aliyun_sms_emulator.catalogue import Catalogue
from aliyun_sms_emulator.clock import Clock
from aliyun_sms_emulator.config.config import Config
from aliyun_sms_emulator.config.settings import InvalidSetting, Settings, merged_changes
from aliyun_sms_emulator.errors import ConfigError
from aliyun_sms_emulator.faults.late import LateQueue
from aliyun_sms_emulator.faults.plan import Encounter, FaultPlan
from aliyun_sms_emulator.rules.fates import DEFAULT_FATE
from aliyun_sms_emulator.tables.store import Store
from aliyun_sms_emulator.wire.reports import REPORT

if TYPE_CHECKING:
    from aliyun_sms_emulator.wire.answers import Answer
    from aliyun_sms_emulator.wire.request import WireRequest


class Changes:
    """Wakes those who wait until a message arrives or the clock is moved; counts such changes."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def announce(self) -> None:
        """Wake everybody who waits."""
        self.count += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float, seen: int) -> None:
        """Return once `count` is not `seen`, or after `seconds`, which may be infinite."""
        if self.count != seen:
            return
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
    faults: FaultPlan = field(default_factory=FaultPlan)
    late: LateQueue[Answer] = field(init=False)
    catalogue: Catalogue = field(init=False)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    closing: bool = False
    requests_seen: int = 0

    def __post_init__(self) -> None:
        """Read templates and signatures, and put the configuration's faults in force."""
        self.late = LateQueue(self.clock)
        self.catalogue = Catalogue(self.config, self.store)
        self.faults.replace(self.config.faults)

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
        real = self.settings.timestamp_clock == "real"
        now = self.clock.real_time() if real else self.clock.now()
        return now + self.settings.clock_skew_seconds

    def remember_clock(self) -> None:
        """Store the clock, do what the new time brings and wake those whom it may concern."""
        self.store.set_state(
            "clock", {"offset": self.clock.offset, "frozen_at": self.clock.frozen_at}
        )
        self.late.settle()
        self.changes.announce()

    def encounter(self, request: WireRequest) -> Encounter:
        """What a request meets: the node whose turn it is, and the faults in force."""
        nodes = self.settings.nodes
        node = self.requests_seen % nodes
        self.requests_seen += 1
        return self.faults.meet(request, node, nodes) if self.faults.rules else Encounter(node)

    def reset(self, config: Config | None = None) -> None:
        """Forget everything and go back to the configuration, or on to another one.

        What is under way never happens.
        """
        self.config = config or self.config
        self.store.clear()
        self.late.drop()
        self.let_go.set()
        self.let_go = asyncio.Event()
        self.requests_seen = 0
        self.clock.follow_real_time()
        self.settings = self.config.settings
        self.catalogue.use(self.config)
        self.faults.replace(self.config.faults)
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
            seen, total = self.changes.count, count()
            left = deadline - time.monotonic()
            if total >= enough or left <= 0 or self.closing:
                return total
            await self.changes.wait(min(left, poll_seconds), seen)

    def fate(self, phone_number: str) -> str:
        """The fate of messages to a number."""
        fate = self.store.fate(phone_number)
        return fate or self.config.numbers.get(phone_number, DEFAULT_FATE)

    def close(self) -> None:
        """Let go of those who wait."""
        self.closing = True
        self.late.drop()
        self.let_go.set()
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
            "database",
            f"settings.{error.key}",
            f"was changed earlier and kept there, but {error.message};"
            " change the configuration, or name another file with --database",
        ) from error
    return Platform(config, store, clock, settings)
