"""What somebody types into the search box, as SQL looks for it."""

from __future__ import annotations

import json
import re

from aliyun_sms_emulator.rules.phone_numbers import mainland_form

_BETWEEN_DIGITS = re.compile(r"[\s().\-]+")
_DIALLED = re.compile(r"(\+|00)")


def like_pattern(text: str) -> str:
    """A pattern for LIKE ... ESCAPE '!' that finds `text` anywhere, in capitals or not."""
    escaped = re.sub(r"([%_!])", r"!\1", text)
    return f"%{escaped}%"


def json_pattern(text: str) -> str:
    """The same for a column that holds JSON, whose strings are written with escapes."""
    return like_pattern(json.dumps(text)[1:-1])


def number_part(text: str) -> str | None:
    """The digits to look for in stored numbers, however they are grouped and prefixed.

    None where it is no part of a number, which is found nowhere.

    >>> number_part("+86 138-0013")
    '1380013'
    """
    digits = _BETWEEN_DIGITS.sub("", text)
    whole = mainland_form(digits)
    if whole is not None:
        return whole
    dialled = _DIALLED.match(digits)
    if dialled:
        digits = digits[dialled.end() :]
        digits = digits.removeprefix("86") if digits.startswith("861") else digits
    return digits if digits.isascii() and digits.isdigit() else None
