"""Figures with their targets, as one table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table; `limit` is the target, `figure` fails beyond it.

    With `at_least` the figure must not be below it. Without a limit the line is for information.
    """

    what: str
    figure: float
    unit: str = ""
    limit: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def verdict(self) -> str:
        """``ok``, ``miss``, or nothing where there is no target."""
        if self.limit is None:
            return ""
        met = self.figure >= self.limit if self.at_least else self.figure <= self.limit
        return "ok" if met else "miss"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of figures that were taken one right after the other."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the differences of figures taken one right after the other."""
    return median(mine - other for mine, other in zip(ours, theirs, strict=True))


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table with aligned columns."""
    cells = [("what", "figure", "target", "", "medians"), *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = [
        "| "
        + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    target = ""
    if row.limit is not None:
        target = f"{'>=' if row.at_least else '<='} {_number(row.limit)}{row.unit}"
    return row.what, f"{_number(row.figure)}{row.unit}", target, row.verdict, row.detail


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"
