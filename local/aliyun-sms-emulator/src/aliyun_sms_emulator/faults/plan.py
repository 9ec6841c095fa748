"""The rules in force: which fault a request meets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count

from aliyun_sms_emulator.faults.fault import NONE, Fault, InvalidFault
from aliyun_sms_emulator.faults.rule import Rule, read_rule
from aliyun_sms_emulator.faults.traits import TRAITS
from aliyun_sms_emulator.wire.request import WireRequest

MAX_RULES = 1000
_NO_FAULT = Fault()


@dataclass(frozen=True, slots=True)
class Encounter:
    """What one request meets: the node that answers, and what goes wrong.

    `visibility_delay` is in seconds by the emulator's clock, None for the setting's, infinite for
    never; `clock_skew` are the seconds this gateway's clock is ahead beyond the setting.
    """

    node: int
    fault: Fault = _NO_FAULT
    accept_delay: float = 0.0
    visibility_delay: float | None = None
    clock_skew: float = 0.0

    @property
    def is_harmless(self) -> bool:
        """Whether the request is processed at once and its answer sent as it is."""
        return self.fault.kind == NONE and not self.accept_delay


@dataclass(slots=True)
class FaultPlan:
    """The rules in their order; used from the server's event loop only."""

    rules: list[Rule] = field(default_factory=list)

    def replace(self, given: object) -> None:
        """Put other rules in force, all of them or none; raises InvalidFault."""
        self.rules = _read(given)

    def add(self, given: object) -> Rule:
        """Append one rule; raises InvalidFault."""
        if len(self.rules) >= MAX_RULES:
            raise InvalidFault("", f"there are {MAX_RULES} rules already; remove some")
        taken = {rule.id for rule in self.rules}
        rule = read_rule(given, "", _free_id(taken, len(taken) + 1))
        if rule.id in taken:
            raise InvalidFault("id", f"{rule.id} is taken; choose another")
        self.rules.append(rule)
        return rule

    def change(self, rule: Rule, given: object) -> Rule:
        """Take another rule instead of one, at its place; raises InvalidFault."""
        changed = read_rule(given, "", rule.id)
        if changed.id != rule.id and self.find(changed.id):
            raise InvalidFault("id", f"{changed.id} is taken; choose another")
        self.rules[self.rules.index(rule)] = changed
        return changed

    def find(self, rule_id: str) -> Rule | None:
        """The rule of that id, None if there is none."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def remove(self, rule: Rule) -> None:
        """Take one rule out of force."""
        self.rules.remove(rule)

    def meet(self, request: WireRequest, node: int, nodes: int) -> Encounter:
        """Let a request meet the rules; `node` of `nodes` has its turn.

        The first rule that fires with a kind decides and hides the request from those after it; of
        what stands beside the kinds the first value counts.
        """

        @cache
        def trait(name: str) -> Collection[str]:
            return TRAITS[name](request)

        accept_delay, visibility_delay, clock_skew = 0.0, None, None
        chosen, damage = None, _NO_FAULT
        for rule in self.rules:
            if not rule.matches(trait, node):
                continue
            fault = rule.draw()
            if fault is None:
                continue
            accept_delay = accept_delay or fault.accept_delay
            if visibility_delay is None:
                visibility_delay = fault.visibility_delay
            if clock_skew is None:
                clock_skew = fault.clock_skew
            if chosen is None and fault.node is not None:
                chosen = node = fault.node % nodes
            if fault.kind != NONE:
                damage = fault
                break
        return Encounter(node, damage, accept_delay, visibility_delay, clock_skew or 0.0)


def _read(given: object) -> list[Rule]:
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise InvalidFault("rules", "must be a list of rules")
    if len(given) > MAX_RULES:
        raise InvalidFault("rules", f"must be at most {MAX_RULES} rules")
    named = {item["id"] for item in given if _has_name(item)}
    rules: dict[str, Rule] = {}
    for number, item in enumerate(given):
        place = f"rules[{number}]"
        rule = read_rule(item, place, _free_id(named, number + 1))
        if rule.id in rules:
            raise InvalidFault(f"{place}.id", f"{rule.id} stands there twice; remove one")
        rules[rule.id] = rule
        named.add(rule.id)
    return list(rules.values())


def _free_id(taken: Collection[str], first: int) -> str:
    """The first number from `first` on that is nobody's id."""
    return next(str(number) for number in count(first) if str(number) not in taken)


def _has_name(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)
