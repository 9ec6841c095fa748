"""The forms of an answer: JSON or XML, success, business refusal or gateway refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from aliyun_sms_emulator.wire.errors import BusinessError, GatewayError

JsonObject = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Names of the fields that tell a product's result; `flag` adds a boolean `Success`."""

    code: str = "Code"
    text: str = "Message"
    ok_text: str = "OK"
    flag: bool = False


SMS = Dialect()
GLOBE = Dialect("ResponseCode", "ResponseDescription")
RESULT = Dialect(flag=True)
VERIFICATION = Dialect(ok_text="成功", flag=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is written as JSON or XML; `root` names the XML root element."""

    root: str
    fields: JsonObject
    code: str
    http_status: int = 200


def success(action: str, request_id: str, fields: JsonObject, dialect: Dialect) -> Answer:
    """Build the answer of an operation that did what it was asked."""
    return Answer(
        f"{action}Response",
        {
            dialect.text: dialect.ok_text,
            "RequestId": request_id,
            **fields,
            dialect.code: "OK",
            **({"Success": True} if dialect.flag else {}),
        },
        "OK",
    )


def business_refusal(
    action: str, request_id: str, error: BusinessError, dialect: Dialect
) -> Answer:
    """Build the answer of the service when it refuses: HTTP 200, no BizId."""
    return Answer(
        f"{action}Response",
        {
            dialect.text: error.message,
            "RequestId": request_id,
            dialect.code: error.code,
            **({"Success": False} if dialect.flag else {}),
        },
        error.code,
    )


def gateway_refusal(request_id: str, host: str, error: GatewayError) -> Answer:
    """Build the gateway's error document."""
    recommend = f"https://api.aliyun.com/troubleshoot?q={error.code}&product=Dysmsapi&requestId={request_id}"
    fields = {
        "RequestId": request_id,
        "Message": error.message,
        "Recommend": recommend,
        "HostId": host,
        "Code": error.code,
    }
    return Answer("Error", fields, error.code, error.http_status)


def render(answer: Answer, answer_format: str) -> tuple[bytes, bytes]:
    """Write an answer; returns the content type and the body.

    A lone surrogate, which a JSON escape in a parameter may have brought, becomes `?`.
    """
    if answer_format == "XML":
        text = f"<?xml version='1.0' encoding='UTF-8'?>{_element(answer.root, answer.fields)}"
        return b"text/xml;charset=utf-8", text.encode(errors="replace")
    text = json.dumps(answer.fields, ensure_ascii=False, separators=(",", ":"))
    return b"application/json;charset=utf-8", text.encode(errors="replace")


def _element(name: str, value: object) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, Mapping):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape("".join(c for c in str(value) if c >= " " or c in "\t\n\r"))
    return f"<{name}>{inner}</{name}>"
