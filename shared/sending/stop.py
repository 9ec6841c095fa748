"""The owner's switch: one record, which each claim reads in the step that writes it.

While it is there no attempt begins. What has begun goes on to its end: receipts, questions about
delivery and checks of codes work as ever. `make stop-sending` writes the record, and
`make start-sending` removes it.

Its key needs no secret, so that it holds while SMS_STATE_SECRET is changed. Whoever shares the
database of the store is stopped with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.state.records import read_record, record_text
from shared.state.store import Change

if TYPE_CHECKING:
    from shared.state.store import Store

STOP_KEY = "sending-stopped"
_TTL = 10 * 365 * 86400  # until it is removed; a record has to have an end


class StopRecord(NamedTuple):
    """That sending is stopped, `since` a time in epoch seconds.

    For `others` and `stored` see state/records.py.
    """

    since: int = 0
    others: Mapping[str, Any] = {}
    stored: str | None = None


_NOT_STOPPED = StopRecord()


def read_stop(store: Store) -> StopRecord | None:
    """Return since when sending is stopped, None where it is not; raises StoreUnavailable."""
    record = read_record(store.get(STOP_KEY), _NOT_STOPPED)
    return None if record.stored is None else record


def stop_sending(store: Store, now: float) -> StopRecord:
    """Stop sending, and return since when it is: `now` (epoch seconds), or earlier.

    Raises StoreUnavailable.
    """
    text = record_text(StopRecord(since=int(now)))
    store.put(Change(key=STOP_KEY, old=None, new=text, ttl=_TTL))
    return read_record(store.get(STOP_KEY), _NOT_STOPPED)


def start_sending(store: Store) -> StopRecord | None:
    """Let sends begin again; return since when they were stopped, None if they were not.

    Raises StoreUnavailable.
    """
    record = read_stop(store)
    if record is None or not store.delete(STOP_KEY, record.stored or ""):
        return None
    return record
