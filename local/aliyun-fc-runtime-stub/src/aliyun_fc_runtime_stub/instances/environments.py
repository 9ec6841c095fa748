"""The environment of a runtime: its Python, with the packages that the platform has built into it.

It is made at the first use, in $XDG_CACHE_HOME/aliyun-fc-runtime-stub (default ~/.cache), with what
most functions need. What else a runtime carries is added when code imports it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..user_folders import user_folder
from .carried_packages import Carried, base_packages, constraints
from .interpreters import find_interpreter

_FOLDER = "aliyun-fc-runtime-stub"
_ADDED = "fc-stub-added"  # a folder in an environment: a file for each package that was added
_LONGEST_RUN = 3600  # seconds: pip gives up a silent connection by itself, a slow one takes as long
_NO_INDEX = (
    "pip cannot reach its package index: set HTTPS_PROXY for a proxy, or PIP_INDEX_URL for a mirror"
)


@dataclass(frozen=True, slots=True)
class RuntimeEnvironment:
    """A Python to run a runtime's functions; `exact` if it is of the version the runtime names.

    `lacking` says why the built-in packages could not be installed; None if they are there.
    """

    python: Path
    exact: bool
    warning: str | None
    lacking: str | None = None


def runtime_environment(runtime: str) -> RuntimeEnvironment:
    """Return a Python for `runtime` with FC's built-in packages, made at the first use.

    If two processes ask at once, one makes it. What could not be had is said in `warning`.
    """
    return Environments().base(runtime)


class Environments:
    """Makes environments and adds to them.

    `announce` is told before something is installed, as that takes a while. `offline`: nothing is
    installed; what is lacking is said instead.
    """

    def __init__(
        self, announce: Callable[[str], None] = lambda _text: None, *, offline: bool = False
    ) -> None:
        self._announce = announce
        self._offline = offline

    def base(self, runtime: str) -> RuntimeEnvironment:
        """Return the environment of a runtime, with what most functions need."""
        current = f"{sys.version_info[0]}.{sys.version_info[1]}"
        base = find_interpreter(runtime)
        exact = base is not None
        warning = None
        if base is None:
            warning = (
                f"functions of {runtime} run under Python {current}, as this machine has no "
                f"{runtime}; install it to run them as on Function Compute"
            )
            base = Path(sys.executable)
        try:
            # A virtual environment has several names for its Python, and may be made anew elsewhere
            return RuntimeEnvironment(self._made(runtime, base.resolve()), exact, warning)
        except (OSError, subprocess.SubprocessError) as error:
            detail = _reason(error)
        packages = ", ".join(one.requirement for one in base_packages(runtime))
        return RuntimeEnvironment(
            Path(sys.executable),
            f"python{current}" == runtime,
            f"the packages built into {runtime} ({packages}) could not be "
            f"installed, so its functions run under Python {current} with the packages installed "
            f"there; the next start tries again. {detail}",
            detail,
        )

    def _made(self, runtime: str, base: Path) -> Path:
        python = _kept(runtime, base)
        if python.exists():
            return python
        if self._offline:
            raise OSError("--offline: nothing is installed")
        final = python.parent.parent
        with _alone(final):
            if not python.exists():
                self._announce(f"installing what is built into {runtime}; this once")
                _make(base, runtime, final)
        return python

    def add(
        self, runtime: str, environment: RuntimeEnvironment, packages: Collection[Carried]
    ) -> list[Carried]:
        """Add what a runtime carries and some code imports; return what could not be added."""
        base = base_packages(runtime)
        lacking = [one for one in packages if one not in base and not _has(environment.python, one)]
        if not lacking or self._offline or not _is_ours(environment.python):
            return lacking
        folder = environment.python.parent.parent
        with contextlib.suppress(OSError), _alone(folder):
            lacking = [one for one in lacking if not _has(environment.python, one)]
            if lacking:
                names = ", ".join(f"{one.name} {one.version}" for one in lacking)
                self._announce(
                    f"installing what {runtime} carries and the code imports: {names}; this once"
                )
                _install(environment.python, runtime, lacking)
        return [one for one in lacking if not _has(environment.python, one)]


def _kept(runtime: str, base: Path) -> Path:
    packages = [one.requirement for one in base_packages(runtime)]
    key = hashlib.sha256(json.dumps([str(base), packages]).encode()).hexdigest()[:12]
    folder = user_folder("XDG_CACHE_HOME", ".cache") / _FOLDER
    return folder / f"{runtime}-{key}" / "bin" / "python"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the same environment."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(base: Path, runtime: str, final: Path) -> None:
    making = Path(tempfile.mkdtemp(prefix="making-", dir=final.parent))
    try:
        _run([base, "-m", "venv", making])
        _pip(making / "bin/python", runtime, base_packages(runtime))
        if final.exists():
            shutil.rmtree(final)
        making.rename(final)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _is_ours(python: Path) -> bool:
    return python.parent.parent.parent.name == _FOLDER and python.exists()


def _has(python: Path, package: Carried) -> bool:
    return (python.parent.parent / _ADDED / package.requirement).exists()


def _install(python: Path, runtime: str, packages: Sequence[Carried]) -> None:
    """Install all of them at once or, where that fails, each that can be had."""
    try:
        _pip(python, runtime, packages)
    except (OSError, subprocess.SubprocessError):
        if len(packages) > 1:
            for one in packages:
                _install(python, runtime, [one])
        return
    added = python.parent.parent / _ADDED
    added.mkdir(exist_ok=True)
    for one in packages:
        (added / one.requirement).touch()


def _pip(python: Path, runtime: str, packages: Sequence[Carried]) -> None:
    limits = python.parent.parent / "constraints.txt"
    limits.write_text("\n".join(constraints(runtime)) + "\n")
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "--retries", "1"]
    names = [one.requirement for one in packages]
    _run([*pip, "install", "--quiet", "--constraint", limits, *names])


def _run(command: list[str | Path]) -> None:
    subprocess.run(  # noqa: S603
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=_LONGEST_RUN,
        stdin=subprocess.DEVNULL,
    )


def _reason(error: Exception) -> str:
    output = str(getattr(error, "stderr", None) or error)
    if "connection broken by" in output:  # what pip says last is about the versions it did not find
        return _NO_INDEX
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
