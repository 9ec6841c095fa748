"""``python -m tests.faults.yardstick``: fc-sms and the official SDK in the same random schedules.

Prints Markdown tables of what the platform accepted and what the callers were told; with --write
they go into docs/send-protocol.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from aliyun_sms_emulator import SmsEmulator
from shared.state.store import Store
from tests.faults.callers import FAILED, SUCCESS, UNKNOWN, Caller, FcSms, MakeCaller, Sdk
from tests.faults.fault_schedules import QUIET, REPEATS, Schedule, draw
from tests.faults.runs import new_stores, worker_pool

PAGE = Path(__file__).resolve().parents[2] / "docs" / "send-protocol.md"
BEGIN, END = "<!-- yardstick: begin -->\n", "<!-- yardstick: end -->\n"
_CHUNK, _QUIET_INTENTS = 50, 10
_AFTERWARDS = 16 * 60  # seconds: what was late is there, and resend_unknown may send


Counted = dict[tuple[int, int], Counter[str]]
"""What was counted, by how often invocations are repeated and by the place in CLIENTS."""


class Client(NamedTuple):
    """A column of the table; `store` is one of tests.faults.runs.STORES."""

    name: str
    store: str
    make: MakeCaller


CLIENTS = (
    Client("fc-sms, Redis", "redis", FcSms),
    Client("fc-sms, SQLite", "sqlite", FcSms),
    Client("fc-sms, no store", "none", partial(FcSms, nonce_scope="account")),
    Client("fc-sms, no store, nonces not checked", "none", FcSms),
    Client("SDK, retries on", "none", partial(Sdk, retries=True)),
    Client("SDK, retries off", "none", partial(Sdk, retries=False)),
)
ROWS = {
    "intents": "intents",
    "sms": "SMS accepted by the platform",
    "duplicates": "**duplicates**: SMS beyond the first of an intent",
    "twice": "intents that got more than one",
    "most": "the most that one intent got",
    "lost": "**lost**: no SMS, and the caller believes that it was sent",
    "wrong": "told failed, but sent",
    "failed": "told failed, and not sent",
    "unknown": "told unknown",
    "open": "unknown for good: with a store, after one more call 16 minutes later",
    "quiet": "requests for one SMS when nothing fails",
}


class Job(NamedTuple):
    """Schedules `first` to `last` (not with it) of a seed, for the client of that place.

    An invocation is repeated up to `repeats` times. `last` of 0 stands for some schedules in which
    nothing fails.
    """

    client: int
    repeats: int
    seed: int
    first: int
    last: int


def main() -> int:
    """Run what the command line asks for, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.yardstick", description="fc-sms and the official SDK compared"
    )
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2 * multiprocessing.cpu_count())
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}, too")
    asked = parser.parse_args()
    started = time.monotonic()
    text = report(asked.seed, asked.schedules, measure(asked.seed, asked.schedules, asked.workers))
    print(text, end="")
    print(f"\n{time.monotonic() - started:.0f} seconds", file=sys.stderr)
    if asked.write:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}{text}{END}{after}", encoding="utf-8")
    return 0


def measure(seed: int, schedules: int, workers: int) -> Counted:
    """Return what was counted, in several processes."""
    keys = [(repeats, place) for repeats in (0, REPEATS) for place in range(len(CLIENTS))]
    jobs = [Job(place, 0, seed, 0, 0) for place in range(len(CLIENTS))]
    jobs += [
        Job(place, repeats, seed, first, min(first + _CHUNK, schedules))
        for first in range(0, schedules, _CHUNK)
        for repeats, place in keys
    ]
    counted: Counted = {key: Counter() for key in keys}
    with worker_pool(workers) as pool:
        for done, (job, counts) in enumerate(pool.imap_unordered(do, jobs), 1):
            merge(counted[job.repeats, job.client], counts)
            print(f"{done}/{len(jobs)} runs", end="\r", file=sys.stderr, flush=True)
    return counted


def merge(counted: Counter[str], counts: Counter[str]) -> None:
    """Add what a job has counted."""
    most = max(counted["most"], counts["most"])
    counted.update(counts)
    counted["most"] = most


def do(job: Job) -> tuple[Job, Counter[str]]:
    """Do a job, with an emulator and a store of its own."""
    client = CLIENTS[job.client]
    counted = Counter[str]()
    with SmsEmulator() as emulator, new_stores(client.store) as new_store:
        if not job.last:
            return job, _quiet(client, emulator, new_store)
        for number in range(job.first, job.last):
            out_id = f"yardstick-{job.seed}-{number}"
            schedule = draw(job.seed, number).cut(job.repeats)
            caller = client.make(emulator, new_store(), out_id, schedule.visibility)
            merge(counted, live_through(schedule, caller))
    return job, counted


def _quiet(
    client: Client, emulator: SmsEmulator, new_store: Callable[[], Store | None]
) -> Counter[str]:
    requests = 0
    for number in range(_QUIET_INTENTS):
        caller = client.make(emulator, new_store(), f"quiet-{number}", QUIET.visibility)
        assert caller.invoke(()).told == SUCCESS
        requests += len(emulator.requests())
    return Counter(quiet_intents=_QUIET_INTENTS, quiet_requests=requests)


def live_through(schedule: Schedule, caller: Caller) -> Counter[str]:
    """Let `caller` live through a schedule; return what to count of its one intent."""
    world = caller.world
    world.emulator.set_faults(
        {"match": {"action": "SendSms"}, "schedule": list(schedule.sends)},
        {"match": {"action": "QuerySendDetails"}, "schedule": list(schedule.queries)},
    )
    for accidents, wait in zip(schedule.crashes, (*schedule.waits, 0), strict=True):
        end = caller.invoke(accidents)
        if not end.is_repeated:
            break
        world.pass_time(wait)
    told = end.told
    counted = Counter(intents=1, unknown=int(told == UNKNOWN))
    world.emulator.clear_faults()
    world.emulator.settings(visibility_delay_seconds=0)
    world.pass_time(_AFTERWARDS)
    if told == UNKNOWN and caller.can_resend:
        told = caller.invoke((), resends=True).told
    sms = len(world.emulator.messages())
    counted += Counter(
        sms=sms,
        duplicates=max(sms - 1, 0),
        twice=int(sms > 1),
        most=sms,
        lost=int(told == SUCCESS and not sms),
        wrong=int(told == FAILED and sms > 0),
        failed=int(told == FAILED and not sms),
        open=int(told == UNKNOWN),
    )
    return counted


def report(seed: int, schedules: int, counted: Counted) -> str:
    """Return what was counted, in Markdown."""
    columns = range(len(CLIENTS))
    once = table([counted[0, place] for place in columns])
    repeated = table([counted[REPEATS, place] for place in columns])
    return (
        f"{schedules:,} schedules, seed {seed}. One call each:\n\n{once}\n"
        "The same as asynchronous invocations, which Function Compute repeats up to "
        f"{REPEATS} times when they fail:\n\n{repeated}"
    )


def table(counted: Sequence[Counter[str]]) -> str:
    """Return what was counted for each of CLIENTS as a Markdown table."""
    lines = [
        "| | " + " | ".join(client.name for client in CLIENTS) + " |",
        "| --- |" + " ---: |" * len(CLIENTS),
    ]
    for key, label in ROWS.items():
        if key == "quiet" and not counted[0]["quiet_intents"]:
            continue
        cells = (_cell(counts, key) for counts in counted)
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(counts: Counter[str], key: str) -> str:
    if key == "quiet":
        return f"{counts['quiet_requests'] / counts['quiet_intents']:.2f}"
    return f"{counts[key]:,}"


if __name__ == "__main__":
    sys.exit(main())
