"""``python -m tests.fuzz``: hand the functions inputs made by chance; prints what was counted."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzzing import Run, fuzz


def main() -> int:
    """Do the cases that the command line asks for; returns 1 when one broke a rule."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = Run(seed=asked.seed, cases=asked.cases, seconds=asked.seconds)
            counted = fuzz(run, Path(folder))
        except AssertionError as error:
            print(error)
            return 1
    for name, count in sorted(counted.items()):
        print(f"{count:>9,}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
