"""Receipts and replies as the store keeps them, and reading them.

    receipts:<id on the wire>   one record a part: the receipts of its numbers
    receipts:<message id>       the same, of receipts that carry no id of ours
    disagreeing:<id on the wire>    receipts that do not agree with the record of the part
    parts:<out_id>              the highest part of which there is a receipt
    message:<message id>        the id on the wire, where there is one; BizId or MessageId
    reply:<number, sequence>    one record a reply, with its text

The ids in the keys are keyed digests. No record holds a phone number, only its last two digits and
the log's keyed hash. What could not be read is in unread.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import StoreUnavailable
from shared.ids import WireId, keyed, read_wire_id
from shared.platform.sms_api import SmsApi
from shared.sending.part_records import read_part
from shared.state.records import members_of, read_members, read_record

if TYPE_CHECKING:
    from shared.state.store import Store

PARTS_READ = 100
# Members of a receipt that are shown only where they say something.
CONTRADICTIONS = ("contradictory", "contradicted_by")


class Receipt(NamedTuple):
    """The receipt of one message to one number.

    `out_id` is the one on the wire; it stands in the key, not in the record. `phone_number` is
    ``*`` and the last two digits, `message_id` the BizId or MessageId; times are ``yyyy-MM-dd
    HH:mm:ss`` in UTC+8, or empty. `contradictory`: its code says something else than its status.
    `contradicted_by` has status, err_code and receive_date of a later receipt that says something
    else, or nothing. `without_part`: when it came there was no record of a part to compare it with.
    """

    out_id: str = ""
    phone_number: str = ""
    number_hash: str = ""
    message_id: str = ""
    status: str = "waiting"
    err_code: str = ""
    send_date: str = ""
    receive_date: str = ""
    sms_size: int = 0
    contradictory: bool = False
    contradicted_by: Mapping[str, str] = {}
    without_part: bool = False
    others: Mapping[str, Any] = {}

    @property
    def is_final(self) -> bool:
        """Whether the message is no longer on its way."""
        return self.status != "waiting"

    def shown(self) -> dict[str, Any]:
        """Return what a caller is shown of the receipt; contradictions only where there are any."""
        hidden = {"others", "without_part"}
        hidden |= {name for name in CONTRADICTIONS if not getattr(self, name)}
        return {name: value for name, value in self._asdict().items() if name not in hidden}

    def members(self) -> dict[str, Any]:
        """Return what is written of the receipt."""
        members = members_of(self)
        del members["out_id"]
        return members


class ReceiptsRecord(NamedTuple):
    """The receipts of one part, or of one message that carries no id of ours.

    `billed` has, by the digest of a number of the part, the messages that the budget was corrected
    by.
    """

    receipts: Sequence[Mapping[str, Any]] = ()
    billed: Mapping[str, int] = {}
    others: Mapping[str, Any] = {}
    stored: str | None = None

    def read(self, wire_id: str = "") -> list[Receipt]:
        """Return the receipts in the record, as those of `wire_id`."""
        blank = Receipt(out_id=wire_id)
        return [read_members(members, blank) for members in self.receipts]


class PartsRecord(NamedTuple):
    """The highest part of an intent of which there is a receipt."""

    highest: int = 0
    others: Mapping[str, Any] = {}
    stored: str | None = None


class Subject(NamedTuple):
    """What a record of receipts is about: a part, or a message that carries no id of ours."""

    wire_id: str = ""
    message_id: str = ""

    def key(self, state_secret: str) -> str:
        """Return the key of the record."""
        name = "receipts" if self.wire_id else "receipts of message"
        return f"receipts:{keyed(state_secret, name, self.wire_id or self.message_id)}"

    def key_of_disagreeing(self, state_secret: str) -> str:
        """Return the key of the record of receipts that do not agree with the part."""
        return f"disagreeing:{keyed(state_secret, 'disagreeing', self.wire_id)}"


def parts_key(intent: WireId, state_secret: str) -> str:
    """Return the key of a PartsRecord."""
    return f"parts:{keyed(state_secret, 'parts', intent.space, intent.out_id)}"


def of_intent(
    store: Store, intent: WireId, *, state_secret: str, first_part: int = 0
) -> tuple[list[Receipt], int]:
    """Return the receipts of an intent, and the part to go on from, 0 when there are no more.

    At most PARTS_READ parts are read, from `first_part` on.
    """
    known = read_record(store.get(parts_key(intent, state_secret)), PartsRecord())
    end = min(first_part + PARTS_READ, known.highest + 1)
    found = [
        receipt
        for part in range(first_part, end)
        for receipt in of_part(store, intent._replace(part=part), state_secret=state_secret)
    ]
    return found, end if end <= known.highest else 0


def of_part(store: Store, wire_id: WireId, *, state_secret: str) -> list[Receipt]:
    """Return the receipts of a part, which `wire_id` names by its number."""
    # The only part of an intent carries no number, and is the first.
    forms = [wire_id] if wire_id.number else [wire_id._replace(part=None), wire_id._replace(part=0)]
    return [
        receipt
        for form in forms
        for receipt in _about(Subject(wire_id=form.text()), store, state_secret)
    ]


def of_message(store: Store, message_id: str, *, part: WireId, state_secret: str) -> list[Receipt]:
    """Return the receipts of `part` that carry this BizId or MessageId, which is the part's."""
    found = _about(Subject(wire_id=part.text()), store, state_secret)
    without_id = _about(Subject(message_id=message_id), store, state_secret)
    return [
        *(receipt for receipt in found if receipt.message_id == message_id),
        *(receipt._replace(out_id=part.text()) for receipt in without_id),
    ]


def _about(subject: Subject, store: Store, state_secret: str) -> list[Receipt]:
    record = read_record(store.get(subject.key(state_secret)), ReceiptsRecord())
    receipts = record.read(subject.wire_id)
    compared = [receipt for receipt in receipts if not receipt.without_part]
    if len(compared) == len(receipts):
        return receipts
    # A part has its record before it is sent: what came earlier is about something else.
    wire_id = read_wire_id(subject.wire_id)
    if wire_id is None or read_part(store, wire_id, state_secret=state_secret).stored is None:
        return receipts
    return compared


def stored_or_nothing(
    api: SmsApi, store: Store | None, ask_store: Callable[[Store], Sequence[Receipt]]
) -> list[Receipt]:
    """Return what `ask_store` finds; nothing without a store or when it fails, which is logged."""
    if store is None:
        return []
    try:
        return list(ask_store(store))
    except StoreUnavailable as error:
        api.log.failed("store", error)
        return []


def shown_number(api: SmsApi, phone_number: str) -> dict[str, str]:
    """Return a Receipt's `phone_number` and `number_hash`."""
    logged = api.log.numbers((phone_number,) if phone_number else ())
    return {
        "phone_number": str(logged.get("number", "")),
        "number_hash": str(logged.get("number_hash", "")),
    }
