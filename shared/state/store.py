"""The store's contract: small records and counts that all instances share.

Every change is one atomic step, safe to repeat when its answer was lost: whoever writes the same
text again is told that it is there. Records and counts expire. A store that cannot be used raises
StoreUnavailable, and nothing is half done then.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

MOST_COUNTS = 64  # in what a change charges, and in what it gives back


class Count(NamedTuple):
    """An amount to add to what is counted under `key`, unless that would exceed `limit`.

    A fixed window is named in its key (by its date, say) and ends in `window` seconds; a sliding
    one looks back that long. `rule` names the limit. What a fixed window came to can be read for
    `kept` seconds after its end.
    """

    rule: str
    key: str
    amount: int
    limit: int
    window: int
    is_sliding: bool = False
    kept: int = 0


class Change(NamedTuple):
    """One step: write `new` under `key`, to last `ttl` seconds, if the record there is `old`.

    `old` is the text as it was read, or None where there must be no record. With that step `charge`
    is added and `give_back`, once charged for the same key, is taken away: all or nothing, and
    nothing when the record was `new` before. Each of them is at most MOST_COUNTS.

    A record under the key `unless` forbids the step, whatever it says; "" is no such key.

    Windows that look back go by the time of the store, so that all who share it agree. A test moves
    it by `now`, in epoch seconds.

    Where only one of several callers may win, `new` must hold something that only one has.
    """

    key: str
    old: str | None
    new: str
    ttl: int
    now: float | None = None
    charge: Sequence[Count] = ()
    give_back: Sequence[Count] = ()
    unless: str = ""


class Written(NamedTuple):
    """The record is `new`; `totals` is what each charge came to, empty if it was `new` before."""

    totals: tuple[int, ...] = ()


class Differs(NamedTuple):
    """The record is neither `old` nor `new`: it is `current`, or there is none."""

    current: str | None


class Refused(NamedTuple):
    """A limit refused; nothing was counted or written. `retry_after` is in seconds."""

    rule: str
    retry_after: int


class Forbidden(NamedTuple):
    """The record under `unless` is there; nothing was counted or written."""


Answer = Written | Differs | Refused | Forbidden


class Store(Protocol):
    """What every store does."""

    def get(self, key: str) -> str | None:
        """Return the record under `key`, or None."""

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """Return what was counted in each of `counts`, none of which is sliding."""

    def delete(self, key: str, old: str) -> bool:
        """Remove the record under `key` if it is `old`; return whether it was."""

    def put(self, change: Change) -> Answer:
        """Make a change, or say why it was not made."""


class OwnersStore(Store, Protocol):
    """What a store does for the owner's commands, beside what sends need."""

    def counted(self, counts: Sequence[Count], now: float | None = None) -> list[int]:
        """Return what is counted in each of `counts`, sliding ones among them, at `now`.

        None is the time of this machine.
        """

    def remove(self, counts: Sequence[Count]) -> int:
        """Forget what was counted in `counts`; return in how many of them there was anything."""


def milliseconds(seconds: float) -> int:
    """Return `seconds` as whole milliseconds."""
    return int(seconds * 1000)


def refusal_of(count: Count, wait: int) -> Refused:
    """Return the refusal of `count`, which may be added in `wait` milliseconds."""
    return Refused(count.rule, max(1, math.ceil(wait / 1000)))
