"""Records in the store as instances of another version write them: a member more, or one less."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.ids import compact_json
from shared.state.store import Change, Store, Written

LATER: Mapping[str, Any] = {"of_a_later_version": {"list": [1, None], "text": "值"}}


def members_at(store: Store, key: str) -> dict[str, Any]:
    """Return the record under `key`, which has to be there."""
    text = store.get(key)
    assert text is not None
    members: dict[str, Any] = json.loads(text)
    return members


def rewrite(store: Store, key: str, members: Mapping[str, Any]) -> None:
    """Replace the record under `key`, which has to be there and to differ."""
    change = Change(key=key, old=store.get(key), new=compact_json(members), ttl=3600, now=0)
    assert members_at(store, key) != members
    assert store.put(change) == Written()


def add_member(store: Store, key: str) -> None:
    """Put LATER into the record under `key`."""
    rewrite(store, key, {**members_at(store, key), **LATER})


def take_member(store: Store, key: str, name: str) -> None:
    """Take a member out of the record under `key`, which has to have it."""
    members = members_at(store, key)
    del members[name]
    rewrite(store, key, members)


def has_later_member(members: Mapping[str, Any]) -> bool:
    """Whether a record, or an object in it, still has what a later version wrote."""
    return LATER.items() <= members.items()
