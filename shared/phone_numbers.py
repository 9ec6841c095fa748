"""Phone numbers: from what a caller writes to what each API wants.

Mainland numbers go out as bare 11 digits, which every API accepts; others, Hong Kong, Macao and
Taiwan among them, as country code and number (documents 55284, 419277, and SendMessageToGlobe). No
error repeats a number.
"""

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

    `text` may carry ``+86``, ``0086`` or ``86``, spaces and hyphens; InvalidRequest otherwise. A 1
    that stands alone is a country code: ``1 862 401 7194`` is in New Jersey.
    """
    match = _MAINLAND.fullmatch(_digits(text, field))
    if match and not _LONE_ONE.match(str(text)):
        return match[1]
    raise InvalidRequest(
        "is not a mobile number of the Chinese mainland (11 digits, with or without +86); others "
        "need an international send",
        field=field,
    )


def is_mainland(digits: str) -> bool:
    """Whether `digits`, as the platform has them, are a mobile number of the mainland."""
    return bool(_LIKE_MAINLAND.fullmatch(digits))


def international(text: object, field: str) -> str:
    """Return a number outside the Chinese mainland as country code and number: ``85251234567``.

    ``+`` or ``00`` may stand in front. Raises InvalidRequest; with the code ambiguous-number for
    eleven digits that may be of the mainland or of North America.
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

    `text` may begin with ``+`` or ``00`` and the code; with the bare code it is ambiguous. Raises
    InvalidRequest.
    """
    longest = _LONGEST - len(dial_code)
    written = rf"(?:(?:\+|00){dial_code}|(?!{dial_code}))((?!00)[0-9]{{3,{longest}}})"
    match = re.fullmatch(written, _digits(text, field))
    if match:
        return dial_code + match[1]
    raise InvalidRequest(
        f"is not a number of that country: give it without the country code {dial_code}, or with "
        f"+{dial_code} in front",
        field=field,
    )


def country_of(digits: str) -> str:
    """Return the country (ISO 3166 alpha-2) of `digits`, country code and number.

    The longest prefix decides (+1 goes by area code); a dial code of no country gives nothing.
    """
    from shared.dial_codes import DIAL_CODES, LONGEST

    prefixes = (digits[:length] for length in range(LONGEST, 0, -1))
    return next((DIAL_CODES[prefix] for prefix in prefixes if prefix in DIAL_CODES), "")


def dial_code(country: str) -> str:
    """Return the dial code of `country` (alpha-2), such as ``852``, or nothing."""
    from shared.dial_codes import DIAL_CODES

    prefix = next((prefix for prefix, owner in DIAL_CODES.items() if owner == country), "")
    lengths = range(1, len(prefix) + 1)
    return next((prefix[:n] for n in lengths if prefix[:n] in DIAL_CODES), "")


def queried(text: object, field: str) -> str:
    """Return a number as QuerySendDetails wants it: bare 11 digits, or country code and number.

    Raises InvalidRequest, also for a number of North America that the platform, which sees no
    ``+``, would take for somebody else's of the mainland.
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
