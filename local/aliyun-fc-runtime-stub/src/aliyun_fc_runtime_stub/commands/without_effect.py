"""What an s.yaml sets that changes nothing here, said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..template.model import Function

_MOST_NAMED = 3  # functions in a line


class WithoutEffectReport:
    """Collects what has no effect, and gives out what has not been said yet."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def fresh(self, functions: Sequence[Function]) -> list[dict[str, Any]]:
        """Return what to say of these functions: a row for each property of each."""
        rows = []
        for function in functions:
            for name, reason in function.without_effect:
                if (function.name, name) not in self._said:
                    self._said.add((function.name, name))
                    rows.append({"function": function.name, "property": name, "reason": reason})
        return rows


def without_effect_text(rows: Sequence[dict[str, Any]]) -> str:
    """Lay rows out for people: a line for each reason, with its properties and functions.

    Functions that set the same properties are named once; of many only their number is said, and
    the rows themselves name them all.
    """
    reasons: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        properties = reasons.setdefault(row["reason"], {})
        properties.setdefault(row["property"], []).append(row["function"])
    lines = []
    for reason, properties in reasons.items():
        alike: dict[tuple[str, ...], list[str]] = {}
        for name, functions in properties.items():
            alike.setdefault(tuple(functions), []).append(name)
        names = ", ".join(f"{', '.join(of)} ({_named(each)})" for each, of in alike.items())
        lines.append(f"  {names}: {reason}\n")
    return "Without effect here:\n" + "".join(lines) if lines else ""


def _named(functions: Sequence[str]) -> str:
    if len(functions) > _MOST_NAMED:
        return f"{len(functions)} functions"
    return ", ".join(functions)
