"""One of several processes that use the same store at once; see test_store.py.

Call it with the store's URL, a name of its own and a job. It says "ready", waits for a line on
standard input, does the job and prints what came of it as JSON.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Callable

from shared.errors import StoreUnavailable
from shared.state.choice import open_store
from shared.state.store import Change, Count, Differs, Store, Written

NOW = 1_800_000_000.0
KEYS = [f"key-{number}" for number in range(25)]
COUNTS = (
    Count("fixed", "fixed", amount=1, limit=60, window=3600),
    Count("sliding", "sliding", amount=1, limit=60, window=3600, is_sliding=True),
)


def change(key: str, old: str | None, new: str) -> Change:
    return Change(key=key, old=old, new=new, ttl=60, now=NOW)


def claim(store: Store, name: str) -> list[str]:
    """Claim every key; return those that were won."""
    return [key for key in KEYS if isinstance(store.put(change(key, None, name)), Written)]


def charge(store: Store, name: str) -> int:
    """Write records that count; return how many were let through."""
    keys = [f"{name}-{number}" for number in range(25)]
    answers = [store.put(change(key, None, name)._replace(charge=COUNTS)) for key in keys]
    return sum(isinstance(answer, Written) for answer in answers)


def increment(store: Store, name: str) -> int:
    """Add 1 to a number 25 times; return how often others came between."""
    disturbed = 0
    for step in range(25):
        old = store.get("number")
        while True:
            number = int(old.split()[0]) if old else 0
            answer = store.put(change("number", old, f"{number + 1} {name} {step}"))
            if not isinstance(answer, Differs):
                break
            old = answer.current
            disturbed += 1
    return disturbed


def fill_the_disk(store: Store, name: str) -> list[str]:
    """Try to write while no file may grow, then when it may again; return how that went."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    went = []
    for limit in (0, before[0]):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            went.append(str(store.put(change("record", "old", name)._replace(charge=COUNTS))))
        except StoreUnavailable:
            went.append("unavailable")
        went.append(str(store.get("record")))
    return went


JOBS: dict[str, Callable[[Store, str], object]] = {
    job.__name__: job for job in (claim, charge, increment, fill_the_disk)
}

if __name__ == "__main__":
    url, name, job = sys.argv[1:]
    opened = open_store(url)
    opened.get("nothing")
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(JOBS[job](opened, name)), flush=True)
