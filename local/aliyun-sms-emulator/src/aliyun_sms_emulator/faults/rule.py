"""A rule: which requests it meets, how often, and which fault they get."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from aliyun_sms_emulator.faults.fault import MAX_NODES, Fault, InvalidFault
from aliyun_sms_emulator.faults.fields import FAULT_KEYS
from aliyun_sms_emulator.faults.reading import read_fault
from aliyun_sms_emulator.faults.traits import TRAITS
from aliyun_sms_emulator.rules.phone_numbers import stored_form

MAX_SCHEDULE = 10_000

_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,64}")  # dots alone are steps in an address
_KEYS = ("id", "match", "skip", "times", "probability", "seed", "schedule", "repeat")
_HIGHEST = 10**9

Trait = Callable[[str], Collection[str]]


class Condition(NamedTuple):
    """One trait must have one of these values, or one that begins like these."""

    trait: str
    values: frozenset[str]
    beginnings: tuple[str, ...]

    def holds(self, found: Collection[str]) -> bool:
        """Tell whether one of the values found is wanted."""
        return any(
            value in self.values or (self.beginnings and value.startswith(self.beginnings))
            for value in found
        )


@dataclass(slots=True)
class Rule:
    """Which requests get which fault; `met` and `fired` count them.

    `faults` has one entry for all requests, or with `scheduled` one for each in turn.
    """

    id: str
    conditions: tuple[Condition, ...]
    nodes: frozenset[int]
    skip: int
    times: int
    probability: float
    chances: random.Random
    faults: tuple[Fault, ...]
    scheduled: bool
    repeat: bool
    shown: Mapping[str, object]
    met: int = 0
    fired: int = 0

    def matches(self, trait: Trait, node: int) -> bool:
        """Tell whether the request with these traits, at this node's turn, is meant."""
        if self.nodes and node not in self.nodes:
            return False
        return all(condition.holds(trait(condition.trait)) for condition in self.conditions)

    def draw(self) -> Fault | None:
        """Count a request that is meant; returns its fault, None if it is spared."""
        self.met += 1
        turn = self.met - self.skip - 1
        if turn < 0:
            return None
        # Drawn for every one, so that each one's fate follows from its place alone.
        spared = self.probability < 1 and self.chances.random() >= self.probability
        if spared or self.fired >= self.times:
            return None
        fault = self._fault_of(turn)
        if fault is None or (self.scheduled and fault.does_nothing):
            return None
        self.fired += 1
        return fault

    def _fault_of(self, turn: int) -> Fault | None:
        if not self.scheduled or self.repeat:
            return self.faults[turn % len(self.faults)]
        return self.faults[turn] if turn < len(self.faults) else None

    def as_json(self) -> dict[str, object]:
        """The rule as it was given, with its id and what it has done."""
        return {"id": self.id, **self.shown, "met": self.met, "fired": self.fired}


def read_rule(given: object, place: str, default_id: str) -> Rule:
    """Check one rule; raises InvalidFault."""
    if not isinstance(given, Mapping):
        raise InvalidFault(place, "must be an object")
    prefix = f"{place}." if place else ""
    for key in given:
        if key not in _KEYS and key not in FAULT_KEYS:
            known = ", ".join((*_KEYS, *FAULT_KEYS))
            raise InvalidFault(f"{prefix}{key}", f"unknown field; known are {known}")
    rule_id = given.get("id", default_id)
    if not isinstance(rule_id, str) or not _ID.fullmatch(rule_id):
        raise InvalidFault(
            f"{prefix}id", "must be 1 to 64 letters, digits, dots, _ or -, and not dots alone"
        )
    match = given.get("match", {})
    if not isinstance(match, Mapping):
        raise InvalidFault(f"{prefix}match", "must be an object")
    probability = given.get("probability", 1)
    if (
        isinstance(probability, bool)
        or not isinstance(probability, int | float)
        or not 0 <= probability <= 1
    ):
        raise InvalidFault(f"{prefix}probability", "must be a number from 0 to 1")
    seed = _count(given, "seed", 0, prefix)
    return Rule(
        id=rule_id,
        conditions=_conditions(match, f"{prefix}match"),
        nodes=_nodes(match.get("node", "*"), f"{prefix}match.node"),
        skip=_count(given, "skip", 0, prefix),
        times=_count(given, "times", _HIGHEST, prefix),
        probability=probability,
        chances=random.Random(seed),  # noqa: S311 - a schedule that can be repeated
        faults=_faults(given, place, prefix),
        scheduled="schedule" in given,
        repeat=_flag(given, "repeat", prefix),
        shown={key: value for key, value in given.items() if key != "id"},
    )


def _faults(given: Mapping[str, object], place: str, prefix: str) -> tuple[Fault, ...]:
    own = {key: value for key, value in given.items() if key in FAULT_KEYS}
    if "schedule" not in given:
        if not own:
            raise InvalidFault(f"{prefix}kind", "is missing; add a kind, or a schedule")
        return (read_fault(own, place),)
    schedule = given["schedule"]
    if own:
        raise InvalidFault(f"{prefix}{next(iter(own))}", "stands in the schedule's entries instead")
    if not isinstance(schedule, list) or not 1 <= len(schedule) <= MAX_SCHEDULE:
        raise InvalidFault(f"{prefix}schedule", f"must be a list of 1 to {MAX_SCHEDULE} faults")
    return tuple(
        read_fault(entry, f"{prefix}schedule[{number}]") for number, entry in enumerate(schedule)
    )


def _conditions(match: Mapping[str, object], place: str) -> tuple[Condition, ...]:
    for key in match:
        if key not in TRAITS and key != "node":
            known = ", ".join((*TRAITS, "node"))
            raise InvalidFault(f"{place}.{key}", f"unknown field; known are {known}")
    return tuple(
        _condition(trait, match[trait], f"{place}.{trait}")
        for trait in TRAITS
        if trait in match and match[trait] != "*"
    )


def _condition(trait: str, given: object, place: str) -> Condition:
    wanted = given if isinstance(given, list) else [given]
    values = [value for value in wanted if isinstance(value, str) and value]
    if not values or len(values) != len(wanted):
        raise InvalidFault(place, "must be a string or a list of strings, not empty")
    if trait == "phone_number":
        numbers = [stored_form(value) for value in values]
        if None in numbers:
            raise InvalidFault(place, "is no phone number; write digits only")
        return Condition(trait, frozenset(number for number in numbers if number), ())
    beginnings = tuple(value[:-1] for value in values if value.endswith("*"))
    return Condition(trait, frozenset(values), beginnings)


def _nodes(given: object, place: str) -> frozenset[int]:
    if given == "*":
        return frozenset()
    wanted = given if isinstance(given, list) else [given]
    for node in wanted:
        if isinstance(node, bool) or not isinstance(node, int) or not 0 <= node < MAX_NODES:
            raise InvalidFault(place, f"must be a number from 0 to {MAX_NODES - 1}, or a list")
    if not wanted:
        raise InvalidFault(place, "must not be empty")
    return frozenset(wanted)


def _count(given: Mapping[str, object], key: str, default: int, prefix: str) -> int:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _HIGHEST:
        raise InvalidFault(f"{prefix}{key}", f"must be a whole number from 0 to {_HIGHEST}")
    return value


def _flag(given: Mapping[str, object], key: str, prefix: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise InvalidFault(f"{prefix}{key}", "must be true or false")
    return value
