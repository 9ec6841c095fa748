"""Some hundreds of the random schedules, and some of the mistakes that they have to find."""

from __future__ import annotations

import pytest

from tests.faults.mutants import MUTANTS, survives
from tests.faults.runs import STORES, Run, do

SCHEDULES = 100


@pytest.mark.parametrize("store", STORES)
def test_no_schedule_breaks_a_promise(store: str) -> None:
    counted = do(Run(store, seed=1, schedules=SCHEDULES))
    assert counted["schedules"] >= SCHEDULES
    assert counted["invocations"] >= 2 * counted["schedules"]
    assert min(counted["accepted"], counted["unknown"], counted["crashes"]) > 0
    assert counted["sent, and found within two calls"] >= 0.99 * counted["sent"]


def test_every_mistake_has_its_place_in_the_code() -> None:
    for mutant in MUTANTS:
        assert mutant.text().count(mutant.old) == 1, mutant.name


@pytest.mark.parametrize(
    "name",
    [
        "skip the claim",
        "unsettle a final state",
        "take a live lease over",
        "make an attempt that another invocation began",
    ],
)
def test_the_schedules_find_a_mistake(name: str) -> None:
    """`make mutants` tries the others, too."""
    [mutant] = [each for each in MUTANTS if each.name == name]
    assert survives(mutant) == ""
