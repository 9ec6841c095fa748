"""What an examination finds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from shared.errors import ConfigurationError

OK, WARN, ERROR, NOT_CHECKED = "ok", "warn", "error", "not checked"
_VARIABLE = re.compile(r"(?:SMS|ALIBABA_CLOUD)_[A-Z0-9_]+")


class Finding(NamedTuple):
    """One line of the report.

    `check` names what was looked at, `level` is one of the four above; `remedy` says what to do
    where something is amiss, or how to find out what was not checked: only what is OK has none.
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
        yield of_setting(check, error)


def of_setting(check: str, error: ConfigurationError) -> Finding:
    """Return the finding about a setting that cannot be read; its text names the setting."""
    if error.detail.startswith("scenes.json"):
        remedy = "correct shared/scenes.json; docs/hooks.md says what it may hold"
    else:
        remedy = (
            f"correct {variables_of(error)[0] or 'it'}, in this shell or in .env; "
            "docs/configuration.md has its form and an example"
        )
    return Finding(check, ERROR, error.detail, remedy)


def variables_of(error: ConfigurationError) -> list[str]:
    """Return the variables that an error names, the one to correct first."""
    return _VARIABLE.findall(error.detail) or [""]
