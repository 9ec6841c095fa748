"""Digests and ids: pure, the same wherever they are made."""

import hmac
import json
import os
import re

_WIRE_PART = re.compile(r"(.+)~([0-9]{1,6})", re.DOTALL)
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def wire_out_id(out_id: str, part: int, parts: int) -> str:
    """Return the OutId on the wire: the out_id, with ``~part`` where there are several parts."""
    return f"{out_id}~{part}" if parts > 1 else out_id


def split_wire_id(wire_id: str) -> tuple[str, int]:
    """Undo wire_out_id: return the out_id and the part, 0 without one."""
    match = _WIRE_PART.fullmatch(wire_id)
    return (match[1], int(match[2])) if match else (wire_id, 0)


def new_out_id() -> str:
    """Return an out_id for a caller who gave none: 32 random letters."""
    return letters(os.urandom(16).hex())


def letters(hex_digits: str) -> str:
    """Return `hex_digits` in letters: in a log none looks like a number or a code."""
    return hex_digits.translate(_LETTERS)


def keyed(secret: str, label: str, *texts: str) -> str:
    """Return a digest of `texts`, of which only the last may hold a line break, that tells nothing
    about them: 32 hex digits.
    """
    message = "\n".join((f"fc-sms {label}", *texts))
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex()[:32]


def compact_json(value: object) -> str:
    """Return `value` as JSON without spaces, characters as they are."""
    return _COMPACT.encode(value)
