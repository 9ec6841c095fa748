"""What each cause is called and how it is put right, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path


def text_of(cause: str, detail: Mapping[str, str], language: str = "en") -> dict[str, str]:
    """Write a cause as `{"what": ..., "remedy": ...}`; language `en` or `zh`."""
    what, remedy = _texts()[cause][language]
    return {"what": what.format_map(detail), "remedy": remedy.format_map(detail)}


def is_cause(cause: str) -> bool:
    """Tell whether there is a text for a cause."""
    return cause in _texts()


@cache
def _texts() -> dict[str, dict[str, list[str]]]:
    import yaml

    text = Path(__file__).with_name("causes.yaml").read_text("utf-8")
    loaded: dict[str, dict[str, list[str]]] = yaml.safe_load(text)
    return loaded
