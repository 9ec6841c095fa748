"""The Python that a runtime names, on this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ..user_folders import user_folder

_OLDEST = (3, 9)


def _version(runtime: str) -> tuple[int, int]:
    major, _, minor = runtime.removeprefix("python").partition(".")
    return int(major), int(minor or 6)


@lru_cache
def find_interpreter(runtime: str) -> Path | None:
    """Find an interpreter of the version that `runtime` ("python3.10") names; it is really run."""
    wanted = _version(runtime)
    if wanted < _OLDEST:
        return None
    for candidate in _candidates(wanted):
        with contextlib.suppress(OSError):  # PATH may hold what cannot be looked at
            if candidate.exists() and _runs(candidate, wanted):
                return candidate
    return None


def _candidates(wanted: tuple[int, int]) -> Iterator[Path]:
    if sys.version_info[:2] == wanted:
        yield Path(sys.executable)
    name = f"python{wanted[0]}.{wanted[1]}"
    dotted = f"{wanted[0]}.{wanted[1]}"
    installed: list[Path] = []
    shims: list[Path] = []
    with contextlib.suppress(OSError):  # no home folder
        pyenv = user_folder("PYENV_ROOT", ".pyenv")
        shims = [pyenv / "shims"]
        installed += sorted(pyenv.glob(f"versions/{dotted}.*/bin/{name}"), reverse=True)
        data = user_folder("XDG_DATA_HOME", ".local/share")
        uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
        installed += sorted(uv.glob(f"cpython-{dotted}.*/bin/{name}"), reverse=True)
    for folder in os.get_exec_path():
        if Path(folder) not in shims:
            yield Path(folder, name)
    yield from installed
    for folder in ("/usr/bin", "/usr/local/bin"):
        yield Path(folder, name)
    yield from sorted(Path("/opt").glob(f"*/bin/{name}"), reverse=True)
    yield from (shim / name for shim in shims)


def _runs(python: Path, wanted: tuple[int, int]) -> bool:
    code = "import sys, venv; print(sys.version_info[0], sys.version_info[1])"
    try:
        done = subprocess.run(  # noqa: S603
            [python, "-I", "-c", code], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() == [str(number) for number in wanted]
