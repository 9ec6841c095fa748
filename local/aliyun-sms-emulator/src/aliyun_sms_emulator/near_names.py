"""What somebody meant who wrote a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

_MOST_LISTED = 12


def meant_by(word: str, known: Iterable[str]) -> str:
    """Return the known name that was probably meant; empty if none is near."""
    known = list(known)
    if near := difflib.get_close_matches(word, known, n=1):
        return near[0]
    begun = [one for one in known if one.startswith((word, f"-{word}"))]
    return begun[0] if len(begun) == 1 and word.strip("-") else ""


def no_such(kind: str, word: str, known: Collection[str], more: Collection[str] = ()) -> str:
    """Say that there is no `kind` of this name: which one was meant, or which there are.

    `more` may be meant as well, but is not listed: ``--help`` for a command ``help``.
    """
    problem = f"there is no {kind} {word!r}"
    if meant := meant_by(word, (*known, *more)):
        return f"{problem}; did you mean {meant}?"
    listed = list(known)[:_MOST_LISTED]
    rest = f" and {len(known) - len(listed)} more" if len(known) > len(listed) else ""
    return f"{problem}; there are: {', '.join(listed) or 'none'}{rest}"
