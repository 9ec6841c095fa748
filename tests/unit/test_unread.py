"""What could not be read: kept once, named in the log, bounded, and gone when it was read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.errors import StoreUnavailable, UnreadFull
from shared.platform.sms_api import SmsApi
from shared.receipts import unread
from shared.receipts.unread import LIFETIME, MOST_BYTES, MOST_KEPT, Keeper, all_kept, forget
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Answer, Change
from tests.unit.conftest import ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock

SECRET = "state-secret-0123456789"
NUMBER = "13812345634"


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "state.sqlite3"))


@pytest.fixture
def api(api_to: ApiTo) -> SmsApi:
    return api_to("http://127.0.0.1:9", SMS_STATE_SECRET=SECRET)


@pytest.fixture
def keeper(api: SmsApi, store: SqliteStore) -> Keeper:
    return Keeper(api, store, deadline=60.0)


def raw(store: SqliteStore) -> list[bytes]:
    return [record.content() for record in all_kept(store).values()]


def test_it_is_kept_as_it_came_once_and_the_log_names_the_key(
    keeper: Keeper, store: SqliteStore, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    content = f'{{"phone":"{NUMBER}"}}'.encode()
    for source in ("push", "Alicom-Queue-1-SmsReport"):
        keeper.keep([content, content], source)
    ((key, record),) = all_kept(store).items()
    assert (record.source, record.kept_at) == ("push", int(AFTERNOON))
    assert record.content() == content
    assert {line["record"] for line in log_lines()} == {key}
    assert (log_lines()[0]["action"], log_lines()[0]["outcome"]) == ("receipt", "unread")
    assert re.fullmatch("unread:[a-p]{32}", key)
    assert NUMBER not in str(log_lines())


@pytest.mark.parametrize("content", [b"", b"\xff\x00", "好\0".encode(), "好的".encode("gbk")])
def test_any_bytes_are_kept(keeper: Keeper, store: SqliteStore, content: bytes) -> None:
    keeper.keep([content], "push")
    assert raw(store) == [content]


def test_keys_differ_with_the_secret_and_the_bytes(api_to: ApiTo, store: SqliteStore) -> None:
    for secret in (SECRET, SECRET.upper()):
        api = api_to("http://127.0.0.1:9", SMS_STATE_SECRET=secret)
        Keeper(api, store, deadline=60.0).keep([b"a", b"b"], "push")
    assert len(all_kept(store)) == 4


def test_each_has_a_bound_and_one_above_it_keeps_no_other_out(
    keeper: Keeper, store: SqliteStore
) -> None:
    fits, is_too_long = b"x" * MOST_BYTES, b"y" * (MOST_BYTES + 1)
    with pytest.raises(UnreadFull, match="make unread"):
        keeper.keep([is_too_long, fits, None, b"short"], "push")
    assert raw(store) == [fits, b"short"]


def test_there_is_a_bound_on_all_until_some_are_old(
    keeper: Keeper, store: SqliteStore, clock: ManualClock
) -> None:
    contents = [str(n).encode() for n in range(MOST_KEPT)]
    keeper.keep(contents, "push")
    clock.epoch += LIFETIME - 1
    keeper.keep(contents, "push")  # they are there
    with pytest.raises(UnreadFull):
        keeper.keep([b"more", contents[7]], "push")
    assert len(all_kept(store)) == MOST_KEPT
    clock.epoch += 1
    keeper.keep([b"more"], "push")
    assert raw(store) == [b"more"]


def test_what_was_read_after_all_makes_room(
    keeper: Keeper, store: SqliteStore, tmp_path: Path
) -> None:
    keeper.keep([NUMBER.encode(), *(str(n).encode() for n in range(MOST_KEPT - 1))], "push")
    (key, record), *_ = all_kept(store).items()
    forget(key, record, store=store)
    assert len(all_kept(store)) == MOST_KEPT - 1
    assert store.get(key) is None
    keeper.keep([b"more"], "push")
    assert b"more" in raw(store)


def test_what_came_back_while_it_was_forgotten_is_kept_again(
    keeper: Keeper, store: SqliteStore
) -> None:
    keeper.keep([b"a"], "push")
    ((key, record),) = all_kept(store).items()
    forget(key, record, store=store)
    forget(key, record, store=store)
    assert all_kept(store) == {}


class Racing:
    """A store where somebody else keeps something just before the first put."""

    def __init__(self, store: SqliteStore, other: Keeper) -> None:
        self._store, self._other = store, other
        self.get, self.totals, self.delete = store.get, store.totals, store.delete
        self._has_raced = False

    def put(self, change: Change) -> Answer:
        if not self._has_raced:
            self._has_raced = True
            self._other.keep([b"of another"], "push")
        return self._store.put(change)


def test_two_that_come_at_once_are_both_kept(
    api: SmsApi, keeper: Keeper, store: SqliteStore
) -> None:
    Keeper(api, Racing(store, keeper), deadline=60.0).keep([b"ours"], "push")
    assert sorted(raw(store)) == [b"of another", b"ours"]


def test_keeping_ends_at_the_deadline(
    keeper: Keeper, store: SqliteStore, clock: ManualClock
) -> None:
    clock.advance(60.0)
    with pytest.raises(StoreUnavailable) as caught:
        keeper.keep([b"a"], "push")
    assert not isinstance(caught.value, UnreadFull)
    assert unread.all_kept(store) == {}
