"""Several instances of a function that share one Redis, and what the platform got from them."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request

from benchmarks.clients.instance import MESSAGES as MESSAGES_A_REQUEST
from benchmarks.lanes import INSTANCE, Field, Run, processor_seconds
from benchmarks.report import Row

MESSAGES = 100_000
INSTANCES = 4
QUOTA = 50
"""Requests a second, for the run that is held back."""
_QUOTA_SECONDS = 6
_TWICE_EVERY = 9


def measure(field: Field, messages: int) -> list[Row]:
    """Have instances send `messages` personalised SMS.

    One request in nine is given to two of them at about the same time, as a trigger may do that
    delivers at least once.
    """
    requests = max(1, messages // MESSAGES_A_REQUEST)
    _counted(field)  # from here on
    server = processor_seconds(field.server_pid)
    wall, runs = _run(field, requests)
    server = processor_seconds(field.server_pid) - server
    counted = _counted(field)
    sent = requests * MESSAGES_A_REQUEST
    duplicates = counted["messages"] - counted["numbers"]
    repeated = counted["requests"] - counted["out_ids"]
    accepted, replayed, busy = (sum(run.counts[place] for run in runs) for place in range(3))
    cpu = sum(run.cpu_seconds for run in runs)
    name = f"{INSTANCES} instances, one Redis"
    return [
        Row(
            f"{name}: personalised SMS",
            sent / wall,
            " /s",
            detail=f"{sent:,} sent; {sent / cpu:,.0f} a second of the instances' processor time; "
            f"server {server / wall:.0%} busy",
        ),
        Row(
            f"{name}: duplicates",
            duplicates,
            limit=0,
            detail=f"{repeated} parts came again; of those given to two instances {replayed} were "
            f"answered as before, {busy} as under way",
        ),
        Row(
            f"{name}: losses",
            sent - counted["numbers"],
            limit=0,
            detail=f"{accepted} parts of {sent // 100} accepted",
        ),
        _held_back(field, name),
    ]


def _held_back(field: Field, name: str) -> Row:
    """Have the instances keep below a quota together, as requests-per-second asks them to."""
    parts = QUOTA * _QUOTA_SECONDS
    wall, _ = _run(field, parts * 100 // MESSAGES_A_REQUEST, f"requests-per-second={QUOTA}")
    counted = _counted(field)
    return Row(
        f"{name}: busiest second",
        counted["busiest_second"],
        " requests",
        limit=QUOTA,
        detail=f"with requests-per-second={QUOTA}: {counted['requests']} requests in {wall:.1f} s",
    )


def _run(field: Field, requests: int, limit: str = "") -> tuple[float, list[Run]]:
    """Return the seconds from the first begin to the last end, and what each instance took."""
    name = f"run-{time.time_ns()}"
    with contextlib.ExitStack() as stack:
        processes = []
        for _ in range(INSTANCES):
            process = field.process(INSTANCE, field.counting, field.with_store(field.redis, limit))
            stack.callback(process.close)
            processes.append(process)
        started = time.perf_counter()
        for place, process in enumerate(processes):
            process.begin(name, *_share(place, requests))
        runs = [process.end() for process in processes]
        return time.perf_counter() - started, runs


def _share(place: int, requests: int) -> list[int]:
    """Return the requests that the instance at `place` is given."""
    return [
        request
        for request in range(requests)
        if request % INSTANCES == place
        or (request % _TWICE_EVERY == 0 and (request + 1) % INSTANCES == place)
    ]


def _counted(field: Field) -> dict[str, int]:
    with urllib.request.urlopen(field.counting) as answer:
        counts: dict[str, int] = json.load(answer)
    return counts
