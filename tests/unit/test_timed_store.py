"""A store that nobody waits for longer than until a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.clock import Clock
from shared.errors import StoreUnavailable
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Change, Count, Differs, Refused, Written
from shared.state.timed_store import TimedStore


class HangingStore:
    """A store that answers when the test is over."""

    def __init__(self, over: threading.Event) -> None:
        self._over = over

    def get(self, key: str) -> str | None:
        self._over.wait()
        return None

    def totals(self, counts: Sequence[Count]) -> list[int]:
        self._over.wait()
        return []

    def delete(self, key: str, old: str) -> bool:
        self._over.wait()
        return False

    def put(self, change: Change) -> Written | Differs | Refused:
        self._over.wait()
        return Written()


def test_a_step_in_time_is_that_of_the_store(tmp_path: Path) -> None:
    store = TimedStore(SqliteStore(str(tmp_path / "state.db")), Clock(), time.monotonic() + 60)
    change = Change(key="a", old=None, new="1", ttl=60)
    assert isinstance(store.put(change), Written)
    assert store.put(change._replace(new="2")) == Differs("1")
    assert store.get("a") == "1"
    assert store.totals([Count("rule", "key", 1, 5, 60)]) == [0]
    assert store.delete("a", "1")


@pytest.mark.parametrize("step", ["get", "totals", "delete", "put"])
def test_a_step_that_hangs_is_given_up(step: str) -> None:
    over = threading.Event()
    try:
        store = TimedStore(HangingStore(over), Clock(), time.monotonic() + 0.05)
        with pytest.raises(StoreUnavailable, match="took too long"):
            _make(store, step)
    finally:
        over.set()


def test_no_step_begins_when_the_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = TimedStore(SqliteStore(str(path)), Clock(), time.monotonic())
    with pytest.raises(StoreUnavailable, match="no time left"):
        _make(store, "put")
    assert not path.exists()


def test_what_the_store_raises_is_raised(tmp_path: Path) -> None:
    store = TimedStore(SqliteStore(str(tmp_path)), Clock(), time.monotonic() + 60)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        _make(store, "get")


def _make(store: TimedStore, step: str) -> object:
    if step == "get":
        return store.get("a")
    if step == "totals":
        return store.totals([])
    if step == "delete":
        return store.delete("a", "1")
    return store.put(Change(key="a", old=None, new="1", ttl=60))
