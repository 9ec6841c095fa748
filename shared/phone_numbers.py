"""Phone numbers: from what a caller writes to what each API wants.

A number of the Chinese mainland goes out as its bare 11 digits, ``13800138000``, which every API
takes. Any other, also of Hong Kong, Macao or Taiwan, goes out as country code and number,
``85251234567``, without the 0 or other prefix that stands in front of it in its own country. So one
phone is one number. Sources: documents 55284, 419277, and SendMessageToGlobe.

White space, hyphens, dots, parentheses, full-width digits and invisible marks may stand in it, and
it may be as a spreadsheet writes it (``'13800138000``, ``="13800138000"``, ``13800138000.0``). What
is not one number for sure raises InvalidRequest, whose text names `field`, the number's place in
the request, and why, and not the number.
"""

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from shared.errors import InvalidRequest

if TYPE_CHECKING:
    from shared.trunk_prefixes import Trunk

NO_COUNTRY_CODE = (
    "has no country code; write + and the country code in front, such as +65 for Singapore"
)
_NO_MOBILE = (
    "is not a mobile number of the Chinese mainland, which has 11 digits and begins with 13 to 19"
)
_MAINLAND = re.compile(r"(?:(?:\+|00)860?|86)?(1[3-9][0-9]{9})")
_LIKE_MAINLAND = re.compile(r"1[3-9][0-9]{9}")
_SHORTEST, _LONGEST = 7, 15  # digits of country code and number (the longest: ITU-T E.164)
_LONGEST_CODE = 3  # digits of a country code
_WRONG_LENGTH = (
    f"is not a phone number: with its country code one has {_SHORTEST} to {_LONGEST} digits, such "
    "as +6581234567"
)
_CHINA = "86"
_NORTH_AMERICA = "1"

_PLAIN = re.compile(r"\+?[0-9]+")
# Characters that nobody sees (Unicode's Default_Ignorable_Code_Point), which come with what is
# pasted. U+202E is not among them: it shows what follows from right to left.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202d"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Full-width characters, hyphens, dashes and quotes, as the ASCII characters that they stand for.
_AS_ASCII = str.maketrans(
    "０１２３４５６７８９＋－．（）＇＂＝‐‑‒–—―−﹣‘’“”",
    "0123456789+-.()'\"=" + "-" * 8 + "''\"\"",
)
# How spreadsheets keep digits as text: ``="138..."``, ``'138...``.
_AS_TEXT = re.compile(r"""=?"(.*)"|'(.*?)'?""", re.DOTALL)
_SHORTENED = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?[Ee][+-]?[0-9]+")
_DECIMAL = re.compile(r"(\+?[0-9]+)\.(0+)")
_LINE_BREAK = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_STRANGE = re.compile(r"[^0-9+().\s-]")
_SEPARATORS = re.compile(r"[\s.-]")
# Parentheses around what stands in front of other digits, ``+44(0)7400``, or around the whole.
_GROUPED = re.compile(r"\+?(?:[0-9]*\(\+?[0-9]+\))*[0-9]+|\(\+?[0-9]+\)")
# ``1 862``, ``1-862`` and ``1 (862)``: the 1 is the country code of North America.
_LONE_ONE = re.compile(r"\(?1[\s.()-]")


class _Written(NamedTuple):
    """A number as it was written: digits, which a ``+`` may stand before.

    `has_lone_one`: it begins with a 1 that stands alone.
    """

    text: str
    has_lone_one: bool = False

    @property
    def has_prefix(self) -> bool:
        """Whether ``+`` or ``00`` says that a country code follows."""
        return self.text.startswith(("+", "00"))

    @property
    def digits(self) -> str:
        """The digits without ``+`` or ``00``."""
        return self.text[1:] if self.text.startswith("+") else self.text.removeprefix("00")


class Number(NamedTuple):
    """A number in the form in which it goes out, and whether it is one of the mainland."""

    digits: str
    is_mainland: bool

    @property
    def e164(self) -> str:
        """The number with ``+`` and country code: ``+8613800138000``."""
        return f"+86{self.digits}" if self.is_mainland else f"+{self.digits}"


def mainland(text: object, field: str) -> str:
    """Return a mobile number of the Chinese mainland as its bare 11 digits.

    ``+86``, ``0086`` or ``86`` may stand in front. Raises InvalidRequest for all others. A 1 that
    stands alone is a country code: ``1 862 401 7194`` is in New Jersey.
    """
    if isinstance(text, str) and _LIKE_MAINLAND.fullmatch(text):  # as nearly all of a file do
        return text
    written = _read(text, field)
    return _mainland_digits(written) or _refuse_in_mainland(written, field)


def is_mainland(digits: str) -> bool:
    """Whether `digits`, in the form in which numbers go out, are a number of the mainland."""
    return bool(_LIKE_MAINLAND.fullmatch(digits))


def international(text: object, field: str) -> str:
    """Return a number outside the Chinese mainland as country code and number: ``85251234567``.

    ``+`` or ``00`` may stand in front; without one the digits must be as many as numbers of that
    country have. Raises InvalidRequest for all others. Its code is ambiguous-number for eleven bare
    digits that may be of the mainland or of North America, as ``18624017194`` may.
    """
    written = _read(text, field)
    if _LIKE_MAINLAND.fullmatch(written.text):
        raise InvalidRequest(
            "is ambiguous: write +86 in front and POST it to /sms if it is in the Chinese "
            "mainland, or + before the country code 1 if it is in North America",
            field=field,
            code="ambiguous-number",
        )
    if _MAINLAND.fullmatch(written.text):
        raise InvalidRequest(
            "is a number of the Chinese mainland; send to it by POST /sms", field=field
        )
    return _abroad(written, field)


def anywhere(text: object, field: str) -> Number:
    """Return a number of the mainland, if it looks like one, or else as `international` does.

    Raises InvalidRequest, with the code ambiguous-number as there.
    """
    written = _read(text, field)
    digits = _mainland_digits(written)
    if digits:
        return Number(digits, is_mainland=True)
    if _LIKE_MAINLAND.fullmatch(written.text):
        raise InvalidRequest(
            "is ambiguous: write +86 in front if it is in the Chinese mainland, or + before the "
            "country code 1 if it is in North America",
            field=field,
            code="ambiguous-number",
        )
    return Number(_abroad(written, field), is_mainland=False)


def of_country(text: object, dial_code: str, field: str) -> str:
    """Return a number of the country with `dial_code` (``852``) as country code and number.

    `text` is the national number, or begins with ``+`` or ``00`` and the code. Raises
    InvalidRequest for all others. Digits that begin with the bare code are among them: they may be
    either.
    """
    longest = _LONGEST - len(dial_code)
    pattern = rf"(?:(?:\+|00){dial_code}|(?!{dial_code}))((?!00)[0-9]{{3,{longest}}})"
    match = re.fullmatch(pattern, _read(text, field).text)
    if match:
        return dial_code + _without_trunk_prefix(dial_code, match[1], field)
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
    return _dial_code_in(prefix)


def read_as(digits: str) -> str:
    """Return how a number outside the mainland was read: ``was read with country code 65 (SG)``.

    `digits` are country code and number.
    """
    country = country_of(digits)
    named = f" ({country})" if country else ""
    return f"was read with country code {_dial_code_in(digits)}{named}"


def or_in_mainland(digits: str) -> str:
    """Return what to do if a number that was read so is of the mainland; "" if it cannot be.

    A 1 in front that a ``+`` makes the country code of North America may be the first digit of a
    number that was written without its country code, 86.
    """
    if not is_mainland(digits):
        return ""
    return "; if it is in the Chinese mainland, write +86 in front of its 11 digits"


def queried(text: object, field: str) -> str:
    """Return a number as QuerySendDetails wants it: bare 11 digits, or country code and number.

    Raises InvalidRequest for what is no phone number. Raises it with the code ambiguous-number for
    one of North America that the platform, which sees no ``+``, would take for somebody else's in
    the mainland.
    """
    written = _read(text, field)
    in_mainland = _MAINLAND.fullmatch(written.text)
    digits = in_mainland[1] if in_mainland else _abroad(written, field)
    is_taken_wrongly = not in_mainland and is_mainland(digits)
    if is_taken_wrongly or written.has_lone_one:
        raise InvalidRequest(
            "is in North America, but the platform would take it for a number of the Chinese "
            "mainland; ask by out_id or message_id instead",
            field=field,
            code="ambiguous-number",
        )
    return digits


def without_invisible(text: str) -> str:
    """Return `text` without the characters that nobody sees, such as the zero width space."""
    return _INVISIBLE.sub("", text)


def _mainland_digits(written: _Written) -> str:
    """Return the 11 digits of a number of the mainland, "" for any other."""
    match = _MAINLAND.fullmatch(written.text)
    return match[1] if match and not written.has_lone_one else ""


def _refuse_in_mainland(written: _Written, field: str) -> NoReturn:
    """Raise InvalidRequest that says why a number is none of the mainland."""
    if written.has_prefix and not written.digits.startswith(_CHINA):
        digits = _abroad(written, field)  # what is no number there has a reason of its own
        raise InvalidRequest(
            f"{read_as(digits)}, outside the Chinese mainland: POST it to /international-sms"
            f"{or_in_mainland(digits)}",
            field=field,
        )
    if _LIKE_MAINLAND.fullmatch(written.text):
        raise InvalidRequest(
            "begins with a 1 that stands alone, like a number of North America; write its digits "
            "together if it is in the Chinese mainland, or else + in front, and POST it to "
            "/international-sms",
            field=field,
        )
    if _LIKE_MAINLAND.fullmatch(written.text.removeprefix("0")):
        raise InvalidRequest("has a 0 in front; leave it out", field=field)
    if written.has_prefix:
        raise InvalidRequest(_NO_MOBILE, field=field)
    raise InvalidRequest(
        f"{_NO_MOBILE}; to send to another country write + and the country code in front, such as "
        "+65 for Singapore, and POST it to /international-sms",
        field=field,
    )


def _abroad(written: _Written, field: str) -> str:
    """Return a number outside the mainland as country code and number; raises InvalidRequest."""
    from shared.trunk_prefixes import LENGTHS  # a table that a mainland send never needs

    digits = written.digits
    if len(digits) < _SHORTEST:
        raise InvalidRequest(_WRONG_LENGTH, field=field)
    code = _dial_code_in(digits)
    national = digits[len(code) :]
    if written.has_prefix:
        if digits.startswith("0"):
            raise InvalidRequest("has a 0 where its country code has to stand", field=field)
        if not code:
            raise InvalidRequest(
                "has a dial code of no country; give country code and number, such as +6581234567",
                field=field,
            )
        if code == _CHINA:
            raise InvalidRequest(_NO_MOBILE, field=field)
        number = code + _without_trunk_prefix(code, national, field)
        if len(number) > _LONGEST:
            raise InvalidRequest(_WRONG_LENGTH, field=field)
        return number
    if len(digits) > _LONGEST:
        raise InvalidRequest(_WRONG_LENGTH, field=field)
    # A number of its own country may look as if it began with another's code. It is seldom as long.
    try:
        national = _without_trunk_prefix(code, national, field)
    except InvalidRequest:
        national = ""
    if code == _CHINA or len(national) not in LENGTHS.get(code, ()):
        raise InvalidRequest(NO_COUNTRY_CODE, field=field)
    return code + national


def _dial_code_in(digits: str) -> str:
    """Return the country code that `digits` begin with, "" for none."""
    from shared.dial_codes import DIAL_CODES

    beginnings = (digits[:length] for length in range(1, _LONGEST_CODE + 1))
    return next((beginning for beginning in beginnings if beginning in DIAL_CODES), "")


def _without_trunk_prefix(code: str, national: str, field: str) -> str:
    """Return a number of country code `code` without what stands before it in its own country.

    ``0171...`` of 49 is ``171...``; ``06...`` of 39 stays, as numbers in Italy keep their 0. Raises
    InvalidRequest for a number that begins as none of that code does.
    """
    from shared.trunk_prefixes import TRUNKS, WITH_ZERO, Trunk

    if code == _NORTH_AMERICA and national.startswith(("0", "1")):
        raise InvalidRequest(
            "has an area code that begins with 0 or 1, as none does in North America; leave out "
            "what stands between +1 and the area code",
            field=field,
        )
    trunk = TRUNKS.get(code, Trunk())
    stripped = _strip(national, trunk)
    looks_right = re.fullmatch(trunk.numbers, stripped)
    keeps_zero = code in WITH_ZERO
    may_begin_so = keeps_zero and looks_right if trunk.has_zero else keeps_zero or looks_right
    if stripped.startswith("0") and not may_begin_so:
        raise InvalidRequest(
            "has a 0 behind its country code, where no phone of that country has one; leave it out",
            field=field,
        )
    return stripped


def _strip(national: str, trunk: "Trunk") -> str:
    """Return `national` without what stands in front of it, where that is certain."""
    prefix = re.match(trunk.prefix, national)
    if prefix:
        is_replaced = trunk.replacement and prefix[prefix.re.groups] is not None
        beginning = prefix.expand(trunk.replacement) if is_replaced else ""
        stripped = beginning + national[prefix.end() :]
        if re.fullmatch(trunk.numbers, stripped):
            return stripped
    if not trunk.has_zero:
        return national
    stripped = national.removeprefix("0")
    if re.fullmatch(trunk.numbers, national) and not re.fullmatch(trunk.numbers, stripped):
        return national
    return stripped


def _read(text: object, field: str) -> _Written:
    """Return the digits of `text`; raises InvalidRequest when it holds anything else.

    ``+1 (555) 555-1212`` is ``+15555551212``.
    """
    if text is None:
        raise InvalidRequest("is missing; give a phone number", field=field)
    if not isinstance(text, str):
        raise InvalidRequest("must be a string, so that no + or 0 in front is lost", field=field)
    if _PLAIN.fullmatch(text):
        return _Written(text)
    shown = without_invisible(text).translate(_AS_ASCII).strip()
    as_text = _AS_TEXT.fullmatch(shown)
    if as_text:
        shown = (as_text[1] or as_text[2] or "").strip()
    problem = _problem_of(shown)
    if problem:
        raise InvalidRequest(problem, field=field)
    decimal = _DECIMAL.fullmatch(shown)
    compact = _SEPARATORS.sub("", decimal[1] if decimal else shown)
    if not _GROUPED.fullmatch(compact) or "+" in compact.lstrip("(")[1:]:
        raise InvalidRequest(
            "is not a phone number: a + has to stand in front, and digits behind any parentheses",
            field=field,
        )
    digits = compact.replace("(", "").replace(")", "")
    return _Written(digits, has_lone_one=bool(_LONE_ONE.match(shown)))


def _problem_of(text: str) -> str:
    """Return why `text` cannot be read as a number, "" where nothing stands against it."""
    if not text:
        return "is empty; give a phone number"
    if _SHORTENED.fullmatch("".join(text.split())):
        return (
            "was shortened by a spreadsheet, and digits are lost; format its column as text, and "
            "write the number again"
        )
    decimal = _DECIMAL.fullmatch(text)
    if decimal and decimal[2] != "0":
        return "ends like a decimal number; write it with digits alone"
    if _LINE_BREAK.search(text):
        return "holds a line break; give one number"
    strange = _STRANGE.search(text)
    if strange:
        several = (
            "; where several numbers may stand, give a list" if strange[0] in ",;，；、" else ""
        )
        return f"holds {_name_of(strange[0])}, which is no part of a phone number{several}"
    return ""


def _name_of(character: str) -> str:
    """Return what Unicode calls a character: ``LATIN SMALL LETTER X (U+0078)``."""
    import unicodedata  # only for a refusal

    return f"{unicodedata.name(character, 'the character')} (U+{ord(character):04X})"
