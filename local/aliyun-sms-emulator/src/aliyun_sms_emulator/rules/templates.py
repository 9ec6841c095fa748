"""What a message template is: its text with variables, and its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

TEMPLATE_TYPES = ("verification", "notification", "promotion", "international", "gift")
"""Kinds of templates; `gift` ones come with the verification service (PNVS) and work only there."""

_VARIABLE = re.compile(r"\$\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A message template; `variables` are the names in `${}` of `content`, in order."""

    code: str
    type: str
    content: str
    name: str = ""
    status: str = "approved"

    @property
    def variables(self) -> list[str]:
        """Names of the variables, each once, in order of appearance."""
        return list(dict.fromkeys(_VARIABLE.findall(self.content)))

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with all variables replaced; every one must be in `values`."""
        return _VARIABLE.sub(lambda match: values[match.group(1)], self.content)
