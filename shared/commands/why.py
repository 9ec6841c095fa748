"""`why`: what is known of a send, by its out_id, or by the platform's id of its message."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from shared.commands.sends import told_send
from shared.errors import InvalidRequest
from shared.fields import read_out_id, read_text
from shared.hooks.products import PRODUCTS
from shared.ids import EVENT_SPACE, FILE_SPACE, TRIGGER_SPACE, WireId, read_wire_id
from shared.logs import safe_message_id
from shared.sending.message_index import part_of_message
from shared.settings import read_access, read_event_caller
from shared.trigger.invocation import Invocation


def by_id(arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Return what is known of ``id``, and the hash that the log has for it.

    It may be an out_id, ``<caller>~<out_id>`` as the platform has it, a BizId or a MessageId.
    ``caller`` is an API key's name, or a space such as ``.event``; without it all are looked
    through. The answer's ``callers`` are the API keys whose out_ids were: an out_id is kept under
    its caller's name, so that of a key that is not set here is not found. ``first_part`` is where
    to go on in a send of more than 100 parts.
    """
    asked = read_text(arguments.get("id", ""), "id")
    caller = read_text(arguments.get("caller", ""), "caller")
    first_part = arguments.get("first_part", 0)
    if not isinstance(first_part, int) or not 0 <= first_part < 10**6:
        raise InvalidRequest("must be a whole number of up to 6 digits", field="first_part")
    wire_id = read_wire_id(asked)
    out_id = wire_id.out_id if wire_id else asked
    if wire_id is None and not safe_message_id(asked):
        read_out_id(asked, "id")
    log, store = invocation.api.log, invocation.store
    answer: dict[str, object] = {
        "id": asked,
        "has_state": store is not None,
        "callers": [wire_id.space] if wire_id else [caller] if caller else _key_names(),
        "out_id_hashes": [log.ids("", out_id)["out_id_hash"]],
        "sends": [],
    }
    if store is None:
        return answer
    intents = list(dict.fromkeys(_intents(asked, caller, invocation)))
    told = [told_send(intent, invocation, store, first_part=first_part) for intent in intents]
    sends = [send for send in told if send is not None]
    answer["sends"] = sends
    ids = (out_id, *(send["out_id"] for send in sends))
    answer["out_id_hashes"] = list(dict.fromkeys(log.ids("", one)["out_id_hash"] for one in ids))
    return answer


def _intents(asked: str, caller: str, invocation: Invocation) -> Iterator[WireId]:
    """Yield the intents that an id may name."""
    wire_id = read_wire_id(asked)
    if wire_id is not None:
        yield wire_id._replace(part=None)
        return
    for space in [caller] if caller else spaces():
        yield WireId(space, asked)
    store, secret = invocation.store, invocation.api.settings.state_secret
    if store is not None and safe_message_id(asked):
        part = part_of_message(store, asked, secret)
        if part is not None:
            yield part._replace(part=None)


def spaces() -> list[str]:
    """Return whose out_ids there may be: names of API keys, and the spaces of what sends itself."""
    event_caller = read_event_caller(os.environ)
    hooks = [product.space for product in PRODUCTS]
    ours = [TRIGGER_SPACE, EVENT_SPACE, FILE_SPACE]
    callers = [*_key_names(), *([event_caller] if event_caller else [])]
    return list(dict.fromkeys([*callers, *ours, *hooks]))


def _key_names() -> list[str]:
    return list(dict.fromkeys(read_access(os.environ).keys.values()))
