"""What an s.yaml sets that changes nothing here, said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..template.model import Function


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
    """Lay rows out for people: a line for each reason, with its properties and functions."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        properties = reasons.setdefault(row["reason"], {})
        properties.setdefault(row["property"], []).append(row["function"])
    lines = []
    for reason, properties in reasons.items():
        names = ", ".join(f"{name} ({', '.join(of)})" for name, of in properties.items())
        lines.append(f"  {names}: {reason}\n")
    return "Without effect here:\n" + "".join(lines) if lines else ""
