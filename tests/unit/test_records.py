"""Records as the store keeps them, and what another version may have written into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.codes.confirmations import ConfirmationRecord
from shared.codes.own_codes import Verification
from shared.receipts.records import PartsRecord, Receipt, ReceiptsRecord
from shared.sending.heads import HeadRecord
from shared.sending.message_index import MessageRecord
from shared.sending.part_records import PartRecord
from shared.state.records import members_of, read_members, read_record, record_text

KINDS = pytest.mark.parametrize(
    "blank",
    [
        PartRecord(),
        Verification(),
        ConfirmationRecord(),
        ReceiptsRecord(),
        PartsRecord(),
        HeadRecord(),
        MessageRecord(),
    ],
    ids=lambda blank: type(blank).__name__,
)


class Parcel(NamedTuple):
    """A record of these tests."""

    state: str = "packed"
    weight: int = 0
    others: Mapping[str, Any] = {}
    stored: str | None = None


def test_a_record_is_a_json_object_with_names() -> None:
    assert record_text(Parcel("sent", 3)) == '{"state":"sent","weight":3}'


def test_a_record_is_read_as_it_was_written() -> None:
    text = record_text(Parcel("sent", 3))
    assert read_record(text, Parcel()) == Parcel("sent", 3, stored=text)


def test_where_there_is_no_record_the_blank_one_is_read() -> None:
    blank = Parcel("nowhere", 1)
    assert read_record(None, blank) is blank


def test_what_is_missing_is_as_in_the_blank_record() -> None:
    assert read_record('{"weight":3}', Parcel("nowhere", 1))[:2] == ("nowhere", 3)
    assert read_record("{}", Parcel("nowhere", 1)) == Parcel("nowhere", 1, stored="{}")


def test_what_is_not_known_is_handed_on_through_every_change() -> None:
    text = '{"colour":"red","state":"sent","sizes":[1,{"a":null}]}'
    record = read_record(text, Parcel())
    assert record.others == {"colour": "red", "sizes": [1, {"a": None}]}
    changed = record._replace(state="lost")._replace(weight=4)
    assert json.loads(record_text(changed)) == {
        "colour": "red",
        "sizes": [1, {"a": None}],
        "state": "lost",
        "weight": 4,
    }


def test_a_record_keeps_the_text_that_it_was_read_from() -> None:
    text = '{ "weight": 3,\n "state": "\\u0073ent" }'
    record = read_record(text, Parcel())
    assert record == Parcel("sent", 3, stored=text)
    assert record._replace(state="lost").stored == text


@pytest.mark.parametrize("name", ["others", "stored"])
def test_a_name_that_means_something_here_is_a_name_like_others(name: str) -> None:
    """A later version may call a member what only a record in memory has."""
    text = f'{{"state":"sent","{name}":"5"}}'
    record = read_record(text, Parcel())
    assert (record.others, record.stored) == ({name: "5"}, text)
    assert json.loads(record_text(record)) == {"state": "sent", "weight": 0, name: "5"}


def test_what_is_known_here_wins_over_what_was_handed_on() -> None:
    assert members_of(Parcel("sent", others={"state": "packed"})) == {"state": "sent", "weight": 0}


def test_members_of_a_list_within_a_record_are_read_alike() -> None:
    entry = {"phone_number": "*00", "status": "delivered", "operator": "a later version's"}
    receipt = read_members(entry, Receipt(out_id="order-1"))
    assert (receipt.out_id, receipt.phone_number, receipt.err_code) == ("order-1", "*00", "")
    assert receipt.others == {"operator": "a later version's"}
    written = receipt.members()
    assert "out_id" not in written  # it stands in the record's key
    assert {**written, **entry} == written
    assert read_members(written, Receipt(out_id="order-1")) == receipt


names = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, database=None)
@given(st.dictionaries(names, values, max_size=6))
def test_whatever_another_version_wrote_is_written_again(members: dict[str, Any]) -> None:
    text = json.dumps(members)
    written = json.loads(record_text(read_record(text, Parcel())))
    assert written == {"state": "packed", "weight": 0, **members}


@KINDS
def test_every_record_has_a_default_for_each_of_its_members(blank: Any) -> None:
    assert read_record("{}", blank) == blank._replace(stored="{}")
    assert blank._field_defaults.keys() == {*blank._fields}
    assert (dict(blank.others), blank.stored) == ({}, None)


@KINDS
def test_every_record_is_an_object_that_names_all_of_its_members(blank: Any) -> None:
    expected = {*blank._fields} - {"others", "stored"}
    assert {*json.loads(record_text(blank))} == expected


@KINDS
def test_every_record_hands_on_what_is_not_known(blank: Any) -> None:
    text = '{"from_a_later_version":{"a":[1]}}'
    assert json.loads(record_text(read_record(text, blank)))["from_a_later_version"] == {"a": [1]}
