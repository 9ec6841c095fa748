"""Phone numbers: from what a caller writes to what each API wants.

Sources: the SendSms and QuerySendDetails pages (documents 55284 and 419277). Mainland numbers go
out as bare 11 digits, which every API accepts; others as country code and number, without ``00``
or ``+``. No error repeats the number it is about.
"""

from __future__ import annotations

import re

from shared.errors import InvalidRequest

_SEPARATORS = str.maketrans("", "", " -")
_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_WITH_COUNTRY_CODE = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")


def mainland(text: object, field: str) -> str:
    """Return a mobile number of the Chinese mainland as its bare 11 digits.

    `text` may carry ``+86``, ``0086`` or ``86`` and spaces or hyphens between the digits. Raises
    InvalidRequest for `field` when it is anything else. A ``+`` is always followed by a country
    code here: ``+1 862 401 7194`` is in New Jersey, though its digits look like a mainland number.
    """
    match = _MAINLAND.fullmatch(_digits(text, field))
    if match:
        return match[1]
    raise InvalidRequest(
        "is not a mobile number of the Chinese mainland (11 digits from 13 to 19, with or without "
        "+86); numbers of other countries need an international send",
        field=field,
    )


def queried(text: object, field: str) -> str:
    """Return a number as QuerySendDetails wants it: bare 11 digits, or country code and number.

    Bare digits that look like a mainland number are one; raises InvalidRequest for `field` when
    `text` is no phone number.
    """
    digits = _digits(text, field)
    match = _MAINLAND.fullmatch(digits) or _WITH_COUNTRY_CODE.fullmatch(digits)
    if match:
        return match[1]
    raise InvalidRequest(
        "is not a phone number: give 11 digits for the Chinese mainland, or country code and "
        "number such as +85251234567",
        field=field,
    )


def _digits(text: object, field: str) -> str:
    if not isinstance(text, str):
        raise InvalidRequest("must be a string, so that no + or 0 in front is lost", field=field)
    return text.translate(_SEPARATORS)
