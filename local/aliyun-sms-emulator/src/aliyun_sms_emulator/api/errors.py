"""The JSON API's errors: `{"error": {"field": ..., "message": ...}}` with a 4xx status, or 500."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aliyun_sms_emulator.api.wrong_paths import nothing_at

_log = logging.getLogger(__name__)


class ApiError(Exception):
    """A request to the JSON API is wrong; `field` says where, `message` how to put it right."""

    def __init__(self, message: str, *, field: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.status = status


def error_response(message: str, *, field: str = "", status: int = 400) -> JSONResponse:
    """Write an error document."""
    error: dict[str, str | None] = {"field": field or None, "message": message}
    return JSONResponse({"error": error}, status)


async def on_api_error(_request: Request, error: Exception) -> Response:
    """Answer an ApiError."""
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class
    return error_response(error.message, field=error.field, status=error.status)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the routing refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    if error.status_code == 404:
        known = [route.path for route in request.app.routes if isinstance(route, Route)]
        problem = nothing_at(request.scope["path"], request.url.query, known)
        return error_response(problem, status=404)
    methods = ", ".join(_methods_at(request))
    if error.status_code == 405 and methods:
        problem = f"this path takes {methods}, not {request.method}"
        if request.scope["path"] == "/inbox":
            problem += "; it is the page: programs send to /, or to POST /api/messages"
        response = error_response(problem, status=405)
        response.headers["Allow"] = methods
        return response
    response = error_response(error.detail, status=error.status_code)
    response.headers.update(error.headers or {})
    return response


def _methods_at(request: Request) -> list[str]:
    """Return all methods of the path; Starlette names those of its first route alone."""
    path = request.scope["path"]
    at_path = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.path_regex.match(path)
    ]
    return sorted({method for route in at_path for method in route.methods or ()})


async def on_disconnect(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the caller went away before its request was whole."""
    return Response(status_code=400)


async def on_storage_error(request: Request, error: Exception) -> Response:
    """Answer that the database fails, most likely because the disk is full."""
    _log.error("%s %s failed: %s", request.method, request.url.path, error)
    return error_response(
        f"the database cannot be used ({error}); check its disk, or name another file"
        " with --database",
        status=500,
    )
