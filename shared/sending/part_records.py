"""What the store keeps of a part: how far it got, and which attempt is at work on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.ids import keyed, split_wire_id
from shared.platform.actions import ACTIONS
from shared.platform.sms_api import SmsApi
from shared.sending.intents import MAX_GLOBE
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.state.store import Store

# States in the order in which an attempt goes through them; after each of them `accepted` is last.
_ORDER = {"": 0, "sending": 1, "unknown": 2, "rejected": 3}


class PartRecord(NamedTuple):
    """The record of a part.

    `state` is sending, unknown, accepted or rejected, or empty where there is no record. Times are
    epoch seconds: its attempts began from `first_at` to `last_at`, and until `lease_until` the
    invocation that wrote `sending` is at work. `owner` makes every claim a text of its own.
    `digest` is a keyed one of what is sent to whom; `code`, `biz_id` and `request_id` are the
    platform's last answer. For `others` and `stored` see state/records.py.
    """

    state: str = ""
    digest: str = ""
    action: str = ""
    attempt: int = 0
    first_at: int = 0
    last_at: int = 0
    lease_until: int = 0
    owner: str = ""
    code: str = ""
    biz_id: str = ""
    request_id: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None

    def is_leased(self, now: float) -> bool:
        """Whether another invocation is at work on an attempt."""
        return self.state == "sending" and self.lease_until > now

    @property
    def is_in_doubt(self) -> bool:
        """Whether its last attempt may have been accepted or not."""
        return self.state in ("sending", "unknown")

    def is_before(self, other: PartRecord) -> bool:
        """Whether `other` is a step forward: a later attempt or state; accepted is the last."""
        if self.state == "accepted":
            return False
        if other.state == "accepted":
            return True
        return self._place() < other._place()

    def _place(self) -> tuple[int, int]:
        # A state of a later version is looked up like one in doubt, and never sent again.
        return self.attempt, _ORDER.get(self.state, _ORDER["unknown"])


NO_RECORD = PartRecord()


def read_part(store: Store, out_id: str, part: int, *, state_secret: str) -> PartRecord:
    """Return the record of a part, NO_RECORD where there is none."""
    return read_record(store.get(record_key(out_id, part, state_secret)), NO_RECORD)


def record_key(out_id: str, part: int, state_secret: str) -> str:
    """Return the key of a part's record; it tells nothing about the out_id."""
    return f"part:{keyed(state_secret, 'part', out_id)}:{part}"


def settle(store: Store, api: SmsApi, *, wire_id: str, message_id: str) -> bool:
    """Take the arrow of a receipt for the part with this id on the wire.

    `message_id` is the BizId or MessageId in the receipt, or empty. Returns whether it was news
    that the part was accepted.
    """
    out_id, part = split_wire_id(wire_id)
    record = read_part(store, out_id, part, state_secret=api.settings.state_secret)
    while record.stored is not None and record.state != "accepted":
        answer = store.put(
            Change(
                key=record_key(out_id, part, api.settings.state_secret),
                old=record.stored,
                new=record_text(_settled(record, message_id)),
                ttl=api.settings.intent_ttl,
                now=api.clock.now(),
            )
        )
        if not isinstance(answer, Differs):
            return True
        record = read_record(answer.current, NO_RECORD)
    return False


def _settled(record: PartRecord, message_id: str) -> PartRecord:
    """Return the record of a part after its receipt came."""
    return record._replace(
        state="accepted", lease_until=0, code="OK", biz_id=message_id or record.biz_id
    )


def message_ids(store: Store, out_id: str, state_secret: str) -> dict[int, str]:
    """Return the MessageId, or nothing, of each part of an intent, where QueryMessage shows it."""
    found = {}
    for part in range(MAX_GLOBE):
        record = read_part(store, out_id, part, state_secret=state_secret)
        action = ACTIONS.get(record.action)
        if action and action.shown_by == "QueryMessage":
            found[part] = record.biz_id
        elif record.stored is not None:
            break
    return found
