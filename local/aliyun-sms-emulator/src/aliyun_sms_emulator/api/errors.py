"""The JSON API's errors: `{"error": {"field": ..., "message": ...}}` with a 4xx status, or 500."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

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


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """Answer what the routing refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    response = error_response(error.detail, status=error.status_code)
    response.headers.update(error.headers or {})
    return response


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
