"""Receipts and replies in the shared state: kept once, in whatever order and how often they come.

The platform pushes a receipt again until it is answered with 200, and promises neither order nor
that each comes once (documents 101867 and 101847; smsreport-http-intl for SendMessageToGlobe). So
all steps here may be repeated, and a message that was delivered or has failed stays so:

    receipts:<id on the wire>   one record a part: the receipts of its numbers
    parts:<out_id>              the highest part of which there is a receipt
    message:<BizId, MessageId>  the id on the wire, where there is one
    reply:<number, sequence>    one record a reply, as a JSON object with its text

The ids in the keys are keyed digests. No record holds a phone number, only its last two digits and
the log's keyed hash. A receipt settles an attempt that was in doubt (shared/sending.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import StoreUnavailable
from shared.ids import keyed
from shared.platform.sms_api import SmsApi

if TYPE_CHECKING:
    from shared.state.store import Store

PARTS_READ = 100


class Receipt(NamedTuple):
    """A Report as it is kept; `phone_number` is ``*`` and the last two digits."""

    out_id: str
    phone_number: str
    number_hash: str
    message_id: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    sms_size: int

    @property
    def is_final(self) -> bool:
        """Whether the message is no longer on its way."""
        return self.status != "waiting"


def of_out_id(
    store: Store, state_secret: str, out_id: str, first_part: int = 0
) -> tuple[list[Receipt], int]:
    """Return the receipts of an intent, and the part to go on from, 0 when there are no more.

    At most PARTS_READ parts are read, from `first_part` on.
    """
    highest = int(store.get(key_of("parts", out_id, state_secret)) or 0)
    end = min(first_part + PARTS_READ, highest + 1)
    wire_ids = [f"{out_id}~{part}" for part in range(first_part, end)]
    if first_part == 0:
        wire_ids.insert(0, out_id)  # an intent of one part carries no number
    found = [each for wire_id in wire_ids for each in _of_wire_id(store, state_secret, wire_id)]
    return found, end if end <= highest else 0


def of_message(store: Store, state_secret: str, message_id: str) -> list[Receipt]:
    """Return the receipts that carry this BizId or MessageId."""
    wire_id = store.get(key_of("message", message_id, state_secret))
    found = _of_wire_id(store, state_secret, wire_id or f"\n{message_id}")
    return [receipt for receipt in found if receipt.message_id == message_id]


def _of_wire_id(store: Store, state_secret: str, wire_id: str) -> list[Receipt]:
    text = store.get(key_of("receipts", wire_id, state_secret))
    return read_receipts(text, "" if wire_id.startswith("\n") else wire_id)


def shown_number(api: SmsApi, phone_number: str) -> dict[str, str]:
    """Return a Receipt's `phone_number` and `number_hash`."""
    logged = api.log.numbers((phone_number,) if phone_number else ())
    return {
        "phone_number": str(logged.get("number", "")),
        "number_hash": str(logged.get("number_hash", "")),
    }


def read_receipts(text: str | None, wire_id: str = "") -> list[Receipt]:
    """Return the receipts in a record of the store; none for no record."""
    return [Receipt(wire_id, *row) for row in json.loads(text or "[]")]


def key_of(kind: str, name: str, secret: str) -> str:
    """Return the key of a record; it tells nothing about `name`."""
    return f"{kind}:{keyed(secret, kind, name)}"


def stored_or_nothing(
    api: SmsApi, store: Store | None, ask_store: Callable[[Store], Sequence[Receipt]]
) -> Sequence[Receipt]:
    """Return what `ask_store` finds; nothing without a store or when it fails."""
    if store is None:
        return []
    try:
        return ask_store(store)
    except StoreUnavailable as error:
        api.log.failed("store", error)
        return []


def out_id_of(out_id: str) -> str:
    """Return the out_id in an id on the wire."""
    return out_id.partition("~")[0]
