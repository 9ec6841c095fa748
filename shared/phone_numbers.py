"""Phone numbers: from what a caller writes to what each API wants.

A number of the Chinese mainland goes out as its bare 11 digits, ``13800138000``, which every API
takes. Any other, also of Hong Kong, Macao or Taiwan, goes out as country code and number,
``85251234567``. Sources: documents 55284, 419277, and SendMessageToGlobe.

A caller may write spaces and hyphens anywhere. What is not one number for sure raises
InvalidRequest, whose text names `field`, the number's place in the request, and no digit.
"""

import re

from shared.errors import InvalidRequest

_SEPARATORS = str.maketrans("", "", " -")
_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_WITH_COUNTRY_CODE = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")
_LIKE_MAINLAND = re.compile(r"1[3-9][0-9]{9}")
# ``1 862`` and ``1-862``: the 1 is the country code of North America.
_LONE_ONE = re.compile(r"\s*1[ -]")
_LONGEST = 15  # digits of country code and number (ITU-T E.164)


def mainland(text: object, field: str) -> str:
    """Return a mobile number of the Chinese mainland as its bare 11 digits.

    ``+86``, ``0086`` or ``86`` may stand in front. Raises InvalidRequest for all others. A 1 that
    stands alone is a country code: ``1 862 401 7194`` is in New Jersey.
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
    """Whether `digits`, in the form in which numbers go out, are a number of the mainland."""
    return bool(_LIKE_MAINLAND.fullmatch(digits))


def international(text: object, field: str) -> str:
    """Return a number outside the Chinese mainland as country code and number: ``85251234567``.

    ``+`` or ``00`` may stand in front. Raises InvalidRequest for all others. Its code is
    ambiguous-number for eleven bare digits that may be of the mainland or of North America, as
    ``18624017194`` may.
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
    """Return a number of the country with `dial_code` (``852``) as country code and number.

    `text` is the national number, or begins with ``+`` or ``00`` and the code. Raises
    InvalidRequest for all others. Digits that begin with the bare code are among them: they may be
    either.
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
    """Return the country of `digits`, country code and number: ``HK`` for ``85251234567``.

    It is in ISO 3166 alpha-2, and "" for a dial code of no country. The longest known prefix
    decides, because +1 belongs to many: the area code tells Canada from the United States.
    """
    from shared.dial_codes import DIAL_CODES, LONGEST  # a table that a mainland send never needs

    prefixes = (digits[:length] for length in range(LONGEST, 0, -1))
    return next((DIAL_CODES[prefix] for prefix in prefixes if prefix in DIAL_CODES), "")


def dial_code(country: str) -> str:
    """Return the dial code of `country` (alpha-2): ``852`` for ``HK``, "" for one that has none.

    Of countries that share one, the table has prefixes with their area codes, such as ``1204`` of
    Canada. The dial code is the shortest beginning of such a prefix that is in the table: ``1``.
    """
    from shared.dial_codes import DIAL_CODES

    prefix = next((prefix for prefix, owner in DIAL_CODES.items() if owner == country), "")
    lengths = range(1, len(prefix) + 1)
    return next((prefix[:n] for n in lengths if prefix[:n] in DIAL_CODES), "")


def queried(text: object, field: str) -> str:
    """Return a number as QuerySendDetails wants it: bare 11 digits, or country code and number.

    Raises InvalidRequest for what is no phone number. Raises it with the code ambiguous-number for
    one of North America that the platform, which sees no ``+``, would take for somebody else's in
    the mainland.
    """
    digits = _digits(text, field)
    in_mainland = _MAINLAND.fullmatch(digits)
    match = in_mainland or _WITH_COUNTRY_CODE.fullmatch(digits)
    if not match:
        raise InvalidRequest(
            "is not a phone number: give 11 digits for the Chinese mainland, or country code and "
            "number such as +85251234567",
            field=field,
        )
    is_taken_wrongly = not in_mainland and is_mainland(match[1])
    if is_taken_wrongly or _LONE_ONE.match(str(text)):
        raise InvalidRequest(
            "is in North America, but the platform would take it for a number of the Chinese "
            "mainland; ask by out_id or message_id instead",
            field=field,
            code="ambiguous-number",
        )
    return match[1]


def _digits(text: object, field: str) -> str:
    """Return `text` without spaces and hyphens; a ``+`` stays in front."""
    if not isinstance(text, str):
        raise InvalidRequest("must be a string, so that no + or 0 in front is lost", field=field)
    return text.translate(_SEPARATORS)
