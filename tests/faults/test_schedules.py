"""Some hundreds of the random schedules, and some of the mistakes that they have to find."""

from __future__ import annotations

import sys
from inspect import signature

import pytest

from tests.faults.mutants import MUTANT_OF, MUTANTS, Mutant, survives
from tests.faults.runs import STORES, Run, do

SCHEDULES = 100
SEED_THAT_FINDS_SOON = 4  # each mistake below in seconds; 7 takes minutes for one


@pytest.mark.parametrize("store", STORES)
def test_no_schedule_breaks_a_promise(store: str) -> None:
    counted = do(Run(store, seed=1, schedules=SCHEDULES))
    assert counted["schedules"] >= SCHEDULES
    assert counted["invocations"] >= 2 * counted["schedules"]
    assert min(counted["accepted"], counted["unknown"], counted["crashes"]) > 0
    assert counted["sent, and found within two calls"] >= 0.99 * counted["sent"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mistake_has_its_place_in_the_code(mutant: Mutant) -> None:
    right, wrong = signature(mutant.right()), signature(mutant.wrong)
    first, *others = [(each.name, each.kind, each.default) for each in wrong.parameters.values()]
    assert first[0].lstrip("_") == "right"
    assert others == [(each.name, each.kind, each.default) for each in right.parameters.values()]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_reaches_whoever_calls_the_function(mutant: Mutant) -> None:
    """A module that imported the function itself would go on to call the right one."""
    right = mutant.right()
    holders = [
        module.__name__
        for module in list(sys.modules.values())
        if module.__name__.startswith("shared") and right in vars(module).values()
    ]
    assert holders in ([], [mutant.place.partition(":")[0]])


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
    assert survives(MUTANT_OF[name], SEED_THAT_FINDS_SOON) == ""
