"""Digests and ids: pure, so that the same id is made wherever it is made."""

import hmac
import json
import os
import re

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_WIRE_PART = re.compile(r"(.+)~([0-9]{1,6})", re.DOTALL)


def wire_out_id(out_id: str, part: int | None) -> str:
    """Return the OutId on the wire: ``order-17``, or ``order-17~2`` for the part of that number."""
    return out_id if part is None else f"{out_id}~{part}"


def split_wire_id(wire_id: str) -> tuple[str, int]:
    """Return the out_id and the part in an OutId on the wire; the part is 0 where none is named."""
    match = _WIRE_PART.fullmatch(wire_id)
    return (match[1], int(match[2])) if match else (wire_id, 0)


def out_id_of(wire_id: str) -> str:
    """Return the out_id in an id on the wire."""
    return split_wire_id(wire_id)[0]


def new_out_id() -> str:
    """Return an out_id for a caller who gave none: 32 random letters."""
    return letters(os.urandom(16).hex())


def letters(hex_digits: str) -> str:
    """Return `hex_digits` in the letters a-p: in a log none looks like a number or a code."""
    return hex_digits.translate(_LETTERS)


def keyed(secret: str, label: str, *texts: str) -> str:
    """Return a digest of `texts` that tells nothing about them: 32 hex digits.

    `label` says what the digest is for. Only the last of `texts` may hold a line break.
    """
    message = "\n".join((f"fc-sms {label}", *texts))
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex()[:32]


def compact_json(value: object) -> str:
    """Return `value` as JSON without spaces, characters as they are."""
    return _COMPACT.encode(value)
