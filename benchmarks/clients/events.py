"""Events and the context as Function Compute hands them to a function."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any, cast

from shared.clock import PLATFORM_OFFSET

# The parent puts their hashes into SMS_API_KEYS.
API_KEY = "benchmark"
HOOK_KEY = "benchmark-hook-logto"
RECEIPT_TOKEN = "a-token-of-the-benchmark"


def context(timeout: int = 30) -> Any:
    """Return the context of an invocation that may take `timeout` seconds."""
    function = SimpleNamespace(timeout=timeout)
    return cast(Any, SimpleNamespace(request_id="1-benchmark", function=function))


def http_event(path: str, body: object, key: str = API_KEY) -> bytes:
    """Return the event of a POST."""
    event = {
        "version": "v1",
        "rawPath": path,
        "headers": {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        "queryParameters": {},
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"http": {"method": "POST", "path": path}},
    }
    return json.dumps(event).encode()


def topic_event(request: object, message_id: str) -> bytes:
    """Return the event of a message in an MNS topic."""
    event = {
        "TopicName": "sends",
        "MessageId": message_id,
        "Message": json.dumps(request),
    }
    return json.dumps(event).encode()


def object_event(bucket: str, key: str, etag: str) -> bytes:
    """Return the event of an object that was written."""
    record = {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "oss": {"bucket": {"name": bucket}, "object": {"eTag": etag, "key": key}},
        "region": "cn-hangzhou",
    }
    return json.dumps({"events": [record]}).encode()


def one_sms(number: str) -> dict[str, object]:
    """Return the body of ``POST /sms`` for one number."""
    return {
        "phone_numbers": number,
        "sign_name": "fc-sms",
        "template_code": "SMS_100002",
        "template_param": {"name": "Li", "order": "A-17"},
    }


def receipt(number: str, out_id: str) -> dict[str, object]:
    """Return the receipt of an SMS delivered just now, as it is pushed (document 101867)."""
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + PLATFORM_OFFSET))
    return {
        "phone_number": number,
        "send_time": now,
        "report_time": now,
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": f"9{number}0000000^0",
        "out_id": out_id,
    }
