"""The headers that a custom runtime's program gets with every request.

Source: "Specifications" of custom runtimes (common request headers, x-fc-control-path); names seen
in a function's echo of its request, such as x-fc-function-timeout. "Web functions": a client's own
x-fc-*, connection and keep-alive headers are not passed on.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...account import ACCOUNT_ID
from ...http_messages import Headers, HttpRequest
from ...template.model import Function
from ..invocation import Call
from .client import ProgramRequest

INVOKE, HTTP_INVOKE, INITIALIZE, PRE_STOP = "/invoke", "/http-invoke", "/initialize", "/pre-stop"
_NOT_PASSED_ON = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"content-length"}
    | {b"te", b"trailer", b"upgrade", b"expect"}
)
_NOT_GIVEN_BACK = frozenset(
    {b"connection", b"content-length", b"date", b"keep-alive", b"server", b"transfer-encoding"}
    | {b"upgrade"}
)


class ProgramRequests:
    """Makes the requests to a function's program; keys are those of its environment."""

    def __init__(self, function: Function, environment: Mapping[str, str]) -> None:
        self._function = function
        self._environment = environment
        port = function.custom.port if function.custom else 0
        self._host = (b"host", f"127.0.0.1:{port}".encode())

    def event(self, call: Call) -> ProgramRequest:
        """Return what an event becomes: POST /invoke with the event as it is."""
        headers = [
            self._host,
            (b"content-type", b"application/octet-stream"),
            *self._common(call, INVOKE),
        ]
        return ProgramRequest("POST", INVOKE.encode(), headers, call.event)

    def trigger(self, call: Call, request: HttpRequest) -> ProgramRequest:
        """Return the request of an HTTP trigger as it is passed on."""
        headers = [*passed_on(request), *self._common(call, HTTP_INVOKE)]
        headers.append((b"x-fc-client-ip", request.client.encode()))
        headers += _forwarded(request)
        return ProgramRequest(request.method, target(request), headers, request.body)

    def hook(self, call: Call, path: str) -> ProgramRequest:
        """Return the request of a lifecycle hook: POST /initialize or GET /pre-stop, no body."""
        method = "POST" if path == INITIALIZE else "GET"
        return ProgramRequest(method, path.encode(), [self._host, *self._common(call, path)])

    def _common(self, call: Call, control_path: str) -> Headers:
        """Return the common request headers."""
        function, environment = self._function, self._environment
        initializer, pre_stop = function.initializer, function.pre_stop
        named = {
            "request-id": call.request_id,
            "control-path": control_path,
            "access-key-id": environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
            "access-key-secret": environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
            "security-token": environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""),
            "account-id": ACCOUNT_ID,
            "region": function.region,
            "function-name": function.function_name,
            "function-handler": function.handler,
            "function-memory": str(function.memory),
            "function-timeout": str(function.timeout),
            "function-initializer": initializer.handler if initializer else "",
            "initialization-timeout": str(initializer.timeout if initializer else ""),
            "instance-lifecycle-pre-stop-handler": pre_stop.handler if pre_stop else "",
            "qualifier": "LATEST",
            "version-id": "",
            "service-name": "",
            "service-logproject": function.log_project,
            "service-logstore": function.log_store,
            "retry-count": str(call.attempt - 1),
        }
        return [
            (f"x-fc-{name}".encode(), _one_line(value).encode("latin-1", "replace"))
            for name, value in named.items()
        ]


def _forwarded(request: HttpRequest) -> Headers:
    """Return what a proxy says of the client; official samples read its address there."""
    given = {name for name, _ in request.headers}
    said = ((b"x-forwarded-for", request.client.encode()), (b"x-forwarded-proto", b"http"))
    return [(name, value) for name, value in said if name not in given]


def target(request: HttpRequest) -> bytes:
    """Return path and query of a request."""
    return request.raw_path + (b"?" + request.query if request.query else b"")


def passed_on(request: HttpRequest) -> Headers:
    """Return the headers of a client that reach the program."""
    return [
        (name, value)
        for name, value in request.headers
        if name not in _NOT_PASSED_ON and not name.startswith(b"x-fc-")
    ]


def given_back(headers: Headers) -> Headers:
    """Return the headers of a program that reach the client ("HTTP response limits")."""
    return [
        (name, value)
        for name, value in headers
        if name not in _NOT_GIVEN_BACK and not name.startswith(b"x-fc-")
    ]


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
