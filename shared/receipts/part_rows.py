"""Rows of a delivery status for parts, from their records and receipts.

A part is one row until a receipt of it comes; then it is one row for each number of which there is
one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shared.clock import platform_timestamp
from shared.ids import WireId
from shared.platform.actions import ACTIONS
from shared.receipts.records import (
    PARTS_READ,
    PartsRecord,
    Receipt,
    of_part,
    parts_key,
)
from shared.sending.part_records import PartRecord, read_part
from shared.state.records import read_record
from shared.trigger import answers

if TYPE_CHECKING:
    from shared.state.store import Store


class KnownPart(NamedTuple):
    """A part as the shared state knows it: its id on the wire, its record, and its receipts."""

    wire_id: WireId
    record: PartRecord
    receipts: list[Receipt]

    @property
    def is_known(self) -> bool:
        """Whether there is anything of it."""
        return self.record.stored is not None or bool(self.receipts)

    @property
    def shown_by_its_message(self) -> bool:
        """Whether the platform shows what became of it by the id in its record, and is needed."""
        action = ACTIONS.get(self.record.action)
        is_final = any(receipt.is_final for receipt in self.receipts)
        return (
            action is not None
            and action.shown_by == "QueryMessage"
            and bool(self.record.biz_id)
            and not is_final
        )

    def row(self, now: float) -> dict[str, object]:
        """Return the row of a part of which there is no receipt, at `now` (epoch seconds)."""
        standing = self.record.standing(now)
        is_accepted = standing == "accepted"
        return {
            "out_id": self.wire_id.out_id,
            "part": self.wire_id.number,
            "status": "waiting" if is_accepted else standing,
            "code": "" if is_accepted else self.record.code,
            "meaning": answers.explain_part(
                standing,
                self.record.code,
                self.record.action,
                template_code=self.record.template,
            ),
            "send_date": platform_timestamp(self.record.last_at) if self.record.last_at else "",
            "message_id": self.record.biz_id,
        }


def known_parts(
    store: Store, intent: WireId, *, state_secret: str, first_part: int = 0
) -> tuple[list[KnownPart], int]:
    """Return what is known of the parts of an intent, and the part to go on from, 0 at the end.

    At most PARTS_READ parts are read, from `first_part` on. Of an intent that never was, or was
    longer ago than records live, there are none.
    """
    highest = read_record(store.get(parts_key(intent, state_secret)), PartsRecord()).highest
    found: list[KnownPart] = []
    count = highest + 1
    end = first_part + PARTS_READ
    for number in range(first_part, end):
        part = known_part(store, intent._replace(part=number), state_secret=state_secret)
        count = max(count, part.record.parts)
        # Beyond the last known part only a record tells of another: a receipt may be forged.
        if number >= count and part.record.stored is None:
            return found, 0
        if part.is_known:
            found.append(part)
    following = intent._replace(part=end)
    is_more = end < count or read_part(store, following, state_secret=state_secret).stored
    return found, end if is_more else 0


def known_part(store: Store, wire_id: WireId, *, state_secret: str) -> KnownPart:
    """Return what is known of the part that `wire_id` names by its number."""
    record = read_part(store, wire_id, state_secret=state_secret)
    return KnownPart(wire_id, record, of_part(store, wire_id, state_secret=state_secret))
