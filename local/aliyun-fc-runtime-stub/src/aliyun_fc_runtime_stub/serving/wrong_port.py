"""What somebody is told who calls a function at the port of the API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..near_names import meant_by

_SHOWN = 100


def at_wrong_port(path: str, urls: Mapping[str, str]) -> str:
    """Say what this port is, and at which URL the function that was probably meant is called.

    `urls` are those of the functions that have one, by name; each ends with a slash.
    """
    shown = path[:_SHOWN]
    problem = f"{shown!r} is no call of the Function Compute API, whose port this is"
    if not urls:
        return f"{problem}; no function here has a URL of its own"
    listed = [f"{url} ({name})" for name, url in urls.items()]
    if likely := _most_alike(path, urls):
        meant = f"{urls[likely].rstrip('/')}{shown} is that of {likely}"
        return f"{problem}; call the function at its own URL: {meant}. All: {', '.join(listed)}"
    return f"{problem}; call a function at its own URL: {', '.join(listed)}"


def _most_alike(path: str, names: Iterable[str]) -> str:
    """Return the shortest name of those with most words of the path in them, "" if none has any."""
    asked = _words(path)
    alike = {name: sum(bool(meant_by(word, asked)) for word in _words(name)) for name in names}
    best = max(alike.values(), default=0)
    return min((name for name in alike if alike[name] == best), key=len) if best else ""


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", name[:_SHOWN]) if word]
