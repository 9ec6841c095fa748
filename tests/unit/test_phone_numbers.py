"""Phone numbers: every written form of a mainland number, and nothing else, becomes one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.phone_numbers import mainland, queried

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
        ("+1 862-401-7194", "18624017194"),
        ("+123456789012345", "123456789012345"),
    ],
)
def test_a_query_takes_numbers_of_every_country(text: str, number: str) -> None:
    assert queried(text, "f") == number


@pytest.mark.parametrize(
    "text", [*REFUSED_EVERYWHERE, "12345", "+1234567890123456", "0123456789", "+0123456789"]
)
def test_what_is_no_phone_number_cannot_be_queried(text: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        queried(text, "phone_number")
    assert caught.value.field == "phone_number"
    assert not (isinstance(text, str) and len(text) > 6 and text in str(caught.value))
