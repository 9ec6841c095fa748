"""Cold: a new process, the import, and the first SMS that is accepted."""

from __future__ import annotations

from statistics import median

from benchmarks.lanes import FUNCTION, REQUESTS, SDK, SMS_API, Field, FirstSend
from benchmarks.report import Row, difference, ratio

ROUNDS = 15
_LANES = (FUNCTION, SDK, REQUESTS, SMS_API)

Taken = dict[str, list[FirstSend]]


def measure(field: Field) -> list[Row]:
    """Start every program in turn, over HTTP, over TLS, and as uploaded."""
    http = _take(field, field.http, bytecode=True)
    return [
        *_time_rows(http, "HTTP", 0.42, 20),
        *_time_rows(_take(field, field.https, bytecode=True), "TLS", 0.42, 20),
        *_time_rows(_take(field, field.http, bytecode=False), "HTTP, no bytecode", 0.30, None),
        _memory_row(http),
    ]


def _take(field: Field, endpoint: str, *, bytecode: bool) -> Taken:
    taken: Taken = {lane: [] for lane in _LANES}
    for round_ in range(ROUNDS + 1):
        for lane in _LANES:
            process = field.process(lane, endpoint, bytecode=bytecode)
            process.close()
            if round_ > 0:  # the first one brings the files into memory
                taken[lane].append(process.first)
    return taken


def _time_rows(taken: Taken, how: str, limit: float, more_ms: float | None) -> list[Row]:
    """Return ours by the SDK's, and ours less that of requests."""
    wall = {lane: [one.wall_seconds * 1000 for one in of] for lane, of in taken.items()}
    cpu = {lane: [one.cpu_seconds * 1000 for one in of] for lane, of in taken.items()}
    ours, sdk, bare, alone = (median(wall[lane]) for lane in _LANES)
    return [
        Row(
            f"cold, {how}: function / SDK",
            ratio(wall[FUNCTION], wall[SDK]),
            limit=limit,
            detail=f"{ours:.0f} ms / {sdk:.0f} ms (shared/ alone {alone:.0f} ms); "
            f"of processor time {ratio(cpu[FUNCTION], cpu[SDK]):.2f}",
        ),
        Row(
            f"cold, {how}: function - requests",
            difference(wall[FUNCTION], wall[REQUESTS]),
            " ms",
            limit=more_ms,
            detail=f"{ours:.0f} ms - {bare:.0f} ms; "
            f"of processor time {difference(cpu[FUNCTION], cpu[REQUESTS]):.0f} ms",
        ),
    ]


def _memory_row(taken: Taken) -> Row:
    resident = {lane: [one.resident_bytes / 1e6 for one in of] for lane, of in taken.items()}
    ours, sdk, bare = (median(resident[lane]) for lane in (FUNCTION, SDK, REQUESTS))
    return Row(
        "memory after the first send: function / SDK",
        ratio(resident[FUNCTION], resident[SDK]),
        limit=0.6,
        detail=f"{ours:.0f} MB / {sdk:.0f} MB (requests {bare:.0f} MB)",
    )
