"""Texts of alarm systems, in a form that a template's variable takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.hooks.cleaning import cleaned
from shared.sending.template_values import check_variable

TRICKY = st.text(
    st.sampled_from("abcx.:/-@ 0123456789comnetwwwhttps。．ｃｏｍ\u200d\u2460🔴【】\x00\n\ud800②")
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web-1 does not answer", "web-1 does not answer"),
        ("web-1.example.com is down", "web-1 is down"),
        ("connect ECONNREFUSED 203.0.113.9:443", "connect ECONNREFUSED IP-9"),
        ("see https://wiki.example.com/a?b=c now", "see now"),
        ("[🔴 Down] shop", "[ Down] shop"),
        ("【告警】内存  使用率\n97%", "告警 内存 使用率 97%"),
        ("Host.mem.usedutilization", "Host.mem.usedutilization"),
        ("load 5.25", "load 5.25"),
        ("🔴", "alarm"),
        ("", "alarm"),
        ("https://example.com", "alarm"),
        ("ｗｗｗ．ｅｘａｍｐｌｅ．ｃｏｍ", "www"),
    ],
)
def test_what_is_left_of_a_text(text: str, expected: str) -> None:
    assert cleaned(text, "alarm", longest=40) == expected


def test_a_cut_leaves_no_domain_behind() -> None:
    text = "x" * 30 + " a.comet"
    assert len(cleaned(text, "alarm")) <= 35
    check_variable(cleaned(text, "alarm"), "name")


@given(text=st.one_of(st.text(), TRICKY), longest=st.integers(min_value=1, max_value=35))
def test_a_cleaned_value_passes_our_own_check(text: str, longest: int) -> None:
    value = cleaned(text, "alarm", longest)
    check_variable(value, "name")
    assert len(value) <= longest


@given(word=st.one_of(st.text(), TRICKY))
def test_a_word_that_nothing_is_left_of_is_no_reason_to_say_nothing(word: str) -> None:
    check_variable(cleaned("🔴", word), "name")
