"""What the store keeps of a part: how far it got, and which attempt is at work on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.ids import WireId, keyed
from shared.state.records import read_record

if TYPE_CHECKING:
    from shared.state.store import Store

# States in the order in which an attempt goes through them; after each of them `accepted` is last.
_ORDER = {"": 0, "sending": 1, "unknown": 2, "rejected": 3}

_DIGITS = 8  # of the digest of a number


class PartRecord(NamedTuple):
    """The record of a part.

    `state` is sending, unknown, accepted or rejected, or empty where there is no record. Times are
    epoch seconds: its attempts began from `first_at` to `last_at`, and until `lease_until` the
    invocation that wrote `sending` is at work. `owner` makes every claim a text of its own.
    `digest` is a keyed one of what is sent to whom, `parts` the number of parts that its intent
    had, `numbers` are those of number_digests; `code`, `biz_id` and `request_id` are the platform's
    last answer. The last attempt was made by `function` in `invocation`, its request id, for a kind
    of `event` or none, with a `template` or none. Once an attempt `was_in_doubt` no refusal of a
    later one can say that nothing was sent. For `others` and `stored` see state/records.py.
    """

    state: str = ""
    digest: str = ""
    parts: int = 1
    action: str = ""
    attempt: int = 0
    first_at: int = 0
    last_at: int = 0
    lease_until: int = 0
    owner: str = ""
    code: str = ""
    biz_id: str = ""
    request_id: str = ""
    was_in_doubt: bool = False
    numbers: str = ""
    function: str = ""
    invocation: str = ""
    event: str = ""
    template: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None

    def is_leased(self, now: float) -> bool:
        """Whether another invocation is at work on an attempt."""
        return self.state == "sending" and self.lease_until > now

    @property
    def is_in_doubt(self) -> bool:
        """Whether its last attempt may have been accepted or not."""
        return self.state in ("sending", "unknown")

    def standing(self, now: float) -> str:
        """Return ``in-progress``, ``unknown``, ``rejected`` or ``accepted``, as it is at `now`."""
        if self.is_leased(now):
            return "in-progress"
        return self.state if self.state in ("accepted", "rejected") else "unknown"

    def is_to(self, number_digest: str) -> bool:
        """Whether a number with that digest is one of its own."""
        place = self.numbers.find(number_digest)
        while place % _DIGITS and place >= 0:  # across the border of two digests
            place = self.numbers.find(number_digest, place + 1)
        return place >= 0

    def is_before(self, other: PartRecord) -> bool:
        """Whether `other` is a step forward: a later attempt or state; accepted is the last."""
        if self.state == "accepted":
            return False
        if other.state == "accepted":
            return True
        return self._place() < other._place()

    def _place(self) -> tuple[int, int]:
        # A state of a later version is looked up like one in doubt, and never sent again.
        return self.attempt, _ORDER.get(self.state, _ORDER["unknown"])


NO_RECORD = PartRecord()


def read_part(store: Store, wire_id: WireId, *, state_secret: str) -> PartRecord:
    """Return the record of a part, NO_RECORD where there is none."""
    return read_record(store.get(record_key(wire_id, state_secret)), NO_RECORD)


def number_digests(wire_id: WireId, phone_numbers: Sequence[str], state_secret: str) -> str:
    """Return what a record keeps of its numbers: 8 hex digits of each, one after the other.

    `wire_id` is the part's. A receipt that comes back with another id or number has another digest.
    """
    return "".join(number_digest(wire_id, number, state_secret) for number in phone_numbers)


def number_digest(wire_id: WireId, phone_number: str, state_secret: str) -> str:
    """Return the digest of one number: 8 hex digits, which tell nothing without the secret."""
    return keyed(state_secret, "number", wire_id.text(), phone_number)[:_DIGITS]


def record_key(wire_id: WireId, state_secret: str) -> str:
    """Return the key of a part's record; it tells nothing about space and out_id."""
    digest = keyed(state_secret, "part", wire_id.space, wire_id.out_id)
    return f"part:{digest}:{wire_id.number}"
