"""The tables of dial codes and trunk prefixes against the library that they were made from."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers.phonemetadata import PhoneMetadata

from shared.dial_codes import DIAL_CODES
from shared.errors import InvalidRequest
from shared.phone_numbers import anywhere, country_of, dial_code, is_mainland
from shared.trunk_prefixes import LENGTHS, TRUNKS, WITH_ZERO

KINDS = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]
PHONES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
TRIES = 15  # numbers for every digit of an example
# The beginnings of numbers that are taken for another country's; no phone has one of them.
TOLERATED = (
    "1310",  # 310 and four digits are services in Canada; with seven digits it is Los Angeles
    "18001",  # a few of North America's numbers for free calls are Dominican
)
SHARED = {"EH"}  # the library itself counts the numbers of Western Sahara to Morocco


def examples() -> Iterator[PhoneNumber]:
    """Yield an example of each kind of number that a country has."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            example = phonenumbers.example_number_for_type(region, kind)
            if example:
                yield example


def valid_numbers_like(example: PhoneNumber, source: random.Random) -> Iterator[PhoneNumber]:
    """Yield numbers with as many digits as `example` that begin like it, more and more so."""
    digits = str(example.national_number)
    for kept in range(len(digits)):
        for _ in range(TRIES):
            ending = "".join(source.choices("0123456789", k=len(digits) - kept))
            number = PhoneNumber()
            number.merge_from(example)
            number.national_number = int(digits[:kept] + ending)
            if phonenumbers.is_valid_number(number):
                yield number


def mistaken(numbers: list[PhoneNumber]) -> list[str]:
    """Return those of `numbers`, as digits, for which table and library name two countries."""
    written = [phonenumbers.format_number(n, PhoneNumberFormat.E164)[1:] for n in numbers]
    return [
        digits
        for number, digits in zip(numbers, written, strict=True)
        if country_of(digits) != phonenumbers.region_code_for_number(number)
    ]


def test_every_example_lies_in_its_country() -> None:
    found = list(examples())
    assert len(found) > 900
    assert [digits for digits in mistaken(found) if not digits.startswith(TOLERATED)] == []


def test_random_numbers_lie_in_their_countries() -> None:
    source = random.Random(2018)
    found = [number for example in examples() for number in valid_numbers_like(example, source)]
    assert len(found) > 50_000
    wrong = mistaken(found)
    assert [digits for digits in wrong if not digits.startswith(TOLERATED)] == []
    assert {prefix for prefix in TOLERATED for digits in wrong if digits.startswith(prefix)} == {
        *TOLERATED
    }


def test_every_country_has_its_dial_code() -> None:
    assert set(DIAL_CODES.values()) == phonenumbers.SUPPORTED_REGIONS - SHARED
    for region in DIAL_CODES.values():
        assert dial_code(region) == str(phonenumbers.country_code_for_region(region))


REMEDIES = ("leave it out", "leave out what stands", "write + and the country code in front")
NOT_TO_BE_SENT_TO = ("is not a mobile number of the Chinese mainland", "one has 7 to 15 digits")


def national_prefix(region: str) -> str:
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    return metadata.national_prefix or ""


def written_forms(example: PhoneNumber, region: str) -> set[str]:
    """Return a number behind its country code, with and without what is in front of it at home."""
    number = phonenumbers.national_significant_number(example)
    prefix = national_prefix(region)
    at_home = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
    code = example.country_code
    return {
        f"+{code}{number}",
        f"00{code} {number}",
        f"{code}{number}",
        f"+{code} {prefix}{number}",
        f"+{code} ({prefix}) {number}" if prefix else f"(+{code}) {number}",
        f"{code}{prefix}{number}",
        f"+{code} {''.join(filter(str.isdigit, at_home))}",
    }


def digits_or_refusal(text: str) -> tuple[str, str]:
    """Return the number that `text` is, country code first, or else why it is refused."""
    try:
        number = anywhere(text, "phone_number")
    except InvalidRequest as error:
        return "", error.problem
    return (f"86{number.digits}" if number.is_mainland else number.digits), ""


def test_each_form_of_an_example_is_its_number_or_refused_with_the_remedy() -> None:
    reasons = set()
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            example = phonenumbers.example_number_for_type(region, kind)
            if not example:
                continue
            number = phonenumbers.format_number(example, PhoneNumberFormat.E164)[1:]
            for text in itertools.filterfalse(is_mainland, written_forms(example, region)):
                digits, reason = digits_or_refusal(text)
                assert digits in (number, ""), text
                reasons.add(reason)
    allowed = (*REMEDIES, *NOT_TO_BE_SENT_TO)
    assert [why for why in reasons - {""} if not any(known in why for known in allowed)] == []


def test_no_number_of_a_phone_is_refused() -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS - {"CN"}):
        for kind in PHONES:
            example = phonenumbers.example_number_for_type(region, kind)
            if example:
                number = phonenumbers.format_number(example, PhoneNumberFormat.E164)
                assert digits_or_refusal(number) == (number[1:], "")
                assert digits_or_refusal(f"00{number[1:]}") == (number[1:], "")


@pytest.mark.parametrize("seed", range(3))
def test_no_number_is_refused_because_the_library_does_not_know_it(seed: int) -> None:
    source = random.Random(seed)
    found = 0
    for code in LENGTHS.keys() - {"86"}:
        for _ in range(100):
            ending = "".join(source.choices("0123456789", k=source.randint(7, 15 - len(code)) - 1))
            number = f"{code}{source.choice('2345679')}{ending}"
            found += not phonenumbers.is_valid_number(phonenumbers.parse(f"+{number}"))
            digits, reason = digits_or_refusal(f"+{number}")
            assert reason == ""
            assert digits_or_refusal(f"+{digits}") == (digits, ""), "one form of one number"
    assert found > 10_000


def test_a_0_stays_only_where_numbers_have_one() -> None:
    for code in LENGTHS.keys() - {"86"}:
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
        has_zero = national_prefix(regions[0]) == "0"
        digits, reason = digits_or_refusal(f"+{code}0{'5' * 8}")
        if code in WITH_ZERO and not has_zero:
            assert digits == f"{code}0{'5' * 8}"
        elif has_zero:
            assert digits == f"{code}{'5' * 8}"
        else:
            assert "leave" in reason, code


def test_the_tables_know_each_country_code() -> None:
    codes = {
        str(code)
        for code, names in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if names != ("001",)
    }
    assert set(LENGTHS) == codes
    assert set(TRUNKS) | WITH_ZERO < codes
