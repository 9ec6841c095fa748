"""An instance of a custom runtime: a program that answers HTTP, several requests at a time.

Sources: "Web functions" and "Specifications" of custom runtimes (POST /invoke, x-fc-status, what is
passed on), "Function instance lifecycle hooks" (POST /initialize, GET /pre-stop, 2xx), "Configure
instance health checks", "Configure instance concurrency".
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from dataclasses import dataclass

from ...http_messages import ClientConnection, HttpResponse
from ...template.model import Function
from ..instance import InstanceSettings, InstanceState
from ..instance_process import End
from ..invocation import (
    INITIALIZATION,
    UNHANDLED,
    Call,
    Invocation,
    error_body,
    exit_text,
    new_request_id,
)
from .client import ConnectionLost, NotHttp, ProgramRequest
from .exchange import ClientGone, Exchange, Received, TooLarge
from .health import HealthChecks
from .program import Failure, Program
from .requests import INITIALIZE, PRE_STOP, ProgramRequests
from .tunnel import Tunnel

_EXIT_SECONDS = 2.0  # a connection that is lost is mostly a process that is about to be gone
_LOGS = 2048  # characters of the log that an error shows


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call, as an Invocation tells it."""

    payload: bytes
    error_type: str | None = None
    response: HttpResponse | None = None
    status: int = 200


class CustomInstance:
    """One program. The first call starts it; calls that come meanwhile wait for that."""

    def __init__(self, function: Function, settings: InstanceSettings) -> None:
        self.capacity = function.concurrency
        self.last_used = 0.0
        self._function = function
        self._settings = settings
        self._program = Program(function, settings, self._exited)
        self._process = self._program.process
        self._starting: asyncio.Task[Failure | Outcome | None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ready = False
        self._leaving = False  # takes no more calls
        self._running = 0
        self._requests = 0
        self._opened = 0.0
        self._start_log = ""

    @property
    def alive(self) -> bool:
        """Whether it may be given another call."""
        if self._leaving or self._process.end is not None:
            return False
        return self._process.running or not self._ready

    def state(self) -> InstanceState:
        """Return what it is doing."""
        memory = round(self._process.memory_kib / 1024, 2)
        busy = self._running > 0
        return InstanceState(self._process.process_id, busy, memory, self._requests)

    def _exited(self) -> None:
        between = self._ready and not self._running and not self._leaving
        self._leaving = True
        if self._watching:
            self._watching.cancel()
        if not between:
            return
        why = exit_text(self._process.exit_code)
        if self._process.end is End.MEMORY:
            used, limit = self._process.memory_kib // 1024, self._function.memory
            why = f"it used {used} MB of memory; memorySize is {limit} MB"
        text = f"an instance has ended between requests: {why}"
        self._settings.notice(text, self._process.log.take())

    async def invoke(self, call: Call) -> Invocation:
        """Start it if need be, run one call, return what came of it."""
        self._running += 1
        self._requests += 1
        begin, started = time.perf_counter(), time.time()
        try:
            found = await self._start_once(call)
            begin = max(begin, self._opened)  # hooks are billed, the start of a program is not
            if isinstance(found, Failure):
                outcome = _refused(found, call)
            else:
                outcome = found or await self._call(call)
        except BaseException:
            self._leaving = True
            await self._program.kill()
            raise
        finally:
            self._running -= 1
            self.last_used = time.monotonic()
        self._process.read_output()
        duration = (time.perf_counter() - begin) * 1000
        invocation = self._invocation(call, outcome, started=started, duration=duration)
        await self._rest()
        return invocation

    async def _rest(self) -> None:
        """End or freeze it once no call is running."""
        if self._running:
            return
        if self._process.running:
            self._process.set_busy(False)
        if self._leaving:
            await self._program.kill()
        elif self._settings.freeze and self._process.running:
            self._process.freeze()

    async def _start_once(self, call: Call) -> Failure | Outcome | None:
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start(call))
        return await asyncio.shield(self._starting)

    async def _start(self, call: Call) -> Failure | Outcome | None:
        """Start the program; return what calls that wait for it get where that fails."""
        failure = await self._program.start()
        if failure is None:
            self._opened = time.perf_counter()
            self._process.set_busy(True)
            if outcome := await self._initialize(call):
                self._leaving = True
                return outcome
            failure = await self._check_health()
        if failure is not None:
            self._leaving = True
            await self._program.kill()
            return self._with_log(failure)
        self._ready = True
        return None

    async def _initialize(self, call: Call) -> Outcome | None:
        hook = self._function.initializer
        problem = await self._ask_hook(INITIALIZE, hook.timeout, call) if hook else None
        if problem is None:
            return None
        name = "FunctionTimeoutError" if problem.startswith("timed out") else "InitializationError"
        body = error_body(name, f"POST {INITIALIZE} {problem}")
        response = _error_response(200, INITIALIZATION, body)
        return Outcome(body, INITIALIZATION, response)

    async def _ask_hook(self, path: str, timeout: int, call: Call) -> str | None:
        """Run a hook; return what was wrong, None if nothing was."""
        request = self._requests_of_program().hook(call, path)
        try:
            received = await Exchange(self._program.client, None).send(request, timeout)
        except asyncio.TimeoutError:
            return f"timed out after {timeout} seconds"
        except (ConnectionLost, NotHttp, TooLarge, OSError) as error:
            return f"got no answer: {error or type(error).__name__}"
        return None if 200 <= received.status < 300 else f"answered {received.status}"

    def _requests_of_program(self) -> ProgramRequests:
        return ProgramRequests(self._function, self._program.environment)

    async def _check_health(self) -> Failure | None:
        custom = self._function.custom
        if custom is None or custom.health_check is None:
            return None
        checks = HealthChecks(custom.health_check, self._program.client.port)
        deadline = asyncio.get_running_loop().time() + self._settings.start_seconds
        if problem := await checks.until_healthy(deadline):
            checks.close()
            message = f"Function instance health check failed on port {custom.port}: "
            return Failure("FunctionNotStarted", f"{message}{problem}.")
        if not self._settings.freeze:
            self._watching = asyncio.ensure_future(self._watch(checks))
        return None

    async def _watch(self, checks: HealthChecks) -> None:
        """Take no more calls as soon as the instance is unhealthy."""
        try:
            problem = await checks.until_unhealthy()
        finally:
            checks.close()
        self._leaving = True
        text = f"an instance is unhealthy, gets no more requests, and ends: {problem}"
        self._settings.notice(text, "" if self._running else self._process.log.take())
        self._watching = None
        await self._rest()

    async def _call(self, call: Call) -> Outcome:
        if self._settings.freeze:
            self._process.thaw()
        self._process.set_busy(True)
        requests, timeout = self._requests_of_program(), self._function.timeout
        request = requests.trigger(call, call.request) if call.request else requests.event(call)
        try:
            if call.connection is not None:
                return await self._tunnel(call.connection, request)
            exchange = Exchange(self._program.client, call.stream)
            return self._answered(call, await exchange.send(request, timeout))
        except asyncio.TimeoutError:
            body = await self._time_out()
        except ClientGone:
            body = error_body("InvocationCanceled", "Invocation canceled by client")
        except TooLarge as error:
            body = error_body("BadResponse", f"the program's response: {error}")
        except NotHttp as error:
            body = error_body("BadResponse", f"the program's response is not HTTP: {error}")
        except (ConnectionLost, OSError):
            body = await self._lost()
        response = None if call.request is None else _error_response(502, UNHANDLED, body)
        return Outcome(body, UNHANDLED, response)

    async def _tunnel(self, client: ClientConnection, request: ProgramRequest) -> Outcome:
        tunnel = Tunnel(client, self._program.client.port)
        await tunnel.run(request, self._function.timeout)
        return Outcome(b"", response=HttpResponse(tunnel.status, [], b""))

    def _answered(self, call: Call, received: Received) -> Outcome:
        failed = received.fc_status not in {"", "200"}
        error_type = UNHANDLED if failed else None
        response = None if call.request is None else received.response()
        return Outcome(received.body, error_type, response)

    async def _time_out(self) -> bytes:
        """End the instance, at once if no other call needs it."""
        self._leaving = True
        if self._running == 1:
            self._process.time_out()
            await self._process.ended()
        seconds = self._function.timeout
        return error_body("FunctionTimeoutError", f"Function timed out after {seconds} seconds")

    async def _lost(self) -> bytes:
        """Say why the program did not answer: it has ended, or closed the connection."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.ended(), _EXIT_SECONDS)
        message = "Process exited unexpectedly before completing request"
        if self._process.running:
            detail = "it closed the connection, and goes on"
            return error_body("FunctionExitError", f"{message} ({detail})")
        self._process.end = self._process.end or End.EXIT
        if self._process.end is End.MEMORY:
            used, limit = self._process.peak_kib // 1024, self._function.memory
            text = f"Function used {used} MB of memory; its memorySize is {limit} MB"
            return error_body("FunctionOOMError", text)
        detail = exit_text(self._process.exit_code)
        return error_body("FunctionExitError", f"{message} ({detail})")

    def _with_log(self, failure: Failure) -> Failure:
        """Return a failure with what the program has written, which stays for the first call."""
        self._start_log = self._process.log.take()
        if failure.code == "CAFileNotFound":
            return failure
        return Failure(failure.code, f"{failure.message}\nLogs:{self._start_log[-_LOGS:]}")

    def _invocation(
        self, call: Call, outcome: Outcome, *, started: float, duration: float
    ) -> Invocation:
        headers = {"X-Fc-Request-Id": call.request_id}
        if outcome.error_type:
            headers["X-Fc-Error-Type"] = outcome.error_type
        log = self._process.log.take()
        if outcome.status == 412:
            log, self._start_log = self._start_log + log, ""
        response = outcome.response
        if response is not None and call.request is not None:
            identity = (b"x-fc-request-id", call.request_id.encode())
            response = HttpResponse(response.status, [identity, *response.headers], response.body)
        return Invocation(
            function=self._function.name,
            request_id=call.request_id,
            status=outcome.status,
            headers=headers,
            payload=outcome.payload,
            error_type=outcome.error_type,
            log=log,
            duration_ms=round(duration, 3),
            billed_ms=math.ceil(duration),
            memory_mb=round(max(self._process.peak_kib, self._process.memory_kib) / 1024, 2),
            trigger=call.trigger,
            attempt=call.attempt,
            started=started,
            response=response if call.request is not None else None,
        )

    async def stop(self) -> str:
        """Run the preStop hook, end the program, return what was written."""
        idle = self._ready and not self._running and not self._leaving and self._process.running
        self._leaving = True
        for task in (self._starting, self._watching):
            if task and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        hook = self._function.pre_stop
        note = ""
        if hook and idle:
            if self._settings.freeze:
                self._process.thaw()
            call = Call(new_request_id(), b"")
            if problem := await self._ask_hook(PRE_STOP, hook.timeout, call):
                note = f"[fc-stub: GET {PRE_STOP} {problem}]\n"
        await self._program.kill()
        return self._process.log.take() + note


def _error_response(status: int, error_type: str, body: bytes) -> HttpResponse:
    headers = [(b"x-fc-error-type", error_type.encode()), (b"content-type", b"application/json")]
    return HttpResponse(status, headers, body)


def _refused(failure: Failure, call: Call) -> Outcome:
    """Return the platform's refusal of a call whose instance could not be started."""
    body = {"RequestId": call.request_id, "Code": failure.code, "Message": failure.message}
    payload = json.dumps(body).encode()
    kind = "FCCommonError"
    return Outcome(payload, kind, _error_response(412, kind, payload), 412)
