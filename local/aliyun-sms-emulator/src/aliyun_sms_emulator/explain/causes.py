"""What each cause is called and how it is put right, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

SIGNATURE = "signature"
"""What all causes in `causes.yaml` are about."""

_FIRST_WORD = re.compile(r"[A-Z][a-z]+")


def text_of(cause: str, detail: Mapping[str, str], language: str = "en") -> dict[str, str]:
    """Write a cause, or a refusal's code, as `{"what": ..., "remedy": ...}`; `en` or `zh`."""
    causes = _texts("causes.yaml")
    if cause in causes:
        what, remedy = causes[cause][language]
    else:
        detail = {"code": cause, "name": cause.partition("Missing")[2], **detail}
        what, remedy = _refusal(cause)[language]
    return {"what": what.format_map(detail), "remedy": remedy.format_map(detail)}


def about(cause: str) -> str:
    """What a cause, or a refusal's code, is about: the signature, the number, a limit, ..."""
    return SIGNATURE if cause in _texts("causes.yaml") else str(_refusal(cause)["about"])


def is_known_refusal(code: str) -> bool:
    """Tell whether there is a text for a refusal's code."""
    return _refusal(code) is not _UNKNOWN


_UNKNOWN: Mapping[str, Any] = {
    "about": "platform",
    "en": ["The platform refused it with {code}", "See Message in the answer."],
    "zh": ["平台以 {code} 拒绝", "见响应中的 Message。"],
}


def _refusal(code: str) -> Mapping[str, Any]:
    refusals = _texts("refusals.yaml")
    word = _FIRST_WORD.match(code)
    # Codes of the international API come with and without isv., and mean the same.
    names = [code, f"isv.{code}", code.removeprefix("isv."), code.partition(".")[0]]
    names += [word[0]] if word else []
    return next((refusals[name] for name in names if name in refusals), _UNKNOWN)


@cache
def _texts(file: str) -> dict[str, Any]:
    import yaml

    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_name(file).read_text("utf-8"))
    return loaded
