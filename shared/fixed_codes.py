"""Test numbers: phones whose code is fixed, and to which no SMS is sent.

Whoever reviews an app, or tests it from end to end, has no phone to read a code from. Such numbers
work for codes only, until a date. Limits and tries count as for every number.

    SMS_TEST_NUMBERS=+8613800138000:482917:2026-12-31,+85251234567:903614:2026-12-31
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Mapping
from typing import NamedTuple

from shared import environment
from shared.clock import PLATFORM_OFFSET
from shared.errors import ConfigurationError, InvalidRequest
from shared.phone_numbers import anywhere

MOST_NUMBERS = 20
LONGEST_DAYS = 180
_DAY = 86400
_ENTRY = re.compile(r"(\+[0-9]{6,15}):([0-9]{6,8}):([0-9]{4}-[0-9]{2}-[0-9]{2})")
_UP = "01234567890123456789"


class FixedCode(NamedTuple):
    """The code of a test number, which ends at a time in epoch seconds: its last day in UTC+8."""

    code: str
    ends_at: float

    def __repr__(self) -> str:
        return "FixedCode(...)"


def read_fixed_codes(environ: Mapping[str, str]) -> dict[str, FixedCode]:
    """Return the codes of SMS_TEST_NUMBERS by number in E.164, such as ``+8613800138000``.

    Raises ConfigurationError, which names the entry by its place and tells no code.
    """
    entries = environment.entries(environ, "SMS_TEST_NUMBERS")
    if len(entries) > MOST_NUMBERS:
        raise ConfigurationError(
            f"SMS_TEST_NUMBERS has more than {MOST_NUMBERS} numbers: take some out"
        )
    codes: dict[str, FixedCode] = {}
    for place, entry in enumerate(entries, 1):
        number, fixed = _read_entry(entry, f"SMS_TEST_NUMBERS: entry {place}")
        if number in codes:
            raise ConfigurationError(
                f"SMS_TEST_NUMBERS: entry {place} names a number again: take one of both out"
            )
        codes[number] = fixed
    return codes


def fixed_code(
    codes: Mapping[str, FixedCode], e164: str, now: float, *, field: str = "phone_number"
) -> str:
    """Return the code of a test number at `now` (epoch seconds), "" for any other number.

    Raises InvalidRequest, which names `field`, when its last day is over, and ConfigurationError
    when that is too far away.
    """
    fixed = codes.get(e164)
    if fixed is None:
        return ""
    if now >= fixed.ends_at:
        raise InvalidRequest(
            "is a test number whose last day is over; nothing was sent; give its entry in "
            "SMS_TEST_NUMBERS a later day",
            field=field,
            code="test-number-ended",
        )
    if fixed.ends_at - now > (LONGEST_DAYS + 1) * _DAY:
        raise ConfigurationError(
            f"SMS_TEST_NUMBERS names a day that is more than {LONGEST_DAYS} days away: write an "
            "earlier one"
        )
    return fixed.code


def is_easy_to_guess(code: str) -> bool:
    """Whether a code is one that people try first: one digit, a sequence, or a part repeated.

    >>> [is_easy_to_guess(code) for code in ("123456", "987654", "111111", "121212", "482917")]
    [True, True, True, True, False]
    """
    is_sequence = code in _UP or code in _UP[::-1]
    parts = (code[:length] for length in range(1, len(code) // 2 + 1))
    is_repeated = any(part * (len(code) // len(part)) == code for part in parts)
    return is_sequence or is_repeated or code == code[::-1]


def _read_entry(entry: str, place: str) -> tuple[str, FixedCode]:
    match = _ENTRY.fullmatch(entry)
    if not match:
        words = "number, code of 6 to 8 digits and last day, such as +8613800138000:code:2026-12-31"
        raise environment.refusal(place, words, entry)
    number, code, last_day = match.groups()
    if is_easy_to_guess(code):
        raise ConfigurationError(f"{place} has a code that is easy to guess: take random digits")
    try:
        read = anywhere(number, "number")
        day = calendar.timegm(time.strptime(last_day, "%Y-%m-%d"))
    except InvalidRequest as error:
        raise ConfigurationError(f"{place}: its number {error.problem}") from None
    except ValueError:
        raise ConfigurationError(
            f"{place} names a day that does not exist: write it as 2026-12-31"
        ) from None
    return read.e164, FixedCode(code, ends_at=day + _DAY - PLATFORM_OFFSET)
