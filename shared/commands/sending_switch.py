"""`stop-sending` and `start-sending`: the owner's switch (sending/stop.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.clock import utc_timestamp
from shared.sending.stop import read_stop, start_sending, stop_sending
from shared.trigger.invocation import Invocation


def stop(_arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Stop sending.

    Return since when it is stopped, and whether it was before; where there is no shared state only
    that, for then nothing holds sends back.
    """
    store = invocation.store
    if store is None:
        return {"has_state": False}
    before = read_stop(store)
    record = before or stop_sending(store, invocation.api.clock.now())
    return {
        "has_state": True,
        "stopped_since": utc_timestamp(record.since),
        "was_stopped": before is not None,
    }


def start(_arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Let sends begin again, and return since when they were stopped, if they were."""
    store = invocation.store
    if store is None:
        return {"has_state": False}
    record = start_sending(store)
    if record is None:
        return {"has_state": True, "was_stopped": False}
    return {"has_state": True, "was_stopped": True, "stopped_since": utc_timestamp(record.since)}
