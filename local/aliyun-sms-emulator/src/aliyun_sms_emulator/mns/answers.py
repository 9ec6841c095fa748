"""The queue API's XML documents.

Sources: https://www.alibabacloud.com/help/en/mns/developer-reference/receivemessage,
https://alibabacloud.com/help/en/mns/error-codes
"""

from __future__ import annotations

import base64
import hashlib
import json
from xml.sax.saxutils import escape

from aliyun_sms_emulator.tables.message_queue import QueueEntry

VERSION = "2015-06-06"

_NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"


class MnsError(Exception):
    """The queue API refuses a request."""

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.http_status = http_status


def no_message() -> MnsError:
    """Build the error for an empty queue, and for a handle that is over or unknown."""
    return MnsError("MessageNotExist", "Message not exist.", 404)


def error_document(error: MnsError, request_id: str, host: str) -> bytes:
    """Write an error."""
    fields = {
        "Code": error.code,
        "Message": error.message,
        "RequestId": request_id,
        "HostId": f"http://{host}",
    }
    return _document("Error", _elements(fields))


def message_document(entry: QueueEntry) -> bytes:
    """Write one received message."""
    return _document("Message", _message(entry))


def messages_document(entries: list[QueueEntry]) -> bytes:
    """Write several received messages."""
    return _document(
        "Messages", "".join(f"<Message>{_message(entry)}</Message>" for entry in entries)
    )


def _message(entry: QueueEntry) -> str:
    """The body is the base64 of one JSON object, as in the SDK @alicloud/sms-sdk's readme."""
    text = json.dumps(entry.body, ensure_ascii=False)
    body = base64.b64encode(text.encode(errors="replace"))
    return _elements(
        {
            "MessageId": f"{entry.id:032X}",
            "ReceiptHandle": entry.receipt_handle,
            "MessageBody": body.decode(),
            "MessageBodyMD5": hashlib.md5(body, usedforsecurity=False).hexdigest().upper(),
            "EnqueueTime": _milliseconds(entry.enqueued_at),
            "NextVisibleTime": _milliseconds(entry.next_visible_at),
            "FirstDequeueTime": _milliseconds(entry.first_dequeued_at),
            "DequeueCount": str(entry.dequeue_count),
            "Priority": "8",
        }
    )


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _elements(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


def _document(root: str, content: str) -> bytes:
    declaration = '<?xml version="1.0" encoding="utf-8"?>'
    return f'{declaration}<{root} xmlns="{_NAMESPACE}">{content}</{root}>'.encode()
