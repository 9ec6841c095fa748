"""What a message template is: its text with variables, and its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

TEMPLATE_TYPES = ("verification", "notification", "promotion", "international", "gift")
"""Kinds of templates; `gift` ones come with the verification service (PNVS) and work only there."""

_VARIABLE = re.compile(r"\$\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A message template; `variables` are the names in `${}` of `content`, in order.

    One that was applied for by an operation of the platform has a time of application and one from
    which its review has passed, in seconds since the epoch, and what the applicant said of it.
    """

    code: str
    type: str
    content: str
    name: str = ""
    status: str = "approved"
    applied_at: float | None = None
    passes_at: float | None = None
    remark: str = ""
    related_sign_name: str = ""
    rule: str = ""
    intl_type: str = ""

    @property
    def variables(self) -> list[str]:
        """Names of the variables, each once, in order of appearance."""
        return list(dict.fromkeys(_VARIABLE.findall(self.content)))

    def at(self, now: float) -> Template:
        """The template with the state that its review has at a time."""
        if self.status == "reviewing" and self.passes_at is not None and now >= self.passes_at:
            return replace(self, status="approved")
        return self

    def used(self, values: Mapping[str, str]) -> dict[str, str]:
        """The values of its variables alone; raises KeyError where one is missing."""
        return {name: values[name] for name in self.variables}

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with all variables replaced; every one must be in `values`."""
        return _VARIABLE.sub(lambda match: values[match.group(1)], self.content)


class AnyTemplate(Template):
    """A template of which only the code is known; its text is the code and all values."""

    __slots__ = ()

    def used(self, values: Mapping[str, str]) -> dict[str, str]:
        """All values."""
        return dict(values)

    def fill(self, values: Mapping[str, str]) -> str:
        """Write `SMS_1: code=1234, min=5`."""
        shown = ", ".join(f"{name}={value}" for name, value in values.items())
        return f"{self.code}: {shown}" if shown else self.code
