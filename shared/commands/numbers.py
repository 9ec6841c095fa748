"""A phone number that the owner asks about. It is in the event of `operate`, and in no log."""

from __future__ import annotations

from typing import NamedTuple

from shared import phone_numbers
from shared.phone_numbers import is_mainland
from shared.sending.limits import Limits
from shared.state.choice import open_store
from shared.state.store import Count, OwnersStore
from shared.trigger.invocation import Invocation


class Asked(NamedTuple):
    """A number in the form in which messages go out, and in E.164 without ``+``."""

    queried: str
    e164: str

    def hash(self, invocation: Invocation) -> str:
        """Return the hash that the log and receipts have for it."""
        return str(invocation.api.log.numbers((self.queried,))["number_hash"])

    def counts(self, invocation: Invocation) -> list[Count]:
        """Return the counts that it has to itself."""
        return Limits(invocation.api).of_number(self.e164)


def read_number(value: object) -> Asked:
    """Read ``phone_number``; raises InvalidRequest."""
    queried = phone_numbers.queried(value, "phone_number")
    return Asked(queried, f"86{queried}" if is_mainland(queried) else queried)


def owners_store(invocation: Invocation) -> OwnersStore | None:
    """Return the shared state with what only the owner may do, None where there is none."""
    url = invocation.api.settings.state_url
    return open_store(url) if url else None


def shown_counts(counts: list[Count], used: list[int]) -> list[dict[str, object]]:
    """Return what rules have counted, and what is left of each."""
    return [
        {
            "rule": count.rule,
            "used": amount,
            "limit": count.limit,
            "left": max(count.limit - amount, 0),
            "window_seconds": count.window,
            "is_sliding": count.is_sliding,
        }
        for count, amount in zip(counts, used, strict=True)
    ]
