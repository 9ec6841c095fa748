"""What became of the messages with an id: stored receipts, and QueryMessage for one sent abroad.

No phone number is asked for or told here; its last two digits and its keyed hash stand for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from shared import international, receipts
from shared.delivery_status import look_up, meaning_of, without_part
from shared.errors import InvalidRequest, SmsError
from shared.fields import read_out_id
from shared.receipts import Receipt

if TYPE_CHECKING:
    from shared.sms_api import SmsApi
    from shared.store import Store

MAX_PART = 999_999
_ASK_BY_NUMBER = "POST phone_number and send_date to this path (numbers stay out of the URL)"


class IdQuestion(NamedTuple):
    """What ``GET /delivery-status`` asks for: one of the ids, the other is empty."""

    out_id: str
    message_id: str
    first_part: int


def read_question(query: Mapping[str, str]) -> IdQuestion:
    """Read the query of ``GET /delivery-status``; raises InvalidRequest naming what is wrong."""
    out_id, message_id = query.get("out_id", ""), query.get("message_id", "")
    first_part = query.get("first_part", "0")
    if not out_id and not message_id:
        raise InvalidRequest(
            f"or message_id must be given, or else {_ASK_BY_NUMBER}", field="out_id"
        )
    if out_id and message_id:
        raise InvalidRequest("must not stand beside out_id: give one", field="message_id")
    if not re.fullmatch(r"[0-9]{1,6}", first_part, re.ASCII):
        raise InvalidRequest(f"must be a whole number from 0 to {MAX_PART}", field="first_part")
    if out_id:
        read_out_id(out_id, "out_id")
    else:
        international.check_message_id(message_id)
    return IdQuestion(out_id, message_id, int(first_part))


def find(
    api: SmsApi, question: IdQuestion, deadline: float, store: Store | None
) -> tuple[list[dict[str, object]], int]:
    """Return the messages with an id as the caller gets them, and the part to go on from or 0.

    The platform is asked for a message_id without a final receipt. Raises InvalidRequest where
    only the number leads to an answer, and what the platform raises.
    """
    if question.message_id:
        return _of_message(api, question.message_id, deadline, store), 0
    if store is None:
        raise InvalidRequest(
            f"needs stored receipts (SMS_STATE_URL), of which there are none; {_ASK_BY_NUMBER}",
            field="out_id",
        )
    secret = api.settings.state_secret
    found, next_part = receipts.of_out_id(store, secret, question.out_id, question.first_part)
    if not found and not question.first_part and not next_part:
        raise InvalidRequest(f"has no stored receipt yet; {_ASK_BY_NUMBER}", field="out_id")
    return [_shown_receipt(receipt) for receipt in found], next_part


def _of_message(
    api: SmsApi, message_id: str, deadline: float, store: Store | None
) -> list[dict[str, object]]:
    secret = api.settings.state_secret
    stored = look_up(api, store, lambda kept: receipts.of_message(kept, secret, message_id))
    answer = [_shown_receipt(receipt) for receipt in stored]
    if stored and all(receipt.is_final for receipt in stored):
        return answer
    try:
        status = international.query_message(api, message_id, deadline)
    except SmsError:
        if not stored:
            raise
        return answer
    if status is None or (stored and status.status == "waiting"):
        return answer
    number = api.log.numbers((status.phone_number,) if status.phone_number else ())
    told = Receipt(
        out_id=stored[0].out_id if stored else "",
        phone_number=str(number.get("number", "")),
        number_hash=str(number.get("number_hash", "")),
        message_id=message_id,
        status=status.status,
        err_code=status.err_code,
        send_date=status.send_date,
        receive_date=status.receive_date,
        sms_size=stored[0].sms_size if stored else 0,
    )
    return [_shown_receipt(told)]


def _shown_receipt(receipt: Receipt) -> dict[str, object]:
    return {
        **receipt._asdict(),
        "out_id": without_part(receipt.out_id),
        "meaning": meaning_of(receipt.err_code),
    }
