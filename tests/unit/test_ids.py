"""Ids and digests: what each looks like, and what it follows from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ids import (
    EVENT_SPACE,
    FILE_SPACE,
    TRIGGER_SPACE,
    WireId,
    compact_json,
    is_of_api_key,
    keyed,
    letters,
    new_out_id,
    read_wire_id,
)


def test_an_id_on_the_wire_names_its_space_and_its_part_where_there_are_several() -> None:
    assert [WireId("shop", "a", part).text() for part in (None, 0, 1)] == [
        "shop~a",
        "shop~a~0",
        "shop~a~1",
    ]
    assert [WireId("shop", "a", part).number for part in (None, 0, 1)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop~order-1", WireId("shop", "order-1")),
        ("shop~order-1~0", WireId("shop", "order-1", 0)),
        ("shop~order-1~12", WireId("shop", "order-1", 12)),
        ("shop~17", WireId("shop", "17")),
        (".event~a:b.c_d", WireId(EVENT_SPACE, "a:b.c_d")),
        (".hook-alarm~a", WireId(".hook-alarm", "a")),
        (f"{'k' * 40}~{'o' * 200}~999999", WireId("k" * 40, "o" * 200, 999999)),
    ],
)
def test_an_id_on_the_wire_is_read_as_it_was_written(text: str, expected: WireId) -> None:
    assert read_wire_id(text) == expected
    assert expected.text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "order-1",
        "~order-1",
        "shop~",
        "shop~~1",
        "shop~a~b",
        "shop~a~1~2",
        "shop~a~1234567",
        "shop~a~١",
        "shop~a ",
        "shop~a\n",
        "sh:op~a",
        f"{'k' * 41}~a",
        f"shop~{'o' * 201}",
    ],
)
def test_what_is_no_id_of_ours_is_not_read(text: str) -> None:
    assert read_wire_id(text) is None


names = st.from_regex(r"[A-Za-z0-9_-]{1,40}|\.[a-z-]{1,39}", fullmatch=True)
out_ids = st.from_regex(r"[A-Za-z0-9._:-]{1,200}", fullmatch=True)


@settings(max_examples=100, deadline=None, database=None)
@given(names, out_ids, st.none() | st.integers(0, 999_999))
def test_every_id_is_read_as_it_was_written_and_fits_the_platform(
    space: str, out_id: str, part: int | None
) -> None:
    wire_id = WireId(space, out_id, part)
    assert read_wire_id(wire_id.text()) == wire_id
    assert len(wire_id.text()) <= 256  # the longest OutId


def test_only_the_space_of_an_api_key_is_one() -> None:
    assert is_of_api_key("shop")
    assert not any(map(is_of_api_key, ("", TRIGGER_SPACE, EVENT_SPACE, FILE_SPACE, ".hook-x")))


def test_a_new_out_id_is_32_letters_and_no_two_are_the_same() -> None:
    made = {new_out_id() for _ in range(10)}
    assert len(made) == 10
    assert all(len(out_id) == 32 and out_id.isalpha() and out_id.isascii() for out_id in made)


def test_hex_digits_become_letters_each_of_its_own() -> None:
    assert letters("0123456789abcdef") == "ghijklmnopabcdef"


def test_a_keyed_digest_follows_from_secret_label_and_texts() -> None:
    digest = keyed("secret", "label", "a", "b")
    assert len(bytes.fromhex(digest)) == 16
    assert keyed("secret", "label", "a", "b") == digest
    others = {
        keyed("another", "label", "a", "b"),
        keyed("secret", "another", "a", "b"),
        keyed("secret", "label", "b", "a"),
        keyed("secret", "label", "a"),
        keyed("secret", "label", "ab"),
    }
    assert len(others) == 5
    assert digest not in others


def test_compact_json_has_no_spaces_and_keeps_characters_as_they_are() -> None:
    assert compact_json({"name": ["李", 1, None]}) == '{"name":["李",1,null]}'
