"""The HTTP trigger of built-in runtimes: request to event v1, return value to response.

Sources: https://www.alibabacloud.com/help/en/functioncompute/fc/http-trigger-invoking-function
(event and response) and the "HTTP trigger overview" page (limits, methods, reserved headers).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from .. import events
from ..errors import RequestRefused
from ..http_messages import Headers, HttpRequest, HttpResponse
from ..instances.invocation import Invocation
from ..template.model import Function

MAX_HEADERS = 8 * 1024
MAX_PATH = 4 * 1024
MAX_BODY = 32 * 1024 * 1024
_RESERVED = frozenset({"connection", "content-length", "date", "keep-alive", "server", "upgrade"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


def check_limits(request: HttpRequest) -> None:
    """Refuse what is over 8 KB of headers, 4 KB of path and query, 32 MB of body."""
    headers = sum(len(name) + len(value) for name, value in request.headers)
    if headers > MAX_HEADERS:
        raise RequestRefused(400, "InvalidArgument", f"headers: {headers} bytes, over 8 KB")
    path = len(request.raw_path) + len(request.query)
    if path > MAX_PATH:
        raise RequestRefused(400, "InvalidArgument", f"path and query: {path} bytes, over 4 KB")
    if len(request.body) > MAX_BODY:
        raise RequestRefused(400, "InvalidArgument", "body: over 32 MB")


def trigger_id(function: Function) -> str:
    """Return the id of a function's trigger: made up, but always the same for the same function."""
    digest = hashlib.sha256(f"{function.region}/{function.function_name}".encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def make_event(function: Function, request: HttpRequest, request_id: str) -> bytes:
    """Build the event v1 of a request to a function's trigger."""
    identity = trigger_id(function)
    return events.http(
        request.body,
        method=request.method,
        path=request.raw_path.decode("latin-1"),
        query=request.query.decode("latin-1"),
        headers=(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers
        ),
        source_ip=request.client,
        trigger_id=identity,
        domain_prefix=f"{function.function_name.lower().replace('_', '-')}-{identity[:8]}",
        request_id=request_id,
        region=function.region,
    )


def make_response(invocation: Invocation) -> HttpResponse:
    """Turn a finished invocation into the answer of the trigger's URL."""
    if invocation.response is not None:
        return invocation.response
    own: Headers = [(b"x-fc-request-id", invocation.request_id.encode())]
    if invocation.error_type:
        own.append((b"x-fc-error-type", invocation.error_type.encode()))
        own.append((b"content-type", b"application/json"))
        status = 200 if invocation.error_type == "InitializationError" else 502
        return HttpResponse(status, own, invocation.payload)
    returned = _structure(invocation.payload)
    if returned is None:
        kind = b"application/json" if _is_json(invocation.payload) else b"text/plain; charset=utf-8"
        return HttpResponse(200, [*own, (b"content-type", kind)], invocation.payload)
    try:
        return HttpResponse(_status(returned), own + _headers(returned), _body(returned))
    except ValueError as error:
        raise RequestRefused(502, "BadResponse", f"the function's response: {error}") from None


def _structure(payload: bytes) -> dict[str, Any] | None:
    if not payload.lstrip().startswith(b"{"):
        return None
    try:
        value = json.loads(payload)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "statusCode" in value else None


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload)
    except ValueError:
        return False
    return True


def _status(returned: dict[str, Any]) -> int:
    status = returned["statusCode"]
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise ValueError(f"statusCode must be a number from 200 to 599, not {status!r}")
    return status


def _headers(returned: dict[str, Any]) -> Headers:
    given = returned.get("headers") or {}
    if not isinstance(given, dict):
        raise ValueError("headers must be a map")  # noqa: TRY004  (one error for the response)
    headers: Headers = []
    for name, value in given.items():
        lower = str(name).lower()
        if lower in _RESERVED or lower.startswith("x-fc-"):
            continue
        if not isinstance(value, (str, int, float)):
            raise ValueError(  # noqa: TRY004
                f"the header {name!r} must be a string, not {json.dumps(value)} (FC's rule for "
                "others is not known)"
            )
        text = value if isinstance(value, str) else json.dumps(value)
        if not _NAME.fullmatch(lower) or _CONTROL.search(text):
            raise ValueError(f"the header {name!r} is not valid")
        headers.append((lower.encode(), text.encode()))
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADERS:
        raise ValueError("headers over 8 KB")
    return headers


def _body(returned: dict[str, Any]) -> bytes:
    body = returned.get("body")
    body = "" if body is None else body
    if not isinstance(body, str):
        raise ValueError(  # noqa: TRY004
            f"body must be a string, not {type(body).__name__} (FC's rule for others is not known)"
        )
    if not returned.get("isBase64Encoded"):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(re.sub(r"[\r\n]", "", body), validate=True)
    except ValueError:  # not base64, or not ASCII
        raise ValueError("isBase64Encoded is true, but body is not base64") from None
