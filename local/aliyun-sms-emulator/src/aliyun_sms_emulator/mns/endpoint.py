"""The queue API at `/queues/NAME/messages`: receive and delete."""

from __future__ import annotations

import contextlib
import logging
import re
import sqlite3
import time
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aliyun_sms_emulator.mns.answers import (
    VERSION,
    MnsError,
    error_document,
    message_document,
    messages_document,
    no_message,
)
from aliyun_sms_emulator.mns.authorization import authorize
from aliyun_sms_emulator.mns.names import kind_of_queue
from aliyun_sms_emulator.platform import Platform
from aliyun_sms_emulator.tables.queue_tokens import QueueToken
from aliyun_sms_emulator.tables.request_log import NewRequest

_MAX_BODY_BYTES = 64 * 1024
_MAX_WAIT_SECONDS = 30
_MAX_MESSAGES = 16
_PARAMETERS = {"GET": ("waitseconds", "numOfMessages"), "DELETE": ("ReceiptHandle",)}
_NO_CONTENT = 204
# Entries become visible when their time has come, without any event.
_POLL_SECONDS = 0.05
_NUMBER = re.compile(r"[0-9]{1,4}")
_HANDLE = re.compile(r"[0-9]{1,15}-[0-9a-f]{24}")
_FAULT = MnsError("InternalError", "The emulator failed; see its log.", 500)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Call:
    """One call; what is known of it is filled in while it runs."""

    request_id: str
    method: str
    queue_name: str
    query: dict[str, str]
    account: str = ""
    code: str = "OK"
    verdict: str = "accepted"

    @property
    def action(self) -> str:
        """The operation in the documentation's words."""
        if self.method != "GET":
            return "DeleteMessage" if self.method == "DELETE" else ""
        return "BatchReceiveMessage" if "numOfMessages" in self.query else "ReceiveMessage"


class QueueEndpoint:
    """ASGI application that answers calls to the queues of receipts and replies."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        started = time.perf_counter()
        request = Request(scope, receive)
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        call = _Call(str(uuid.uuid4()).upper(), request.method, request.path_params["name"], query)
        try:
            status, document = await self._run(request, call)
        except ClientDisconnect:
            return
        except MnsError as error:
            call.code, call.verdict = error.code, "rejected" if call.account else "refused"
            status, document = error.http_status, _error(request, call, error)
        except sqlite3.Error as error:
            _log.error("queue request %s failed: %s", call.request_id, error)
            call.code, call.verdict = "InternalError", "failed"
            status, document = 500, _error(request, call, _FAULT)
        with contextlib.suppress(sqlite3.Error):
            self._record(call, status, started)
        headers = {"x-mns-request-id": call.request_id, "x-mns-version": VERSION}
        if status != _NO_CONTENT:
            headers["content-type"] = "text/xml;charset=utf-8"
        await Response(document, status, headers)(scope, receive, send)

    async def _run(self, request: Request, call: _Call) -> tuple[int, bytes]:
        body = await _read_body(request)
        resource = request.scope["raw_path"].decode("latin-1")
        if request.scope["query_string"]:
            resource += f"?{request.scope['query_string'].decode('latin-1')}"
        headers = dict(request.headers)
        token = authorize(self._platform, request.method, resource, headers, body)
        call.account = token.account
        kind = kind_of_queue(call.queue_name)
        if kind is None:
            raise MnsError("QueueNotExist", "The queue name you provided is not exist.", 404)
        if token.kind != kind or token.queue_name not in {"", call.queue_name}:
            raise MnsError("AccessDenied", "The key is not for this queue.", 403)
        if not call.action:
            raise MnsError("InvalidRequestURL", "Http request URL format invalid.")
        for name in call.query:
            if name not in _PARAMETERS[call.method]:
                raise MnsError(
                    "InvalidQueryString", f'Http request URL contains invalid querystring "{name}".'
                )
        if call.method == "DELETE":
            self._delete(call, token)
            return _NO_CONTENT, b""
        return await self._receive(call, token)

    async def _receive(self, call: _Call, token: QueueToken) -> tuple[int, bytes]:
        store, clock = self._platform.store, self._platform.clock
        wait = _number(call.query, "waitseconds", 0, 0, _MAX_WAIT_SECONDS)
        limit = _number(call.query, "numOfMessages", 1, 1, _MAX_MESSAGES)
        await self._platform.wait_for(
            lambda: store.queue.count_visible(token.account, token.kind, clock.now()),
            1,
            wait,
            _POLL_SECONDS,
        )
        with store.transaction():
            entries = store.queue.receive(token.account, token.kind, clock.now(), limit)
        if not entries:
            raise no_message()
        if "numOfMessages" in call.query:
            return 200, messages_document(entries)
        return 200, message_document(entries[0])

    def _delete(self, call: _Call, token: QueueToken) -> None:
        handle = call.query.get("ReceiptHandle", "")
        if not handle:
            raise MnsError("MissingReceiptHandle", "ReceiptHandle is required.")
        if not _HANDLE.fullmatch(handle):
            raise MnsError("ReceiptHandleError", "The receipt handle you provided is not valid.")
        store, now = self._platform.store, self._platform.clock.now()
        if not store.queue.delete(token.account, token.kind, handle, now):
            raise no_message()

    def _record(self, call: _Call, status: int, started: float) -> None:
        self._platform.store.request_log.add(
            NewRequest(
                at=self._platform.clock.now(),
                request_id=call.request_id,
                method=call.method,
                action=call.action or call.method,
                verdict=call.verdict,
                http_status=status,
                code=call.code,
                duration_ms=round((time.perf_counter() - started) * 1000, 3),
                signature_method="MNS",
                account=call.account,
                parameters={"QueueName": call.queue_name, **call.query},
            )
        )


def _error(request: Request, call: _Call, error: MnsError) -> bytes:
    return error_document(error, call.request_id, request.headers.get("host", ""))


def _number(query: dict[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    text = query.get(name, str(default))
    if not _NUMBER.fullmatch(text) or not lowest <= int(text) <= highest:
        raise MnsError(
            "InvalidArgument", f"The value of {name} must be between {lowest} and {highest}."
        )
    return int(text)


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise MnsError("InvalidArgument", f"The body is larger than {_MAX_BODY_BYTES} bytes.")
    return bytes(body)
