"""Random schedules of faults around one intent, the same for every client that lives through them.

Faults hit the n-th request of the intent, whoever makes it and why; crashes hit an invocation. An
invocation that did not end well is repeated, as Function Compute repeats asynchronous ones.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.faults.world import Accident

Fault = dict[str, Any]
REPEATS = 3
"""How often Function Compute repeats an asynchronous invocation that failed ("Error handling")."""
_REQUESTS = 16  # more than the retries of all invocations make
_FIRST_FAULT, _LATER_FAULT, _QUERY_FAULT, _CRASH = 0.6, 0.4, 0.3, 0.15
_NONE: Fault = {"kind": "none"}


def _both(kind: str, **fields: object) -> tuple[Fault, ...]:
    return tuple({"kind": kind, "when": when, **fields} for when in ("before", "after"))


_LOST: Sequence[Sequence[Fault]] = (
    _both("reset"),
    _both("reset", bytes="half"),
    _both("stall"),
    _both("truncate"),
    (*_both("garbage", content="html"), *_both("garbage", content="types")),
    (*_both("http", status=500), *_both("http", status=502, body="html")),
    _both("http", status=503),
    _both("error", code="isp.SYSTEM_ERROR"),
)
_REFUSED: Sequence[Sequence[Fault]] = (
    ({"kind": "throttle"}, {"kind": "throttle", "code": "Throttling.Api"}),
    (
        {"kind": "error", "code": "isv.AMOUNT_NOT_ENOUGH"},
        {"kind": "error", "code": "isv.BUSINESS_LIMIT_CONTROL"},
    ),
)
_LATE: Sequence[Sequence[Fault]] = (
    tuple({"kind": "reset", "when": "after", "accept_delay_seconds": wait} for wait in (2, 60)),
)
_OF_SENDS = (*_LOST, *_REFUSED, *_LATE)
_OF_QUERIES = (*_LOST, _REFUSED[0])


class Schedule(NamedTuple):
    """What happens to one intent.

    `sends` and `queries` are the faults of its first requests, in their order; `crashes` are those
    of its invocations, `waits` the seconds before each repeat. A message shows in queries
    `visibility` seconds after it was accepted, or "never".
    """

    sends: tuple[Fault, ...]
    queries: tuple[Fault, ...]
    crashes: tuple[tuple[Accident, ...], ...]
    waits: tuple[int, ...]
    visibility: int | str

    def cut(self, repeats: int) -> Schedule:
        """Return the same schedule with so many repeats at most."""
        return self._replace(crashes=self.crashes[: repeats + 1], waits=self.waits[:repeats])


QUIET = Schedule((_NONE,), (_NONE,), ((),) * (REPEATS + 1), (1,) * REPEATS, 0)
"""Nothing goes wrong."""


def draw(seed: int, number: int) -> Schedule:
    """Return schedule `number` of the random ones that `seed` stands for."""
    chance = random.Random(f"{seed}/{number}")
    return Schedule(
        sends=tuple(
            _fault(chance, _OF_SENDS, _LATER_FAULT if place else _FIRST_FAULT)
            for place in range(_REQUESTS)
        ),
        queries=tuple(_fault(chance, _OF_QUERIES, _QUERY_FAULT) for _ in range(_REQUESTS)),
        crashes=tuple(_crash(chance) for _ in range(REPEATS + 1)),
        waits=tuple(chance.choice((1, 10, 60)) for _ in range(REPEATS)),
        visibility=chance.choice((0, 3, 60, "never")),
    )


def _fault(chance: random.Random, kinds: Sequence[Sequence[Fault]], share: float) -> Fault:
    return chance.choice(chance.choice(kinds)) if chance.random() < share else _NONE


def _crash(chance: random.Random) -> tuple[Accident, ...]:
    """A client without a store has no steps of the store to crash at: it lives through those."""
    if chance.random() >= _CRASH:
        return ()
    kind = chance.choice(("exchange", "exchange", "store"))
    step = chance.choice((1, 1, 2, 3))
    return (Accident(kind, step, "crash", chance.choice(("before", "after"))),)
