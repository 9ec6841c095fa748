"""`hashes`: what the log writes in place of a phone number or an out_id."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shared.commands.numbers import read_number
from shared.errors import ConfigurationError, InvalidRequest
from shared.fields import read_out_id, read_text
from shared.ids import read_wire_id
from shared.trigger.invocation import Invocation


def show(arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Return the hashes of ``text``: as a number if it is one, and as an out_id if it may be one.

    Raises ConfigurationError without SMS_STATE_SECRET, with which they are made.
    """
    if not invocation.api.settings.state_secret:
        raise ConfigurationError(
            "SMS_STATE_SECRET is not set, so each instance has other hashes in its log: set it, "
            "and later lines can be found"
        )
    text = read_text(arguments.get("text", ""), "text").strip()
    answer: dict[str, object] = {}
    with suppress(InvalidRequest):  # it may be an out_id
        answer["number_hash"] = read_number(text).hash(invocation)
    wire_id = read_wire_id(text)
    out_id = wire_id.out_id if wire_id else text
    try:
        answer["out_id_hash"] = invocation.api.log.ids("", read_out_id(out_id, "text"))[
            "out_id_hash"
        ]
    except InvalidRequest:
        if not answer:
            raise
    return answer
