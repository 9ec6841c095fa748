"""``python -m tests.faults``: many schedules, in several processes; prints what was counted."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.faults.runs import STORES, Run, tried, worker_pool

_CHUNK = 100


def main() -> int:
    """Do the schedules that the command line asks for; returns 1 when one broke a rule."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000, help="of all stores together")
    parser.add_argument("--store", choices=STORES, action="append", help="only with this store")
    parser.add_argument("--seed", type=int, default=1, help="of the first run of 100 schedules")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args()
    runs = _runs(asked.store or STORES, asked.seed, asked.schedules)
    started = time.monotonic()
    counted: Counter[str] = Counter()
    for place, (run, counts, failure) in enumerate(_done(runs, asked.workers), 1):
        counted += counts
        if failure:
            print(failure, f"Again: python -m tests.faults --workers 1 {run}", sep="\n")
            return 1
        print(f"{place}/{len(runs)} runs", end="\r", file=sys.stderr, flush=True)
    for name, count in sorted(counted.items()):
        print(f"{count:>9,}  {name}")
    print(f"{time.monotonic() - started:>9,.0f}  seconds")
    return 0


def _done(runs: list[Run], workers: int) -> Iterator[tuple[Run, Counter[str], str]]:
    if workers == 1:
        yield from map(tried, runs)
        return
    with worker_pool(workers, tasks_each=10) as pool:
        yield from pool.imap_unordered(tried, runs)


def _runs(stores: tuple[str, ...] | list[str], seed: int, schedules: int) -> list[Run]:
    runs: list[Run] = []
    left = schedules
    while left > 0:
        store = stores[len(runs) % len(stores)]
        runs.append(Run(store, seed + len(runs), min(_CHUNK, left)))
        left -= _CHUNK
    return runs


if __name__ == "__main__":
    sys.exit(main())
