"""Function Compute's HTTP trigger: event to Request, Response to FC, and all that goes wrong.

The event is version ``v1`` (document 2545977). Every error becomes a problem document (RFC 9457).
None leaves as an exception: Function Compute would log the whole event, phone numbers included.
"""

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from shared import settings
from shared.clock import Clock
from shared.errors import (
    ConfigurationError,
    InternalError,
    InvalidRequest,
    NotAuthenticated,
    SmsError,
    StoreUnavailable,
)
from shared.fields import parse_json, read_out_id, why_no_json
from shared.ids import HOOK_KEY_PREFIX, TRIGGER_SPACE
from shared.logs import Log, masked
from shared.trigger.api_keys import names_of_key
from shared.trigger.event_size import MAX_BODY_BYTES, OF_REQUESTS, EventSize, is_too_large
from shared.trigger.invocation import Context, Invocation, log_bug, open_invocation, open_log
from shared.version import VERSION

_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_METHOD = re.compile("[A-Z]{3,7}")
# Each function has a URL of its own: who asks the wrong one is told the right one.
_FUNCTION_OF = {
    "/sms": "send_sms",
    "/international-sms": "send_international_sms",
    "/delivery-status": "query_delivery_status",
    "/codes": "verify_code",
    "/receipts": "receive_receipts",
    "/hooks": "receive_hook",
}


class Request(NamedTuple):
    """One HTTP request.

    Names of headers are in lower case. `path` has its percent-encoding undone. `body` is as it
    stands in the event: a text, or base64 if `is_base64`. It may be large, so nothing is made of it
    before the caller is known: see `content`. `arrived_at` is when Function Compute took it, in
    epoch seconds, 0 where the event does not say.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: str
    is_base64: bool
    arrived_at: float = 0.0

    @property
    def idempotency_key(self) -> str:
        """The header Idempotency-Key, which may give the out_id; "" without one."""
        return self.headers.get("idempotency-key", "")

    def content(self, most: int = MAX_BODY_BYTES) -> bytes:
        """Return the body as the caller sent it, of at most so many bytes.

        Raises InvalidRequest: with status 413 when it is too large, 400 when it is marked as base64
        and is none.
        """
        longest = longest_base64(most) if self.is_base64 else most
        if len(self.body) > longest:
            raise _too_large(most)
        content = self._decoded() if self.is_base64 else self.body.encode("utf-8", "surrogatepass")
        if len(content) > most:
            raise _too_large(most)
        return content

    def json(self) -> Any:
        """Return what the body says as JSON.

        Raises InvalidRequest: with status 415 when it is marked as something else, 413 when it is
        too large, 400 when it is no JSON in UTF-8.
        """
        content_type = self.headers.get("content-type", "application/json")
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise _not_json(media_type)
        content = self.content()
        try:
            return parse_json(content.decode("utf-8-sig"))  # a byte order mark may be in front
        except UnicodeDecodeError:
            reason = "the body is not UTF-8"
        except (ValueError, RecursionError) as error:
            invalid = f"the body is not valid JSON ({why_no_json(error)})"
            reason = invalid if content else "the body is empty"
        raise InvalidRequest(f"{reason}; send a JSON object", status=400, code="malformed-json")

    def _decoded(self) -> bytes:
        try:
            return base64.b64decode(self.body, validate=True)
        except ValueError:
            raise InvalidRequest(
                "the body is marked as base64, but it is not base64",
                status=400,
                code="malformed-body",
            ) from None


class Response(NamedTuple):
    """What a function answers.

    `body` becomes JSON; a dict gets the request_id. `headers` are added to those of every answer.
    """

    status: int
    body: object
    headers: Mapping[str, str] = {}


Route = Callable[[Request, Invocation], Response]
Authenticate = Callable[[Request, Log], str]  # returns the caller's space, or raises


def serve(
    event: bytes,
    context: Context,
    *,
    function: str,
    routes: Mapping[tuple[str, str], Route],
    clock: Clock = Clock(),
    authenticate: Authenticate | None = None,
    size: EventSize = OF_REQUESTS,
) -> dict[str, object]:
    """Answer one HTTP trigger event, log it, and return what Function Compute makes an answer of.

    `function` is the name for the log. `routes` maps method and path, ``("POST", "/sms")``, to what
    answers them. Each path stands for ``/``, too, because a function has a URL of its own. The
    path ``/receipts/{token}`` stands for any last segment, and not for ``/``. `authenticate` takes
    the place of the check of API keys. `size` is how large an event may be. Raises nothing.
    """
    started = clock.monotonic()
    log = open_log(context, function, clock)
    request, space, field, detail = None, "", "", ""
    try:
        request = _read_event(event, size)
        space = authenticate(request, log) if authenticate else _authenticate(request, log)
        route = _find_route(request, routes)
        response = route(request, open_invocation(context, log, started, space=space))
    except SmsError as error:
        if isinstance(error, ConfigurationError):
            log.misconfigured(error)
        if isinstance(error, StoreUnavailable):
            log.failed("store", error)
        response = _error_response(error)
        if isinstance(error, InvalidRequest):
            field, detail = error.field, error.problem
    except Exception as error:
        log_bug(error, log)
        response = _error_response(InternalError())
    _log_answer(
        response,
        log.about(
            field=masked(field),
            detail=detail,
            duration_ms=round((clock.monotonic() - started) * 1000),
        ),
        request=request,
        space=space,
    )
    version = {"X-Fc-Sms-Version": VERSION} if space else {}  # not for those whom nobody knows
    return fc_response(response._replace(headers={**response.headers, **version}))


def _log_answer(response: Response, log: Log, *, request: Request | None, space: str) -> None:
    """Log an answer to a caller of `space`, and let its body name the invocation."""
    code, out_id = "", ""
    if isinstance(response.body, dict):
        response.body["request_id"] = log.request_id
        out_id = str(response.body.get("out_id", ""))
        if response.status >= 400:
            code = str(response.body["code"])
            out_id = out_id or _asked_out_id(request, space)
    log.event(
        "info" if response.status < 400 else "warning",
        "answer",
        str(response.status),
        code=code,
        **{"caller": space, **log.ids(space, out_id)},
    )


def problem(
    status: int,
    detail: str,
    code: str,
    *,
    retryable: bool = False,
    retry_after: int = 0,
    **members: object,
) -> Response:
    """Return a problem document (RFC 9457) about an error with `code`, which programs read.

    `detail` says to people what is wrong and the remedy. `retryable`: the same request may be
    repeated, after `retry_after` seconds where that is not 0. `members` are added, but those that
    are "" or None.
    """
    document = {
        "type": f"urn:fc-sms:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
        **{name: value for name, value in members.items() if value not in ("", None)},
    }
    return Response(status, document, {"Retry-After": str(retry_after)} if retry_after else {})


def _read_event(event: bytes, size: EventSize) -> Request:
    """Read the event of an HTTP trigger, all but its body.

    Raises InvalidRequest: with status 413 for one that is too large, before any of it is read, and
    400 for any other event.
    """
    if is_too_large(event, size):
        raise _too_large(size.body)
    try:
        fields = json.loads(event)
        http = fields["requestContext"]["http"]
        body = fields.get("body") or ""
        if not isinstance(body, str):
            raise TypeError("a body that is no text")
        return Request(
            method=str(http["method"]).upper(),
            path=str(http.get("path") or fields["rawPath"]),
            headers={name.lower(): str(value) for name, value in fields["headers"].items()},
            query={name: str(text) for name, text in (fields.get("queryParameters") or {}).items()},
            body=body,
            is_base64=bool(fields.get("isBase64Encoded")),
            arrived_at=_arrival(fields["requestContext"].get("timeEpoch")),
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise InvalidRequest(
            "this function takes HTTP requests only; call the URL of its trigger",
            status=400,
            code="not-an-http-event",
        ) from None


def _arrival(milliseconds: object) -> float:
    """Return ``timeEpoch`` of an event in epoch seconds, 0 where it is no number."""
    text = str(milliseconds)
    return int(text) / 1000 if text.isascii() and text.isdigit() and len(text) < 15 else 0.0


def longest_base64(content: int) -> int:
    """Return how many characters so many bytes of content have in base64."""
    return (content + 2) // 3 * 4


def _too_large(most: int) -> InvalidRequest:
    return InvalidRequest(
        f"the body is larger than {most} bytes; send in several requests",
        status=413,
        code="body-too-large",
    )


def _not_json(media_type: str) -> InvalidRequest:
    """Return the error for a body that is marked as `media_type`, named if it has that form."""
    is_known = _MEDIA_TYPE.fullmatch(media_type)
    marked = f"marked as {masked(media_type)}" if is_known else "not marked as JSON"
    return InvalidRequest(
        f"the body is {marked}; send JSON with the header Content-Type: application/json",
        status=415,
        code="not-json",
    )


def _authenticate(request: Request, log: Log) -> str:
    """Return the name of the API key that `request` shows, or ``trigger`` where that is enough.

    The key stands in ``Authorization: Bearer <key>``. Raises NotAuthenticated.
    """
    access = settings.read_access(os.environ)
    if access.by_trigger:
        return TRIGGER_SPACE
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    callers = [
        name
        for name in names_of_key(key.strip(), access)
        if not name.startswith(HOOK_KEY_PREFIX)  # which opens that hook and nothing else
    ]
    if callers and scheme.lower() == "bearer":
        return callers[0]
    if access.remedy:  # it may be what locks this caller out
        outcome = "malformed" if access.keys else "closed"
        log.event("error", "authenticate", outcome, remedy=access.remedy)
    raise NotAuthenticated(_why_not_authenticated(scheme.lower()))


def _why_not_authenticated(scheme: str) -> str:
    """Return what is wrong with the header Authorization, which begins with `scheme`."""
    if not scheme:
        return "the request has no API key; send one in the header Authorization: Bearer <key>"
    if scheme != "bearer":
        return "the header Authorization has another form; send Authorization: Bearer <key>"
    return (
        "this API key is not valid here; send the key itself, not its entry of SMS_API_KEYS, in "
        "the header Authorization: Bearer <key>"
    )


def _asked_out_id(request: Request | None, space: str) -> str:
    """Return the out_id that a request of a known caller gave, "" where that is none."""
    if request is None or not space:
        return ""
    try:
        body = request.json() if request.body else {}
        asked = body.get("out_id") if isinstance(body, dict) else None
        named = asked or request.idempotency_key or request.query.get("out_id")
        return read_out_id(named, "out_id")
    except InvalidRequest:
        return ""


def _find_route(request: Request, routes: Mapping[tuple[str, str], Route]) -> Route:
    """Return what answers `request`; raises InvalidRequest with status 404 or 405."""
    methods = {
        method: route for (method, path), route in routes.items() if _is_at(request.path, path)
    }
    if not methods:
        raise _nothing_at_path(request.path, routes)
    if request.method not in methods:
        # A method is named only if it looks like one: it is the caller's text.
        named = f", not {request.method}" if _METHOD.fullmatch(request.method) else ""
        raise InvalidRequest(
            f"this path takes {' and '.join(sorted(methods))}{named}",
            status=405,
            code="method-not-allowed",
            headers={"Allow": ", ".join(sorted(methods))},
        )
    return methods[request.method]


def _nothing_at_path(path: str, routes: Mapping[tuple[str, str], Route]) -> InvalidRequest:
    """Return the error for a path that is in no route; it names those that end in no secret."""
    open_to_all = [f"{method} {path}" for method, path in sorted(routes) if "{" not in path]
    takes = f"; this function takes {' and '.join(open_to_all)}" if open_to_all else ""
    if any(_is_at(re.sub("/+", "/", f"/{path}".rstrip("/")), route) for _, route in routes):
        takes += "; the path of this request has a / too many"
    call = "/" + path.strip("/").partition("/")[0]
    owner = _FUNCTION_OF.get(call)
    if owner and not any(route.startswith(call) for _, route in routes):
        takes += f"; {call} has another URL, that of the function {owner}"
    return InvalidRequest(f"there is nothing at this path{takes}", status=404, code="not-found")


def _is_at(path: str, route: str) -> bool:
    """Whether `path` is that of a route, such as ``/sms`` or ``/receipts/{token}``."""
    folder, _, last = route.rpartition("/")
    if last.startswith("{"):
        return path.rpartition("/")[0] == folder
    return path in ("/", route)


def _error_response(error: SmsError) -> Response:
    response = problem(
        error.status,
        str(error),
        error.code,
        retryable=error.retryable,
        retry_after=error.retry_after,
        platform_request_id=error.request_id,
        field=error.field if isinstance(error, InvalidRequest) else "",
    )
    return response._replace(headers={**response.headers, **error.headers})


def fc_response(response: Response) -> dict[str, object]:
    """Return `response` in the form that Function Compute reads (document 2545977)."""
    body = json.dumps(response.body, ensure_ascii=False)
    media_type = "application/json" if response.status < 400 else "application/problem+json"
    return {
        "statusCode": response.status,
        "headers": {"Content-Type": media_type, "Cache-Control": "no-store", **response.headers},
        "isBase64Encoded": False,
        # The platform may send half of a surrogate pair, which cannot be encoded.
        "body": body.encode("utf-8", "replace").decode(),
    }
