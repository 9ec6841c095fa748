"""Node.js packages for the tests: found, installed when needed, and run."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

OLDEST_NODE = 18
_FOLDER = Path(__file__).resolve().parent


@cache
def what_is_missing() -> str:
    """Return what has to be installed before tests can use Node.js; empty when all is there."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None or _version(node) < OLDEST_NODE:
        return f"install Node.js {OLDEST_NODE} or newer and npm to run the tests that use it"
    return ""


def install() -> Path:
    """Return tests/node_modules, installed by `npm ci` unless it is as new as the lock file."""
    modules, lock = _FOLDER / "node_modules", _FOLDER / "package-lock.json"
    installed = modules / ".package-lock.json"  # written last
    with lock.open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # another test run may be installing
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            done = subprocess.run(
                ["npm", "ci"], cwd=_FOLDER, capture_output=True, text=True, check=False
            )
            if done.returncode:
                pytest.fail(f"`npm ci` in tests/ failed: {done.stderr.strip()}", pytrace=False)
    return modules


def clean_environment(**variables: str) -> Mapping[str, str]:
    """Return an environment that holds PATH and `variables` only: no proxy and no credentials."""
    return {"PATH": os.environ["PATH"], **variables}


def _version(node: str) -> int:
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.match(r"v(\d+)\.", shown)
    return int(match[1]) if match else 0
