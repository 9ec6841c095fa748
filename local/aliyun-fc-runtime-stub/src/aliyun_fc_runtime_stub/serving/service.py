"""The functions of one application at work: synchronous and asynchronous invocations."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import ConfigurationError, FunctionNotFound, RequestRefused
from ..history import History
from ..http_messages import ClientConnection, HttpRequest, ResponseStream
from ..instances.environments import Environments
from ..instances.instance import InstanceState
from ..instances.invocation import Call, Invocation, new_request_id
from ..instances.pool import Instances
from ..near_names import no_such
from ..template.model import Application, Function
from .async_invocations import AsyncInvocations
from .preparation import Hint, Preparation, ServiceSettings
from .switches import Switches
from .timers import Timers

MAX_EVENT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened between invocations.

    `kind`: "reloaded" (a function has changed), "deployed", "removed", "error" (a change could not
    be used; the old one goes on), "hint" (what in changed code will not work), "not_run" (a
    function is known, but cannot run here) or "instance" (one has ended by itself, or its preStop
    hook has written `log`). `function` is empty where no single one is meant.
    """

    kind: str
    function: str
    text: str
    log: str = ""


class Service:
    """Runs functions; owns their instances and asynchronous queue."""

    def __init__(
        self,
        application: Application,
        functions: Iterable[Function],
        settings: ServiceSettings,
        environments: Environments,
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
        self._instances: dict[str, Instances] = {}
        self._retiring: dict[asyncio.Task[None], Instances] = {}
        self.timers: Timers | None = None
        self.refresh: Callable[[str], Awaitable[None]] = _as_it_is
        self.opened: Callable[[Function], None] = _no_port
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.queue = AsyncInvocations(
            self.functions, self._run, settings.retry_delay, settings.instance_limit
        )
        self.switches = Switches()
        self.started = time.monotonic()
        self.hints: list[Hint] = []
        self._preparation = Preparation(settings, environments, self._tell_of_instance)

    @property
    def state_folder(self) -> Path | None:
        """Where what is deployed is kept; None for functions of an s.yaml."""
        return self.application.path.absolute() if self._settings.open_ended else None

    def _tell_of_instance(self, function: str, text: str, log: str) -> None:
        self.notify(Notice("instance", function, text, log))

    @property
    def warnings(self) -> list[str]:
        """What this machine lacks of the platform."""
        return self._preparation.warnings

    def prepare(self) -> None:
        """Take the code of all functions; no process starts before the first invocation."""
        self._preparation.check_overrides(self.functions)
        self._set_aside_what_lacks_a_layer()
        self._instances, self.hints = self._preparation.all(self.functions.values())

    def _set_aside_what_lacks_a_layer(self) -> None:
        for function in list(self.functions.values()):
            if reason := self.missing_layer(function):
                self.not_run[function.name] = reason
                del self.functions[function.name]
        if self.not_run and not self.functions and not self._settings.open_ended:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.not_run.items())
            message = f"there is nothing to run: {reasons}"
            raise ConfigurationError(message, self.application.path)

    async def make(self, function: Function) -> Instances:
        """Take the code of a new or changed function, to be put in its place by `install`.

        Raises ConfigurationError if the code or a layer cannot be used.
        """
        instances, hints = await asyncio.to_thread(self._preparation.one, function)
        for hint in hints:
            if hint not in self.hints:
                self.hints.append(hint)
                self.notify(Notice("hint", hint.function, hint.text))
        return instances

    def install(self, instances: Instances) -> None:
        """Run a function by these instances from now on; calls that are running end on the old."""
        name = instances.function.name
        old = self._instances.get(name)
        self.opened(instances.function)  # first: who sees a function may ask for its address
        self._instances[name] = instances
        self.functions[name] = instances.function
        self.not_run.pop(name, None)
        if old is not None:
            self._retire(old)
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

    def missing_layer(self, function: Function) -> str:
        """Say which of a function's layers has no folder, and how to give it one; else nothing."""
        return self._preparation.missing_layer(function)

    def function(self, name: str) -> Function:
        """Return a function; raises FunctionNotFound."""
        if name in self.not_run:
            raise FunctionNotFound(f"the function {name!r} is not run: {self.not_run[name]}")
        if name not in self.functions:
            raise FunctionNotFound(no_such("function", name, self.functions))
        return self.functions[name]

    async def invoke(
        self,
        name: str,
        event: bytes,
        *,
        request_id: str = "",
        trigger: str = "event",
        request: HttpRequest | None = None,
        stream: ResponseStream | None = None,
        connection: ClientConnection | None = None,
    ) -> Invocation:
        """Invoke synchronously. FC never repeats such an invocation ("Retry policy" page).

        `request`: of an HTTP trigger whose function takes requests as they are (`kinds.py`).
        """
        self.function(name)
        if trigger == "event" and len(event) > MAX_EVENT:
            raise RequestRefused(413, "EntityTooLarge", "the event is over 32 MB")
        call = Call(
            request_id or new_request_id(),
            event,
            trigger,
            request=request,
            stream=stream,
            connection=connection,
        )
        return await self._run(name, call)

    async def _run(self, name: str, call: Call) -> Invocation:
        if self._stopping:
            raise RequestRefused(503, "ServiceUnavailable", "the stub is stopping")
        await self.refresh(name)
        self.function(name)  # it may have been removed while the call waited
        self.switches.check(name)
        invocation = await self._instances[name].invoke(call)
        self.recorded.append(invocation)
        self._listener(invocation)
        return invocation

    def invoke_later(
        self,
        name: str,
        event: bytes,
        *,
        request_id: str = "",
        trigger: str = "async",
        request: HttpRequest | None = None,
    ) -> str:
        """Accept an asynchronous invocation (at most 128 KB); return its request id."""
        return self.queue.accept(
            self.function(name), event, request_id=request_id, trigger=trigger, request=request
        )

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
        self._preparation.discard()


async def _as_it_is(_name: str) -> None:
    """Reload nothing."""


def _no_port(_function: Function) -> None:
    """Open no port."""
