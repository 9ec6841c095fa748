"""One finished invocation as JSON, the same wherever it is shown."""

from __future__ import annotations

import json
from typing import Any

from ..errors import RequestRefused
from ..instances.invocation import Invocation
from ..web.http_trigger import make_response


def record(invocation: Invocation) -> dict[str, Any]:
    """Return what is known of an invocation but its result; `status` is what its caller saw."""
    return {
        "function": invocation.function,
        "request_id": invocation.request_id,
        "trigger": invocation.trigger,
        "attempt": invocation.attempt,
        "status": _status(invocation),
        "error_type": invocation.error_type,
        "error": error_text(invocation),
        "started": round(invocation.started, 3),
        "duration_ms": invocation.duration_ms,
        "billed_ms": invocation.billed_ms,
        "memory_mb": invocation.memory_mb,
        "log": invocation.log,
    }


def with_payload(invocation: Invocation) -> dict[str, Any]:
    """Return the record with the result as `payload`; what is not UTF-8 in it is replaced."""
    return {**record(invocation), "payload": invocation.payload.decode("utf-8", "replace")}


def error_text(invocation: Invocation) -> str | None:
    """Return `ValueError: what it says` of a failed invocation, else None."""
    if invocation.error_type is None:
        return None
    try:
        error = json.loads(invocation.payload)
        if "Code" in error:  # the platform's own errors have other names than a function's
            # What the program has written stands in the log.
            return f"{error['Code']}: {error['Message']}".partition("\nLogs:")[0]
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return invocation.error_type


def _status(invocation: Invocation) -> int:
    if invocation.trigger != "http":
        return invocation.status
    try:
        return make_response(invocation).status
    except RequestRefused as refused:
        return refused.status
