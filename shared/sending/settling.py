"""What receipts and questions about delivery need of the records of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shared.clock import parse_platform_time
from shared.ids import WireId
from shared.platform.sms_api import SmsApi
from shared.sending.attempts import CLOCK_TOLERANCE
from shared.sending.part_records import (
    NO_RECORD,
    PartRecord,
    number_digest,
    record_key,
)
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.state.store import Store


class SentMessage(NamedTuple):
    """One message as a receipt describes it.

    `phone_number` is in the form in which numbers go out, `send_date` is ``2026-01-31 16:00:00`` in
    UTC+8; either may be anything else where the receipt is masked or cannot be read. `message_id`
    is the BizId or MessageId, or empty.
    """

    wire_id: WireId
    phone_number: str
    send_date: str
    message_id: str = ""

    def digest(self, state_secret: str) -> str:
        """Return what the record of its part keeps of its number."""
        return number_digest(self.wire_id, self.phone_number, state_secret)


def differences(record: PartRecord, message: SentMessage, state_secret: str) -> list[str]:
    """Return what of a receipt does not agree with the record of its part; nothing where all does.

    That is ``wire-id``, ``number``, ``time`` or, of a part that was refused, ``state``.
    """
    found = []
    if not record.is_to(message.digest(state_secret)):
        found.append("wire-id" if _is_to_its_number(record, message, state_secret) else "number")
    if not _is_of_its_time(record, message):
        found.append("time")
    if record.state == "rejected":
        found.append("state")
    return found


def _is_of_its_time(record: PartRecord, message: SentMessage) -> bool:
    """Whether the message was sent when the part was, or later."""
    sent_at = parse_platform_time(message.send_date)
    return sent_at is not None and sent_at >= record.first_at - CLOCK_TOLERANCE


def _is_to_its_number(record: PartRecord, message: SentMessage, state_secret: str) -> bool:
    """Whether the message is to a number of the part, under another form of the part's id."""
    own = message.wire_id
    forms = (own._replace(part=None), own._replace(part=own.number))
    return any(record.is_to(message._replace(wire_id=form).digest(state_secret)) for form in forms)


def settle(store: Store, api: SmsApi, *, message: SentMessage, record: PartRecord) -> bool:
    """Take the arrow of a receipt for the part that carries its id on the wire.

    `record` is that of the part, as it was read. Only a part in doubt is settled, and only by a
    receipt that agrees with it. Returns whether it was news that the part was accepted.
    """
    secret = api.settings.state_secret
    while record.is_in_doubt and not differences(record, message, secret):
        answer = store.put(
            Change(
                key=record_key(message.wire_id, secret),
                old=record.stored,
                new=record_text(_settled(record, message.message_id)),
                ttl=api.settings.intent_ttl,
                now=api.clock.moved(),
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
