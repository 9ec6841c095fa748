"""Text for people: tables, and colour where a terminal shows it."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


MOST_LISTED = 3


def listed(names: Sequence[str]) -> str:
    """Return names in a row, the first three if there are more."""
    rest = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")


class Paint:
    """Colours text on a terminal; NO_COLOR (no-color.org) and TERM=dumb switch it off."""

    def __init__(self) -> None:
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._on = wanted and sys.stdout.isatty()

    def __call__(self, text: str, colour: str) -> str:
        """Return the text in a colour, or as it is."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._on and text else text


def table(rows: Sequence[Sequence[str]], paint: Paint) -> str:
    """Lay out rows of cells, the first being the head; the last column is as wide as it is."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths)]  # noqa: B905
        line = "  ".join([*cells, row[-1]]).rstrip()
        lines.append((paint(line, "bold") if number == 0 else line) + "\n")
    return "".join(lines)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
