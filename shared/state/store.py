"""Shared state: small records and counts, in Redis or in a SQLite file on one machine.

Every change is one atomic step, safe to repeat when its answer was lost: whoever writes the same
text again is told that it is there. Records and counts expire. A store that cannot be used raises
StoreUnavailable, and nothing is half done then.

Redis must keep what it acknowledged: `maxmemory-policy noeviction`, for a record that was evicted
lets a repeat send again; so may a fail-over to a replica that missed the last writes. All keys
carry one hash tag, so that a cluster keeps them in one slot.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Count(NamedTuple):
    """An amount to add to what is counted under `key`, unless that would exceed `limit`.

    A fixed window is named in its key (by its date, say) and ends in `window` seconds; a sliding
    one looks back that long. `rule` names the limit.
    """

    rule: str
    key: str
    amount: int
    limit: int
    window: int
    sliding: bool = False


class Written(NamedTuple):
    """The record is `new`; `totals` is what each charge came to, empty if it was `new` before."""

    totals: tuple[int, ...] = ()


class Refused(NamedTuple):
    """A limit refused; nothing was counted. `retry_after` is in seconds."""

    rule: str
    retry_after: int


class Store(Protocol):
    """What both back ends do."""

    def get(self, key: str) -> str | None:
        """Return the record under `key`, or None."""

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """Return what was counted in each of `counts`, none of which is sliding."""

    def put(
        self,
        key: str,
        old: str | None,
        new: str,
        ttl: int,
        now: float,
        charge: Sequence[Count] = (),
        give_back: Sequence[Count] = (),
    ) -> Written | Refused | str:
        """Write `new` if the record is `old` (None: if there is none), to last `ttl` seconds.

        With that step `charge` is added and `give_back`, once charged for the same key, taken away:
        all or nothing, and nothing when the record was `new` before. Returns the record that is
        there, empty for none, when that is neither `old` nor `new`. `now` is in epoch seconds.

        Where only one of several callers may win, `new` must hold something that only one has.
        """


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds."""
    return int(seconds * 1000)


def refused(count: Count, wait: int) -> Refused:
    """Return the refusal of `count`, which may be added in `wait` milliseconds."""
    return Refused(count.rule, max(1, math.ceil(wait / 1000)))
