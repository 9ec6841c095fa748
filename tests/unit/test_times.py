"""Times in receipts and answers: each form of the platform becomes one, anything else nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.platform.times import platform_time

quick = settings(max_examples=300, deadline=None, database=None)


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-15 16:00:04",
        "20270115160004",
        "Fri, 15 Jan 2027 16:00:04 +0800",
        "Fri, 15 Jan 2027 08:00:04 GMT",
        "15 Jan 2027 08:00:04",
    ],
)
def test_each_form_of_a_time_becomes_one(text: str) -> None:
    assert platform_time(text) == "2027-01-15 16:00:04"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "None",
        "x",
        "2027-01-15",
        "2027-02-30 00:00:00",
        "20270230000000",
        "99999999999999",
        "1 Jan 99999999999 00:00:00 +0000",
        "Fri, 45 Foo 2027 25:61:61 +9999",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    assert platform_time(text) == ""


words = st.sampled_from(
    ["Fri,", "15", "Jan", "2027", "16:00:04", "+0800", "GMT", "-", ":", ",", "9" * 14, "é", "٣"]
)


@quick
@given(st.lists(words, max_size=8).map(" ".join) | st.text(max_size=30))
def test_whatever_the_platform_says_is_a_time_or_none(text: str) -> None:
    assert re.fullmatch(r"(-?[0-9]+-[0-9]{2}-[0-9]{2} [0-9:]{8})?", platform_time(text))
