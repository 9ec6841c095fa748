"""Run all benchmarks and print one table.

The exit code says whether the run worked, not whether every target was met: targets are judged
by people, on a quiet machine.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import cold, local_cloud, packages, warm
from benchmarks.lanes import Field, open_field
from benchmarks.report import Row, table


def main() -> int:
    """Run everything; return 0 when all of it could be measured."""
    started = time.monotonic()
    rows: list[Row] = []
    try:
        with tempfile.TemporaryDirectory(prefix="fc-sms-benchmark-") as folder:
            _say("Laying out the packages ...")
            with open_field(Path(folder)) as field:
                for name, measure in (
                    ("cold starts", cold.measure),
                    ("warm sends", warm.measure),
                    ("the local cloud", local_cloud.measure),
                    ("package sizes", _sizes),
                ):
                    _say(f"Measuring {name} ...")
                    rows += measure(field)
    except (OSError, RuntimeError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{table(rows)}\n")
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, {time.monotonic() - started:.0f} s. "
        f"SDK: {packages.SDK} {packages.sdk_version()}."
    )
    return 0


def _sizes(field: Field) -> list[Row]:
    ours, sdk = (
        packages.zip_size(field.folder / name) / 1024 for name in ("ours-uploaded", "sdk-uploaded")
    )
    return [
        Row(
            "uploaded package",
            ours,
            " KB",
            limit=100,
            detail=f"SDK with what it needs beyond the runtime: {sdk:,.0f} KB",
        )
    ]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
