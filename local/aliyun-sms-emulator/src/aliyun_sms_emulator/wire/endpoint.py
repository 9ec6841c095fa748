"""The platform API at `/`: one call in, one answer out, all of it in one transaction."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
import uuid
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from aliyun_sms_emulator.operations import OPERATIONS
from aliyun_sms_emulator.operations.call import Call, Operation
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.records import NewRequest
from aliyun_sms_emulator.wire.answers import (
    SMS,
    Answer,
    business_refusal,
    gateway_refusal,
    render,
    success,
)
from aliyun_sms_emulator.wire.authentication import authenticate
from aliyun_sms_emulator.wire.errors import BusinessError, GatewayError, missing
from aliyun_sms_emulator.wire.request import WireRequest, parse_request

MAX_BODY_BYTES = 5 * 1024 * 1024

_LOGGED_CHARACTERS = 20_000
_SECRETS = frozenset({"Signature", "SecurityToken"})
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outcome:
    """What a call came to; filled in while it runs."""

    request_id: str
    answer: Answer
    verdict: str = "refused"
    account: str = ""


class PlatformEndpoint:
    """ASGI application that answers calls to the platform API."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            body = await _read_body(receive)
        except ConnectionError:
            return
        started = time.perf_counter()
        try:
            request = _parse(scope, body)
        except GatewayError as error:
            request = WireRequest(scope["method"], "/", {}, {"Format": "JSON"}, {}, b"")
            answer = self._handle(request, started, error)
        else:
            answer = self._handle(request, started)
        content_type, content = render(answer, request.answer_format)
        headers = [
            (b"content-type", content_type),
            (b"content-length", str(len(content)).encode()),
            (b"x-acs-request-id", str(answer.fields["RequestId"]).encode()),
        ]
        status = answer.http_status
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _handle(
        self, request: WireRequest, started: float, refused: GatewayError | None = None
    ) -> Answer:
        platform = self._platform
        platform.requests_seen += 1
        request_id = str(uuid.uuid4()).upper()
        now = platform.clock.now()
        try:
            with platform.store.transaction():
                outcome = self._run(request, request_id, now, refused)
                self._record(request, outcome, now, started)
        except Exception:
            _log.exception("request %s (%s) failed", request_id, request.action)
            fault = GatewayError("InternalError", "The emulator failed; see its log.", 500)
            outcome = _Outcome(request_id, gateway_refusal(request_id, "", fault), "failed")
            with contextlib.suppress(sqlite3.Error), platform.store.transaction():
                self._record(request, outcome, now, started)
        if outcome.verdict == "accepted":
            platform.changes.announce()
        return outcome.answer

    def _run(
        self, request: WireRequest, request_id: str, now: float, refused: GatewayError | None
    ) -> _Outcome:
        account, dialect = "", SMS
        try:
            if refused is not None:
                raise refused
            operation = _find_operation(request)
            dialect = operation.dialect
            account = authenticate(self._platform, request).account
            for name in operation.required:
                if not request.parameters.get(name):
                    raise missing(name)
            call = Call(self._platform, account, request_id, request.parameters, now)
            answer = success(request.action, request_id, operation.run(call), dialect)
        except GatewayError as error:
            answer = gateway_refusal(request_id, request.headers.get("host", ""), error)
            return _Outcome(request_id, answer, "refused", account)
        except BusinessError as error:
            answer = business_refusal(request.action, request_id, error, dialect)
            return _Outcome(request_id, answer, "rejected", account)
        return _Outcome(request_id, answer, "accepted", account)

    def _record(self, request: WireRequest, outcome: _Outcome, now: float, started: float) -> None:
        parameters = {
            name: "***" if name in _SECRETS else value[:_LOGGED_CHARACTERS]
            for name, value in request.parameters.items()
        }
        self._platform.store.add_request(
            NewRequest(
                at=now,
                request_id=outcome.request_id,
                method=request.method,
                action=request.action,
                verdict=outcome.verdict,
                http_status=outcome.answer.http_status,
                code=outcome.answer.code,
                duration_ms=round((time.perf_counter() - started) * 1000, 3),
                signature_method=request.signature_method,
                account=outcome.account,
                parameters=parameters,
            )
        )


def _find_operation(request: WireRequest) -> Operation:
    if not request.action:
        raise missing("Action")
    if not request.version:
        raise missing("Version")
    operations = OPERATIONS.get(request.version)
    if operations is None:
        if len(request.version.split("-")) == 3:
            raise GatewayError("NoSuchVersion", "The specified version does not exist.")
        raise GatewayError("InvalidVersion", "Specified parameter Version is not valid.")
    operation = operations.get(request.action)
    if operation is None:
        raise GatewayError(
            "InvalidAction.NotFound",
            "Specified api is not found, please check your url and method.",
            404,
        )
    if request.parameters.get("Format", "JSON").upper() not in {"JSON", "XML"}:
        raise GatewayError("InvalidParameter.Format", "Format must be JSON or XML.")
    return operation


def _parse(scope: Scope, body: bytes | None) -> WireRequest:
    if scope["method"] not in {"GET", "POST"}:
        raise GatewayError("UnsupportedHTTPMethod", "This http method is not supported.")
    if body is None:
        raise GatewayError("InvalidParameter", "The request body is too large.", 413)
    return parse_request(
        scope["method"], scope["path"], scope["headers"], scope["query_string"], body
    )


async def _read_body(receive: Receive) -> bytes | None:
    """Read the whole body; None if it is too large, after reading past it.

    Raises ConnectionError when the caller goes away half-way.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if size <= MAX_BODY_BYTES else None
