"""Shared state as far as it needs no server; tests/integration/test_store.py has the whole."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shared.errors import StoreUnavailable
from shared.state.choice import open_store
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Answer, Change, Count, Differs, Refused, Written

NOW = 1_800_000_000.0
HOURLY = Count("an-hour", "number", amount=1, limit=2, window=3600, is_sliding=True)


def first(key: str, text: str, *charge: Count) -> Change:
    """Return the change that writes a record where there is none."""
    return Change(key=key, old=None, new=text, ttl=60, now=NOW, charge=charge)


def test_a_file_holds_records_for_whoever_opens_it(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/with space.db"
    assert open_store(url).put(first("record", "one")) == Written()
    open_store.cache_clear()
    assert open_store(url).put(first("record", "two")) == Differs("one")
    assert [file.name for file in tmp_path.iterdir()] == ["with space.db"]


@pytest.mark.parametrize("before", [None, 0o644])
def test_only_its_owner_reads_the_file_and_its_journal(tmp_path: Path, before: int | None) -> None:
    file = tmp_path / "state.db"
    if before is not None:  # as an earlier version left it
        file.touch()
        file.chmod(before)
    store = SqliteStore(str(file))
    umask = os.umask(0)
    try:
        store.put(first("record", "one"))
        with store._transaction() as database:
            database.execute("DELETE FROM records")
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(umask)
    assert modes == {"state.db": 0o600, "state.db-journal": 0o600}


def test_a_file_out_of_reach_is_unavailable(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "nowhere" / "state.db"))
    with pytest.raises(StoreUnavailable, match="unable to open"):
        store.put(first("record", "one"))


def test_of_many_threads_one_wins_and_all_together_keep_to_the_limit(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "state.db"))
    answers: list[Answer] = []
    begin = threading.Barrier(8)

    def work(name: str) -> None:
        begin.wait()
        answers.append(store.put(first("record", name)))
        answers.append(store.put(first(f"own-{name}", name, HOURLY)))

    threads = [threading.Thread(target=work, args=(f"thread-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(Written()) == 1
    assert sorted(answer.totals for answer in answers if isinstance(answer, Written)) == [
        (),
        *((total,) for total in range(1, HOURLY.limit + 1)),
    ]
    assert answers.count(Refused("an-hour", 3600)) == 8 - HOURLY.limit
    assert answers.count(Differs(store.get("record"))) == 7
    assert store.get("record") is not None


def test_no_back_end_is_imported_before_it_is_used(project: Path) -> None:
    code = (
        "import sys, shared.sending.claims, shared.state.choice\n"
        "print({'redis', 'sqlite3'} & {*sys.modules})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "set()\n"
