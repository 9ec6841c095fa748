"""What is accepted although the documentation asks for something else.

Real clients are known to call like that and to be answered, so it is let pass with a note that
says what the documentation asks for. The setting `strict` lets nothing pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Note(NamedTuple):
    """One thing that was let pass: which of those in `leniency.yaml`, and what was sent."""

    cause: str
    sent: str = ""

    def as_json(self) -> dict[str, str]:
        """The note as the JSON API shows it, in English and Chinese."""
        english, chinese = _texts()[self.cause]
        return {
            "cause": self.cause,
            "en": english.format(sent=self.sent),
            "zh": chinese.format(sent=self.sent),
        }


@dataclass(slots=True)
class Leniency:
    """What one call is let pass with; each cause is noted once."""

    strict: bool = False
    notes: list[Note] = field(default_factory=list)

    def allows(self, cause: str, sent: str = "") -> bool:
        """Let something pass and note it; False if it must not pass."""
        if self.strict:
            return False
        if all(note.cause != cause for note in self.notes):
            self.notes.append(Note(cause, sent))
        return True


@cache
def _texts() -> dict[str, list[str]]:
    import yaml

    loaded: dict[str, list[str]] = yaml.safe_load(
        Path(__file__).with_name("leniency.yaml").read_text("utf-8")
    )
    return loaded
