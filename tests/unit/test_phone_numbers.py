"""Phone numbers: every written form of one becomes what an API wants, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.dial_codes import DIAL_CODES, LONGEST
from shared.errors import InvalidRequest
from shared.phone_numbers import country_of, dial_code, international, mainland, of_country, queried

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
    "１３８００１３８０００",
    "13800138000,13900139000",
    "13800138000\n",
    "13800138000\x00",
    "++8613800138000",
    "138.0013.8000",
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


@pytest.mark.parametrize("text", ["+86 10 6555 1234", "8610655512", "8624017194"])
def test_so_are_mainland_numbers_that_are_no_mobiles(text: str) -> None:
    assert "POST /sms" in str(refusal(text))


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
    national = text.replace(" ", "")
    assert of_country(f"+{code}{national}", code, "f") == f"{code}{national}"


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
