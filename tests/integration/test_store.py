"""What both back ends of the shared state promise: one suite, run against Redis and SQLite.

Redis 6.2 and, where it is installed, the system's own: 7 and later word their refusals otherwise.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ConfigurationError, StoreUnavailable
from shared.state.choice import open_store
from shared.state.redis_store import RedisStore, put_script, slots_for
from shared.state.sqlite_store import SqliteStore
from shared.state.store import (
    MOST_COUNTS,
    Answer,
    Change,
    Count,
    Differs,
    Forbidden,
    OwnersStore,
    Refused,
    Store,
    Written,
)
from tests.integration.redis_server import REDIS_6, RedisServer
from tests.integration.store_worker import COUNTS, KEYS
from tests.integration.tcp_proxy import TcpProxy
from tests.unit.certificates import Authority

NOW = 1_800_000_000.0
TTL = 3600
PROCESSES = 8


def program_of(name: str) -> str:
    """Return the redis-server that a parameter stands for."""
    if name == "redis":
        return REDIS_6
    return shutil.which("redis-server") or pytest.skip("install redis-server: newer than 6.2")


@pytest.fixture(scope="session")
def system_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), program=program_of("system")) as server:
        yield server


@pytest.fixture(params=["redis", "system-redis", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/state.db"
    name = "redis_server" if request.param == "redis" else "system_redis"
    server: RedisServer = request.getfixturevalue(name)
    server.ask("FLUSHALL")
    return server.url


@pytest.fixture
def store(url: str) -> OwnersStore:
    return open_store(url)


@pytest.fixture(scope="session", autouse=True)
def _no_connection_stays() -> Iterator[None]:
    yield
    open_store.cache_clear()


def put(store: Store, key: str, old: str | None, new: str, **others: Any) -> Answer:
    return store.put(Change(key, old, new, **{"ttl": TTL, "now": NOW, **others}))


def wrote(store: Store, key: str, old: str | None, new: str, **others: Any) -> bool:
    return isinstance(put(store, key, old, new, **others), Written)


def fixed(amount: int = 1, limit: int = 3, key: str = "fixed") -> Count:
    return Count("a-day", key, amount=amount, limit=limit, window=600)


def sliding(amount: int = 1, limit: int = 3, key: str = "sliding") -> Count:
    return Count("an-hour", key, amount=amount, limit=limit, window=600, is_sliding=True)


def test_a_record_is_written_once_and_read_by_everybody(store: Store, url: str) -> None:
    assert store.get("record") is None
    assert wrote(store, "record", None, "mine")
    assert put(store, "record", None, "yours") == Differs("mine")
    open_store.cache_clear()
    assert open_store(url).get("record") == "mine"
    assert store.get("another") is None


def test_a_record_is_replaced_by_who_knows_it(store: Store) -> None:
    put(store, "record", None, "one")
    assert put(store, "record", "two", "three") == Differs("one")
    assert wrote(store, "record", "one", "two")
    assert put(store, "record", "one", "three") == Differs("two")
    assert store.get("record") == "two"


def test_a_record_is_removed_by_who_knows_it(store: Store) -> None:
    put(store, "record", None, "one")
    put(store, "another", None, "one")
    assert store.delete("record", "two") is False
    assert store.get("record") == "one"
    assert store.delete("record", "one") is True
    assert (store.get("record"), store.get("another")) == (None, "one")
    assert store.delete("record", "one") is False
    assert wrote(store, "record", None, "three")


def test_of_many_who_remove_a_record_or_replace_it_one_does(store: Store) -> None:
    put(store, "record", None, "one")

    def change(place: int) -> bool:
        if place % 2:
            return store.delete("record", "one")
        return wrote(store, "record", "one", f"by {place}")

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert sum(pool.map(change, range(2 * PROCESSES))) == 1


def test_a_record_that_is_gone_is_not_replaced(store: Store) -> None:
    assert put(store, "record", "one", "two") == Differs(None)
    assert store.get("record") is None


def test_to_write_the_same_again_changes_nothing(store: Store) -> None:
    counts = [fixed(), sliding()]
    for _ in range(3):
        assert wrote(store, "record", None, "one", charge=counts)
    for _ in range(3):
        assert wrote(store, "record", "one", "two", give_back=counts)
    assert wrote(store, "another", None, "x", charge=[fixed(3), sliding(3)])


@pytest.mark.parametrize(
    "text",
    ["é", "短信 📱", "a\nb\r\n\tc", "'; DROP TABLE records; --", '{"a": "\\u0000"}', "x" * 2**20],
    ids=lambda text: text[:5].encode("unicode_escape").decode(),
)
def test_any_text_is_kept_as_it_is(store: Store, text: str) -> None:
    assert wrote(store, text[:100], None, text)
    assert store.get(text[:100]) == text
    assert wrote(store, text[:100], text, f"{text}2", charge=[sliding(key=text[:50])])
    assert put(store, text[:100], text, "3") == Differs(f"{text}2")


def test_a_record_expires_and_a_new_one_is_free(store: Store) -> None:
    put(store, "short", None, "one", ttl=1)
    put(store, "renewed", None, "one", ttl=1)
    put(store, "renewed", "one", "two", ttl=TTL)
    counted = Count("x", "count", amount=3, limit=3, window=1)
    slid = Count("x", "moments", amount=3, limit=3, window=1, is_sliding=True)
    put(store, "counted", None, "one", charge=[counted])
    put(store, "slid", None, "one", charge=[slid])
    assert store.get("short") == "one"
    time.sleep(1.1)
    assert store.get("short") is None
    assert put(store, "short", "one", "two") == Differs(None)
    assert wrote(store, "short", None, "two")
    assert store.get("renewed") == "two"
    assert wrote(store, "counted", "one", "two", charge=[counted])
    assert wrote(store, "slid", "one", "two", charge=[slid], now=NOW + 1.1)


@pytest.mark.parametrize("count", [fixed, sliding])
def test_a_limit_lets_so_many_through(store: Store, count: Callable[..., Count]) -> None:
    for number in range(3):
        assert wrote(store, f"r{number}", None, "x", charge=[count()])
    assert put(store, "r3", None, "x", charge=[count()]) == Refused(count().rule, 600)
    assert store.get("r3") is None
    assert wrote(store, "r3", None, "x", charge=[count(key="another")])


@pytest.mark.parametrize("count", [fixed, sliding])
def test_amounts_are_counted_whole(store: Store, count: Callable[..., Count]) -> None:
    assert put(store, "r0", None, "x", charge=[count(4)]) == Refused(count().rule, 600)
    assert wrote(store, "r1", None, "x", charge=[count(2)])
    assert put(store, "r2", None, "x", charge=[count(2)]) == Refused(count().rule, 600)
    assert wrote(store, "r3", None, "x", charge=[count(0)])
    assert wrote(store, "r4", None, "x", charge=[count(1)])
    assert put(store, "r5", None, "x", charge=[count(1)]) == Refused(count().rule, 600)


@pytest.mark.parametrize("refuses", [0, 1, 2])
def test_of_several_limits_one_that_refuses_keeps_all_from_counting(
    store: Store, refuses: int
) -> None:
    counts = [fixed(key="a"), sliding(key="b"), fixed(key="c")]
    counts[refuses] = counts[refuses]._replace(limit=0, rule="none")
    assert put(store, "r0", None, "x", charge=counts) == Refused("none", 600)
    free = [count._replace(amount=3, limit=3) for count in counts]
    assert wrote(store, "r0", None, "x", charge=free)
    assert put(store, "r1", None, "x", charge=free) == Refused(free[0].rule, 600)


def test_who_comes_too_late_is_told_so_and_not_of_a_limit(store: Store) -> None:
    put(store, "record", None, "mine", charge=[fixed(3), sliding(3)])
    assert put(store, "record", None, "yours", charge=[fixed(), sliding()]) == Differs("mine")
    assert put(store, "gone", "one", "two", charge=[fixed(), sliding()]) == Differs(None)


@pytest.mark.parametrize(
    ("moment", "refused_for"),
    [(0.001, 600), (1, 599), (30.5, 570), (599.001, 1), (599.999, 1), (600, 0), (10**6, 0)],
)
def test_a_sliding_window_is_open_again_when_the_oldest_has_left_it(
    store: Store, moment: float, refused_for: int
) -> None:
    put(store, "r0", None, "x", charge=[sliding()])
    put(store, "r1", None, "x", charge=[sliding(2)], now=NOW + 0.0005)
    answer = put(store, "r2", None, "x", charge=[sliding()], now=NOW + moment)
    assert answer == (Refused("an-hour", refused_for) if refused_for else Written((1,)))


def test_a_sliding_window_says_when_there_is_room_for_all(store: Store) -> None:
    for second in (0, 10, 20):
        put(store, f"r{second}", None, "x", charge=[sliding()], now=NOW + second)
    waits = [
        put(store, "more", None, "x", charge=[sliding(amount)], now=NOW + 30)
        for amount in (1, 2, 3)
    ]
    assert waits == [Refused("an-hour", wait) for wait in (570, 580, 590)]


@pytest.mark.parametrize("count", [fixed, sliding])
def test_what_is_given_back_is_free_again(store: Store, count: Callable[..., Count]) -> None:
    put(store, "one", None, "a", charge=[count(2)])
    put(store, "two", None, "a", charge=[count(1)])
    assert wrote(store, "one", "a", "b", give_back=[count(1)])
    assert put(store, "three", None, "a", charge=[count(2)]) == Refused(count().rule, 600)
    assert wrote(store, "three", None, "a", charge=[count(1)])
    assert wrote(store, "one", "b", "c", give_back=[count(1)])
    assert wrote(store, "four", None, "a", charge=[count(1)])
    assert put(store, "five", None, "a", charge=[count(1)]) == Refused(count().rule, 600)


@pytest.mark.parametrize("count", [fixed, sliding])
def test_a_record_may_be_charged_again(store: Store, count: Callable[..., Count]) -> None:
    for number in range(3):
        old = f"v{number - 1}" if number else None
        assert wrote(store, "record", old, f"v{number}", charge=[count()])
    assert put(store, "record", "v2", "v3", charge=[count()]) == Refused(count().rule, 600)


@pytest.mark.parametrize("count", [fixed, sliding])
def test_what_was_never_charged_cannot_be_given_back(
    store: Store, count: Callable[..., Count]
) -> None:
    put(store, "one", None, "a", charge=[count(3)])
    put(store, "two", None, "a", give_back=[count(1, key="nothing"), count(4)])
    put(store, "three", None, "a", charge=[count(1, key="nothing")])
    assert isinstance(put(store, "four", None, "a", charge=[count(3, key="nothing")]), Refused)
    assert isinstance(put(store, "five", None, "a", charge=[count(1)]), Refused)


def test_one_gives_back_only_what_is_ones_own(store: Store) -> None:
    put(store, "one", None, "a", charge=[sliding(1)])
    put(store, "on", None, "a", charge=[sliding(1)])
    put(store, "on", "a", "b", give_back=[sliding(3)])
    assert isinstance(put(store, "two", None, "a", charge=[sliding(3)]), Refused)
    assert wrote(store, "two", None, "a", charge=[sliding(2)])


def test_one_may_charge_and_give_back_in_one_step(store: Store) -> None:
    put(store, "record", None, "a", charge=[fixed(3), sliding(3)])
    moved = {"charge": [fixed(3, key="next")], "give_back": [fixed(3), sliding(3)]}
    assert wrote(store, "record", "a", "b", **moved)
    assert wrote(store, "two", None, "a", charge=[fixed(3), sliding(3)])
    assert isinstance(put(store, "three", None, "a", charge=[fixed(1, key="next")]), Refused)


def test_what_was_written_says_what_was_counted(store: Store) -> None:
    counts = [fixed(2, 10), sliding(3, 10), fixed(0, 10, "none")]
    assert put(store, "one", None, "a", charge=counts) == Written((2, 3, 0))
    assert put(store, "two", None, "a", charge=counts[:2]) == Written((4, 6))
    assert put(store, "two", None, "a", charge=counts) == Written()
    assert put(store, "two", "a", "b", give_back=counts[:2]) == Written()
    later = NOW + counts[1].window
    assert put(store, "three", None, "a", charge=counts[:2], now=later) == Written((4, 3))


def test_totals_are_what_was_counted_and_not_given_back(store: Store) -> None:
    asked = [fixed(1, 0, "a"), fixed(1, 0, "b"), fixed(1, 0, "never")]
    put(store, "one", None, "x", charge=[fixed(2, 9, "a"), fixed(1, 9, "b")])
    put(store, "two", None, "x", charge=[fixed(3, 9, "a")])
    assert store.totals(asked) == [5, 1, 0]
    put(store, "one", "x", "y", give_back=[fixed(2, 9, "a"), fixed(1, 9, "b")])
    assert put(store, "more", None, "x", charge=[fixed(7, 9, "a")]) == Refused("a-day", 600)
    assert store.totals(asked) == [3, 0, 0]


def test_the_owner_sees_sums_and_moments_and_may_have_them_forgotten(
    store: OwnersStore,
) -> None:
    counts = [fixed(2, 10), sliding(3, 10), fixed(1, 10, "none")]
    put(store, "one", None, "a", charge=counts[:2])
    assert store.counted(counts, NOW) == [2, 3, 0]
    assert store.counted(counts, NOW + counts[1].window - 0.001) == [2, 3, 0]
    assert store.counted(counts, NOW + counts[1].window) == [2, 0, 0]
    assert store.remove(counts) == 2
    assert store.remove(counts) == 0
    assert store.counted(counts, NOW) == [0, 0, 0]
    assert store.get("one") == "a"


def test_what_a_window_came_to_may_be_read_after_its_end(store: Store) -> None:
    ends = Count("a-day", "day-1", amount=2, limit=2, window=1, kept=60)
    put(store, "one", None, "a", charge=[ends])
    assert put(store, "two", None, "a", charge=[ends]) == Refused("a-day", 1)
    time.sleep(1.1)
    assert store.totals([ends]) == [2]


def test_a_record_may_forbid_what_others_want_to_write(store: Store) -> None:
    put(store, "done", None, "a")
    put(store, "stop", None, "now")
    assert put(store, "one", None, "a", unless="stop", charge=[fixed(3)]) == Forbidden()
    assert put(store, "one", "z", "a", unless="stop") == Differs(None)
    assert put(store, "done", None, "a", unless="stop") == Written()
    assert store.get("one") is None
    assert wrote(store, "two", None, "a", charge=[fixed(3)])
    assert wrote(store, "three", None, "a", unless="another")
    store.delete("stop", "now")
    assert wrote(store, "one", None, "a", unless="stop")
    assert wrote(store, "one", "a", "b", unless="one-that-never-was", give_back=[fixed(3)])


class Model:
    """What a store does, in a few lines: all that expires here is what leaves a sliding window."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}
        self.moments: dict[str, list[tuple[float, str]]] = {}
        self.sums: dict[str, int] = {}

    def put(self, change: Change) -> Answer:
        now = change.now or 0.0
        current = self.records.get(change.key)
        if current == change.new:
            return Written()
        if current != change.old:
            return Differs(current)
        if change.unless in self.records:
            return Forbidden()
        for count in change.charge:
            if wait := self._wait(count, now):
                return Refused(count.rule, wait)
        self.records[change.key] = change.new
        for count in change.charge:
            self.sums[count.key] = self.sums.get(count.key, 0) + count.amount
            entries = [(now, change.key)] * count.amount
            self.moments.setdefault(count.key, []).extend(entries)
        totals = tuple(self._total(count, now) for count in change.charge)
        for count in change.give_back:
            self._take_away(count, change.key)
        return Written(totals)

    def _total(self, count: Count, now: float) -> int:
        if not count.is_sliding:
            return self.sums[count.key]
        return sum(at > now - count.window for at, _ in self.moments[count.key])

    def _wait(self, count: Count, now: float) -> int:
        if not count.is_sliding:
            is_over = self.sums.get(count.key, 0) + count.amount > count.limit
            return count.window if is_over else 0
        begin = now - count.window
        inside = sorted(at for at, _ in self.moments.get(count.key, ()) if at > begin)
        over = len(inside) + count.amount - count.limit
        if over <= 0:
            return 0
        return int(inside[over - 1] - begin) if over <= len(inside) else count.window

    def _take_away(self, count: Count, owner: str) -> None:
        if self.sums.get(count.key, 0) >= count.amount:
            self.sums[count.key] = self.sums.get(count.key, 0) - count.amount
        moments = self.moments.get(count.key, [])
        own = sorted((entry for entry in moments if entry[1] == owner), reverse=True)
        for entry in own[: count.amount]:
            moments.remove(entry)


_COUNTS = st.builds(
    lambda key, amount, limit: Count(
        rule=key,
        key=key,
        amount=amount,
        limit=limit,
        window=1000 if "s" in key else 5000,
        is_sliding="s" in key,
    ),
    st.sampled_from(("f1", "f2", "s1", "s2")),
    st.integers(0, 3),
    st.integers(0, 6),
)
SUMS = [Count("", key, amount=1, limit=1, window=5000) for key in ("f1", "f2")]
_FEW = st.lists(_COUNTS, max_size=2, unique_by=lambda count: count.key)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("a", "b")),
        st.sampled_from((None, "1", "2")),
        st.sampled_from(("1", "2", "3")),
        st.sampled_from((0, 1, 400, 1000)),
        st.sampled_from(("", "", "a", "c")),
        _FEW,
        _FEW,
    ),
    max_size=20,
)


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(_STEPS)
def test_redis_and_sqlite_do_what_the_model_does(
    redis_server: RedisServer, tmp_path: Path, steps: list[Any]
) -> None:
    redis_server.ask("FLUSHALL")
    (tmp_path / "model.db").unlink(missing_ok=True)
    model = Model()
    with closing_redis(redis_server.url) as in_redis:
        stores: list[Store] = [in_redis, SqliteStore(str(tmp_path / "model.db"))]
        now = NOW
        for key, old, new, seconds, unless, charge, give_back in steps:
            now += seconds
            change = Change(
                key,
                old,
                new,
                ttl=TTL,
                now=now,
                charge=charge,
                give_back=give_back,
                unless=unless,
            )
            expected = model.put(change)
            for store in stores:
                assert store.put(change) == expected
                assert store.get(key) == model.records.get(key)
                assert store.totals(SUMS) == [model.sums.get(count.key, 0) for count in SUMS]


@contextmanager
def closing_redis(url: str) -> Iterator[RedisStore]:
    """Open a Redis store and close its connections at the end."""
    store = RedisStore(url)
    try:
        yield store
    finally:
        store._client.close()  # type: ignore[no-untyped-call]


def run_together(project: Path, url: str, job: str) -> list[Any]:
    """Let processes do the same job at the same time; return what came of each."""
    module = "tests.integration.store_worker"
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", module, url, f"worker-{number}", job],
            cwd=project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    results = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    return [json.loads(result) for result in results]


def test_of_several_processes_one_wins_each_record(project: Path, url: str, store: Store) -> None:
    won = run_together(project, url, "claim")
    assert sorted(key for keys in won for key in keys) == sorted(KEYS)
    for number, keys in enumerate(won):
        assert {store.get(key) for key in keys} <= {f"worker-{number}"}


def test_several_processes_together_stay_within_the_limits(
    project: Path, url: str, store: Store
) -> None:
    assert sum(run_together(project, url, "charge")) == COUNTS[0].limit
    for count in COUNTS:
        assert isinstance(put(store, "more", None, "x", charge=[count]), Refused)


def test_no_change_of_several_processes_is_lost(project: Path, url: str, store: Store) -> None:
    run_together(project, url, "increment")
    assert (store.get("number") or "").split()[0] == str(25 * PROCESSES)


BAD_URLS = [
    "redis://",
    "redis:///0",
    "redis://host:port/0",
    "redis://host:99999/0",
    "redis://host/zero",
    "redis://:pass/word@host:6379/0",
    "redis://[::1/0",
    "rediss://host?ssl_cert_reqs=perhaps",
    "redis://host?no_such_option=1",
    "postgres://host/db",
    "host:6379",
    "",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_of_another_form_is_an_error_that_says_which_form_it_takes(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMS_STATE_URL") as caught:
        open_store(url)
    assert "pass/word" not in str(caught.value)


def test_a_store_is_opened_once_an_instance(url: str) -> None:
    assert open_store(url) is open_store(url)


@contextmanager
def unavailable() -> Iterator[None]:
    """Expect a store to fail for each of its steps, with an error that repeats no secret."""
    with pytest.raises(StoreUnavailable, match="SMS_STATE_URL cannot be used") as caught:
        yield
    assert "password" not in str(caught.value)
    assert (caught.value.status, caught.value.retryable) == (503, True)


def assert_down(store: Store) -> None:
    with unavailable():
        store.get("record")
    with unavailable():
        store.totals([fixed()])
    with unavailable():
        put(store, "record", None, "x", charge=[fixed(), sliding()])


@pytest.fixture(params=["redis", "system-redis"])
def own_redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that may be ill-treated."""
    with RedisServer(tmp_path, program=program_of(request.param)) as server:
        yield server


def test_a_redis_that_is_not_there(own_redis: RedisServer) -> None:
    own_redis.stop()
    with closing_redis(own_redis.url) as store:
        assert_down(store)


def test_a_redis_that_comes_and_goes(own_redis: RedisServer) -> None:
    with closing_redis(own_redis.url) as store:
        assert wrote(store, "record", None, "one")
        own_redis.kill()
        assert_down(store)
        own_redis.start()
        assert store.get("record") is None
        assert wrote(store, "record", None, "two", charge=[fixed()])


def test_a_redis_that_was_restarted_between_two_steps(own_redis: RedisServer) -> None:
    with closing_redis(own_redis.url) as store:
        for _ in range(3):
            assert wrote(store, "record", None, "one", charge=[sliding()])
            own_redis.stop()
            own_redis.start()


def test_a_redis_that_says_nothing(own_redis: RedisServer) -> None:
    with closing_redis(own_redis.url) as store, own_redis.frozen(), unavailable():
        store.get("record")


def test_a_redis_that_forgot_the_scripts(redis_server: RedisServer) -> None:
    with closing_redis(redis_server.url) as store:
        put(store, "record", None, "one")
        redis_server.ask("SCRIPT", "FLUSH")
        assert wrote(store, "record", "one", "two")


def test_a_redis_with_another_password(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--requirepass", "the-password") as server:
        host = "{}:{}".format(*server.address)
        with closing_redis(f"redis://:the-password@{host}/0") as store:
            assert wrote(store, "record", None, "x")
        for url in (f"redis://{host}/0", f"redis://:another-password@{host}/0"):
            with closing_redis(url) as store:
                assert_down(store)


def test_a_full_redis_refuses_and_counts_nothing(own_redis: RedisServer) -> None:
    with closing_redis(own_redis.url) as store:
        put(store, "record", None, "one", charge=[fixed(2), sliding(2)])
        own_redis.ask("CONFIG", "SET", "maxmemory", 1)
        with unavailable():
            put(store, "record", "one", "two", give_back=[fixed(2), sliding(2)])
        with unavailable():
            put(store, "another", None, "x", charge=[fixed(), sliding()])
        assert store.get("record") == "one"
        own_redis.ask("CONFIG", "SET", "maxmemory", 0)
        assert wrote(store, "another", None, "x", charge=[fixed(), sliding()])
        assert put(store, "more", None, "x", charge=[fixed()]) == Refused("a-day", 600)
        assert put(store, "more", None, "x", charge=[sliding()]) == Refused("an-hour", 600)


def test_a_redis_that_became_a_replica_refuses_and_counts_nothing(own_redis: RedisServer) -> None:
    with closing_redis(own_redis.url) as store:
        put(store, "record", None, "one", charge=[sliding(2)])
        own_redis.ask("CONFIG", "SET", "replica-serve-stale-data", "yes")
        own_redis.ask("REPLICAOF", "127.0.0.1", 1)
        with unavailable():
            put(store, "record", "one", "two", give_back=[sliding(2)])
        own_redis.ask("REPLICAOF", "NO", "ONE")
        assert isinstance(put(store, "more", None, "x", charge=[sliding(2)]), Refused)


def test_a_step_whose_answer_was_lost_counts_once(redis_server: RedisServer) -> None:
    with (
        TcpProxy(redis_server.address) as proxy,
        closing_redis(f"redis://127.0.0.1:{proxy.port}/0") as store,
    ):
        counts = [fixed(2), sliding(2)]
        put(store, "first", None, "x")
        put(store, "second", None, "x", charge=[count._replace(key="other") for count in counts])
        proxy.losing = 1
        assert wrote(store, "record", None, "one", charge=counts)
        assert proxy.lost == 1
        assert wrote(store, "more", None, "x", charge=[fixed(), sliding()])


def test_redis_over_tls(redis_server: RedisServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with TcpProxy(redis_server.address, authority.server("IP:127.0.0.1")) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        with closing_redis(f"{url}?ssl_ca_certs={tmp_path}/ca.pem") as store:
            assert wrote(store, "record", None, "x")
        with closing_redis(url) as store:
            assert_down(store)


def test_a_certificate_of_another_name_is_refused(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path).server("DNS:another.example")
    with TcpProxy(redis_server.address, stranger) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0?ssl_ca_certs={tmp_path}/ca.pem"
        with closing_redis(url) as store:
            assert_down(store)
        for option in ("ssl_check_hostname=false", "ssl_cert_reqs=none"):
            with closing_redis(f"{url}&{option}") as store:
                assert wrote(store, option, None, "x")


def test_everything_in_redis_expires_and_lies_in_one_slot(redis_server: RedisServer) -> None:
    with closing_redis(redis_server.url) as store:
        put(store, "record", None, "x", charge=[fixed(), sliding()], give_back=[fixed(1, key="y")])
    keys = redis_server.ask("KEYS", "*")
    assert sorted(keys) == ["{fc-sms}+fixed", "{fc-sms}:record", "{fc-sms}~sliding"]
    for key in keys:
        assert 0 < redis_server.ask("PTTL", key) <= TTL * 1000


@pytest.mark.parametrize("slots", [(0, 0), (2, 2), (4, 0), (64, 64)])
def test_scripts_name_their_keys_as_clusters_of_alibaba_cloud_want_it(
    slots: tuple[int, int],
) -> None:
    script = put_script(*slots).replace("redis.call('TIME')", "")  # which has no key
    calls = re.findall(r"redis\.call\('[A-Z]+', (KEYS\[[1-9][0-9]*\])?", script)
    assert script.count("redis.call(") == len(calls)
    assert all(calls)
    assert set(calls) == {f"KEYS[{number}]" for number in range(1, 3 + sum(slots))}
    assert script.count("KEYS") == len(calls)
    assert not re.search("<[a-z]+>", script)  # each argument has its number


def test_whatever_is_counted_there_are_64_scripts(redis_server: RedisServer) -> None:
    redis_server.ask("FLUSHALL")
    redis_server.ask("SCRIPT", "FLUSH")
    source = random.Random(1)
    with closing_redis(redis_server.url) as store:
        for place in range(400):
            charge = [_some_count(source, number) for number in range(source.randint(0, 64))]
            back = charge[: source.randint(0, len(charge))]
            assert wrote(store, f"r{place}", None, "x", charge=charge, give_back=back)
    scripts = int(redis_server.ask("INFO", "memory")["number_of_cached_scripts"])
    assert 20 < scripts <= 64
    assert {slots_for([fixed()] * number) for number in range(MOST_COUNTS + 1)} == {
        *(0, 1, 2, 4, 8, 16, 32, 64)
    }


def _some_count(source: random.Random, number: int) -> Count:
    is_sliding = source.random() < 0.5
    key = f"{number}{is_sliding}"
    return Count("a", key, amount=1, limit=10**6, window=60, is_sliding=is_sliding)


def test_the_most_counts_of_a_change_are_counted_and_given_back(store: Store) -> None:
    charge = [
        Count(f"rule-{n}", f"c{n}", amount=1, limit=1, window=600, is_sliding=n % 3 == 0)
        for n in range(MOST_COUNTS)
    ]
    assert put(store, "one", None, "a", charge=charge) == Written((1,) * MOST_COUNTS)
    for refused in (charge[0], charge[-1]):
        assert put(store, "two", None, "a", charge=[refused]) == Refused(refused.rule, 600)
    assert wrote(store, "one", "a", "b", give_back=charge)
    assert put(store, "two", None, "a", charge=charge) == Written((1,) * MOST_COUNTS)


def test_a_window_that_looks_back_goes_by_the_time_of_the_store(store: Store) -> None:
    count = Count("a-second", "moments", amount=1, limit=1, window=1, is_sliding=True)
    assert wrote(store, "one", None, "a", charge=[count], now=None)
    assert put(store, "two", None, "a", charge=[count], now=None) == Refused("a-second", 1)
    time.sleep(1.1)
    assert wrote(store, "two", None, "a", charge=[count], now=None)


def test_redis_counts_by_its_own_time(redis_server: RedisServer) -> None:
    redis_server.ask("FLUSHALL")
    with closing_redis(redis_server.url) as store:
        put(store, "one", None, "a", charge=[sliding()], now=None)
        seconds, microseconds = map(int, redis_server.ask("TIME"))
    _, moment = redis_server.ask("ZRANGE", "{fc-sms}~sliding", 0, -1, "WITHSCORES")
    assert 0 <= seconds * 1000 + microseconds // 1000 - float(moment) < 1000 * TTL


def test_a_caller_whose_clock_goes_wrong_frees_no_window(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.ask("FLUSHALL")
    with closing_redis(redis_server.url) as store:
        assert wrote(store, "one", None, "a", charge=[sliding(3)], now=None)
        true_time = time.time()
        monkeypatch.setattr(time, "time", lambda: true_time + 10**6)
        assert put(store, "two", None, "a", charge=[sliding()], now=None) == Refused("an-hour", 600)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("This is no database, but a text that is long enough. " * 30)
    for path in (tmp_path, tmp_path / "no folder" / "state.db", tmp_path / "text"):
        assert_down(SqliteStore(str(path)))


def test_a_file_that_somebody_locks(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    store = SqliteStore(path)
    put(store, "record", None, "x")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with unavailable():
            put(store, "record", "x", "y")
        other.execute("ROLLBACK")
    assert wrote(store, "record", "x", "y")


def test_a_full_disk_refuses_and_changes_nothing(project: Path, tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "state.db"))
    put(store, "record", None, "old")
    worker = subprocess.run(
        [
            *(sys.executable, "-m", "tests.integration.store_worker"),
            *(f"sqlite://{tmp_path}/state.db", "new", "fill_the_disk"),
        ],
        cwd=project,
        input="go\n",
        capture_output=True,
        text=True,
        check=True,
    )
    went = json.loads(worker.stdout.splitlines()[1])
    assert went == ["unavailable", "old", "Written(totals=(1, 1))", "new"]
    assert store.get("record") == "new"


def test_a_file_does_not_grow_with_what_has_expired(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = SqliteStore(str(path))
    moments = Count("x", "moments", amount=1, limit=1000, window=1, is_sliding=True)
    for number in range(20):
        put(store, f"r{number}", None, "x" * 1000, ttl=1, charge=[moments, fixed(1, 100)])
    time.sleep(1.1)
    put(store, "last", None, "x")
    with closing(sqlite3.connect(path)) as database:
        tables = ("records", "moments")
        left = [database.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables]
    assert left == [(1,), (0,)]
