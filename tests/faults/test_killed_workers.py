"""Some schedules with SIGKILL for real workers: one for each moment, with each store."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.kill_plans import FAULTS, WAYS, draw
from tests.faults.killed_workers import run

SEED, SCHEDULES = 1, 2 * len(FAULTS)
SETTLED = (
    "sent, and found by a repeat",
    "never begun, and sent by a repeat",
    "unknown, and sent by resend_unknown",
    "unknown, a code",
)


@pytest.fixture(scope="module")
def counted() -> dict[str, Counter[str]]:
    """What both stores come to; a run fails by itself where an intent got two SMS."""
    return run(SCHEDULES, SEED, at_once=1)


@pytest.mark.parametrize("store", ["redis", "sqlite"])
def test_whatever_is_killed_every_intent_is_settled(
    counted: dict[str, Counter[str]], store: str
) -> None:
    found = counted[store]
    assert sum(found[name] for name in SETTLED) == len(FAULTS)
    assert found["sent, and found by a repeat"] > 0
    assert found["workers killed"] >= len(FAULTS) - 1


def test_each_moment_and_each_way_has_its_turn() -> None:
    batches = draw("seed", 60, 2)
    assert {batch.moment for batch in batches[: len(FAULTS)]} == set(FAULTS)
    assert {intent.way for batch in batches for intent in batch.intents} == set(WAYS)
    out_ids = [intent.out_id for batch in batches for intent in batch.intents]
    assert len(set(out_ids)) == len(out_ids) == 60
    assert batches == draw("seed", 60, 2)
