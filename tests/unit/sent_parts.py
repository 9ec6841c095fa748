"""Records of parts, as if they had been sent, for receipts to be compared with."""

from __future__ import annotations

from typing import Any

from shared.ids import read_wire_id
from shared.sending.part_records import PartRecord, number_digests, record_key
from shared.state.records import record_text
from shared.state.store import Change, Store, Written
from tests.unit.manual_clock import AFTERNOON

SENT_AT = int(AFTERNOON)


def leave_part(store: Store, secret: str, wire_id: str, *numbers: str, **fields: Any) -> PartRecord:
    """Leave the record of an accepted part that was sent to `numbers`, with other `fields`.

    `wire_id` is ``tester~order-17``, or ``tester~order-17~2`` of a part with a number.
    """
    part = read_wire_id(wire_id)
    assert part
    accepted = PartRecord(
        state="accepted",
        digest="digest",
        action="SendSms",
        attempt=1,
        first_at=SENT_AT,
        last_at=SENT_AT,
        code="OK",
        numbers=number_digests(part, numbers, secret),
    )
    record = accepted._replace(**fields)
    key = record_key(part, secret)
    change = Change(key=key, old=store.get(key), new=record_text(record), ttl=3600, now=0)
    assert store.put(change) == Written()
    return record
