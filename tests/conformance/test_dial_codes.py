"""The table of dial codes against the library that it was made from."""

from __future__ import annotations

import random
from collections.abc import Iterator

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from shared.dial_codes import DIAL_CODES
from shared.phone_numbers import country_of, dial_code

KINDS = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]
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
