"""Shared state as far as it needs no server; tests/integration/test_store.py has the whole."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shared.errors import StoreUnavailable
from shared.state.choice import open_store
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Count, Refused, Written

NOW = 1_800_000_000.0
HOURLY = Count("an-hour", "number", 1, 2, 3600, sliding=True)


def test_a_file_holds_records_for_whoever_opens_it(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/with space.db"
    assert open_store(url).put("record", None, "one", 60, NOW) == Written()
    open_store.cache_clear()
    assert open_store(url).put("record", None, "two", 60, NOW) == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["with space.db"]


def test_a_file_out_of_reach_is_unavailable(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "nowhere" / "state.db"))
    with pytest.raises(StoreUnavailable, match="unable to open"):
        store.put("record", None, "one", 60, NOW)


def test_of_many_threads_one_wins_and_all_together_keep_to_the_limit(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "state.db"))
    answers: list[Written | Refused | str] = []
    begin = threading.Barrier(8)

    def work(name: str) -> None:
        begin.wait()
        answers.append(store.put("record", None, name, 60, NOW))
        answers.append(store.put(f"own-{name}", None, name, 60, NOW, [HOURLY]))

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
    assert [answer for answer in answers if isinstance(answer, str)] == [store.get("record")] * 7


def test_no_back_end_is_imported_before_it_is_used(project: Path) -> None:
    code = (
        "import sys, shared.sending.claims, shared.state.choice\n"
        "print({'redis', 'sqlite3'} & {*sys.modules})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "set()\n"
