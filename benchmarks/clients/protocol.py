"""The send protocol alone, for SMS that were validated before; or one signed exchange without it.

BENCHMARK_PROTOCOL=off leaves it away; SMS_STATE_URL names the store, if there is one.
"""

from __future__ import annotations

import os
import time
from itertools import count

from benchmarks.clients.events import context, one_sms
from shared.clock import Clock
from shared.sending import intents, mainland, protocol
from shared.sending.intents import Intent
from shared.trigger import invocation

_CLOCK = Clock()
_CONTEXT = context()
_OPEN = invocation.open_invocation(
    _CONTEXT, invocation.open_log(_CONTEXT, "benchmark", _CLOCK), time.monotonic()
)
_HAS_PROTOCOL = os.environ["BENCHMARK_PROTOCOL"] == "on"
_intents: list[Intent] = []
_numbers = count(13900000000)


def prepare(sends: int) -> None:
    """Validate what is to be sent."""
    for _ in range(sends):
        body = {**one_sms(str(next(_numbers))), "out_id": os.urandom(8).hex()}
        _intents.append(mainland.read_intent(body, "", intents.Defaults("shop")))


def send(_: str) -> None:
    """Send one SMS; raise unless it is accepted."""
    intent = _intents.pop()
    deadline = time.monotonic() + 30
    if _HAS_PROTOCOL:
        (outcome,) = protocol.send(intent, _OPEN.api, deadline, _OPEN.store)
        verdict = outcome.outcome
    else:
        (part,) = intent.parts
        parameters = {**part.parameters, "OutId": intent.wire_id(part).text()}
        verdict = _OPEN.api.call(
            part.action, parameters, deadline=deadline, phone_numbers=part.phone_numbers
        ).verdict
    if verdict != "accepted":
        raise RuntimeError(verdict)
