"""Events of an HTTP trigger as Function Compute makes them, and its two context shapes.

Source: "Invoke a function with an HTTP trigger" (document 2545977) and "Context" of the Function
Compute documentation.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

API_KEY = "test-key-4f1d0c5b8e"
SPACE = "tester"  # of whoever has API_KEY
API_KEYS = f"{SPACE}:{hashlib.sha256(API_KEY.encode()).hexdigest()}"
INVOCATION_ID = "1-64f6cd87-5b1c2d3e4f50"


@dataclass
class FunctionInfo:
    """What the context says of the function; `timeout` in seconds."""

    name: str = "send_sms"
    handler: str = "functions/send_sms.handler"
    memory: int = 128
    timeout: int = 30


@dataclass
class Context:
    """The context object of python3.12, which carries no credentials."""

    request_id: str = INVOCATION_ID
    function: FunctionInfo = field(default_factory=FunctionInfo)


@dataclass
class ContextCredentials:
    """The temporary key pair in a python3.10 context; empty strings without a role."""

    access_key_id: str = ""
    access_key_secret: str = ""
    security_token: str = ""


@dataclass
class Context310(Context):
    """The context object of python3.10 and older."""

    credentials: ContextCredentials = field(default_factory=ContextCredentials)


def event_fields(
    body: object = None,
    *,
    method: str = "POST",
    path: str = "/sms",
    key: str | None = API_KEY,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the event as a dict; a `body` that is no string becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    known = {"Content-Type": "application/json", "User-Agent": "PostmanRuntime/7.32.3"}
    if key is not None:
        known["Authorization"] = f"Bearer {key}"
    return {
        "version": "v1",
        "rawPath": path,
        "body": "" if body is None else text,
        "isBase64Encoded": False,
        "headers": {**known, **(headers or {})},
        "queryParameters": dict(query or {}),
        "requestContext": {
            "accountId": "123456",
            "domainName": "x.cn-hangzhou.fcapp.run",
            "domainPrefix": "x",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "11.11.11.11",
                "userAgent": "PostmanRuntime/7.32.3",
            },
            "requestId": INVOCATION_ID,
            "time": "2023-09-05T06:41:11Z",
            "timeEpoch": "1693896071895",
        },
    }


def http_event(body: object = None, **arguments: Any) -> bytes:
    """Return the event as a function gets it; `arguments` are those of event_fields."""
    return json.dumps(event_fields(body, **arguments), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def base64_event(body: bytes, **arguments: Any) -> bytes:
    """Return an event whose body is marked as base64."""
    fields = event_fields(base64.b64encode(body).decode(), **arguments)
    return json.dumps({**fields, "isBase64Encoded": True}).encode()
