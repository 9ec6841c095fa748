"""The functions of one application at work: synchronous and asynchronous invocations."""

from __future__ import annotations

import asyncio
import collections
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from .async_invocations import AsyncInvocations
from .code_package import unpack_code
from .errors import ConfigurationError, FunctionNotFound, RequestRefused
from .instances import Call, Instances, InstanceSettings
from .interpreters import RuntimeEnvironment
from .invocation import Invocation, new_request_id
from .model import Application, Function
from .timers import Timers

_FOLDER = "fc-stub-"
MAX_EVENT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Options of a running service.

    `environment` are overrides of the functions' variables (`NAME:K` for the function NAME only);
    `layers` maps a layer's ARN to a folder; `retry_delay` is the first wait in seconds before an
    asynchronous invocation is repeated (it doubles); `instance_limit` is per function.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, Path] = field(default_factory=dict)
    instance_limit: int = 100
    retry_delay: float = 1.0
    freeze: bool = False


class Service:
    """Runs functions; owns their code folders, instances and asynchronous queue."""

    def __init__(
        self,
        application: Application,
        functions: Iterable[Function],
        settings: ServiceSettings,
        pythons: Callable[[str], RuntimeEnvironment],
        listener: Callable[[Invocation], None],
    ) -> None:
        self.application = application
        self.functions = {function.name: function for function in functions}
        self.recorded: collections.deque[Invocation] = collections.deque(maxlen=10_000)
        self._settings = settings
        self._listener = listener
        self._pythons = pythons
        self._instances: dict[str, Instances] = {}
        self._timer_task: asyncio.Task[None] | None = None
        self._root: Path | None = None
        self._stopping = False
        self.queue = AsyncInvocations(self.functions, self._run, settings.retry_delay)
        self.warnings: list[str] = []

    def prepare(self) -> None:
        """Take the code of all functions; no process starts before the first invocation."""
        overrides = {name: self._overrides(name) for name in self.functions}
        self._check_override_names()
        with ThreadPoolExecutor() as pool:  # making an environment for the first time takes long
            runtimes = sorted({function.runtime for function in self.functions.values()})
            environments = dict(zip(runtimes, pool.map(self._pythons, runtimes), strict=True))
        self.warnings = [found.warning for found in environments.values() if found.warning]
        _remove_left_over()
        self._root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        for name, function in self.functions.items():
            code = self._root / name / "code"
            code.mkdir(parents=True)
            unpack_code(function.code, code)
            settings = InstanceSettings(
                python=environments[function.runtime].python,
                code=code,
                overrides=overrides[name],
                layers=self._layers(function),
                limit=self._settings.instance_limit,
                freeze=self._settings.freeze,
            )
            self._instances[name] = Instances(function, settings)

    def _overrides(self, function: str) -> dict[str, str]:
        given = self._settings.environment
        found = {key: value for key, value in given.items() if ":" not in key}
        prefix = f"{function}:"
        for key, value in given.items():
            if key.startswith(prefix):
                found[key.removeprefix(prefix)] = value
        return found

    def _check_override_names(self) -> None:
        for key in self._settings.environment:
            name, colon, _ = key.partition(":")
            if colon and name not in self.functions:
                raise ConfigurationError(f"there is no function {name!r}", f"--env {key}")

    def _layers(self, function: Function) -> tuple[Path, ...]:
        missing = [arn for arn in function.layers if arn not in self._settings.layers]
        if missing:
            raise ConfigurationError(
                f"the layer {missing[0]} is not on this machine: unpack it into a folder and give "
                f"--layer {missing[0]}=FOLDER",
                self.application.path.name,
                function.resource,
                "layers",
            )
        return tuple(Path(self._settings.layers[arn]).resolve() for arn in function.layers)

    def function(self, name: str) -> Function:
        """Return a function; raises FunctionNotFound."""
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
        invocation = await self._instances[name].invoke(call)
        self.recorded.append(invocation)
        self._listener(invocation)
        return invocation

    def invoke_later(
        self, name: str, event: bytes, *, request_id: str = "", trigger: str = "async"
    ) -> str:
        """Accept an asynchronous invocation (at most 128 KB); return its request id."""
        return self.queue.accept(self.function(name), event, request_id=request_id, trigger=trigger)

    def start_timers(self, clock: Callable[[], datetime]) -> Timers:
        """Run the functions' timers from now on, by this clock."""
        timers = Timers(
            self.functions.values(),
            lambda function, event: self.invoke_later(function.name, event, trigger="timer"),
            clock,
        )
        self._timer_task = asyncio.get_running_loop().create_task(timers.run())
        return timers

    async def stop(self) -> str:
        """Drop what is queued, run preStop hooks, end all instances; return the hooks' output."""
        self._stopping = True
        if self._timer_task:
            self._timer_task.cancel()
        await self.queue.cancel()
        logs = await asyncio.gather(*(one.stop() for one in self._instances.values()))
        self.discard()
        return "".join(logs)

    def discard(self) -> None:
        """Remove the copies of the code."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)


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
