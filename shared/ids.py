"""Digests and ids: pure, so that the same id is made wherever it is made."""

from __future__ import annotations

import hmac
import json
import os
import re
from typing import NamedTuple

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_WIRE_ID = re.compile(r"([A-Za-z0-9._-]{1,40})~([A-Za-z0-9._:-]{1,200})(?:~([0-9]{1,6}))?")

# An API key named ``hook-<product>`` opens the hook of that product and nothing else.
HOOK_KEY_PREFIX = "hook-"
# Spaces of what no API key sends; a key's name holds no dot. A hook has ``.hook-<product>``. All
# callers that the trigger itself authenticates are one.
TRIGGER_SPACE = ".trigger"
EVENT_SPACE = ".event"
FILE_SPACE = ".file"


class WireId(NamedTuple):
    """Our id of a part as the platform carries it, in OutId or TaskId, and gives it back.

    `space` says whose out_id it is: the name of an API key, or one of the spaces below. `part` is
    None where an intent can only have one part.
    """

    space: str
    out_id: str
    part: int | None = None

    def text(self) -> str:
        """Return the id on the wire: ``shop~order-17``, or ``shop~order-17~2`` for part 2."""
        whole = f"{self.space}~{self.out_id}"
        return whole if self.part is None else f"{whole}~{self.part}"

    @property
    def number(self) -> int:
        """The number of the part, which is 0 where there can only be one."""
        return self.part or 0

    def is_of_part(self, other: WireId) -> bool:
        """Whether both are ids of one part: a first part may be sent alone, then among several."""
        return self._replace(part=self.number) == other._replace(part=other.number)


def read_wire_id(text: str) -> WireId | None:
    """Return what WireId.text made an id of; None for one that is not of ours."""
    match = _WIRE_ID.fullmatch(text)
    if not match:
        return None
    space, out_id, part = match.groups()
    return WireId(space, out_id, None if part is None else int(part))


def is_of_api_key(space: str) -> bool:
    """Whether a space is that of an API key, whose name it is then."""
    return space != "" and not space.startswith(".")


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


def seal(text: str, secret: str, label: str, name: str) -> str:
    """Return ASCII `text` as hex digits that tell nothing but its length without `secret`.

    `label` says what it is for, and `name` is another one for each text that is sealed so.
    """
    stream = _stream(len(text), secret, label=label, name=name)
    return bytes(a ^ b for a, b in zip(text.encode("ascii"), stream, strict=False)).hex()


def unseal(sealed: str, secret: str, label: str, name: str) -> str:
    """Return the text that `seal` made hex digits of; raises ValueError for what it did not make.

    With another secret it is another text, or none.
    """
    content = bytes.fromhex(sealed)
    stream = _stream(len(content), secret, label=label, name=name)
    return bytes(a ^ b for a, b in zip(content, stream, strict=False)).decode("ascii")


def _stream(length: int, secret: str, *, label: str, name: str) -> bytes:
    """Return at least `length` bytes that only `secret` gives; the same again undoes an xor."""
    blocks = range(length // 16 + 1)
    return bytes.fromhex("".join(keyed(secret, label, str(block), name) for block in blocks))


def compact_json(value: object) -> str:
    """Return `value` as JSON without spaces, characters as they are."""
    return _COMPACT.encode(value)
