"""The whole function: functions.send_sms answers an HTTP trigger event."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from functions.send_sms import handler

API_KEY = "benchmark"  # the parent puts its hash into SMS_API_KEYS
_NUMBER = "13800138000"
_CONTEXT = cast(
    Any, SimpleNamespace(request_id="1-benchmark", function=SimpleNamespace(timeout=30))
)
_EVENT = json.dumps(
    {
        "version": "v1",
        "rawPath": "/sms",
        "headers": {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
        "queryParameters": {},
        "body": json.dumps(
            {
                "phone_numbers": _NUMBER,
                "sign_name": "fc-sms",
                "template_code": "SMS_100002",
                "template_param": {"name": "Li", "order": "A-17"},
            }
        ),
        "isBase64Encoded": False,
        "requestContext": {"http": {"method": "POST", "path": "/sms"}},
    }
)


def send(number: str) -> None:
    """Have the handler answer an event; raise unless it answers 200."""
    answer = handler(_EVENT.replace(_NUMBER, number).encode(), _CONTEXT)
    if answer["statusCode"] != 200:
        raise RuntimeError(str(answer["body"]))
