"""Which part a message of the platform belongs to, by the platform's own id (BizId, MessageId)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.ids import WireId, keyed, read_wire_id, seal, unseal
from shared.platform.sms_api import SmsApi
from shared.state.records import read_record, record_text
from shared.state.store import Change

if TYPE_CHECKING:
    from shared.state.store import Store


_LABEL = "message wire id"


class MessageRecord(NamedTuple):
    """The part that a message belongs to.

    `sealed_wire_id` is its id on the wire, which only who has the state secret can read: an out_id
    is the caller's own and may say something of a customer. For `others` and `stored` see
    state/records.py.
    """

    sealed_wire_id: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None


def message_key(message_id: str, state_secret: str) -> str:
    """Return the key of a MessageRecord; it tells nothing about the id."""
    return f"message:{keyed(state_secret, 'message', message_id)}"


def note_message(store: Store, api: SmsApi, *, message_id: str, wire_id: WireId) -> None:
    """Write down whose a message is; what stands there stays.

    The first to know is the call that sent it: what comes later, such as a receipt, cannot claim a
    message for somebody else.
    """
    secret = api.settings.state_secret
    sealed = seal(wire_id.text(), secret, label=_LABEL, name=message_id)
    store.put(
        Change(
            key=message_key(message_id, secret),
            old=None,
            new=record_text(MessageRecord(sealed_wire_id=sealed)),
            ttl=api.settings.intent_ttl,
        )
    )


def part_of_message(store: Store, message_id: str, state_secret: str) -> WireId | None:
    """Return which part a message belongs to, None where that is not known."""
    record = read_record(store.get(message_key(message_id, state_secret)), MessageRecord())
    return _unseal(record.sealed_wire_id, message_id, state_secret)


def _unseal(sealed: str, message_id: str, state_secret: str) -> WireId | None:
    """Return the id on the wire that was sealed; None for what was not."""
    try:
        return read_wire_id(unseal(sealed, state_secret, label=_LABEL, name=message_id))
    except ValueError:
        return None
