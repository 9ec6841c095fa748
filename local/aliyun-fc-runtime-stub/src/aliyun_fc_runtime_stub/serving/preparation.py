"""What has to be there before an instance can start: the code, layers, a Python with packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigurationError, NoRoom
from ..instances.carried_packages import Carried
from ..instances.environments import Environments, RuntimeEnvironment
from ..instances.instance import InstanceSettings
from ..instances.needs import Needs, read_needs
from ..instances.platform_paths import language_warnings, python_runtimes
from ..instances.pool import Instances
from ..near_names import no_such
from ..package.unpacking import unpack_code
from ..template.model import Function
from .layers import Layers

_FOLDER = "fc-stub-"


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Options of a running service.

    `environment` are overrides of the functions' variables (`NAME:K` for the function NAME only);
    `layers` maps a layer's ARN to a folder; `retry_delay` is the first wait in seconds before an
    asynchronous invocation is repeated (it doubles); `instance_limit` is per function; an
    instance ends after `idle_seconds` without a request; a custom runtime's program has
    `start_seconds` to open its port; `open_ended`: functions may still come, so
    overrides may name ones that are not there.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, Path] = field(default_factory=dict)
    instance_limit: int = 100
    retry_delay: float = 1.0
    freeze: bool = False
    idle_seconds: float = 300.0
    start_seconds: float = 120.0
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """Something about a function's code that will not work, and what to do."""

    function: str
    text: str


class _Taken(NamedTuple):
    """A function whose code and layers have been copied, and what the code needs."""

    function: Function
    code: Path
    layers: tuple[Path, ...]
    needs: Needs


class Preparation:
    """Makes all that instances need, below one temporary folder.

    `notice` is told what happens to instances between requests: the function's name, a text, and
    the log that belongs to it.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        environments: Environments,
        notice: Callable[[str, str, str], None],
    ) -> None:
        self.warnings: list[str] = []
        self._settings = settings
        self._environments = environments
        self._notice = notice
        self._root: Path | None = None
        self._layers = Layers(settings.layers)

    def all(self, functions: Iterable[Function]) -> tuple[dict[str, Instances], list[Hint]]:
        """Prepare functions, to begin with; no process starts before the first invocation."""
        functions = list(functions)
        with ThreadPoolExecutor() as pool:  # making an environment for the first time takes long
            runtimes = sorted({name for one in functions for name in python_runtimes(one)})
            found = pool.map(self._environments.base, runtimes)
            environments = dict(zip(runtimes, found, strict=True))
        self.warnings = [one.warning for one in environments.values() if one.warning]
        for one in functions:
            self.warnings += [*language_warnings(one), *self._layers.warnings(one)]
        _remove_left_over()
        with _room():
            self._root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        taken = [self._take(function) for function in functions]
        hints = _hints(taken)
        for runtime, environment in environments.items():
            those = [one for one in taken if one.function.runtime == runtime]
            hints += self._complete(environment, those)
        instances = {
            one.function.name: self._instances(one, environments.get(one.function.runtime))
            for one in taken
        }
        return instances, hints

    def one(self, function: Function) -> tuple[Instances, list[Hint]]:
        """Prepare a new or changed function; raises ConfigurationError if it cannot be."""
        bases = [self._environments.base(runtime) for runtime in python_runtimes(function)]
        taken = self._take(function)
        if function.custom:
            return self._instances(taken, None), _hints([taken])
        hints = self._complete(bases[0], [taken])
        return self._instances(taken, bases[0]), _hints([taken]) + hints

    def discard(self) -> None:
        """Remove the copies of code and layers."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    def missing_layer(self, function: Function) -> str:
        """Say which of a function's layers has no folder, and how to give it one; else nothing."""
        return self._layers.missing(function)

    def check_overrides(self, functions: Mapping[str, Function]) -> None:
        """Refuse folders of layers that are not there, and variables of unknown functions."""
        self._layers.check()
        for key in self._settings.environment:
            name, colon, _ = key.partition(":")
            if colon and name not in functions and not self._settings.open_ended:
                raise ConfigurationError(no_such("function", name, functions), f"--env {key}")

    def _take(self, function: Function) -> _Taken:
        with _room():
            layers = self._layers.copies(function, self._root)
            folder = Path(tempfile.mkdtemp(prefix=f"{function.name}-", dir=self._root))
            code = folder / "code"
            try:
                code.mkdir()
                unpack_code(function.code, code, whole_jar=function.starts_jar)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return _Taken(function, code, layers, read_needs(function, code, layers))

    def _complete(self, environment: RuntimeEnvironment, those: list[_Taken]) -> list[Hint]:
        """Add the packages that functions of one runtime need; say which cannot be had."""
        packages = {one for taken in those for one in taken.needs.carried}
        runtime = those[0].function.runtime if those else ""
        lacking = self._environments.add(runtime, environment, sorted(packages))
        hints: list[Hint] = []
        for taken in those:
            for package, place in taken.needs.carried.items():
                if package in lacking:
                    text = _lacking(package, place, runtime, environment)
                    hints.append(Hint(taken.function.name, text))
        return hints

    def _instances(self, taken: _Taken, environment: RuntimeEnvironment | None) -> Instances:
        name = taken.function.name
        settings = InstanceSettings(
            python=environment.python if environment else Path(sys.executable),
            code=taken.code,
            overrides=self._overrides(name),
            layers=taken.layers,
            limit=self._settings.instance_limit,
            freeze=self._settings.freeze,
            idle_seconds=self._settings.idle_seconds,
            start_seconds=self._settings.start_seconds,
            notice=lambda text, log: self._notice(name, text, log),
        )
        return Instances(taken.function, settings)

    def _overrides(self, function: str) -> dict[str, str]:
        given = self._settings.environment
        found = {key: value for key, value in given.items() if ":" not in key}
        prefix = f"{function}:"
        for key, value in given.items():
            if key.startswith(prefix):
                found[key.removeprefix(prefix)] = value
        return found


def _hints(those: Iterable[_Taken]) -> list[Hint]:
    return [Hint(taken.function.name, text) for taken in those for text in taken.needs.hints]


def _lacking(package: Carried, place: str, runtime: str, environment: RuntimeEnvironment) -> str:
    user = f"{place} imports it" if place else "a package in the code needs it"
    return (
        f"{runtime} carries {package.name} {package.version}, and this machine lacks it, but "
        f"{user}: run {environment.python} -m pip install {package.requirement}"
    )


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Say what to do where a copy of the code cannot be written, the disk being full."""
    try:
        yield
    except OSError as error:
        raise NoRoom(
            f"the code cannot be copied: {error.strerror}; make room below "
            f"{tempfile.gettempdir()}, or set TMPDIR to a folder with room",
            *([error.filename] if error.filename else []),
        ) from None


def _remove_left_over() -> None:
    """Remove the folders of stubs that were killed and could not do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}[0-9]*-*"):
        process = folder.name.split("-")[2]
        if process.isdigit() and not _runs(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
