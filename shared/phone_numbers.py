"""Phone numbers: from what a caller writes to what each API wants.

Sources: the SendSms and QuerySendDetails pages (documents 55284 and 419277) and the page of
SendMessageToGlobe. Mainland numbers go out as bare 11 digits, which every API accepts; others as
country code and number, without ``00`` or ``+``. Hong Kong, Macao and Taiwan are others: they need
international templates and have prices of their own. No error repeats the number it is about.
"""

from __future__ import annotations

import re

from shared.errors import InvalidRequest

_SEPARATORS = str.maketrans("", "", " -")
_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_WITH_COUNTRY_CODE = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")
_LIKE_MAINLAND = re.compile(r"1[3-9][0-9]{9}")
_LONE_ONE = re.compile(r"\s*1[ -]")
_LONGEST = 15  # digits of country code and number (ITU-T E.164)


def mainland(text: object, field: str) -> str:
    """Return a mobile number of the Chinese mainland as its bare 11 digits.

    `text` may carry ``+86``, ``0086`` or ``86``, spaces and hyphens; InvalidRequest otherwise. A
    country code follows ``+``, and is a 1 that stands alone: ``1 862 401 7194`` is in New Jersey.
    """
    match = _MAINLAND.fullmatch(_digits(text, field))
    if match and not _LONE_ONE.match(str(text)):
        return match[1]
    raise InvalidRequest(
        "is not a mobile number of the Chinese mainland (11 digits from 13 to 19, with or without "
        "+86); numbers of other countries need an international send",
        field=field,
    )


def international(text: object, field: str) -> str:
    """Return a number outside the Chinese mainland as country code and number: ``85251234567``.

    ``+`` or ``00`` may stand in front. Raises InvalidRequest for anything else; with the code
    ambiguous-number for eleven digits that may be of the mainland or of North America.
    """
    written = _digits(text, field)
    match = _WITH_COUNTRY_CODE.fullmatch(written)
    if not match:
        raise InvalidRequest(
            "is not a phone number: give country code and number, such as +85251234567",
            field=field,
        )
    if _LIKE_MAINLAND.fullmatch(written):
        raise InvalidRequest(
            "is ambiguous: write +86 in front and POST it to /sms if it is in the Chinese "
            "mainland, or + before the country code 1 if it is in North America",
            field=field,
            code="ambiguous-number",
        )
    country = country_of(match[1])
    if country == "CN":
        raise InvalidRequest(
            "is a number of the Chinese mainland; send to it by POST /sms", field=field
        )
    if not country:
        raise InvalidRequest(
            "has a dial code of no country; give country code and number, such as +85251234567",
            field=field,
        )
    return match[1]


def of_country(text: object, dial_code: str, field: str) -> str:
    """Return a number of the country with `dial_code` as country code and number.

    `text` may have ``+`` or ``00`` and the code in front. Raises InvalidRequest otherwise.
    """
    longest = _LONGEST - len(dial_code)
    written = rf"(?:(?:\+|00){dial_code})?((?!00)[0-9]{{3,{longest}}})"
    match = re.fullmatch(written, _digits(text, field))
    if match:
        return dial_code + match[1]
    raise InvalidRequest(
        f"is not a number of that country: give its digits without the country code {dial_code}, "
        f"or with +{dial_code} in front",
        field=field,
    )


def country_of(digits: str) -> str:
    """Return the ISO 3166 alpha-2 code of the country of `digits`, country code and number.

    The longest prefix decides (+1 goes by area code); a dial code of no country gives nothing.
    """
    from shared.dial_codes import DIAL_CODES, LONGEST

    prefixes = (digits[:length] for length in range(LONGEST, 0, -1))
    return next((DIAL_CODES[prefix] for prefix in prefixes if prefix in DIAL_CODES), "")


def dial_code(country: str) -> str:
    """Return the country code of `country` (alpha-2), such as ``852``; nothing if it has none."""
    from shared.dial_codes import DIAL_CODES

    prefix = next((prefix for prefix, owner in DIAL_CODES.items() if owner == country), "")
    lengths = range(1, len(prefix) + 1)
    return next((prefix[:n] for n in lengths if prefix[:n] in DIAL_CODES), "")


def queried(text: object, field: str) -> str:
    """Return a number as QuerySendDetails wants it: bare 11 digits, or country code and number.

    Raises InvalidRequest when it is none, and for a number of North America that the platform,
    which sees no ``+``, would take for one of the mainland: that is somebody else's.
    """
    digits = _digits(text, field)
    mainland_number = _MAINLAND.fullmatch(digits)
    match = mainland_number or _WITH_COUNTRY_CODE.fullmatch(digits)
    is_taken_wrongly = match and not mainland_number and _LIKE_MAINLAND.fullmatch(match[1])
    if match and not is_taken_wrongly and not _LONE_ONE.match(str(text)):
        return match[1]
    if match:
        raise InvalidRequest(
            "is in North America, but the platform would take it for a number of the Chinese "
            "mainland; ask by out_id or message_id instead",
            field=field,
            code="ambiguous-number",
        )
    raise InvalidRequest(
        "is not a phone number: give 11 digits for the Chinese mainland, or country code and "
        "number such as +85251234567",
        field=field,
    )


def _digits(text: object, field: str) -> str:
    if not isinstance(text, str):
        raise InvalidRequest("must be a string, so that no + or 0 in front is lost", field=field)
    return text.translate(_SEPARATORS)
