"""Ids and digests: what each looks like, and what it follows from."""

from __future__ import annotations

import pytest

from shared.ids import compact_json, keyed, letters, new_out_id, split_wire_id, wire_out_id


def test_an_out_id_on_the_wire_names_its_part_where_there_are_several() -> None:
    assert [wire_out_id("a", None), wire_out_id("a", 0), wire_out_id("a", 1)] == [
        "a",
        "a~0",
        "a~1",
    ]


@pytest.mark.parametrize(
    ("wire_id", "expected"),
    [
        ("order-1", ("order-1", 0)),
        ("order-1~0", ("order-1", 0)),
        ("order-1~12", ("order-1", 12)),
        ("a~b", ("a~b", 0)),
        ("a~1~2", ("a~1", 2)),
        ("~3", ("~3", 0)),
        ("a~", ("a~", 0)),
        ("a~1234567", ("a~1234567", 0)),
        ("a~١", ("a~١", 0)),
    ],
)
def test_a_wire_id_is_split_into_out_id_and_part(wire_id: str, expected: tuple[str, int]) -> None:
    assert split_wire_id(wire_id) == expected


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
