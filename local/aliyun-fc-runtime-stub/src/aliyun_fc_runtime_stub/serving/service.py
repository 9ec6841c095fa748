"""The functions of one application at work: synchronous and asynchronous invocations."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..errors import ConfigurationError, FunctionNotFound, NoRoom, RequestRefused
from ..history import History
from ..instances.instance import InstanceSettings, InstanceState
from ..instances.interpreters import RuntimeEnvironment
from ..instances.invocation import Call, Invocation, new_request_id
from ..instances.pool import Instances
from ..package.unpacking import unpack_code
from ..template.model import Application, Function
from .async_invocations import AsyncInvocations
from .timers import Timers

_FOLDER = "fc-stub-"
MAX_EVENT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Options of a running service.

    `environment` are overrides of the functions' variables (`NAME:K` for the function NAME only);
    `layers` maps a layer's ARN to a folder; `retry_delay` is the first wait in seconds before an
    asynchronous invocation is repeated (it doubles); `instance_limit` is per function; an
    instance ends after `idle_seconds` without a request; `open_ended`: functions may still come, so
    overrides may name ones that are not there.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, Path] = field(default_factory=dict)
    instance_limit: int = 100
    retry_delay: float = 1.0
    freeze: bool = False
    idle_seconds: float = 300.0
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened between invocations.

    `kind`: "reloaded" (a function has changed), "deployed", "removed", "error" (a change could not
    be used; the old one goes on), "not_run" (a function is known, but cannot run here) or
    "instance" (one has ended by itself, or its preStop hook has written `log`). `function` is empty
    where no single one is meant.
    """

    kind: str
    function: str
    text: str
    log: str = ""


class Service:
    """Runs functions; owns their code folders, instances and asynchronous queue."""

    def __init__(
        self,
        application: Application,
        functions: Iterable[Function],
        settings: ServiceSettings,
        pythons: Callable[[str], RuntimeEnvironment],
        listener: Callable[[Invocation], None],
        notify: Callable[[Notice], None],
    ) -> None:
        self.application = application
        self.functions = {function.name: function for function in functions}
        self.not_run: dict[str, str] = {}
        self.recorded = History[Invocation](lambda one: len(one.payload) + len(one.log))
        self._settings = settings
        self.notify = notify
        self._listener = listener
        self._pythons = pythons
        self._instances: dict[str, Instances] = {}
        self._retiring: dict[asyncio.Task[None], Instances] = {}
        self._layers: dict[str, Path] = {}
        self._layers_turn = threading.Lock()
        self.timers: Timers | None = None
        self.refresh: Callable[[str], Awaitable[None]] = _as_it_is
        self.opened: Callable[[Function], None] = _no_port
        self._tasks: list[asyncio.Task[None]] = []
        self._root: Path | None = None
        self._stopping = False
        self.queue = AsyncInvocations(
            self.functions, self._run, settings.retry_delay, settings.instance_limit
        )
        self.started = time.monotonic()
        self.warnings: list[str] = []

    @property
    def state_folder(self) -> Path | None:
        """Where what is deployed is kept; None for functions of an s.yaml."""
        return self.application.path.absolute() if self._settings.open_ended else None

    def prepare(self) -> None:
        """Take the code of all functions; no process starts before the first invocation."""
        self._check_overrides()
        self._set_aside_what_lacks_a_layer()
        with ThreadPoolExecutor() as pool:  # making an environment for the first time takes long
            runtimes = sorted({function.runtime for function in self.functions.values()})
            environments = dict(zip(runtimes, pool.map(self._pythons, runtimes), strict=True))
        self.warnings = [found.warning for found in environments.values() if found.warning]
        _remove_left_over()
        with _room():
            self._root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        for name, function in self.functions.items():
            self._instances[name] = self._make(function, environments[function.runtime])

    def _set_aside_what_lacks_a_layer(self) -> None:
        for function in list(self.functions.values()):
            if reason := self.missing_layer(function):
                self.not_run[function.name] = reason
                del self.functions[function.name]
        if self.not_run and not self.functions and not self._settings.open_ended:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.not_run.items())
            message = f"there is nothing to run: {reasons}"
            raise ConfigurationError(message, self.application.path)

    def _make(self, function: Function, environment: RuntimeEnvironment) -> Instances:
        layers = self._layers_of(function)
        with _room():
            folder = Path(tempfile.mkdtemp(prefix=f"{function.name}-", dir=self._root))
            code = folder / "code"
            try:
                code.mkdir()
                unpack_code(function.code, code)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        settings = InstanceSettings(
            python=environment.python,
            code=code,
            overrides=self._overrides(function.name),
            layers=layers,
            limit=self._settings.instance_limit,
            freeze=self._settings.freeze,
            idle_seconds=self._settings.idle_seconds,
            notice=lambda text, log: self.notify(Notice("instance", function.name, text, log)),
        )
        return Instances(function, settings)

    async def make(self, function: Function) -> Instances:
        """Take the code of a new or changed function, to be put in its place by `install`.

        Raises ConfigurationError if the code or a layer cannot be used.
        """
        environment = await asyncio.to_thread(self._pythons, function.runtime)
        return await asyncio.to_thread(self._make, function, environment)

    def install(self, instances: Instances) -> None:
        """Run a function by these instances from now on; calls that are running end on the old."""
        name = instances.function.name
        old = self._instances.get(name)
        self.functions[name] = instances.function
        self.not_run.pop(name, None)
        self._instances[name] = instances
        if old is not None:
            self._retire(old)
        self.opened(instances.function)
        self._follow_timers()

    def update(self, function: Function) -> None:
        """Take changed triggers and asynchronous settings of a function; its instances stay."""
        self._instances[function.name].function = function
        self.functions[function.name] = function
        self.opened(function)
        self._follow_timers()

    def discard_made(self, instances: Instances) -> None:
        """Drop what `make` has returned and `install` was not given."""
        self._retire(instances)

    def remove(self, name: str) -> None:
        """Run a function no more; calls that are running end first."""
        self.not_run.pop(name, None)
        if name in self.functions:
            del self.functions[name]
            self._retire(self._instances.pop(name))
            self._follow_timers()

    def set_aside(self, name: str, reason: str) -> None:
        """Know of a function that cannot run here, for this reason."""
        known = self.not_run.get(name)
        self.remove(name)
        self.not_run[name] = reason
        if reason != known:
            self.notify(Notice("not_run", name, reason))

    def _follow_timers(self) -> None:
        if self.timers:
            self.timers.follow(self.functions.values())

    def _retire(self, instances: Instances) -> None:
        async def end() -> None:
            if log := await instances.retire():
                text = "an instance of the version before has ended"
                self.notify(Notice("instance", instances.function.name, text, log))
            await asyncio.to_thread(shutil.rmtree, instances.code.parent, ignore_errors=True)

        task = asyncio.get_running_loop().create_task(end())
        self._retiring[task] = instances
        task.add_done_callback(self._retiring.pop)

    def instance_states(self, name: str) -> list[InstanceState]:
        """Return what the instances of a function are doing, those of versions before included."""
        of_it = [self._instances[name], *self._retiring.values()]
        return [state for one in of_it if one.function.name == name for state in one.states()]

    def _overrides(self, function: str) -> dict[str, str]:
        given = self._settings.environment
        found = {key: value for key, value in given.items() if ":" not in key}
        prefix = f"{function}:"
        for key, value in given.items():
            if key.startswith(prefix):
                found[key.removeprefix(prefix)] = value
        return found

    def _check_overrides(self) -> None:
        for arn, folder in self._settings.layers.items():
            if not Path(folder).is_dir():
                raise ConfigurationError(f"there is no folder {folder}", f"--layer {arn}")
        for key in self._settings.environment:
            name, colon, _ = key.partition(":")
            if colon and name not in self.functions and not self._settings.open_ended:
                known = ", ".join(self.functions)
                message = f"there is no function {name!r}; there are: {known}"
                raise ConfigurationError(message, f"--env {key}")

    def missing_layer(self, function: Function) -> str:
        """Say which layer of a function is not on this machine, and what to do; empty if none."""
        missing = [arn for arn in function.layers if arn not in self._settings.layers]
        if not missing:
            return ""
        return (
            f"the layer {missing[0]} is not on this machine: unpack it into a folder and give "
            f"--layer {missing[0]}=FOLDER"
        )

    def _layers_of(self, function: Function) -> tuple[Path, ...]:
        """Return copies of a function's layers: Python and functions write into what they use."""
        if reason := self.missing_layer(function):
            raise ConfigurationError(reason, function.resource, "layers")
        with self._layers_turn:
            return tuple(self._layer(arn) for arn in function.layers)

    def _layer(self, arn: str) -> Path:
        if arn not in self._layers:
            with _room():
                copy = Path(tempfile.mkdtemp(prefix="layer-", dir=self._root))
                source = Path(self._settings.layers[arn])
                shutil.copytree(source, copy, symlinks=True, dirs_exist_ok=True)
                self._layers[arn] = copy
        return self._layers[arn]

    def function(self, name: str) -> Function:
        """Return a function; raises FunctionNotFound."""
        if name in self.not_run:
            raise FunctionNotFound(f"the function {name!r} is not run: {self.not_run[name]}")
        if name not in self.functions:
            known = ", ".join(self.functions) or "none"
            raise FunctionNotFound(f"there is no function {name!r}; there are: {known}")
        return self.functions[name]

    async def invoke(
        self, name: str, event: bytes, *, request_id: str = "", trigger: str = "event"
    ) -> Invocation:
        """Invoke synchronously. FC never repeats such an invocation ("Retry policy" page)."""
        self.function(name)
        if trigger == "event" and len(event) > MAX_EVENT:
            raise RequestRefused(413, "EntityTooLarge", "the event is over 32 MB")
        call = Call(request_id or new_request_id(), event, trigger)
        return await self._run(name, call)

    async def _run(self, name: str, call: Call) -> Invocation:
        if self._stopping:
            raise RequestRefused(503, "ServiceUnavailable", "the stub is stopping")
        await self.refresh(name)
        self.function(name)  # it may have been removed while the call waited
        invocation = await self._instances[name].invoke(call)
        self.recorded.append(invocation)
        self._listener(invocation)
        return invocation

    def invoke_later(
        self, name: str, event: bytes, *, request_id: str = "", trigger: str = "async"
    ) -> str:
        """Accept an asynchronous invocation (at most 128 KB); return its request id."""
        return self.queue.accept(self.function(name), event, request_id=request_id, trigger=trigger)

    def start_timers(self, clock: Callable[[], datetime]) -> None:
        """Run the functions' timers from now on, by this clock."""
        self.timers = Timers(
            self.functions.values(),
            lambda function, event: self.invoke_later(function.name, event, trigger="timer"),
            clock,
        )
        self.run_beside(self.timers.run())

    def run_beside(self, work: Coroutine[None, None, None]) -> None:
        """Run something until the service stops."""
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def stop(self) -> str:
        """Drop what is queued, run preStop hooks, end all instances; return the hooks' output."""
        self._stopping = True
        for beside in self._tasks:
            beside.cancel()
        await self.queue.cancel()
        for task in self._retiring:
            task.cancel()
        ending = [*self._instances.values(), *self._retiring.values()]
        logs = await asyncio.gather(*(one.stop() for one in ending))
        self.discard()
        return "".join(logs)

    def discard(self) -> None:
        """Remove the copies of the code."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)


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


async def _as_it_is(_name: str) -> None:
    """Reload nothing."""


def _no_port(_function: Function) -> None:
    """Open no port."""


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
