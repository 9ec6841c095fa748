"""One invocation: what goes in, what came of it, and FC's words for what can go wrong in one."""

from __future__ import annotations

import json
import secrets
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..http_messages import ClientConnection, HttpRequest, HttpResponse, ResponseStream

MAX_RESULT = 32 * 1024 * 1024
UNHANDLED = "UnhandledInvocationError"
INITIALIZATION = "InitializationError"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an instance: an event, or (`request`) the HTTP request of a trigger.

    A response whose length is not known before its end goes to `stream`, if there is one. Where
    `connection` is set, the request asks for a WebSocket, which gets all of the connection.
    """

    request_id: str
    event: bytes
    trigger: str = "event"
    attempt: int = 1
    request: HttpRequest | None = None
    stream: ResponseStream | None = None
    connection: ClientConnection | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """One finished invocation.

    `status` and `headers` are those of the answer to an InvokeFunction call: 200 even if the
    function failed, with `error_type` (X-Fc-Error-Type) then set; 202 if asynchronous. `payload` is
    the function's return value or the error JSON. `trigger` is "event", "http", "async", "timer" or
    "destination"; `attempt` counts from 1; `started` is in seconds since 1970, the other times in
    milliseconds, memory in MB. `response` is what the caller of an HTTP trigger got, where the
    instance itself has made it; else it is made of `payload`.
    """

    function: str
    request_id: str
    status: int
    headers: Mapping[str, str]
    payload: bytes
    error_type: str | None
    log: str
    duration_ms: float
    billed_ms: int
    memory_mb: float
    trigger: str = "event"
    attempt: int = 1
    started: float = field(default_factory=time.time)
    response: HttpResponse | None = None


def new_request_id() -> str:
    """Return a request id in the form of FC 3.0: 1-<seconds in hex>-<random>-<random>."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(6)}"


def error_body(error_type: str, message: str) -> bytes:
    """Return an error object without a stack, for failures outside the user's code."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def exit_text(code: int | None) -> str:
    """Say how a process has ended: by its exit code, or minus the signal that ended it."""
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
