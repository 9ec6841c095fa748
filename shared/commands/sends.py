"""A send as the shared state knows it, for the owner: its parts, their receipts and replies."""

from __future__ import annotations

from typing import Any, NamedTuple

from shared.clock import parse_platform_time, platform_timestamp
from shared.commands.meanings import explain
from shared.errors import SmsError
from shared.ids import WireId
from shared.receipts.part_rows import KnownPart, known_parts
from shared.receipts.records import Receipt, ReceiptsRecord, Subject
from shared.receipts.replies import KeptReply, replies_of_day
from shared.receipts.status_by_id import asked_message
from shared.sending import lookups
from shared.sending.part_records import PartRecord, number_digest
from shared.state.records import read_record
from shared.state.store import Store
from shared.trigger import answers
from shared.trigger.invocation import Invocation

_LATE = 300  # seconds after which a receipt is called late
_DAYS_OF_REPLIES = 8  # from the day of the send on
_TOLERANCE = 60  # seconds; the times of sends and of replies are of two clocks


class Cause(NamedTuple):
    """Why a part, or a message of it, is as it is: a code and what it means, in sentences."""

    code: str
    text: str


_ASK_FOR_RECEIPTS = (
    "Are receipts switched on in the console, and do they reach receive_receipts? `make why "
    "NUMBER=ask DAY=...` asks the platform."
)
_DISAGREES = Cause(
    "receipt-disagrees",
    "A receipt came that does not agree with what was sent, in its id, number or time; it changes "
    "nothing. Somebody else's message, or a forged receipt.",
)


def told_send(
    intent: WireId, invocation: Invocation, store: Store, *, first_part: int = 0
) -> dict[str, Any] | None:
    """Return what is known of an intent, 100 parts at a time; None where nothing is."""
    secret = invocation.api.settings.state_secret
    parts, next_part = known_parts(store, intent, state_secret=secret, first_part=first_part)
    if not parts:
        return None
    return {
        "caller": intent.space,
        "out_id": intent.out_id,
        "parts": [told_part(part, invocation, store) for part in parts],
        "next_part": next_part,
    }


def told_part(part: KnownPart, invocation: Invocation, store: Store) -> dict[str, Any]:
    """Return what is known of a part, and why it is so."""
    secret = invocation.api.settings.state_secret
    receipts, problem = _receipts(part, invocation)
    disagreeing = [
        receipt
        for form in (part.wire_id._replace(part=None), part.wire_id)
        for receipt in _disagreeing(form, store, secret)
    ]
    standing = part.record.standing(invocation.api.clock.now())
    causes = _causes(part.record, standing, receipts)
    if disagreeing:
        causes.append(_DISAGREES)
    told = [_told_receipt(receipt, part.record) for receipt in receipts]
    return {
        "part": part.wire_id.number,
        **(_told_record(part.record, standing) if part.record.stored is not None else {}),
        "receipts": told,
        "disagreeing_receipts": [_told_receipt(receipt, part.record) for receipt in disagreeing],
        "replies": _replies(part, invocation, store),
        "platform_problem": problem,
        "causes": [cause._asdict() for cause in causes],
    }


def _told_record(record: PartRecord, standing: str) -> dict[str, Any]:
    return {
        "status": standing,
        "code": record.code,
        "action": record.action,
        "template": record.template,
        "attempt": record.attempt,
        "first_at": platform_timestamp(record.first_at),
        "last_at": platform_timestamp(record.last_at),
        "function": record.function,
        "event": record.event,
        "invocation": record.invocation,
        "platform_request_id": record.request_id,
        "message_id": record.biz_id,
        "parts": record.parts,
    }


def _told_receipt(receipt: Receipt, record: PartRecord) -> dict[str, Any]:
    told = receipt.shown()
    del told["out_id"]
    received = parse_platform_time(receipt.receive_date)
    if received is not None and record.last_at:
        told["seconds_after_the_send"] = max(int(received - record.last_at), 0)
    return {**told, "meaning": explain(receipt.err_code)}


def _receipts(part: KnownPart, invocation: Invocation) -> tuple[list[Receipt], str]:
    """Return the receipts of a part, or what the platform shows of it, and why it shows nothing."""
    if not part.shown_by_its_message:
        return part.receipts, ""
    try:
        shown = asked_message(part, invocation)
    except SmsError as error:
        return part.receipts, f"{error.code}: {error}"
    return shown or part.receipts, ""


def _replies(part: KnownPart, invocation: Invocation, store: Store) -> list[dict[str, str]]:
    """Return what the part's numbers wrote back since it was sent, the first first.

    Another send to the same number may have come between.
    """
    record, clock = part.record, invocation.api.clock
    if record.stored is None:
        return []
    secret = invocation.api.settings.state_secret
    days = lookups.dates_between(record.last_at, clock.now())[:_DAYS_OF_REPLIES]
    found = [
        {"send_date": reply.record.send_date, "content": reply.record.content}
        for day in days
        for reply in replies_of_day(store, day)
        if _is_reply_to(part, reply, secret)
    ]
    return sorted(found, key=lambda reply: reply["send_date"])


def _is_reply_to(part: KnownPart, reply: KeptReply, secret: str) -> bool:
    """Whether a reply is from one of the part's numbers, and of its time or later."""
    number = reply.record.number(reply.key, secret)
    sent_at = parse_platform_time(reply.record.send_date)
    if sent_at is not None and sent_at < part.record.last_at - _TOLERANCE:
        return False
    forms = (part.wire_id._replace(part=None), part.wire_id)
    return any(part.record.is_to(number_digest(form, number, secret)) for form in forms)


def _disagreeing(wire_id: WireId, store: Store, secret: str) -> list[Receipt]:
    key = Subject(wire_id=wire_id.text()).key_of_disagreeing(secret)
    return read_record(store.get(key), ReceiptsRecord()).read(wire_id.text())


def _causes(record: PartRecord, standing: str, receipts: list[Receipt]) -> list[Cause]:
    """Return why a part is as it is: by its receipts if there are any, else by its record."""
    if receipts:
        found = [_cause_of(receipt, record) for receipt in receipts]
    else:
        text = answers.explain_part(
            standing, record.code, record.action, template_code=record.template
        )
        if record.code not in ("", "OK"):
            text = f"{explain(record.code)} {text}" if standing == "unknown" else text
        if standing == "accepted":
            text = f"{text} {_ASK_FOR_RECEIPTS}"
        code = {"accepted": "no-receipt", "in-progress": "in-progress"}.get(standing, record.code)
        found = [Cause(code or standing, text)]
    return list(dict.fromkeys(found))


def _cause_of(receipt: Receipt, record: PartRecord) -> Cause:
    code = receipt.err_code or receipt.status
    text = explain(receipt.err_code)
    if receipt.status == "delivered" and not receipt.contradictory:
        text = f"The phone got it at {receipt.receive_date or 'a time that is not known'}."
        received = parse_platform_time(receipt.receive_date)
        if received is not None and record.last_at and received - record.last_at > _LATE:
            code, text = "late", f"It came late. {text}"
    if receipt.contradicted_by:
        text += f" A later receipt said {receipt.contradicted_by.get('status')}."
    return Cause(code, text)
