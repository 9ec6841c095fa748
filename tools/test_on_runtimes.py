"""Run the unit tests on Function Compute's runtimes: their Python, their requests, their redis.

A runtime whose Python is not on this machine is named and left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from aliyun_fc_runtime_stub import runtime_environment

RUNTIMES = ("python3.10", "python3.12")
ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("pytest==", "hypothesis==")


def main() -> int:
    """Return 0 when the tests passed on every runtime found."""
    status = 0
    for runtime in RUNTIMES:
        environment = runtime_environment(runtime)
        if not environment.exact:
            print(f"{runtime}: install it to run the unit tests on it, too", flush=True)
            continue
        print(f"{runtime}: unit tests", flush=True)
        status |= _test(runtime, environment.python)
    return status


def _test(runtime: str, python: Path) -> int:
    packages = _test_packages(runtime, python)
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(packages)}, check=False
    ).returncode


def _test_packages(runtime: str, python: Path) -> Path:
    """Install pytest and hypothesis beside the runtime's packages, once, and return where."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    pins = [line for line in lines if line.startswith(TOOLS)]
    folder = Path(sys.prefix) / "test-packages" / runtime
    installed = folder / "pins.txt"
    if not installed.exists() or installed.read_text() != "\n".join(pins):
        shutil.rmtree(folder, ignore_errors=True)
        install = [str(python), "-m", "pip", "install", "-q", "--target", str(folder), *pins]
        subprocess.run(install, check=True)
        installed.write_text("\n".join(pins))
    return folder


if __name__ == "__main__":
    sys.exit(main())
