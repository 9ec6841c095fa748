"""`budget`: what each rule of SMS_LIMITS has used now, and has left.

Rules for single numbers, addresses and prefixes have a count for each of those, of which no list is
kept: `why-number` shows what they have counted for a number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.codes.confirmations import unconfirmed_of
from shared.commands.numbers import owners_store, shown_counts
from shared.limit_rules import RULES
from shared.sending.limits import Limits
from shared.settings import read_access
from shared.state.store import Count
from shared.trigger.invocation import Invocation

_WITHOUT_A_LIST = ("codes", "number", "address", "prefix")


class _Counted(NamedTuple):
    """A count and whose it is: an API key's, a country's, or "" where it is everybody's."""

    name: str
    of_rule: Count


def show(_arguments: Mapping[str, Any], invocation: Invocation) -> dict[str, object]:
    """Return a row for each rule that is in force, and each key or country that it counts by."""
    store = owners_store(invocation)
    counted = list(_every(invocation))
    counts = [each.of_rule for each in counted]
    used = store.counted(counts, invocation.api.clock.moved()) if store else []
    rows = shown_counts(counts, used) if store else []
    limits = invocation.api.settings.limits
    unlisted = [
        {"rule": rule.name, "limit": limits.rules[rule.name], "by": rule.scope}
        for rule in RULES
        if rule.scope in _WITHOUT_A_LIST and limits.rules[rule.name]
    ]
    return {
        "rules": [{"name": each.name, **row} for each, row in zip(counted, rows, strict=True)],
        "for_each": unlisted,
        "is_enforced": limits.is_enforced,
    }


def _every(invocation: Invocation) -> Iterator[_Counted]:
    limits, known = Limits(invocation.api), invocation.api.settings.limits
    for scope in ("mainland", "international", "requests"):
        for count in limits.counts_of(scope, ""):
            yield _Counted("", count)
    for key in dict.fromkeys(read_access(os.environ).keys.values()):
        for count in limits.counts_of("key", key):
            yield _Counted(key, count)
    for country, own_limit in {"CN": 0, **known.countries}.items():
        for count in limits.counts_of("country", country, own_limit=own_limit):
            if country != "CN":  # the mainland has budgets of its own
                yield _Counted(country, count)
        yield _Counted(country, unconfirmed_of(country, invocation.api))
