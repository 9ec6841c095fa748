"""`why-number`: the messages to one number on one day, as the platform and the state know them.

No index by number is stored: the platform is asked (QuerySendDetails), and what it shows leads to
our records by the OutId. So what was refused before it reached the platform is not among it; the
counts of the number may tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.commands.meanings import explain
from shared.commands.numbers import owners_store, read_number, shown_counts
from shared.commands.sends import told_part
from shared.ids import WireId, read_wire_id
from shared.platform.queries import SendDetail, all_details
from shared.receipts.delivery_status import read_send_date
from shared.receipts.part_rows import known_part
from shared.trigger.invocation import Invocation


def by_number(arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Return the messages to ``phone_number`` on ``day`` (UTC+8), and what it has counted for it.

    Texts are not shown: they may hold codes. Raises what the platform raises.
    """
    api, store = invocation.api, owners_store(invocation)
    number = read_number(arguments.get("phone_number"))
    day = read_send_date(arguments.get("day"), api.clock.now(), "day")
    details = all_details(api, number.queried, day, deadline=invocation.deadline)
    counts = number.counts(invocation) if store else []
    return {
        "number": f"*{number.queried[-2:]}",
        "number_hash": number.hash(invocation),
        "day": day,
        "has_state": store is not None,
        "messages": [_told(detail, invocation) for detail in details],
        "counts": shown_counts(counts, store.counted(counts, api.clock.moved())) if store else [],
    }


def _told(detail: SendDetail, invocation: Invocation) -> dict[str, object]:
    wire_id = read_wire_id(detail.out_id)
    ids = invocation.api.log.ids(wire_id.space, wire_id.out_id) if wire_id else {}
    return {
        "caller": wire_id.space if wire_id else "",
        "out_id": wire_id.out_id if wire_id else "",
        "out_id_hash": ids.get("out_id_hash", ""),
        "send_date": detail.send_date,
        "receive_date": detail.receive_date,
        "status": detail.status,
        "err_code": detail.err_code,
        "meaning": explain(detail.err_code),
        "template": detail.template_code,
        "parts": [_part(detail, wire_id, invocation)],
    }


def _part(detail: SendDetail, wire_id: WireId | None, invocation: Invocation) -> dict[str, Any]:
    """Return what the state knows of the message's part; the platform's word comes first."""
    shown = {
        "code": detail.err_code or detail.status,
        "text": explain(detail.err_code) or "No receipt has come yet.",
    }
    told: dict[str, Any] = {"receipts": [], "disagreeing_receipts": [], "platform_problem": ""}
    store = invocation.store
    if store is not None and wire_id is not None:
        secret = invocation.api.settings.state_secret
        part = known_part(store, wire_id._replace(part=wire_id.number), state_secret=secret)
        if part.is_known:
            told = told_part(part, invocation, store)
    elif wire_id is None:
        shown["text"] += " Its OutId is none of ours: something else sent it."
    return {**told, "causes": [shown]}
