"""What stands on shared state: receipts, checks of codes, and the send protocol."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from benchmarks.clients.receipts import RECEIPTS as RECEIPTS_A_PUSH
from benchmarks.lanes import CODE_CHECKS, PROTOCOL, RECEIPTS, Block, Field
from benchmarks.report import Row, ratio

ROUNDS = 8
_PUSHES = 2
_CHECKS = 100
_SENDS = 100
_SEND_ROUNDS = 15


class _Lane(NamedTuple):
    lane: str
    environment: dict[str, str]
    each: int


def measure_receipts(field: Field) -> list[Row]:
    """Push receipts of single sends and of bulk sends, with each store in turn."""
    stores = _stores(field)
    lanes = {
        f"{store}, of {kind} sends": _Lane(
            RECEIPTS, {**environment, "BENCHMARK_RECEIPTS": kind}, _PUSHES
        )
        for kind in ("single", "bulk")
        for store, environment in stores.items()
    }
    return [
        _rate_row(f"receipts, {name}", blocks, _PUSHES * RECEIPTS_A_PUSH, "receipt")
        for name, blocks in _take(field, lanes, ROUNDS).items()
    ]


def measure_codes(field: Field) -> list[Row]:
    """Check right codes, with each store in turn."""
    lanes = {
        store: _Lane(CODE_CHECKS, environment, _CHECKS)
        for store, environment in _stores(field).items()
    }
    return [
        _rate_row(f"code checks, {name}", blocks, _CHECKS, "check")
        for name, blocks in _take(field, lanes, ROUNDS).items()
    ]


def measure_protocol(field: Field) -> list[Row]:
    """Send without the protocol, and with it: without a store, and with each store."""
    on = {"BENCHMARK_PROTOCOL": "on"}
    lanes = {
        "bare": _Lane(PROTOCOL, {"BENCHMARK_PROTOCOL": "off"}, _SENDS),
        "no store": _Lane(PROTOCOL, on, _SENDS),
        **{
            store: _Lane(PROTOCOL, {**on, **environment}, _SENDS)
            for store, environment in _stores(field).items()
        },
    }
    taken = _take(field, lanes, _SEND_ROUNDS)
    cpu, wall = (
        {name: [block[place] / _SENDS * 1e6 for block in of] for name, of in taken.items()}
        for place in range(2)
    )
    return [
        Row(
            f"send protocol, {name}: a send / a signed exchange",
            ratio(wall[name], wall["bare"]),
            detail=f"{median(wall[name]):.0f} us / {median(wall['bare']):.0f} us; of processor "
            f"time {ratio(cpu[name], cpu['bare']):.2f} "
            f"({median(cpu[name]):.0f} us / {median(cpu['bare']):.0f} us)",
        )
        for name in lanes
        if name != "bare"
    ]


def _stores(field: Field) -> Mapping[str, dict[str, str]]:
    return {
        "Redis": field.with_store(field.redis),
        "SQLite": field.with_store(f"sqlite://{field.folder}/state.sqlite3"),
    }


def _take(field: Field, lanes: Mapping[str, _Lane], rounds: int) -> dict[str, list[Block]]:
    with contextlib.ExitStack() as stack:
        processes = {}
        for name, lane in lanes.items():
            processes[name] = field.process(lane.lane, field.http, lane.environment)
            stack.callback(processes[name].close)
            processes[name].send(1, lane.each)  # warms up
        taken: dict[str, list[Block]] = {name: [] for name in lanes}
        for _ in range(rounds):
            for name, process in processes.items():
                taken[name].append(process.send(1, lanes[name].each))
    return taken


def _rate_row(what: str, blocks: list[Block], count: int, unit: str) -> Row:
    rate = median(count / block.wall_seconds for block in blocks)
    cpu = median(block.cpu_seconds / count for block in blocks)
    return Row(what, rate, " /s", detail=f"{cpu * 1e6:.0f} us of processor time a {unit}")
