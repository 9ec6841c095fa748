"""The instances of one function: one request each at a time, more of them under load.

Sources: Function Compute, "Instance types and specifications" (in a built-in runtime an instance
handles one request at a time), "Lifecycle hooks for function instances", "Environment variables".
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import time
from collections.abc import Mapping
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
    """How the instances of a function are run: by which Python, from where, how many."""

    python: Path
    code: Path
    overrides: Mapping[str, str]
    layers: tuple[Path, ...]
    limit: int
    freeze: bool


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
        "FC_INSTANCE_ID": f"c-{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(6)}",
        version: "LATEST",
    }
    if function.role:
        environment["ALIBABA_CLOUD_ACCESS_KEY_ID"] = "STS.fc-stub-local"
        environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "fc-stub-local-secret"  # noqa: S105
        environment["ALIBABA_CLOUD_SECURITY_TOKEN"] = "fc-stub-local-token"  # noqa: S105
    environment |= {**function.environment, **settings.overrides}
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

    async def invoke(self, call: Call) -> Invocation:
        """Run one call on an idle instance or a new one; raises Throttled at the limit."""
        instance = self._acquire()
        try:
            return await instance.invoke(call)
        finally:
            if instance.alive:
                self._idle.append(instance)
            else:
                self._all.discard(instance)

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

    async def stop(self) -> str:
        """Run the preStop hooks of idle instances, end all of them; return what the hooks wrote."""
        logs = await asyncio.gather(*(instance.stop() for instance in self._all))
        self._idle.clear()
        self._all.clear()
        return "".join(logs)


class _Instance:
    def __init__(self, function: Function, settings: InstanceSettings) -> None:
        self._function = function
        self._settings = settings
        self._worker = Worker(function.memory, freeze=settings.freeze)
        self._environment = make_environment(function, settings)
        self._ready = False
        self._busy = False

    @property
    def alive(self) -> bool:
        return self._worker.alive

    async def invoke(self, call: Call) -> Invocation:
        self._busy = True
        try:
            return await self._invoke(call)
        except BaseException:
            await self._worker.kill()
            raise
        finally:
            self._busy = False

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
            message = (
                f"Process exited unexpectedly before completing request (code {answer.exit_code})"
            )
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
        if hook and self._ready and self.alive and not self._busy:
            await self._run_hook(hook, Call(secrets.token_hex(8), b""))
        await self._worker.kill()
        return self._worker.log.take()
