"""What the control port tells about the stub itself, below /stub/."""

from __future__ import annotations

import json
from urllib.parse import unquote

from ..errors import RequestRefused
from ..http_messages import HttpRequest, HttpResponse
from .destinations import Delivery
from .records import with_payload
from .service import Service
from .status import make_status

_INVOCATIONS = "/stub/invocations/"


def inspect(service: Service, request: HttpRequest) -> HttpResponse:
    """Answer `GET /stub/status`, `/stub/destinations` and `/stub/invocations/<request id>`."""
    if request.method != "GET":
        raise RequestRefused(405, "MethodNotAllowed", f"{request.path} takes GET")
    if request.path == "/stub/status":
        return _json(make_status(service))
    if request.path == "/stub/destinations":
        return _json({"destinations": [_delivery(one) for one in service.queue.deliveries]})
    if request.path.startswith(_INVOCATIONS):
        return _invocations(service, unquote(request.path.removeprefix(_INVOCATIONS)))
    raise RequestRefused(
        404,
        "PathNotSupported",
        "there are /stub/status, /stub/destinations and /stub/invocations/<request id>",
    )


def _invocations(service: Service, request_id: str) -> HttpResponse:
    attempts = [with_payload(one) for one in service.recorded if one.request_id == request_id]
    pending = service.queue.pending(request_id)
    if not attempts and not pending:
        raise RequestRefused(404, "InvocationNotFound", f"no invocation {request_id!r} is known")
    return _json({"request_id": request_id, "pending": pending, "attempts": attempts})


def _delivery(delivery: Delivery) -> dict[str, object]:
    return {
        "destination": delivery.destination,
        "function": delivery.function,
        "request_id": delivery.request_id,
        "outcome": delivery.outcome,
        "body": json.loads(delivery.body),
        "error": delivery.error,
    }


def _json(value: object) -> HttpResponse:
    body = json.dumps(value, ensure_ascii=True).encode()
    return HttpResponse(200, [(b"content-type", b"application/json")], body)
