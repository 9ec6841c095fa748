"""Warm: processor time of the client's process for each send on kept-alive connections."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from benchmarks.lanes import FUNCTION, REQUESTS, SDK, SMS_API, Block, Field
from benchmarks.report import Row, ratio

ROUNDS = 25
_THREADS = 16
_NAMES = {SMS_API: "ours", FUNCTION: "whole function", REQUESTS: "requests.post"}


class _Load(NamedTuple):
    """A kind of work, done by each of `lanes` in turn."""

    how: str
    threads: int
    each: int
    lanes: tuple[str, ...]
    limit: float | None


_ONE = _Load("1 thread", 1, 100, (SMS_API, SDK, FUNCTION), 0.3)
_MANY = _Load(f"{_THREADS} threads", _THREADS, 10, (SMS_API, SDK), None)
_NEW_CONNECTIONS = _Load("a connection each", 1, 8, (REQUESTS, SDK), None)


def measure(field: Field) -> list[Row]:
    """Have every program send blocks in turn, over HTTP and over TLS."""
    return [
        row
        for how, endpoint in (("HTTP", field.http), ("TLS", field.https))
        for row in _measure(field, how, endpoint)
    ]


def _measure(field: Field, how: str, endpoint: str) -> list[Row]:
    rows = []
    for load in (_ONE, _MANY, _NEW_CONNECTIONS):
        taken = _take(field, endpoint, load)
        sends = load.threads * load.each
        cpu = {lane: [one.cpu_seconds / sends * 1e6 for one in of] for lane, of in taken.items()}
        rate = {lane: median(sends / one.wall_seconds for one in of) for lane, of in taken.items()}
        rows += [
            Row(
                f"warm, {how}, {load.how}: {_NAMES[lane]} / SDK",
                ratio(cpu[lane], cpu[SDK]),
                limit=load.limit if lane == SMS_API else None,
                detail=f"{median(cpu[lane]):.0f} us / {median(cpu[SDK]):.0f} us a send; "
                f"{rate[lane]:,.0f} / {rate[SDK]:,.0f} sends a second",
            )
            for lane in load.lanes
            if lane != SDK
        ]
    return rows


def _take(field: Field, endpoint: str, load: _Load) -> dict[str, Sequence[Block]]:
    with contextlib.ExitStack() as stack:
        processes = {lane: field.process(lane, endpoint) for lane in load.lanes}
        for process in processes.values():
            stack.callback(process.close)
            process.send(load.threads, load.each)  # connects, and warms up
        taken: dict[str, list[Block]] = {lane: [] for lane in load.lanes}
        for _ in range(ROUNDS):
            for lane, process in processes.items():
                taken[lane].append(process.send(load.threads, load.each))
    return dict(taken)
