"""The instances of one function: one request each at a time, more of them under load.

Sources: Function Compute, "Instance types and specifications" (in a built-in runtime an instance
handles one request at a time), "Lifecycle hooks for function instances", "Environment variables".
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import Throttled
from .invocation import MAX_RESULT, Invocation, error_body
from .model import ACCOUNT_ID, Function, Hook
from .worker import Answer, End, Worker

UNHANDLED = "UnhandledInvocationError"
INITIALIZATION = "InitializationError"


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """How the instances of a function are run: by which Python, from where, how many.

    An instance that has had no request for `idle_seconds` ends. `notice` is told what happens
    between requests: a text and the log that belongs to it.
    """

    python: Path
    code: Path
    overrides: Mapping[str, str]
    layers: tuple[Path, ...]
    limit: int
    freeze: bool
    idle_seconds: float
    notice: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class InstanceState:
    """What one instance is doing: its process, memory in MB, requests so far."""

    process_id: int | None
    busy: bool
    memory_mb: float
    requests: int


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an instance."""

    request_id: str
    event: bytes
    trigger: str = "event"
    attempt: int = 1


def make_environment(function: Function, settings: InstanceSettings) -> dict[str, str]:
    """Return all environment variables of a function ("Environment variables" page), no others.

    Paths below /code and /opt in PYTHONPATH are moved to where code and layers lie here. Temporary
    keys exist only for a function with a role, as on FC; the ones made here are worthless.
    """
    code = str(settings.code)
    version = "FC_FUNCTION_VERSION" if function.runtime == "python3.12" else "FC_VER_ID"
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": os.path.realpath("/tmp"),  # noqa: S108
        "PWD": code,
        "TERM": "xterm",
        "FC_FUNC_CODE_PATH": code,
        "FC_ACCOUNT_ID": ACCOUNT_ID,
        "FC_FUNCTION_HANDLER": function.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(function.memory),
        "FC_FUNCTION_NAME": function.name,
        "FC_REGION": function.region,
        "FC_CUSTOM_LISTEN_PORT": "9000",
        version: "LATEST",
    }
    if function.role:
        environment["ALIBABA_CLOUD_ACCESS_KEY_ID"] = "STS.fc-stub-local"
        environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "fc-stub-local-secret"  # noqa: S105
        environment["ALIBABA_CLOUD_SECURITY_TOKEN"] = "fc-stub-local-token"  # noqa: S105
    environment |= {**function.environment, **settings.overrides}
    identity = f"c-{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(6)}"
    environment["FC_INSTANCE_ID"] = identity  # nobody's to choose: leftovers are found by it
    if "PYTHONPATH" in environment:
        places = environment["PYTHONPATH"].split(":")
        environment["PYTHONPATH"] = ":".join(_moved(place, settings) for place in places)
    return environment


def _moved(place: str, settings: InstanceSettings) -> str:
    if place == "/code" or place.startswith("/code/"):
        return f"{settings.code}{place.removeprefix('/code')}"
    if place.startswith("/opt/"):
        for layer in settings.layers:
            if (moved := layer / place.removeprefix("/opt/")).exists():
                return str(moved)
    return place


class Instances:
    """All instances of one function."""

    def __init__(self, function: Function, settings: InstanceSettings) -> None:
        self.function = function
        self._settings = settings
        self._idle: list[_Instance] = []
        self._all: set[_Instance] = set()
        self._freed = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def states(self) -> list[InstanceState]:
        """Return what each instance is doing, the busy ones first."""
        found = (instance.state() for instance in self._all if instance.alive)
        return sorted(found, key=lambda state: not state.busy)

    @property
    def code(self) -> Path:
        """The folder with the function's code."""
        return self._settings.code

    async def invoke(self, call: Call) -> Invocation:
        """Run one call on an idle instance or a new one; raises Throttled at the limit."""
        instance = self._acquire()
        try:
            return await instance.invoke(call)
        finally:
            if instance.alive:
                self._idle.append(instance)
                self._sweep_later()
            else:
                self._all.discard(instance)
            self._freed.set()

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            wait = self._idle[0].last_used + self._settings.idle_seconds - time.monotonic()
            self._sweeper = asyncio.get_running_loop().call_later(wait, self._sweep)

    def _sweep(self) -> None:
        """End what has been idle for long; those at the front of the list have been it longest."""
        self._sweeper = None
        oldest = time.monotonic() - self._settings.idle_seconds
        while self._idle and self._idle[0].last_used <= oldest:
            task = asyncio.get_running_loop().create_task(self._end(self._idle.pop(0)))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        if self._idle:
            self._sweep_later()

    async def _end(self, instance: _Instance) -> None:
        log = await instance.stop()
        self._all.discard(instance)
        self._freed.set()
        if log:
            self._settings.notice("an idle instance has ended", log)

    def _acquire(self) -> _Instance:
        while self._idle:
            instance = self._idle.pop()
            if instance.alive:
                return instance
            self._all.discard(instance)
        if len(self._all) >= self._settings.limit:
            raise Throttled(
                f"all {self._settings.limit} instances of {self.function.name!r} are busy"
            )
        instance = _Instance(self.function, self._settings)
        self._all.add(instance)
        return instance

    async def retire(self) -> str:
        """End each instance when its call is over; nothing may be invoked any more.

        Returns what the preStop hooks wrote.
        """
        logs = []
        self._stop_sweeping()
        while self._all:
            self._freed.clear()
            idle, self._idle = self._idle, []
            logs += await asyncio.gather(*(instance.stop() for instance in idle))
            self._all.difference_update(idle)
            if self._all and not self._idle:
                await self._freed.wait()
        return "".join(logs)

    async def stop(self) -> str:
        """Run the preStop hooks of idle instances, end all of them; return what the hooks wrote."""
        self._stop_sweeping()
        logs = await asyncio.gather(*(instance.stop() for instance in self._all))
        self._idle.clear()
        self._all.clear()
        return "".join(logs)

    def _stop_sweeping(self) -> None:
        if self._sweeper:
            self._sweeper.cancel()


class _Instance:
    def __init__(self, function: Function, settings: InstanceSettings) -> None:
        self._function = function
        self._settings = settings
        self._worker = Worker(function.memory, self._exited, freeze=settings.freeze)
        self._environment = make_environment(function, settings)
        self._ready = False
        self._busy = False
        self._requests = 0
        self.last_used = 0.0

    @property
    def alive(self) -> bool:
        return self._worker.alive

    def state(self) -> InstanceState:
        memory = round(self._worker.memory_kib / 1024, 2)
        return InstanceState(self._worker.process_id, self._busy, memory, self._requests)

    def _exited(self) -> None:
        if self._busy:
            return
        why = _exit_text(self._worker.exit_code)
        if self._worker.end is End.MEMORY:
            used = self._worker.memory_kib // 1024
            why = f"it used {used} MB of memory; memorySize is {self._function.memory} MB"
        self._settings.notice(
            f"an instance has ended between requests: {why}", self._worker.log.take()
        )

    async def invoke(self, call: Call) -> Invocation:
        self._busy = True
        self._requests += 1
        try:
            return await self._invoke(call)
        except BaseException:
            await self._worker.kill()
            raise
        finally:
            self._busy = False
            self.last_used = time.monotonic()

    async def _invoke(self, call: Call) -> Invocation:
        begin, started = time.perf_counter(), time.time()
        kind = UNHANDLED
        answer: Answer | None = None
        if not self._ready:
            await self._start()
            begin = time.perf_counter()
            answer = await self._initialize(call)
        before = self._worker.log.take()
        if answer is None or answer.ok:
            self._ready = True
            head = self._head(call, self._function.handler, hook=False)
            answer = await self._worker.call(head, call.event, self._function.timeout)
            timeout = self._function.timeout
        else:
            kind = INITIALIZATION
            timeout = self._function.initializer.timeout if self._function.initializer else 0
            await self._worker.kill()
        payload, error_type = self._outcome(answer, kind, timeout)
        duration = (time.perf_counter() - begin) * 1000
        headers = {"X-Fc-Request-Id": call.request_id}
        if error_type:
            headers["X-Fc-Error-Type"] = error_type
        return Invocation(
            function=self._function.name,
            request_id=call.request_id,
            status=200,
            headers=headers,
            payload=payload,
            error_type=error_type,
            log=before + self._framed(call.request_id, self._worker.log.take(), error_type),
            duration_ms=round(duration, 3),
            billed_ms=math.ceil(duration),
            memory_mb=round(answer.memory_kib / 1024, 2),
            trigger=call.trigger,
            attempt=call.attempt,
            started=started,
        )

    async def _start(self) -> None:
        function = self._function
        config = {
            "runtime": function.runtime,
            "function_name": function.name,
            "handler": function.handler,
            "memory": function.memory,
            "timeout": function.timeout,
            "region": function.region,
            "account_id": ACCOUNT_ID,
            "log_project": function.log_project,
            "log_store": function.log_store,
            "code": str(self._settings.code),
            "layers": [str(layer) for layer in self._settings.layers],
            "freeze": self._settings.freeze,
        }
        await self._worker.start(
            self._settings.python, self._settings.code, self._environment, config
        )

    async def _initialize(self, call: Call) -> Answer | None:
        hook = self._function.initializer
        return None if hook is None else await self._run_hook(hook, call)

    async def _run_hook(self, hook: Hook, call: Call) -> Answer:
        return await self._worker.call(self._head(call, hook.handler, hook=True), b"", hook.timeout)

    def _head(self, call: Call, handler: str, *, hook: bool) -> dict[str, Any]:
        keys = self._environment
        return {
            "request_id": call.request_id,
            "handler": handler,
            "hook": hook,
            "retry_count": call.attempt - 1,
            "credentials": {
                "access_key_id": keys.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
                "access_key_secret": keys.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
                "security_token": keys.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
            },
        }

    def _outcome(self, answer: Answer, kind: str, timeout: int) -> tuple[bytes, str | None]:
        if answer.ok:
            if len(answer.payload) > MAX_RESULT:
                message = f"the result is {len(answer.payload)} bytes; at most 32 MB are allowed"
                return error_body("ResponseSizeTooLarge", message), kind
            return answer.payload, None
        if answer.end is End.TIMEOUT:
            name = "FunctionTimeoutError"
            return error_body(name, f"Function timed out after {timeout} seconds"), kind
        if answer.end is End.MEMORY:
            used, limit = answer.memory_kib // 1024, self._function.memory
            message = f"Function used {used} MB of memory; its memorySize is {limit} MB"
            return error_body("FunctionOOMError", message), kind
        if answer.end is End.EXIT:
            how = _exit_text(answer.exit_code)
            message = f"Process exited unexpectedly before completing request ({how})"
            return error_body("FunctionExitError", message), kind
        return answer.payload, kind

    @staticmethod
    def _framed(request_id: str, text: str, error_type: str | None) -> str:
        end = {None: "", INITIALIZATION: ", Error: Initialization error"}.get(
            error_type, ", Error: Unhandled function error"
        )
        return (
            f"FC Invoke Start RequestId: {request_id}\n{text}"
            f"FC Invoke End RequestId: {request_id}{end}\n"
        )

    async def stop(self) -> str:
        hook = self._function.pre_stop
        idle = not self._busy
        self._busy = True  # an end that is wanted is no news
        if hook and self._ready and self.alive and idle:
            await self._run_hook(hook, Call(secrets.token_hex(8), b""))
        await self._worker.kill()
        return self._worker.log.take()


def _exit_text(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
