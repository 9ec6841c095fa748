"""A bulk file of recipients, beside the official SDK's SendBatchSms in threads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.clients.file import BUCKET
from benchmarks.lanes import FILE, SDK_FILE, Field, Run, processor_seconds
from benchmarks.report import Row, ratio
from benchmarks.server import SLOW_SECONDS

ROWS = 20_000
ROUNDS = 3
_FEW_ROWS = 50_000
_CONNECTIONS = (1, 16)


class _Taken(NamedTuple):
    """A run, and the processor time of the server meanwhile."""

    run: Run
    server_seconds: float


def measure(field: Field, rows: int) -> list[Row]:
    """Send to files of `rows` recipients in turn; many rows once, and not to the slow server."""
    is_short = rows <= _FEW_ROWS
    found = _measure(field, field.http, rows, ROUNDS if is_short else 1, "")
    if is_short:
        how = f", {SLOW_SECONDS * 1000:.0f} ms an answer"
        found += _measure(field, field.slow, rows // 4, 1, how)
    return found


def _measure(field: Field, endpoint: str, rows: int, rounds: int, how: str) -> list[Row]:
    folder = field.folder / "buckets" / BUCKET
    file = folder / "sms-files" / "unnamed.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    etag = _write(file, rows)
    taken: dict[tuple[str, int], list[_Taken]] = {
        (lane, count): [] for count in _CONNECTIONS for lane in (FILE, SDK_FILE)
    }
    for round_ in range(rounds):
        for (lane, count), runs in taken.items():
            # To us a file of another name is another send.
            name = f"{endpoint.rpartition(':')[2]}-{rows}-{round_}-{lane}-{count}.csv"
            file = file.rename(file.with_name(name))
            key = str(file.relative_to(folder))
            runs.append(_run(field, lane, endpoint, (key, etag, count)))
            if runs[-1].run.counts != (rows,):
                raise RuntimeError(f"{lane} sent to {runs[-1].run.counts} of {rows} recipients")
    return [
        _row(count, how, rows, taken[FILE, count], taken[SDK_FILE, count]) for count in _CONNECTIONS
    ]


def _write(path: Path, rows: int) -> str:
    """Write a file of recipients and return its eTag, the MD5 of its content."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        for line in (
            "phone_number,name,order",
            *(f"{13800000000 + n},Li,A-{n}" for n in range(rows)),
        ):
            text = f"{line}\n".encode()
            digest.update(text)
            file.write(text)
    return digest.hexdigest()


def _run(field: Field, lane: str, endpoint: str, words: tuple[str, str, int]) -> _Taken:
    environment = {
        **field.with_store(field.redis),
        "SMS_LOCAL_BUCKETS": str(field.folder / "buckets"),
        "SMS_FILE_TEMPLATE_CODE": "SMS_100002",
    }
    process = field.process(lane, endpoint, environment)
    try:
        before = processor_seconds(field.server_pid)
        process.begin(*words)
        run = process.end()
        return _Taken(run, processor_seconds(field.server_pid) - before)
    finally:
        process.close()


def _row(connections: int, how: str, rows: int, ours: list[_Taken], sdk: list[_Taken]) -> Row:
    rate, sdk_rate = ([rows / each.run.wall_seconds for each in of] for of in (ours, sdk))
    core, sdk_core = (median(rows / each.run.cpu_seconds for each in of) for of in (ours, sdk))
    peak, sdk_peak = (max(each.run.peak_bytes for each in of) / 1e6 for of in (ours, sdk))
    busy, sdk_busy = (
        median(each.server_seconds / each.run.wall_seconds for each in of) for of in (ours, sdk)
    )
    return Row(
        f"bulk file, {connections} connection{'s' if connections > 1 else ''}{how}",
        median(rate),
        " rows/s",
        detail=f"SDK {median(sdk_rate):,.0f} ({ratio(rate, sdk_rate):.2f} x); rows a second of "
        f"processor time {core:,.0f} / {sdk_core:,.0f}; peak of {rows:,} rows {peak:.0f} MB / "
        f"{sdk_peak:.0f} MB; server {busy:.0%} / {sdk_busy:.0%} busy",
    )
