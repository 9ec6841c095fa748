"""Records as the store keeps them: JSON objects, each of whose members has a name.

During a deploy, and after a roll-back, instances of two versions share the records. So a member
that is missing has its default, and one that this version does not know is handed on as it is. A
change is compared with the text as it was read (`stored`), never with a record written anew.

    {"state": "accepted", "attempt": 1, "biz_id": "9006...", "from_a_later_version": true}
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from shared.ids import compact_json

# Members of a record in memory that are no members of its text.
_NOT_WRITTEN = ("others", "stored")


class Record(Protocol):
    """A NamedTuple all of whose members have defaults.

    `others` are the members that this version does not know.
    """

    @property
    def others(self) -> Mapping[str, Any]:
        """The members that this version does not know, by name."""

    # NamedTuple's own methods. As properties, because mypy does not match them otherwise.
    @property
    def _asdict(self) -> Callable[[], dict[str, Any]]: ...

    @property
    def _replace(self) -> Callable[..., Any]: ...


class StoredRecord(Record, Protocol):
    """A record with a key of its own.

    `stored` is the text in the store that it was read from, None for one that is not there.
    """

    @property
    def stored(self) -> str | None:
        """The text in the store."""


R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=StoredRecord)


def read_record(text: str | None, blank: S) -> S:
    """Return the record that `text` holds; None is no record, and gives `blank`.

    What the text does not name is as in `blank`.
    """
    if text is None:
        return blank
    record: S = read_members(json.loads(text), blank)._replace(stored=text)
    return record


def read_members(members: Mapping[str, Any], blank: R) -> R:
    """Return `blank` with these members, such as one of a list within a record."""
    own = blank._asdict().keys() - set(_NOT_WRITTEN)
    known = {name: value for name, value in members.items() if name in own}
    others = {name: value for name, value in members.items() if name not in own}
    record: R = blank._replace(**known, others=others)
    return record


def members_of(record: Record) -> dict[str, Any]:
    """Return the members of a record that are written, those from a later version among them."""
    own = {name: value for name, value in record._asdict().items() if name not in _NOT_WRITTEN}
    return {**record.others, **own}


def record_text(record: Record) -> str:
    """Return a record as the store keeps it."""
    return compact_json(members_of(record))
