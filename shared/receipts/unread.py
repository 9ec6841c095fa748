"""What came as a receipt or reply and could not be read: kept raw, so that nothing is lost.

    unread            the keys of those that are kept, and since when
    unread:<bytes>    one of them, as it came: the one record that may hold a phone number

The bytes in the key are a keyed digest. ``make unread`` shows what is kept, and reads it again.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import StoreUnavailable, UnreadFull
from shared.ids import keyed, letters
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store

MOST_BYTES = 4096  # of each
MOST_KEPT = 1000
LIFETIME = 30 * 86400  # seconds
_LIST_KEY = "unread"


class UnreadList(NamedTuple):
    """The keys of what is kept, each with the epoch seconds since when."""

    kept_at: Mapping[str, int] = {}
    others: Mapping[str, Any] = {}
    stored: str | None = None


class UnreadRecord(NamedTuple):
    """One entry or message as it came from `source`: ``push``, or the name of a queue.

    `raw` is text, or base64 of bytes that are no UTF-8; `kept_at` is in epoch seconds.
    """

    source: str = ""
    raw: str = ""
    is_base64: bool = False
    kept_at: int = 0
    others: Mapping[str, Any] = {}
    stored: str | None = None

    def content(self) -> bytes:
        """Return what came."""
        return base64.b64decode(self.raw) if self.is_base64 else self.raw.encode()


class Keeper(NamedTuple):
    """Keeps what could not be read, until `deadline` (monotonic seconds)."""

    api: SmsApi
    store: Store
    deadline: float

    def keep(self, contents: Sequence[bytes | None], source: str) -> None:
        """Keep each of `contents` once; None stands for one that cannot be written down.

        Raises UnreadFull when one of them found no room, after the others were kept, and
        StoreUnavailable.
        """
        every = {self._key(content): content for content in contents if content is not None}
        fitting = {key: content for key, content in every.items() if len(content) <= MOST_BYTES}
        kept = self._with_place(fitting)
        for key in kept:
            self._write(key, fitting[key], source)
            self.api.log.event("warning", "receipt", "unread", record=key, bytes=len(fitting[key]))
        if len(kept) < len(every) or None in contents:
            raise UnreadFull(
                "something that cannot be read is not kept: each may have "
                f"{MOST_BYTES} bytes, and there may be {MOST_KEPT}; `make unread` shows them"
            )

    def _key(self, content: bytes) -> str:
        digest = keyed(self.api.settings.state_secret, "unread", content.hex())
        return f"unread:{letters(digest)}"

    def _with_place(self, keys: Collection[str]) -> list[str]:
        """Enter `keys` into the list as far as there is room, and return those that are in it."""
        now = int(self.api.clock.now())
        old = read_record(self.store.get(_LIST_KEY), UnreadList())
        while True:
            listed = {key: at for key, at in old.kept_at.items() if at > now - LIFETIME}
            missing = [key for key in keys if key not in listed][: MOST_KEPT - len(listed)]
            listed.update(dict.fromkeys(missing, now))
            new = record_text(old._replace(kept_at=listed))
            answer = self._put(_LIST_KEY, old.stored, new) if missing else None
            if not isinstance(answer, Differs):
                return [key for key in keys if key in listed]
            old = read_record(answer.current, UnreadList())

    def _write(self, key: str, content: bytes, source: str) -> None:
        try:
            raw, is_base64 = content.decode(), False
        except UnicodeDecodeError:
            raw, is_base64 = base64.b64encode(content).decode(), True
        record = UnreadRecord(source, raw, is_base64, kept_at=int(self.api.clock.now()))
        self._put(key, None, record_text(record))  # it may be there already

    def _put(self, key: str, old: str | None, new: str) -> Differs | None:
        if self.api.clock.monotonic() >= self.deadline:
            raise StoreUnavailable("the time was over before all that came was kept")
        change = Change(key=key, old=old, new=new, ttl=LIFETIME)
        answer = self.store.put(change)
        return answer if isinstance(answer, Differs) else None


def all_kept(store: Store) -> dict[str, UnreadRecord]:
    """Return what is kept, by its key, the oldest first."""
    listed = read_record(store.get(_LIST_KEY), UnreadList()).kept_at
    records = {
        key: read_record(store.get(key), UnreadRecord())
        for key in sorted(listed, key=lambda key: listed[key])
    }
    return {key: record for key, record in records.items() if record.kept_at}


def forget(key: str, record: UnreadRecord, *, store: Store) -> None:
    """Take one that was read after all out of the store."""
    store.delete(key, record.stored or "")
    old = read_record(store.get(_LIST_KEY), UnreadList())
    while key in old.kept_at:
        left = {other: at for other, at in old.kept_at.items() if other != key}
        new = record_text(old._replace(kept_at=left))
        answer = store.put(Change(key=_LIST_KEY, old=old.stored, new=new, ttl=LIFETIME))
        if not isinstance(answer, Differs):
            return
        old = read_record(answer.current, UnreadList())
