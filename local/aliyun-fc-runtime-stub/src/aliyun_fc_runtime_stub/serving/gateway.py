"""The stub's HTTP side: one port per HTTP trigger, and the InvokeFunction API on the control port.

Sources: https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-invokefunction,
the "HTTP trigger overview" page and the table of HTTP trigger errors in
http://help.aliyun.com/document_detail/85445.html (FCCommonError, 403 for methods).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable
from functools import partial
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from starlette.types import Receive, Scope, Send

from ..errors import FunctionNotFound, RequestRefused, Throttled
from ..http_messages import ClientConnection, Headers, HttpRequest, HttpResponse
from ..instances.invocation import Invocation, new_request_id
from ..instances.kinds import kind_of
from ..template.model import Function, HttpTrigger
from ..web.api_paths import INVOKE, SWITCH, check_qualifier, is_call
from ..web.cors import listed_origins, preflight, with_cors
from ..web.guard import REFUSAL_HEADERS, Guard, OwnNames
from ..web.http_trigger import MAX_BODY, check_limits, make_event, make_response
from ..web.ports import Ports
from ..web.request_body import read_body
from ..web.response_stream import AsgiStream
from ..web.trigger_auth import Authenticator
from ..web.web_socket import read_handshake, refuse
from .inspection import inspect
from .service import Service
from .wrong_port import at_wrong_port

_LOG_TAIL = 4096
_TOO_LARGE = RequestRefused(400, "InvalidArgument", "body: over 32 MB")


class DeployApi(Protocol):
    """What answers the calls of a deploy, on the API's port."""

    def takes(self, request: HttpRequest) -> bool:
        """Say whether a request, whose body is not read yet, is one of a deploy."""

    def check(self, request: HttpRequest) -> None:
        """Refuse a call of InvokeFunction that is not signed as it should be."""

    async def answer(self, request: HttpRequest, receive: Receive, request_id: str) -> HttpResponse:
        """Answer one request of a deploy; raises RequestRefused."""


class Gateway:
    """An ASGI application that tells by the port which function, or the API, is meant."""

    def __init__(
        self,
        service: Service,
        ports: Ports,
        guard: Guard,
        authenticator: Authenticator,
        control: DeployApi | None,
    ) -> None:
        self._service = service
        self._ports = ports
        self._guard = guard
        self._authenticator = authenticator
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        request_id, request = new_request_id(), _request(scope)
        name = self._ports.functions.get(scope["server"][1])
        response = self._refused_by_guard(name, request, request_id)
        if response is None:
            answer = self._answer(name, request, (receive, send), request_id)
            response = await _with_refusals(answer, request_id)
        if response is not None:
            await _send(response, send)

    async def web_socket(self, connection: ClientConnection) -> None:
        """Serve a connection whose client asks for a WebSocket."""
        request, port = await read_handshake(connection)
        request_id, name = new_request_id(), self._ports.functions.get(port)
        response = self._refused_by_guard(name, request, request_id)
        if response is None:
            answer = self._join(name, request, connection, request_id)
            response = await _with_refusals(answer, request_id)
        if response is not None:
            await refuse(connection, response)

    async def _join(
        self, name: str | None, request: HttpRequest, client: ClientConnection, request_id: str
    ) -> HttpResponse | None:
        """Join a client with a function; return a response where that has not come about."""
        if name is not None:
            await self._service.refresh(name)
        function = None if name is None else self._service.function(name)
        if function is None or not kind_of(function.runtime).takes_requests:
            message = "a WebSocket leads to the HTTP trigger of a custom runtime only"
            raise RequestRefused(400, "InvalidArgument", message)
        self._check_trigger(function, request)
        invocation = await self._service.invoke(
            function.name,
            b"",
            request_id=request_id,
            trigger="http",
            request=request,
            connection=client,
        )
        return None if client.answered else invocation.response

    def _refused_by_guard(
        self, name: str | None, request: HttpRequest, request_id: str
    ) -> HttpResponse | None:
        listener = "api" if name is None else "trigger"
        try:
            self._guard.check(listener, request, self._own_names(name))
        except RequestRefused as error:
            refusal = _refusal(error.status, error.code, str(error), request_id)
            refusal.headers.extend(REFUSAL_HEADERS)
            return refusal
        return None

    def _own_names(self, function: str | None) -> OwnNames:
        trigger = None
        if function in self._service.functions:
            trigger = self._service.functions[function].http_trigger
        return OwnNames(self._service.application.domains, listed_origins(trigger))

    async def _answer(
        self,
        name: str | None,
        request: HttpRequest,
        client: tuple[Receive, Send],
        request_id: str,
    ) -> HttpResponse | None:
        """Return the response; None if it has gone to the client already, as it was made."""
        receive, _ = client
        if name is None:
            self._check_address(request)
        if name is None and self._control is not None and self._control.takes(request):
            return await self._control.answer(request, receive, request_id)
        request = request.with_body(await read_body(receive, MAX_BODY, _TOO_LARGE))
        if name is None:
            return await self._api(request, request_id)
        await self._service.refresh(name)
        return await self._trigger(self._service.function(name), request, client, request_id)

    async def _trigger(
        self,
        function: Function,
        request: HttpRequest,
        client: tuple[Receive, Send],
        request_id: str,
    ) -> HttpResponse | None:
        if function.http_trigger and (answer := preflight(function.http_trigger, request)):
            return answer
        trigger = self._check_trigger(function, request)
        as_it_is = kind_of(function.runtime).takes_requests
        event = request.body if as_it_is else make_event(function, request, request_id)
        passed_on = request if as_it_is else None
        identity = (b"x-fc-request-id", request_id.encode())
        if request.header("x-fc-invocation-type").lower() == "async":
            self._service.invoke_later(
                function.name, event, request_id=request_id, request=passed_on
            )
            return HttpResponse(202, [identity], b"")
        stream = AsgiStream(*client, partial(_with_identity, identity, trigger, request))
        invocation = await self._service.invoke(
            function.name,
            event,
            request_id=request_id,
            trigger="http",
            request=passed_on,
            stream=stream if as_it_is else None,
        )
        if stream.started:
            return None
        response = make_response(invocation)
        if as_it_is:
            response.headers.extend(_log_result(function, request, invocation))
        return with_cors(trigger, request, response)

    def _check_trigger(self, function: Function, request: HttpRequest) -> HttpTrigger:
        """Return the trigger of a function if it lets a request in; else raise RequestRefused."""
        trigger = function.http_trigger
        if trigger is None or request.method not in trigger.methods:
            allowed = ", ".join(sorted(trigger.methods)) if trigger else ""
            message = f"the method {request.method} is not allowed; the trigger has {allowed}"
            raise RequestRefused(403, "FCCommonError", message)
        check_limits(request)
        self._authenticator.check(trigger, request, time.time())
        return trigger

    def _check_address(self, request: HttpRequest) -> None:
        """Refuse who calls a function at the API's port, and say where it is called."""
        if is_call(request.path) or request.header("x-oss-security-token"):
            return
        named = {name: self._ports.trigger_url(name) for name in self._service.functions}
        message = at_wrong_port(request.path, {name: url for name, url in named.items() if url})
        raise RequestRefused(400, "PathNotSupported", message)

    async def _api(self, request: HttpRequest, request_id: str) -> HttpResponse:
        if request.path.startswith("/stub/"):
            return inspect(self._service, request)
        if switch := SWITCH.fullmatch(request.path):
            if self._control is not None:
                self._control.check(request)
            name = self._service.function(unquote(switch[1])).name
            return self._service.switches.turn(name, request, on=switch[2] == "enable")
        match = INVOKE.fullmatch(request.path)
        if match is None:
            message = (
                f"{request.method!r} against {request.path!r} is not offered by fc-stub start, "
                "which offers POST /2023-03-30/functions/NAME/invocations; deploy to fc-stub serve"
            )
            raise RequestRefused(400, "PathNotSupported", message)
        if request.method != "POST":
            raise RequestRefused(405, "MethodNotAllowed", "InvokeFunction takes POST")
        if self._control is not None:
            self._control.check(request)
        check_qualifier(parse_qs(request.query.decode("latin-1")).get("qualifier", [""])[0])
        name = unquote(match[1])
        kind = request.header("x-fc-invocation-type").lower() or "sync"
        if kind == "async":
            self._service.invoke_later(name, request.body, request_id=request_id)
            return HttpResponse(202, [(b"x-fc-request-id", request_id.encode())], b"")
        if kind != "sync":
            message = f"X-Fc-Invocation-Type must be Sync or Async, not {kind!r}"
            raise RequestRefused(400, "InvalidArgument", message)
        invocation = await self._service.invoke(name, request.body, request_id=request_id)
        headers: Headers = [
            (key.lower().encode(), value.encode()) for key, value in invocation.headers.items()
        ]
        content = b"application/octet-stream" if invocation.status < 400 else b"application/json"
        headers.append((b"content-type", content))
        headers += _log_result(self._service.function(name), request, invocation)
        return HttpResponse(invocation.status, headers, invocation.payload)


def _log_result(function: Function, request: HttpRequest, invocation: Invocation) -> Headers:
    """Return the end of the log as a header, if it is asked for.

    Of several requests at a time nobody knows whose a line is ("Configure instance concurrency").
    """
    if function.concurrency > 1 or request.header("x-fc-log-type").lower() != "tail":
        return []
    tail = invocation.log.encode()[-_LOG_TAIL:]
    return [(b"x-fc-log-result", base64.b64encode(tail))]


def _request(scope: Scope) -> HttpRequest:
    client: Any = scope.get("client") or ("127.0.0.1", 0)
    return HttpRequest(
        method=scope["method"],
        raw_path=scope["raw_path"],
        path=scope["path"],
        query=scope["query_string"],
        headers=list(scope["headers"]),
        body=b"",
        client=client[0],
    )


def _with_identity(
    identity: tuple[bytes, bytes],
    trigger: HttpTrigger,
    request: HttpRequest,
    response: HttpResponse,
) -> HttpResponse:
    """Add what every response of a trigger has to the head of a stream."""
    named = HttpResponse(response.status, [identity, *response.headers], response.body)
    return with_cors(trigger, request, named)


async def _with_refusals(
    answer: Awaitable[HttpResponse | None], request_id: str
) -> HttpResponse | None:
    """Return an answer; an error that never reached the code is one, too."""
    try:
        return await answer
    except RequestRefused as error:
        return _refusal(error.status, error.code, str(error), request_id)
    except FunctionNotFound as error:
        return _refusal(404, "FunctionNotFound", str(error), request_id)
    except Throttled as error:
        return _refusal(429, "ResourceExhausted", str(error), request_id)


def _refusal(status: int, code: str, message: str, request_id: str) -> HttpResponse:
    body = {"RequestId": request_id, "Code": code, "Message": message}
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"x-fc-request-id", request_id.encode()),
        (b"x-fc-error-type", b"FCCommonError"),
    ]
    return HttpResponse(status, headers, json.dumps(body).encode())


async def _send(response: HttpResponse, send: Send) -> None:
    headers = list(response.headers)
    told = any(name == b"content-length" for name, _ in headers)
    if response.status not in {204, 304} and not told:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if response.status in {204, 304} else response.body
    await send({"type": "http.response.body", "body": body})
