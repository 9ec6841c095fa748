"""What receipts and questions about delivery need of the records of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.ids import WireId
from shared.platform.actions import ACTIONS
from shared.platform.sms_api import SmsApi
from shared.sending.intents import MAX_GLOBE
from shared.sending.part_records import NO_RECORD, PartRecord, read_part, record_key
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.state.store import Store


def settle(store: Store, api: SmsApi, *, wire_id: WireId, message_id: str) -> bool:
    """Take the arrow of a receipt for the part with this id on the wire.

    `message_id` is the BizId or MessageId in the receipt, or empty. Returns whether it was news
    that the part was accepted.
    """
    record = read_part(store, wire_id, state_secret=api.settings.state_secret)
    while record.stored is not None and record.state != "accepted":
        answer = store.put(
            Change(
                key=record_key(wire_id, api.settings.state_secret),
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


def message_ids(store: Store, intent: WireId, state_secret: str) -> dict[int, str]:
    """Return the MessageId, or nothing, of each part of an intent, where QueryMessage shows it."""
    found = {}
    for part in range(MAX_GLOBE):
        record = read_part(store, intent._replace(part=part), state_secret=state_secret)
        action = ACTIONS.get(record.action)
        if action and action.shown_by == "QueryMessage":
            found[part] = record.biz_id
        elif record.stored is not None:
            break
    return found
