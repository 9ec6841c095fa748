"""What destinations of asynchronous invocations are told.

Source: "Result callback" (https://www.alibabacloud.com/help/en/fc/user-guide/result-callback): the
services, their payload limits, and the keys of the body. The meaning of `condition` and the texts
in it are not confirmed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

from ..account import ACCOUNT_ID
from ..instances.invocation import Invocation
from ..template.model import Function

EXPIRED = "EventAgeExceeded"
_FUNCTION = re.compile(r"acs:fc:([^:]*):[^:]*:functions/([^/]+)(?:/[^/]+)?")
_KIB = 1024
_LIMITS = {"mns": 64 * _KIB, "eventbridge": 64 * _KIB, "fc": 128 * _KIB, "mq": 4096 * _KIB}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to a destination about a finished asynchronous invocation.

    `outcome` is "success" or "failure"; `error` says why the destination did not take the message
    (empty if it did).
    """

    destination: str
    function: str
    request_id: str
    outcome: str
    body: bytes
    error: str


def destination_function(arn: str, functions: Iterable[Function]) -> Function | None:
    """Return which of these functions an ARN stands for; None for other ones and other services.

    The region decides between functions of one name only: an ARN with a wrong one is a mistake that
    should show on the platform, not here.
    """
    match = _FUNCTION.fullmatch(arn)
    named = [one for one in functions if match and one.function_name == match[2]]
    there = [one for one in named if match and one.region == match[1]]
    return next(iter(there or named), None)


def _arn(function: Function) -> str:
    return f"acs:fc:{function.region}:{ACCOUNT_ID}:functions/{function.function_name}"


def size_error(arn: str, body: bytes) -> str:
    """Say that a body is too large for its destination; empty if it is not."""
    service = arn.split(":")[1]
    limit = _LIMITS.get("mq" if "mq" in service else service)
    if limit is None or len(body) <= limit:
        return ""
    return f"the body is {len(body)} bytes; {service} takes at most {limit // _KIB} KB"


def make_body(
    function: Function, request_id: str, event: bytes, last: Invocation | None, condition: str
) -> bytes:
    """Build the JSON a destination gets; `last` is the last attempt, None if none could start."""
    error = last.error_type or "" if last else "ResourceExhausted"
    body = {
        "timestamp": _now(),
        "requestContext": {
            "requestId": request_id,
            "functionArn": _arn(function),
            "condition": condition,
            "approximateInvokeCount": last.attempt if last else 0,
        },
        "requestPayload": event.decode("utf-8", "replace"),
        "responseContext": {"statusCode": last.status if last else 429, "functionError": error},
        "responsePayload": last.payload.decode("utf-8", "replace") if last else "",
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _now() -> str:
    moment = datetime.now(timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
