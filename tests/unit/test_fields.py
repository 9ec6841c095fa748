"""Fields of a JSON request: what is refused, and what the refusal names."""

from __future__ import annotations

import pytest

from shared.errors import InvalidRequest
from shared.fields import read_object, read_out_id, read_text, read_whole_number, shown

KNOWN = frozenset(("a", "b"))


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_only_an_object_is_an_object(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^body: must be a JSON object$"):
        read_object(value, "", KNOWN)


def test_a_refusal_tells_its_place_and_its_problem_apart() -> None:
    with pytest.raises(InvalidRequest, match=r"^messages\[3\]: must be a string$") as refusal:
        read_text(7, "messages[3]")
    assert (refusal.value.field, refusal.value.problem) == ("messages[3]", "must be a string")


@pytest.mark.parametrize(
    ("name", "path", "field"),
    [
        ("c", "", "c"),
        ("c", "messages[0]", "messages[0].c"),
        ("", "", "*"),
        ("A", "", "A"),
        ("\ud800é\n", "", "*"),
        ("é-a", "", r"\xe9-a"),
        ("a@b/c:d", "", "*"),
        ("13800138000", "messages[100]", "messages[100].*"),
        ("138 0013 8000", "", "*"),
        ("１３８００１３８０００", "", "*"),
        ("zQ7w4x1", "", "*"),
        ("line_12", "", "line_12"),
        ("x" * 24, "", "x" * 24),
        ("x" * 25, "", "*"),
    ],
)
def test_an_unknown_field_is_named_in_a_form_that_fits_a_log(
    name: str, path: str, field: str
) -> None:
    with pytest.raises(InvalidRequest, match="known are a, b") as caught:
        read_object({"a": 1, name: 2}, path, KNOWN)
    assert caught.value.field.replace("\n", r"\n") == field


def test_an_object_with_known_fields_is_returned() -> None:
    assert read_object({"b": None}, "", KNOWN) == {"b": None}
    assert read_object({}, "", KNOWN) == {}


def test_a_text_is_returned() -> None:
    assert read_text("名 😀", "f") == "名 😀"


@pytest.mark.parametrize("value", [None, 1, [], "a\udc00"])
def test_what_is_no_string_or_cannot_be_encoded_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest):
        read_text(value, "f")


@pytest.mark.parametrize("out_id", ["a", "A-z0.9_:-", "x" * 200])
def test_an_out_id_is_returned(out_id: str) -> None:
    assert read_out_id(out_id, "f") == out_id


@pytest.mark.parametrize("out_id", ["", "x" * 201, "a~1", "a b", "a\n", "é", None, 7, ["a"]])
def test_what_has_not_the_form_of_an_out_id_is_refused(out_id: object) -> None:
    with pytest.raises(InvalidRequest, match="1 to 200 characters"):
        read_out_id(out_id, "out_id")


def test_a_whole_number_is_one_within_its_bounds() -> None:
    assert [read_whole_number(value, "f", lowest=1, highest=50) for value in (1, 50)] == [1, 50]
    for value in (0, 51, True, 1.0, "1", None, 10**400):
        with pytest.raises(InvalidRequest, match="whole number from 1 to 50"):
            read_whole_number(value, "f", lowest=1, highest=50)


def test_a_shown_name_is_short_ascii_and_no_number_code_or_key() -> None:
    assert shown("电话") == r"\u7535\u8bdd"
    assert shown("电话+8613800138000") == shown("482913") == shown("k" * 43) == "*"
