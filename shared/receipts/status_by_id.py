"""What became of messages, by out_id or message_id.

No number is asked for or shown: its last two digits and its keyed hash stand for it. Whose a
message is only shared state knows; another's is answered as if it had never been.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from shared.errors import InvalidRequest, SmsError
from shared.fields import read_out_id
from shared.ids import WireId, read_wire_id
from shared.logs import safe_message_id
from shared.platform.queries import meaning_of, query_message
from shared.receipts.part_rows import KnownPart, known_parts
from shared.receipts.records import Receipt, of_message, shown_number
from shared.sending.message_index import part_of_message
from shared.state.store import Store
from shared.trigger.invocation import Invocation

_ASK_BY_NUMBER = "to ask by number, POST phone_number and send_date to this path as JSON"


class IdQuestion(NamedTuple):
    """What ``GET /delivery-status`` asks for; one of the ids is empty."""

    out_id: str
    message_id: str
    first_part: int


def read_id_question(query: Mapping[str, str]) -> IdQuestion:
    """Read the query of ``GET /delivery-status``; raises InvalidRequest."""
    out_id, message_id = query.get("out_id", ""), query.get("message_id", "")
    first_part = query.get("first_part", "0")
    if not out_id and not message_id:
        raise InvalidRequest(
            f"give it, or message_id, in the query of the URL; {_ASK_BY_NUMBER}", field="out_id"
        )
    if out_id and message_id:
        raise InvalidRequest("must not stand beside out_id: give one", field="message_id")
    if not re.fullmatch(r"[0-9]{1,6}", first_part, re.ASCII):
        raise InvalidRequest("must be a whole number of up to 6 digits", field="first_part")
    if out_id:
        read_out_id(out_id, "out_id")
    elif not safe_message_id(message_id):
        raise InvalidRequest(
            "is not the id of a message; give the biz_id or message_id that the send answered",
            field="message_id",
        )
    return IdQuestion(out_id, message_id, int(first_part))


def find_by_id(question: IdQuestion, invocation: Invocation) -> tuple[list[dict[str, object]], int]:
    """Return the messages with an id for the caller, and the part to go on from or 0.

    What is not of the caller's space is answered as if it had never been. Raises InvalidRequest
    without shared state, or with status 404 for an out_id of which nothing is known, and what the
    platform raises.
    """
    if invocation.store is None:
        raise InvalidRequest(
            f"needs shared state (SMS_STATE_URL), of which there is none; {_ASK_BY_NUMBER}",
            field="message_id" if question.message_id else "out_id",
        )
    if question.message_id:
        found = _of_message_id(question.message_id, invocation, invocation.store)
        return [_shown_receipt(receipt) for receipt in found], 0
    return _of_out_id(question, invocation, invocation.store)


def _of_out_id(
    question: IdQuestion, invocation: Invocation, store: Store
) -> tuple[list[dict[str, object]], int]:
    """Return the rows of an intent of the caller's.

    One that never was, one of another caller and one that is forgotten are answered alike.
    """
    parts, next_part = known_parts(
        store,
        WireId(invocation.space, question.out_id),
        state_secret=invocation.api.settings.state_secret,
        first_part=question.first_part,
    )
    if not parts and not question.first_part:
        raise InvalidRequest(
            "nothing is known of it: this caller never sent with it, or longer ago than "
            "SMS_INTENT_TTL",
            field="out_id",
            status=404,
            code="no-such-send",
        )
    rows = [row for part in parts for row in _rows(part, invocation)]
    return rows, next_part


def _rows(part: KnownPart, invocation: Invocation) -> list[dict[str, object]]:
    receipts = part.receipts
    if part.shown_by_its_message:
        receipts = asked_message(part, invocation) or receipts
    if receipts:
        return [_shown_receipt(receipt) for receipt in receipts]
    return [part.row(invocation.api.clock.now())]


def asked_message(part: KnownPart, invocation: Invocation) -> list[Receipt]:
    """Return what the platform, which is asked, and receipts know of the message of a part.

    The part's record has the id of that message. Raises what the platform raises, if no receipt of
    the message is stored.
    """
    message_id = part.record.biz_id
    stored = [receipt for receipt in part.receipts if receipt.message_id == message_id]
    return _of_message(message_id, invocation, part=part.wire_id, stored=stored)


def _of_message_id(message_id: str, invocation: Invocation, store: Store) -> list[Receipt]:
    """Return what is known of a message of the caller's, and nothing of any other."""
    secret = invocation.api.settings.state_secret
    part = part_of_message(store, message_id, secret)
    if part is None or part.space != invocation.space:
        return []
    stored = of_message(store, message_id, part=part, state_secret=secret)
    return _of_message(message_id, invocation, part=part, stored=stored)


def _of_message(
    message_id: str, invocation: Invocation, *, part: WireId, stored: list[Receipt]
) -> list[Receipt]:
    """Return what is known of the message that `part` was sent as; `stored` are its receipts."""
    api = invocation.api
    if stored and all(receipt.is_final for receipt in stored):
        return stored
    try:
        status = query_message(api, message_id, invocation.deadline)
    except SmsError:
        if not stored:
            raise
        return stored
    if status is None or (stored and status.status == "waiting"):
        return stored
    who = shown_number(api, status.phone_number)
    return [
        Receipt(
            out_id=part.text(),
            phone_number=who["phone_number"],
            number_hash=who["number_hash"],
            message_id=message_id,
            status=status.status,
            err_code=status.err_code,
            send_date=status.send_date,
            receive_date=status.receive_date,
            sms_size=stored[0].sms_size if stored else 0,
        )
    ]


def _shown_receipt(receipt: Receipt) -> dict[str, object]:
    wire_id = read_wire_id(receipt.out_id)
    return {
        **receipt.shown(),
        "out_id": wire_id.out_id if wire_id else "",
        "meaning": meaning_of(receipt.err_code),
    }
