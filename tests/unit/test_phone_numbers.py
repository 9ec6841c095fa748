"""Phone numbers: every written form of one becomes what an API wants, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.dial_codes import DIAL_CODES, LONGEST
from shared.errors import InvalidRequest
from shared.phone_numbers import (
    anywhere,
    country_of,
    dial_code,
    international,
    mainland,
    of_country,
    queried,
)

quick = settings(max_examples=100, deadline=None, database=None)
mainland_numbers = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
prefixes = st.sampled_from(["", "86", "+86", "0086"])
REFUSED_EVERYWHERE = [
    "",
    " ",
    "+",
    "abc",
    "1380013800a",
    "+86",
    "١٣٨٠٠١٣٨٠٠٠",
    "13800138000,13900139000",
    "13800138000 13900139000",
    "13800138000\n13900139000",
    "138001\n38000",
    "13800138000\x00",
    "++8613800138000",
    "13800138000(2)",
    "(138)00138000)",
    "1.38E+10",
    "1.38001e10",
    "1,38E+10",
    "13800138.000",
    "\u202e13800138000",
    "tel:13800138000",
    "138****8000",
    "1" * 5000,
    None,
    13800138000,
    13800138000.0,
    True,
    ["13800138000"],
    {"a": 1},
    "\ud800",
]


@quick
@given(prefixes, mainland_numbers, st.data())
def test_every_form_of_a_mainland_number_becomes_its_eleven_digits(
    prefix: str, number: str, data: st.DataObject
) -> None:
    gaps = data.draw(st.lists(st.sampled_from(["", "", " ", "-"]), min_size=11, max_size=11))
    gaps[1] = ""  # a 1 that stands alone is a country code
    written = prefix + "".join(gap + digit for gap, digit in zip(gaps, number, strict=True))
    assert mainland(written, "f") == queried(written, "f") == number


@pytest.mark.parametrize(
    "text",
    [
        *REFUSED_EVERYWHERE,
        "1380013800",
        "138001380000",
        "12800138000",
        "23800138000",
        "10086",
        "+13800138000",
        "+1 862 401 7194",
        "1 862 401 7194",
        "1-862-401-7194",
        "0018624017194",
        "+18624017194",
        "85251234567",
        "+85251234567",
        "008613800138",
        "86138001380001",
        "013800138000",
        "868613800138000",
    ],
)
def test_anything_else_is_no_mainland_number(text: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        mainland(text, "phone_numbers[3]")
    assert (caught.value.status, caught.value.field) == (422, "phone_numbers[3]")
    assert not (isinstance(text, str) and len(text) > 6 and text in str(caught.value))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13800138000", "13800138000"),
        ("+85251234567", "85251234567"),
        ("0085251234567", "85251234567"),
        ("85251234567", "85251234567"),
        ("+1 212-401-7194", "12124017194"),
        ("+123456789012345", "123456789012345"),
    ],
)
def test_a_query_takes_numbers_of_every_country(text: str, number: str) -> None:
    assert queried(text, "f") == number


@pytest.mark.parametrize("text", ["+1 862-401-7194", "0018624017194", "1 862 401 7194"])
def test_a_query_never_takes_a_number_of_north_america_for_a_mainland_one(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        queried(text, "f")
    assert caught.value.code == "ambiguous-number"


NO_NUMBERS = [*REFUSED_EVERYWHERE, "12345", "+1234567890123456", "0123456789", "+0123456789"]


def refusal(text: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        international(text, "f")
    assert (caught.value.status, caught.value.field) == (422, "f")
    assert not (isinstance(text, str) and len(text) > 6 and text in str(caught.value))
    return caught.value


@pytest.mark.parametrize(
    ("texts", "number", "country"),
    [
        (["+852 5123 4567", "0085251234567", "85251234567", "+852-51234567"], "85251234567", "HK"),
        (["+853 6612 3456", "00 853 6612 3456", "85366123456"], "85366123456", "MO"),
        (["+886912345678", "886 912 345 678"], "886912345678", "TW"),
        (["+1 862 401 7194", "001 862 401 7194"], "18624017194", "US"),
        (["+13800138000"], "13800138000", "US"),
        (["12025550123", "+1-202-555-0123"], "12025550123", "US"),
        (["+1 310 555 0123"], "13105550123", "US"),
        (["+1 604 555 0123"], "16045550123", "CA"),
        (["+1 876 555 0123"], "18765550123", "JM"),
        (["+44 7400 123456"], "447400123456", "GB"),
        (["+7 701 234 5678", "77012345678"], "77012345678", "KZ"),
        (["+7 916 123 4567"], "79161234567", "RU"),
        (["+683 4002"], "6834002", "NU"),
        (["+493012345678901"], "493012345678901", "DE"),
    ],
)
def test_every_form_of_a_number_abroad_becomes_country_code_and_number(
    texts: list[str], number: str, country: str
) -> None:
    assert {international(text, "f") for text in texts} == {number}
    assert country_of(number) == country


@quick
@given(mainland_numbers)
def test_eleven_bare_digits_like_a_mainland_number_are_ambiguous(number: str) -> None:
    assert refusal(number).code == "ambiguous-number"
    assert international(f"+{number}", "f") == international(f"00{number}", "f") == number


@quick
@given(st.sampled_from(["86", "+86", "0086"]), mainland_numbers)
def test_mainland_numbers_are_sent_to_another_path(prefix: str, number: str) -> None:
    assert "POST /sms" in str(refusal(prefix + number))


@pytest.mark.parametrize("read", [mainland, international, queried, anywhere])
@pytest.mark.parametrize("text", ["+86 10 6555 1234", "0086 1380013800", "+86 12800138000"])
def test_a_number_of_the_mainland_that_is_no_mobile_is_sent_to_no_other_path(
    read: Callable[[object, str], object], text: str
) -> None:
    reason = reason_of(read, text)
    assert "is not a mobile number of the Chinese mainland" in reason
    assert "POST" not in reason
    assert "country code" not in reason


NATIONAL_NUMBERS = [
    "8624017194",  # of New Jersey
    "8610655512",
    "2125550123",  # of New York; 212 is Morocco, too
    "415-555-0123",  # of San Francisco; 41 is Switzerland, too
    "07400 123456",  # of Great Britain
    "7400123456",
    "0171 2345678",  # of Germany
    "612345678",  # of France
    "90-1234-5678",  # of Japan
    "98765 43210",  # of India
    "0123456789",
    "11015550123",
]


@pytest.mark.parametrize("read", [international, queried, anywhere])
@pytest.mark.parametrize("text", NATIONAL_NUMBERS)
def test_a_number_without_a_country_code_is_refused_as_that(
    read: Callable[[object, str], object], text: str
) -> None:
    assert reason_of(read, text) == (
        "has no country code; write + and the country code in front, such as +65 for Singapore"
    )


@pytest.mark.parametrize("text", NATIONAL_NUMBERS)
def test_in_the_mainland_it_is_refused_with_what_helps_either_way(text: str) -> None:
    reason = reason_of(mainland, text)
    assert reason.startswith("is not a mobile number of the Chinese mainland, which has 11 digits")
    assert "write + and the country code in front, such as +65 for Singapore" in reason


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("+85251234567", "852 (HK)"),
        ("00 852 5123 4567", "852 (HK)"),
        ("+18624017194", "1 (US)"),
        ("+13800138000", "1"),
    ],
)
def test_a_number_of_another_country_is_sent_to_the_other_path(text: str, named: str) -> None:
    reason = reason_of(mainland, text)
    assert reason.startswith(f"was read with country code {named}")
    assert "outside the Chinese mainland: POST it to /international-sms" in reason
    assert international(text, "f")


def test_what_may_be_of_the_mainland_but_for_its_plus_is_told_what_to_write() -> None:
    hint = "if it is in the Chinese mainland, write +86 in front of its 11 digits"
    assert reason_of(mainland, "+13800138000").endswith(hint)
    assert hint not in reason_of(mainland, "+85251234567")


@pytest.mark.parametrize("text", ["+8701234567", "+0123456789", "+49 0 0171 2345678", "+1 012345"])
def test_what_the_other_path_would_refuse_is_not_sent_there(text: str) -> None:
    assert reason_of(mainland, text) == reason_of(international, text)


def reason_of(read: Callable[[object, str], object], text: object) -> str:
    """Return why `read` refuses `text`, which the reason does not repeat."""
    with pytest.raises(InvalidRequest) as caught:
        read(text, "phone_numbers[3]")
    assert (caught.value.status, caught.value.field) == (422, "phone_numbers[3]")
    shown = caught.value.problem.replace("+6581234567", "")
    assert not re.search("[0-9]{7}", shown)
    return caught.value.problem


READ_AS_13800138000 = [
    "\u200e13800138000",
    "\u202d13800138000\u202c",
    "\u2066138\u206900138000",
    "138\u200b0013\u200c8000\u200d",
    "\ufeff13800138000",
    "13800138000\ufe0d",
    "138\u00ad0013\u00ad8000",
    "13800138000\u00a0",
    "\u3000138 0013\t8000\r\n",
    "138\u20110013\u20128000",
    "138\u22120013\u20138000",
    "138\uff0d0013\uff0d8000",
    "１３８００１３８０００",
    "＋８６　１３８００１３８０００",
    "(138) 0013-8000",
    "(13800138000)",
    "(+86)13800138000",
    "+86 (0) 138 0013 8000",
    "+86（138）0013．8000",
    "138.0013.8000",
    "+86.138.0013.8000",
    "13800138000.0",
    "'13800138000",
    "\u201913800138000",
    "＇13800138000",
    '="13800138000"',
    '="+86 138 0013 8000"',
    '"13800138000"',
    " '138 0013 8000 ",
]


@pytest.mark.parametrize("text", READ_AS_13800138000)
def test_what_is_surely_meant_is_read(text: str) -> None:
    assert mainland(text, "f") == queried(text, "f") == "13800138000"
    assert anywhere(text, "f") == ("13800138000", True)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+1 (212) 555-1212", "12125551212"),
        ("+44 (0)7400 123456", "447400123456"),
        ("\u202a+44 7400\u00a0123456\u202c", "447400123456"),
        ("＋８５２－５１２３－４５６７", "85251234567"),
        ("00.33.6.12.34.56.78", "33612345678"),
        ("'+6581234567", "6581234567"),
        ("6581234567.0", "6581234567"),
    ],
)
def test_so_it_is_abroad(text: str, number: str) -> None:
    assert international(text, "f") == queried(text, "f") == number
    assert anywhere(text, "f") == (number, False)
    assert international("+1 (555) 555-1212", "f") == "15555551212"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\u200b ", "is empty"),
        ("''", "is empty"),
        ("1.38E+10", "was shortened by a spreadsheet, and digits are lost"),
        (
            "８．６１３８Ｅ＋１２".translate(str.maketrans("Ｅ", "E")),
            "was shortened by a spreadsheet",
        ),
        ("13800138.000", "ends like a decimal number"),
        ("138\n00138000", "holds a line break"),
        ("1380013800x", "holds LATIN SMALL LETTER X (U+0078)"),
        ("138/0013/8000", "holds SOLIDUS (U+002F)"),
        ("13800138000,13900139000", "a phone number; where several numbers may stand, give a list"),
        ("138****8000", "holds ASTERISK (U+002A)"),
        ("١٣٨٠٠١٣٨٠٠٠", "holds ARABIC-INDIC DIGIT ONE (U+0661)"),
        ("\u202e00083100831", "holds RIGHT-TO-LEFT OVERRIDE (U+202E)"),
        ("13800138000\0", "holds the character (U+0000)"),
        ("\ud800", "holds the character (U+D800)"),
        ("13800138000 手机", "holds CJK UNIFIED IDEOGRAPH-624B (U+624B)"),
        ("86+13800138000", "a + has to stand in front"),
        ("+65 8123 4567 (2)", "digits behind any parentheses"),
        ("013800138000", "has a 0 in front; leave it out"),
        (13800138000, "must be a string, so that no + or 0 in front is lost"),
        (None, "is missing; give a phone number"),
    ],
)
def test_a_refusal_has_its_true_reason(text: object, reason: str) -> None:
    assert reason in reason_of(mainland, text)
    if reason != "has a 0 in front; leave it out":
        assert reason_of(international, text) == reason_of(mainland, text)


@pytest.mark.parametrize(
    ("texts", "number"),
    [
        (["+60 12-345 6789", "+60 012-345 6789", "+60 (0)12 345 6789"], "60123456789"),
        (["+49 171 2345678", "+49 0171 2345678"], "491712345678"),
        (["+7 916 123-45-67", "+7 8 916 123-45-67"], "79161234567"),
        (["+7 800 555 35 35"], "78005553535"),
        (["+36 20 123 4567", "+36 06 20 123 4567"], "36201234567"),
        (["+692 235 1234", "+692 1 235 1234"], "6922351234"),
        (["+52 55 1234 5678", "+52 1 55 1234 5678"], "525512345678"),
        (["+54 9 11 2345 6789", "+54 0 11 15 2345 6789", "+54 11 15 2345 6789"], "5491123456789"),
        (["+55 11 96123 4567", "+55 0 11 96123 4567", "+55 0 15 11 96123 4567"], "5511961234567"),
        (["+57 321 1234567", "+57 0 321 1234567"], "573211234567"),
        (["+352 628 123 456", "+352 15 350 628 123 456"], "352628123456"),
        (["+39 06 1234 5678", "+39 (06) 12345678"], "390612345678"),
        (["+225 07 12 34 56 78"], "2250712345678"),
        (["+229 01 95 12 34 56"], "2290195123456"),
        (["+242 06 123 4567"], "242061234567"),
        (["+853 0800 123"], "8530800123"),
    ],
)
def test_one_phone_is_one_number(texts: list[str], number: str) -> None:
    assert {international(text, "f") for text in texts} == {number}
    assert {queried(text, "f") for text in texts} == {number}
    assert country_of(number)


@pytest.mark.parametrize(
    "text",
    [
        "+852 0 5123 4567",
        "+65 081234567",
        "+34 0612345678",
        "+7 0 916 123 4567",
        "+853 0 6612 3456",
        "+49 0 0171 2345678",
        "+81 00 90 1234 5678",
        "+250 0 0720 123456",
    ],
)
def test_a_0_that_belongs_to_no_number_is_refused(text: str) -> None:
    assert "has a 0 behind its country code" in reason_of(international, text)


@pytest.mark.parametrize("text", ["+1 0212 555 0123", "+1 1 212 555 0123", "001 155 5550 1234"])
def test_an_area_code_of_north_america_begins_with_neither_0_nor_1(text: str) -> None:
    assert "area code that begins with 0 or 1" in reason_of(international, text)


@pytest.mark.parametrize(
    ("text", "dial_code", "number"),
    [
        ("07400 123456", "44", "447400123456"),
        ("+44 07400 123456", "44", "447400123456"),
        ("06 1234 5678", "39", "390612345678"),
        ("8 916 123-45-67", "7", "79161234567"),
    ],
)
def test_a_number_of_a_country_is_written_in_one_form(
    text: str, dial_code: str, number: str
) -> None:
    assert of_country(text, dial_code, "f") == number


@pytest.mark.parametrize("code", ["210", "259", "800", "808", "870", "881", "882", "979", "999"])
def test_dial_codes_of_no_country_are_refused(code: str) -> None:
    assert country_of(f"{code}12345678") == ""
    assert "no country" in str(refusal(f"+{code}12345678"))


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_phone_number_cannot_be_sent_to(text: object) -> None:
    refusal(text)


@pytest.mark.parametrize("text", ["51234567", "5123 4567", "+852 5123 4567", "0085251234567"])
def test_a_number_of_a_country_may_be_written_without_its_code(text: str) -> None:
    assert of_country(text, "852", "f") == "85251234567"


@pytest.mark.parametrize(
    ("text", "code"), [("85251234567", "852"), ("8521 2345", "852"), ("12025550123", "1")]
)
def test_a_number_that_begins_with_the_bare_code_of_its_country_is_not_guessed(
    text: str, code: str
) -> None:
    with pytest.raises(InvalidRequest, match=rf"with \+{code} in front"):
        of_country(text, code, "f")
    assert of_country("+852 8521 2345", "852", "f") == "85285212345"


@pytest.mark.parametrize(
    "text", [*REFUSED_EVERYWHERE[:9], "12", "+8535123456", "0051234567", "+852", "1" * 13, None]
)
def test_what_is_no_number_of_the_country_is_refused(text: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        of_country(text, "852", "f")
    assert caught.value.field == "f"


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("HK", "852"),
        ("US", "1"),
        ("CA", "1"),
        ("BS", "1"),
        ("KZ", "7"),
        ("JE", "44"),
        ("TA", "290"),
        ("CN", "86"),
        ("XX", ""),
        ("hk", ""),
        ("", ""),
        ("001", ""),
    ],
)
def test_a_country_has_a_dial_code(country: str, code: str) -> None:
    assert dial_code(country) == code


def test_the_table_of_dial_codes_is_tidy() -> None:
    assert max(map(len, DIAL_CODES)) == LONGEST
    assert all(prefix.isdigit() and len(DIAL_CODES[prefix]) == 2 for prefix in DIAL_CODES)
    assert list(DIAL_CODES) == sorted(DIAL_CODES)
    for prefix, country in DIAL_CODES.items():
        assert country_of(prefix) == country
        assert country_of(prefix[:-1]) != country, "a shorter prefix says the same"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_phone_number_cannot_be_queried(text: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        queried(text, "phone_number")
    assert caught.value.field == "phone_number"
    assert not (isinstance(text, str) and len(text) > 6 and text in str(caught.value))
