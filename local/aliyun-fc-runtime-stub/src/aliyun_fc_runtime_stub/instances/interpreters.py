"""The Python that a runtime names, and the packages that FC has built into it.

Sources: https://www.alibabacloud.com/help/en/functioncompute/fc/python/ (built-in modules of 3.12
and 3.10) and the requirements of the published 3.9 image.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..user_folders import user_folder

BUILT_IN = {
    "python3.12": ("requests==2.32.3", "redis==5.0.7", "oss2==2.18.6"),
    "python3.10": ("requests==2.28.1", "redis==4.4.0", "oss2==2.16.0"),
    "python3.9": ("requests==2.26.0", "oss2==2.15.0"),
    "python3": ("requests==2.26.0",),
}
_OLDEST = (3, 9)


@dataclass(frozen=True, slots=True)
class RuntimeEnvironment:
    """A Python to run a runtime's functions; `exact` if it is of the version the runtime names."""

    python: Path
    exact: bool
    warning: str | None


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


def runtime_environment(runtime: str) -> RuntimeEnvironment:
    """Return a Python for `runtime` with FC's built-in packages, made at the first use.

    Environments are kept in $XDG_CACHE_HOME/aliyun-fc-runtime-stub (default ~/.cache). If two
    processes ask at once, one makes it. What could not be had is said in `warning`.
    """
    current = f"{sys.version_info[0]}.{sys.version_info[1]}"
    base = find_interpreter(runtime)
    exact = base is not None
    warning = None
    if base is None:
        warning = (
            f"no interpreter for {runtime} on this machine: its functions run under Python "
            f"{current}; install {runtime} to run them as on Function Compute"
        )
        base = Path(sys.executable)
    try:
        return RuntimeEnvironment(_environment(runtime, base), exact, warning)
    except (OSError, subprocess.SubprocessError) as error:
        detail = _last_line(error)
    return RuntimeEnvironment(
        Path(sys.executable),
        f"python{current}" == runtime,
        f"the packages built into {runtime} ({', '.join(BUILT_IN[runtime])}) could not be "
        f"installed, so its functions run under Python {current} with the packages installed "
        f"there; the next start tries again. {detail}",
    )


def _last_line(error: Exception) -> str:
    output = getattr(error, "stderr", None) or str(error)
    lines = [line for line in str(output).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def is_prepared(runtime: str) -> bool:
    """Say whether `runtime_environment` returns at once, and does not install packages first."""
    base = find_interpreter(runtime) or Path(sys.executable)
    with contextlib.suppress(OSError):
        return _kept(runtime, base).exists()
    return True  # there is no place for packages


def _kept(runtime: str, base: Path) -> Path:
    key = hashlib.sha256(json.dumps([str(base), BUILT_IN[runtime]]).encode()).hexdigest()[:12]
    folder = user_folder("XDG_CACHE_HOME", ".cache") / "aliyun-fc-runtime-stub"
    return folder / f"{runtime}-{key}" / "bin" / "python"


def _environment(runtime: str, base: Path) -> Path:
    packages = BUILT_IN[runtime]
    python = _kept(runtime, base)
    if python.exists():
        return python
    final = python.parent.parent
    folder = final.parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{final.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not python.exists():
            _make(base, packages, folder, final)
    return python


def _make(base: Path, packages: tuple[str, ...], folder: Path, final: Path) -> None:
    making = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
    try:
        _run([base, "-m", "venv", making])
        pip: list[str | Path] = [making / "bin/python", "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "--retries", "1", "install", "--quiet", *packages])
        if final.exists():
            shutil.rmtree(final)
        making.rename(final)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _run(command: list[str | Path]) -> None:
    subprocess.run(  # noqa: S603
        command, check=True, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
