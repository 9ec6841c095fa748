"""What the store keeps of a part."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from shared.ids import compact_json, keyed, split_wire_id
from shared.platform.sms_api import SmsApi
from shared.sending.intents import MAX_GLOBE

if TYPE_CHECKING:
    from shared.state.store import Store

_STATES = ("", "sending", "unknown", "rejected")


class Record(NamedTuple):
    """What the store keeps of a part; times are epoch seconds, `digest` is keyed.

    Its attempts began from `first_at` to `last_at`; until `lease_until` the invocation that wrote
    `sending` is at work. `owner` makes every claim a text of its own.
    """

    state: str
    digest: str
    attempt: int
    first_at: int
    last_at: int
    lease_until: int
    owner: str
    code: str = ""
    biz_id: str = ""
    request_id: str = ""
    action: str = ""

    @classmethod
    def read(cls, text: str) -> Record:
        """Undo `text`."""
        return cls(*json.loads(text))

    def text(self) -> str:
        """Return the record as the store keeps it."""
        return compact_json(self)

    def is_before(self, other: Record) -> bool:
        """Whether `other` is a step forward: a later attempt or state; accepted is the last."""
        return self._place() < other._place()

    def _place(self) -> tuple[bool, int, int]:
        if self.state == "accepted":
            return True, 0, 0
        return False, self.attempt, _STATES.index(self.state)


NO_RECORD = Record("", "", 0, 0, 0, 0, "")


def settle(store: Store, api: SmsApi, wire_id: str, message_id: str) -> bool:
    """Take the arrow of a receipt for the part with this id on the wire; return whether that was
    news. `message_id` is the BizId or MessageId in it, or empty.
    """
    out_id, part = split_wire_id(wire_id)
    key = record_key(out_id, part, api.settings.state_secret)
    text = store.get(key)
    while text:
        record = Record.read(text)
        if record.state == "accepted":
            return False
        found = record._replace(
            state="accepted", lease_until=0, code="OK", biz_id=message_id or record.biz_id
        )
        there = store.put(key, text, found.text(), api.settings.intent_ttl, api.clock.now())
        if not isinstance(there, str):
            return True
        text = there
    return False


def message_ids(store: Store, out_id: str, state_secret: str) -> dict[int, str]:
    """Return the MessageId, or nothing, of each part of an intent for SendMessageToGlobe."""
    found = {}
    for part in range(MAX_GLOBE):
        text = store.get(record_key(out_id, part, state_secret))
        record = Record.read(text) if text else NO_RECORD
        if record.action == "SendMessageToGlobe":
            found[part] = record.biz_id
        elif text:
            break
    return found


def record_key(out_id: str, part: int, state_secret: str) -> str:
    """Return the key of a part's record; it tells nothing about the out_id."""
    return f"part:{keyed(state_secret, 'part', out_id)}:{part}"
