"""Reading what callers of the JSON API send: query parameters and JSON objects."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime

from starlette.requests import Request

from aliyun_sms_emulator.api.errors import ApiError
from aliyun_sms_emulator.clock import CHINA

_MAX_BODY_BYTES = 1024 * 1024
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def only_known(request: Request, known: tuple[str, ...]) -> None:
    """Refuse query parameters nobody would look at."""
    for name in request.query_params:
        if name not in known:
            raise ApiError(f"unknown parameter; known are {', '.join(known)}", field=name)


def whole_number(request: Request, name: str, default: int, *, highest: int) -> int:
    """Read a whole number, 0 or more, from the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= highest):
        raise ApiError(f"must be a whole number from 0 to {highest}", field=name)
    return int(text)


def seconds(request: Request, name: str, *, highest: float) -> float:
    """Read a number of seconds, 0 if absent, from the query."""
    try:
        value = float(request.query_params.get(name, "0"))
    except ValueError:
        value = math.nan
    if not 0 <= value <= highest:
        raise ApiError(f"must be a number of seconds from 0 to {highest:g}", field=name)
    return value


def moment(request: Request, name: str) -> float | None:
    """Read a time, in UTC+8 where it names no zone, from the query; None if absent."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (value if value.tzinfo else value.replace(tzinfo=CHINA)).timestamp()
    except (ValueError, OverflowError):
        raise ApiError("must be a time such as 2026-01-31T23:59:00+08:00", field=name) from None


async def json_object(request: Request) -> dict[str, object]:
    """Read the body as a JSON object; anything else is an ApiError."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise ApiError("send Content-Type: application/json", field="content-type", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise ApiError("the body is larger than 1 MiB", status=413)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise ApiError("the body is not JSON") from None
    if not isinstance(document, dict):
        raise ApiError("the body must be a JSON object")
    return document


def whole_characters(document: dict[str, object]) -> dict[str, object]:
    """Refuse halves of characters, which JSON can write but no answer; returns the document."""
    for field, value in document.items():
        if isinstance(value, str) and _LONE_SURROGATE.search(value):
            raise ApiError("holds half of a character (a lone surrogate)", field=field)
    return document
