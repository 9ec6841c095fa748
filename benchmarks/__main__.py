"""Run the benchmarks, all or those that are named, and print one table.

The exit code says whether the run worked, not whether every target was met: targets are judged
by people, on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import (
    cold,
    files,
    functions,
    instances,
    local_cloud,
    memory,
    packages,
    state,
    warm,
)
from benchmarks.lanes import Field, open_field
from benchmarks.report import Row, table

Measure = Callable[[Field], list[Row]]


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 0 when all of it could be measured."""
    parser = _parser()
    arguments = parser.parse_args(words)
    groups = _groups(arguments.rows, arguments.messages)
    if unknown := [name for name in arguments.groups if name not in groups]:
        parser.error(f"no group {unknown[0]!r}; there are {', '.join(groups)}")
    started = time.monotonic()
    rows: list[Row] = []
    failure = 0
    try:
        with tempfile.TemporaryDirectory(prefix="fc-sms-benchmark-") as folder:
            _say("Laying out the packages ...")
            with open_field(Path(folder)) as field:
                for name in arguments.groups or groups:
                    _say(f"Measuring {name} ...")
                    rows += groups[name](field)
    except (OSError, RuntimeError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        failure = 1
    except KeyboardInterrupt:
        failure = 130
    if rows:  # those measured before a failure, too
        print(f"\n{table(rows)}\n")
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, {time.monotonic() - started:.0f} s. "
        f"SDK: {packages.SDK} {packages.sdk_version()}."
    )
    return failure


def _groups(rows: int, messages: int) -> dict[str, Measure]:
    return {
        "cold": cold.measure,
        "warm": warm.measure,
        "functions": functions.measure,
        "receipts": state.measure_receipts,
        "codes": state.measure_codes,
        "protocol": state.measure_protocol,
        "files": partial(files.measure, rows=rows),
        "memory": memory.measure,
        "instances": partial(instances.measure, messages=messages),
        "local-cloud": local_cloud.measure,
        "sizes": _sizes,
    }


def _parser() -> argparse.ArgumentParser:
    names = list(_groups(0, 0))
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"{', '.join(names)}; or all")
    parser.add_argument("--rows", type=_many, default=files.ROWS, help="of a bulk file")
    parser.add_argument(
        "--messages", type=_many, default=instances.MESSAGES, help="that instances send together"
    )
    return parser


def _many(text: str) -> int:
    if not text.isdecimal() or int(text) < 1000 or int(text) % 1000:
        raise argparse.ArgumentTypeError("must be a number of thousands, such as 100000")
    return int(text)


def _sizes(field: Field) -> list[Row]:
    ours, sdk = (
        packages.zip_size(field.folder / name) / 1024 for name in ("ours-uploaded", "sdk-uploaded")
    )
    return [
        Row(
            "uploaded package",
            ours,
            " KB",
            limit=320,
            detail=f"SDK with what it needs beyond the runtime: {sdk:,.0f} KB",
        )
    ]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
