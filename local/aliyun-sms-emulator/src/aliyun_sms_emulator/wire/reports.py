"""The JSON objects in which the platform reports receipts and replies.

Sources: https://help.aliyun.com/document_detail/101867.html (SmsReport),
https://help.aliyun.com/document_detail/101847.html (SmsUp),
https://help.aliyun.com/zh/sms/smsreport-http-intl (messages of the international API)
"""

from __future__ import annotations

import sqlite3

from aliyun_sms_emulator.clock import china_text, mail_text
from aliyun_sms_emulator.records import DELIVERED_CODES

REPORT = "SmsReport"
REPLY = "SmsUp"
KINDS = (REPORT, REPLY)

INTERNATIONAL_VERSION = "2018-05-01"
"""Version of the API whose messages are reported in the international shape."""

_DESCRIPTIONS = {"DELIVERED": "用户接收成功", "DELIVRD": "用户接收成功"}


def report_body(message: sqlite3.Row) -> dict[str, object]:
    """The receipt of a message, in the shape of the API that sent it."""
    if message["version"] == INTERNATIONAL_VERSION:
        return _international_report(message)
    code = message["receipt_code"]
    body: dict[str, object] = {
        "phone_number": message["phone_number"],
        "send_time": china_text(message["accepted_at"]),
        "report_time": china_text(message["receipt_at"]),
        "success": code in DELIVERED_CODES,
        "err_code": code,
        "err_msg": _DESCRIPTIONS.get(code, code),
        "sms_size": str(message["segments"]),
        "biz_id": message["biz_id"],
    }
    if message["out_id"]:
        body["out_id"] = message["out_id"]
    return body


def globe_number(message: sqlite3.Row) -> str:
    """The number of a message with its country code; mainland ones are kept without."""
    abroad = message["template_type"] == "international"
    return f"{'' if abroad else '86'}{message['phone_number']}"


def reply_body(reply: sqlite3.Row) -> dict[str, object]:
    """What a recipient wrote back."""
    return {
        "phone_number": reply["phone_number"],
        "content": reply["content"],
        "send_time": china_text(reply["sent_at"]),
        "dest_code": reply["dest_code"],
        "sequence_id": str(reply["id"]),
    }


def _international_report(message: sqlite3.Row) -> dict[str, object]:
    code = message["receipt_code"]
    delivered = code in DELIVERED_CODES
    body: dict[str, object] = {
        "To": globe_number(message),
        "SendDate": mail_text(message["accepted_at"]),
        "ReceiveDate": mail_text(message["receipt_at"]),
        "Status": "1" if delivered else "6" if code == "EXPIRED" else "2",
        "ErrorCode": "success" if delivered else code,
        "ErrorDescription": "success" if delivered else code,
        "SmsSize": str(message["segments"]),
        "MessageId": message["biz_id"],
    }
    if message["out_id"]:
        body["TaskId"] = message["out_id"]
    return body
