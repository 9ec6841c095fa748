"""What an examination finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from shared.errors import ConfigurationError

OK, WARN, ERROR, NOT_CHECKED = "ok", "warn", "error", "not checked"


class Finding(NamedTuple):
    """One line of the report.

    `check` names what was looked at, `level` is one of the four above; `remedy` says what to do
    where something is amiss, or how to find out what was not checked.
    """

    check: str
    level: str
    what: str
    remedy: str = ""


Findings = Iterator[Finding]


def guarded(check: str, findings: Findings) -> Findings:
    """Yield `findings`, and as an error the setting that cannot be read, if one ends them."""
    try:
        yield from findings
    except ConfigurationError as error:
        yield Finding(check, ERROR, error.detail)
