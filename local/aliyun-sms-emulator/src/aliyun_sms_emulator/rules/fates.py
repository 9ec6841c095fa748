"""What becomes of messages to a number: the receipt a carrier would send."""

from __future__ import annotations

import re

DEFAULT_FATE = "deliver"

_RECEIPT_CODES: dict[str, str | None] = {
    "deliver": "DELIVERED",
    "unreachable": "MOBILE_NOT_ON_SERVICE",
    "blacklist": "MOBILE_IN_BLACK",
    "silent": None,
}
_CODE = re.compile(r"[A-Z][A-Z0-9_:]{0,63}")

FATE_RULE = (
    "deliver, unreachable, blacklist, silent, or a receipt code in capitals such as IS_CLOSE"
)


def is_fate(fate: object) -> bool:
    """Tell whether `fate` is one of the named fates or a receipt code in capital letters."""
    return isinstance(fate, str) and (fate in _RECEIPT_CODES or _CODE.fullmatch(fate) is not None)


def receipt_code(fate: str) -> str | None:
    """The receipt code a fate leads to; None when no receipt ever comes."""
    return _RECEIPT_CODES.get(fate, fate)
