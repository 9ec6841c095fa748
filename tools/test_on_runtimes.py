"""Run the unit tests on Function Compute's runtimes: their Python, their requests, their redis.

A runtime whose Python is not on this machine is named and left out; where there is none of them,
the tests run on this Python.
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
# What the tests compare with. What they need themselves would take the place of the runtime's.
ORACLES = ("standardwebhooks", "PyJWT")


def main() -> int:
    """Return 0 when the tests passed on every runtime found; the runtimes are tested at once."""
    running = {}
    for runtime in RUNTIMES:
        environment = runtime_environment(runtime)
        if environment.exact:
            running[runtime] = _start(runtime, environment.python)
        else:
            print(f"{runtime}: install it to run the unit tests on it, too", flush=True)
    if not running:
        return subprocess.run([sys.executable, "-m", "pytest", "-n", "2", "tests/unit"]).returncode
    status = 0
    for runtime, process in running.items():
        output, _ = process.communicate()
        print(f"{runtime}: unit tests", output, sep="\n", flush=True)
        status |= process.returncode
    return status


def _start(runtime: str, python: Path) -> subprocess.Popen[str]:
    packages = _test_packages(runtime, python)
    return subprocess.Popen(
        [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(packages)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _test_packages(runtime: str, python: Path) -> Path:
    """Install what the tests need beside the runtime's packages, once, and return where."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    tools = [line for line in lines if line.startswith(TOOLS)]
    oracles = [line for line in lines if line.startswith(ORACLES)]
    folder = Path(sys.prefix) / "test-packages" / runtime
    installed = folder / "pins.txt"
    wanted = "\n".join([*tools, *oracles])
    if not installed.exists() or installed.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        install = [str(python), "-m", "pip", "install", "-q", "--target", str(folder)]
        subprocess.run([*install, *tools], check=True)
        subprocess.run([*install, "--no-deps", *oracles], check=True)
        installed.write_text(wanted)
    return folder


if __name__ == "__main__":
    sys.exit(main())
