"""An instance of a built-in Python runtime.

Sources: Function Compute, "Instance types and specifications" (in a built-in runtime an instance
handles one request at a time), "Lifecycle hooks for function instances".
"""

from __future__ import annotations

import math
import time
from typing import Any

from ..account import ACCOUNT_ID
from ..template.model import Function, Hook
from .environment import make_environment
from .instance import InstanceSettings, InstanceState
from .instance_process import End
from .invocation import (
    INITIALIZATION,
    MAX_RESULT,
    UNHANDLED,
    Call,
    Invocation,
    error_body,
    exit_text,
    new_request_id,
)
from .log_text import INITIALIZE, INVOKE, PRE_STOP, framed
from .worker import Answer, Worker


class BuiltInInstance:
    """An instance of a Python runtime: one bootstrap.py, one call at a time."""

    capacity = 1

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
        """Whether it may be given another call."""
        return self._worker.alive

    def state(self) -> InstanceState:
        """Return what it is doing."""
        memory = round(self._worker.memory_kib / 1024, 2)
        return InstanceState(self._worker.process_id, self._busy, memory, self._requests)

    def _exited(self) -> None:
        if self._busy:
            return
        why = exit_text(self._worker.exit_code)
        if self._worker.end is End.MEMORY:
            used = self._worker.memory_kib // 1024
            why = f"it used {used} MB of memory; memorySize is {self._function.memory} MB"
        self._settings.notice(
            f"an instance has ended between requests: {why}", self._worker.log.take()
        )

    async def invoke(self, call: Call) -> Invocation:
        """Start it if need be, run one call, return what came of it."""
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
        if not self._ready:
            await self._start()
            begin = time.perf_counter()
        log = self._worker.log.take()
        kind, timeout = UNHANDLED, self._function.timeout
        hook = None if self._ready else self._function.initializer
        if hook is not None:
            answer, written = await self._run_hook(INITIALIZE, hook, call)
            log += written
        if hook is not None and not answer.ok:
            kind, timeout = INITIALIZATION, hook.timeout
            await self._worker.kill()
        else:
            self._ready = True
            answer, written = await self._handle(call)
            log += written
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
            log=log,
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
            "function_name": function.function_name,
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

    async def _handle(self, call: Call) -> tuple[Answer, str]:
        """Call the handler; return what came of it, and its log."""
        head = self._head(call, self._function.handler, hook=False)
        answer = await self._worker.call(head, call.event, self._function.timeout)
        failed = not answer.ok or len(answer.payload) > MAX_RESULT
        return answer, framed(INVOKE, call.request_id, self._worker.log.take(), failed=failed)

    async def _run_hook(self, name: str, hook: Hook, call: Call) -> tuple[Answer, str]:
        """Run a hook; return what came of it, and its log."""
        head = self._head(call, hook.handler, hook=True)
        answer = await self._worker.call(head, b"", hook.timeout)
        text = self._worker.log.take()
        return answer, framed(name, call.request_id, text, failed=not answer.ok)

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
            how = exit_text(answer.exit_code)
            message = f"Process exited unexpectedly before completing request ({how})"
            return error_body("FunctionExitError", message), kind
        return answer.payload, kind

    async def stop(self) -> str:
        """Run the preStop hook, end the process, return what was written."""
        hook = self._function.pre_stop
        idle = not self._busy
        self._busy = True  # an end that is wanted is no news
        log = ""
        if hook and self._ready and self.alive and idle:
            between = self._worker.log.take()
            _, log = await self._run_hook(PRE_STOP, hook, Call(new_request_id(), b""))
            log = between + log
        await self._worker.kill()
        return log + self._worker.log.take()
