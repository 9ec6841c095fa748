"""What became of messages, by out_id or message_id.

No number is asked for or shown: its last two digits and its keyed hash stand for it.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import InvalidRequest, SmsError
from shared.fields import read_out_id
from shared.ids import out_id_of, split_wire_id
from shared.logs import safe_message_id
from shared.platform.queries import meaning_of, query_message
from shared.platform.sms_api import SmsApi
from shared.receipts.records import (
    Receipt,
    of_message,
    of_out_id,
    shown_number,
    stored_or_nothing,
)
from shared.sending.settling import message_ids

if TYPE_CHECKING:
    from shared.state.store import Store

_ASK_BY_NUMBER = "POST phone_number and send_date to this path (numbers stay out of the URL)"


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
            f"or message_id must be given, or else {_ASK_BY_NUMBER}", field="out_id"
        )
    if out_id and message_id:
        raise InvalidRequest("must not stand beside out_id: give one", field="message_id")
    if not re.fullmatch(r"[0-9]{1,6}", first_part, re.ASCII):
        raise InvalidRequest("must be a whole number of up to 6 digits", field="first_part")
    if out_id:
        read_out_id(out_id, "out_id")
    elif not safe_message_id(message_id):
        raise InvalidRequest("is not the id of a message", field="message_id")
    return IdQuestion(out_id, message_id, int(first_part))


def find_by_id(
    api: SmsApi, question: IdQuestion, deadline: float, store: "Store | None"
) -> tuple[list[dict[str, object]], int]:
    """Return the messages with an id for the caller, and the part to go on from or 0.

    Raises InvalidRequest where only the number leads to an answer, and what the platform raises.
    """
    if question.message_id:
        found, next_part = _of_message(api, question.message_id, deadline, store=store), 0
    elif store:
        found, next_part = _of_out_id(api, question, deadline, store=store)
    else:
        raise InvalidRequest(
            f"needs stored receipts (SMS_STATE_URL), of which there are none; {_ASK_BY_NUMBER}",
            field="out_id",
        )
    return [_shown_receipt(receipt) for receipt in found], next_part


def _of_out_id(
    api: SmsApi, question: IdQuestion, deadline: float, *, store: "Store"
) -> tuple[list[Receipt], int]:
    secret, out_id, first = api.settings.state_secret, question.out_id, question.first_part
    found, next_part = of_out_id(store, secret, out_id, first_part=first)
    sent_abroad = {} if first else message_ids(store, out_id, secret)
    if not (found or first or next_part or sent_abroad):
        raise InvalidRequest(f"has no stored receipt yet; {_ASK_BY_NUMBER}", field="out_id")
    for part, message_id in sent_abroad.items():
        known = [each for each in found if split_wire_id(each.out_id)[1] == part]
        if message_id and not any(each.is_final for each in known):
            told = _of_message(api, message_id, deadline, store=store, out_id=out_id)
            found = [each for each in found if not told or each not in known] + told
    return found, next_part


def _of_message(
    api: SmsApi,
    message_id: str,
    deadline: float,
    *,
    store: "Store | None",
    out_id: str = "",
) -> list[Receipt]:
    secret = api.settings.state_secret
    stored = stored_or_nothing(api, store, lambda known: of_message(known, secret, message_id))
    if stored and all(receipt.is_final for receipt in stored):
        return stored
    try:
        status = query_message(api, message_id, deadline)
    except SmsError:
        if not stored:
            raise
        return stored
    if status is None or (stored and status.status == "waiting"):
        return stored
    who = shown_number(api, status.phone_number)
    told = Receipt(
        phone_number=who["phone_number"],
        number_hash=who["number_hash"],
        out_id=stored[0].out_id if stored else out_id,
        message_id=message_id,
        status=status.status,
        err_code=status.err_code,
        send_date=status.send_date,
        receive_date=status.receive_date,
        sms_size=stored[0].sms_size if stored else 0,
    )
    return [told]


def _shown_receipt(receipt: Receipt) -> dict[str, object]:
    return {
        **receipt.shown(),
        "out_id": out_id_of(receipt.out_id),
        "meaning": meaning_of(receipt.err_code),
    }
