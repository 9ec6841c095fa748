"""What the platform tells about messages: receipts (SmsReport) and replies (SmsUp), in all shapes.

Sources: documents 101867 (SmsReport) and 101847 (SmsUp), and the page smsreport-http-intl for
messages of SendMessageToGlobe. Numbers come as strings or as numbers, most fields may be missing,
and unknown ones are dropped.
"""

from __future__ import annotations

import time
from email.utils import mktime_tz, parsedate_tz
from typing import NamedTuple

from shared import phone_numbers
from shared.clock import PLATFORM_OFFSET, parse_platform_time
from shared.errors import InvalidRequest

FINAL = ("delivered", "failed")
_DELIVERED_CODES = ("DELIVERED", "DELIVRD", "success")
_MAINLAND_STATUSES = {"true": "delivered", "1": "delivered", "false": "failed", "0": "failed"}
_INTERNATIONAL_STATUSES = {"1": "delivered", "2": "failed", "6": "failed"}
_LONGEST_ID = 256
_LONGEST_CODE = 64
_LONGEST_CONTENT = 4000


class Report(NamedTuple):
    """The receipt of one message; what was missing is empty, or 0.

    `out_id` is the one on the wire, `message_id` the BizId or MessageId, `sms_size` the number of
    messages billed; times are ``yyyy-MM-dd HH:mm:ss`` in UTC+8.
    """

    phone_number: str
    out_id: str
    message_id: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    sms_size: int


class Reply(NamedTuple):
    """What somebody wrote back to `dest_code`."""

    phone_number: str
    content: str
    dest_code: str
    sign_name: str
    send_date: str
    sequence_id: str


def read_entry(entry: object) -> Report | Reply | None:
    """Read one object that the platform pushed or queued; None when it is nothing of ours."""
    if not isinstance(entry, dict):
        return None
    fields = {name: _text(value) for name, value in entry.items()}
    if "content" in fields:
        return _read_reply(fields)
    report = _read_international(fields) if "To" in fields else _read_mainland(fields)
    known = report.status and (report.out_id or report.message_id)
    return report if known else None


def _read_mainland(fields: dict[str, str]) -> Report:
    code = fields.get("err_code", "")[:_LONGEST_CODE]
    status = _MAINLAND_STATUSES.get(fields.get("success", "").lower(), "")
    return Report(
        phone_number=_number(fields.get("phone_number", "")),
        out_id=fields.get("out_id", "")[:_LONGEST_ID],
        message_id=fields.get("biz_id", "")[:_LONGEST_ID],
        status=status or _status_of(code),
        err_code=code,
        send_date=_time(fields.get("send_time", "")),
        receive_date=_time(fields.get("report_time", "")),
        sms_size=_count(fields.get("sms_size", "")),
    )


def _read_international(fields: dict[str, str]) -> Report:
    code = fields.get("ErrorCode", "")[:_LONGEST_CODE]
    status = _INTERNATIONAL_STATUSES.get(fields.get("Status", ""), "")
    if not status and fields.get("Status"):
        status = "delivered" if code in _DELIVERED_CODES else "waiting"
    return Report(
        phone_number=_number(fields["To"]),
        out_id=fields.get("TaskId", "")[:_LONGEST_ID],
        message_id=fields.get("MessageId", "")[:_LONGEST_ID],
        status=status or _status_of(code),
        err_code=code,
        send_date=_time(fields.get("SendDate", "")),
        receive_date=_time(fields.get("ReceiveDate", "")),
        sms_size=_count(fields.get("SmsSize", "")),
    )


def _read_reply(fields: dict[str, str]) -> Reply | None:
    if not fields.get("phone_number"):
        return None
    return Reply(
        phone_number=_number(fields["phone_number"]),
        content=fields["content"][:_LONGEST_CONTENT],
        dest_code=fields.get("dest_code", "")[:_LONGEST_CODE],
        sign_name=fields.get("sign_name", "")[:_LONGEST_CODE],
        send_date=_time(fields.get("send_time", "")),
        sequence_id=fields.get("sequence_id", "")[:_LONGEST_ID],
    )


def _status_of(code: str) -> str:
    if not code:
        return ""
    return "delivered" if code in _DELIVERED_CODES else "failed"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip().encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, (int, float)) else ""


def _number(text: str) -> str:
    try:
        return phone_numbers.queried(text, "phone_number")
    except InvalidRequest:
        return text[:_LONGEST_CODE]


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _time(text: str) -> str:
    if len(text) == 14 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"
    epoch = parse_platform_time(text)
    try:
        if epoch is None:
            parsed = parsedate_tz(text)
            epoch = mktime_tz(parsed) if parsed else None
        if epoch is None:
            return ""
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(epoch + PLATFORM_OFFSET))
    except (ArithmeticError, IndexError, OSError, TypeError, ValueError):
        return ""
