"""Random plans of who is killed when, drawn from a seed; how they end is left to the machine."""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

from shared.ids import WireId

CALLER = "tests"
"""The name of the API key of all calls, whose space events have as well."""
WAYS = ("call", "personalised", "twice", "asynchronous", "event", "code")
"""How an intent comes: ``POST /sms``, that twice at once, that asynchronously, an event, a code."""
FAULTS: dict[str, tuple[dict[str, Any], ...]] = {
    # at random times, whatever the exchange looks like then
    "random": (
        {"kind": "none"},
        {"kind": "stall", "when": "after", "seconds": 0.4},
        {"kind": "stall", "when": "before", "seconds": 0.4},
        {"kind": "drip", "seconds": 0.5},
        {"kind": "reset", "when": "after"},
        {"accept_delay_seconds": 0.5},
    ),
    # in the exchange: before the message is accepted, while it is, and after
    "unsent": ({"kind": "stall", "when": "before"},),
    "late": (
        {"accept_delay_seconds": 1.0},
        {"kind": "reset", "when": "after", "accept_delay_seconds": 3.0},
    ),
    "sent": ({"kind": "stall", "when": "after"},),
    # while the store is asked for the claim, and while it is told of the answer
    "claim": ({"kind": "none"},),
    "answer": ({"kind": "stall", "when": "after", "seconds": 0.2},),
}
"""By the moment of a kill: the faults that the one request of an intent may meet."""


class Intent(NamedTuple):
    """One SMS to one number, or to two where it is personalised."""

    out_id: str
    way: str
    number: int
    fault: dict[str, Any]

    @property
    def wire_id(self) -> WireId:
        """Its id on the wire, whichever way it comes: events are sent for the same caller."""
        return WireId(CALLER, self.out_id)

    def rule(self) -> dict[str, Any]:
        """Return the fault rule of its first request."""
        match = {"action": "Send*", "out_id": self.wire_id.text()}
        return {"match": match, "times": 1, **self.fault}

    def body(self) -> dict[str, Any]:
        """Return the request, as the function behind its way takes it."""
        numbers = [str(13_800_000_000 + 2 * self.number + place) for place in (0, 1)]
        if self.way == "code":
            return {"phone_number": numbers[0], "purpose": "login", "out_id": self.out_id}
        template: dict[str, Any] = {"template_code": "SMS_100001", "out_id": self.out_id}
        param = {"template_param": {"code": "481516"}}
        if self.way == "personalised":
            return {**template, "messages": [{"phone_number": one, **param} for one in numbers]}
        return {**template, "phone_numbers": numbers[0], **param}

    def event(self) -> bytes:
        """Return the request as an event."""
        return json.dumps(self.body()).encode()


class Batch(NamedTuple):
    """Intents that are under way together, and when their workers are killed.

    `moment` is one of FAULTS; `times` (seconds from the start) are those of random kills.
    """

    moment: str
    intents: tuple[Intent, ...]
    times: tuple[float, ...]

    def calls(self) -> list[Intent]:
        """Return the intent of each call to make."""
        return [one for one in self.intents for _ in range(2 if one.way == "twice" else 1)]


def draw(seed: str, schedules: int, at_once: int) -> list[Batch]:
    """Draw so many intents in batches; each moment has its turn before one comes again."""
    chance = random.Random(seed)
    batches: list[Batch] = []
    moments: list[str] = []
    for first in range(0, schedules, at_once):
        moments = moments or chance.sample(list(FAULTS), len(FAULTS))
        moment = moments.pop()
        intents = tuple(
            Intent(f"killed-{number}", chance.choice(WAYS), number, chance.choice(FAULTS[moment]))
            for number in range(first, min(first + at_once, schedules))
        )
        times = sorted(chance.uniform(0.01, 0.7) for _ in range(len(intents) + 1))
        batches.append(Batch(moment, intents, tuple(times)))
    return batches
