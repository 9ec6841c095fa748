"""Cross-origin requests (CORS) to an HTTP trigger: the preflight, and headers of an answer.

Sources: "HTTP trigger overview" (without a setting every origin may read answers, and what the
function sets itself stays) and "CORSConfig" of the API 2023-03-30. Which of its answers the
platform gives word for word is not confirmed; here they are those of the Fetch standard.
"""

from __future__ import annotations

from dataclasses import replace

from ..http_messages import Headers, HttpRequest, HttpResponse
from ..template.model import Cors, HttpTrigger

_ALLOW_ORIGIN = b"access-control-allow-origin"
_EXPOSED = (
    "Date,x-fc-request-id,x-fc-error-type,x-fc-code-checksum,x-fc-invocation-duration,"
    "x-fc-max-memory-usage,x-fc-log-result,x-fc-invocation-code-version"
)


def listed_origins(trigger: HttpTrigger | None) -> tuple[str, ...]:
    """Return the origins that a trigger names one by one, such as https://app.example.com."""
    if trigger is None or trigger.cors is None:
        return ()
    return tuple(origin.lower() for origin in trigger.cors.origins if "*" not in origin)


def preflight(trigger: HttpTrigger, request: HttpRequest) -> HttpResponse | None:
    """Answer a preflight that corsConfig answers; None for any other request."""
    asked = request.header("access-control-request-method")
    origin = request.header("origin")
    if trigger.cors is None or request.method != "OPTIONS" or not origin or not asked:
        return None
    cors = trigger.cors
    headers = _origin_headers(cors, origin)
    if headers:
        methods = cors.methods or tuple(sorted(trigger.methods))
        wanted = request.header("access-control-request-headers")
        allowed = wanted if "*" in cors.headers else ",".join(cors.headers)
        headers += _named("access-control-allow-methods", _all_or(methods, asked))
        headers += _named("access-control-allow-headers", allowed)
        headers += _named("access-control-max-age", str(cors.max_age or ""))
    return HttpResponse(204, headers, b"")


def with_cors(trigger: HttpTrigger, request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return an answer with what lets a page read it, unless the function has said so itself."""
    origin = request.header("origin")
    if not origin or any(name == _ALLOW_ORIGIN for name, _ in response.headers):
        return response
    if trigger.cors is None:
        added = _named("access-control-allow-origin", origin)
        added += _named("access-control-allow-credentials", "true")
        added += _named("access-control-expose-headers", _EXPOSED)
    else:
        added = _origin_headers(trigger.cors, origin)
        if added:
            added += _named("access-control-expose-headers", ",".join(trigger.cors.exposed))
    given = {name for name, _ in response.headers}
    fresh = [(name, value) for name, value in added if name not in given]
    return replace(response, headers=[*response.headers, *fresh])


def _origin_headers(cors: Cors, origin: str) -> Headers:
    """Return the headers that name an allowed origin, none for another."""
    if not any(_covers(allowed.lower(), origin.lower()) for allowed in cors.origins):
        return []
    everybody = "*" in cors.origins and not cors.credentials
    headers = _named("access-control-allow-origin", "*" if everybody else origin)
    if not everybody:
        headers += _named("vary", "Origin")
    return headers + _named("access-control-allow-credentials", "true" if cors.credentials else "")


def _covers(allowed: str, origin: str) -> bool:
    """Compare an origin with an allowed one, in which one `*` stands for anything."""
    before, star, after = allowed.partition("*")
    if not star:
        return allowed == origin
    long_enough = len(origin) >= len(before) + len(after)
    return long_enough and origin.startswith(before) and origin.endswith(after)


def _all_or(methods: tuple[str, ...], asked: str) -> str:
    return asked if "*" in methods else ",".join(methods)


def _named(name: str, value: str) -> Headers:
    """Return one header, none for an empty value."""
    return [(name.encode(), value.encode("latin-1"))] if value else []
