"""Receipts and replies as the platform hands them over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from shared import phone_numbers
from shared.clock import platform_time
from shared.errors import InvalidRequest
from shared.logs import masked

_LONGEST_ID = 256
_LONGEST_CODE = 64
_LONGEST_CONTENT = 4000
# number, out_id, message_id, code, times and size
_FIELDS = ("phone_number", "out_id", "biz_id", "err_code", "send_time", "report_time", "sms_size")
_GLOBE = ("To", "TaskId", "MessageId", "ErrorCode", "SendDate", "ReceiveDate", "SmsSize")
_DELIVERED_CODES = ("DELIVERED", "DELIVRD", "success")
_STATUSES = {"true": "delivered", "1": "delivered", "false": "failed", "0": "failed"}
_GLOBE_STATUSES = {"1": "delivered", "2": "failed", "6": "failed"}


class Report(NamedTuple):
    """The receipt of one message as it came; what was missing is empty, or 0.

    `out_id` is the one on the wire, `message_id` the BizId or MessageId, `sms_size` the messages
    billed; times are ``yyyy-MM-dd HH:mm:ss`` in UTC+8.
    """

    phone_number: str
    out_id: str
    message_id: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    sms_size: int
    is_of_globe: bool = False


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
    report = _read_report(fields)
    return report if report.status and (report.out_id or report.message_id) else None


def _read_report(fields: Mapping[str, str]) -> Report:
    is_of_globe = "To" in fields
    number, out_id, message_id, code, sent, received, size = (
        fields.get(name, "") for name in (_GLOBE if is_of_globe else _FIELDS)
    )
    code = masked(code[:_LONGEST_CODE])
    return Report(
        phone_number=_number(number),
        out_id=out_id[:_LONGEST_ID],
        message_id=message_id[:_LONGEST_ID],
        status=_status(fields.get("Status" if is_of_globe else "success", ""), code, is_of_globe),
        err_code=code,
        send_date=platform_time(sent),
        receive_date=platform_time(received),
        sms_size=int(size) if size.isascii() and size.isdigit() and len(size) < 4 else 0,
        is_of_globe=is_of_globe,
    )


def _status(told: str, code: str, is_of_globe: bool) -> str:
    judged = "delivered" if code in _DELIVERED_CODES else ""
    if is_of_globe and told:
        return _GLOBE_STATUSES.get(told) or judged or "waiting"
    return _STATUSES.get(told.lower()) or judged or ("failed" if code else "")


def _read_reply(fields: Mapping[str, str]) -> Reply | None:
    if not fields.get("phone_number"):
        return None
    return Reply(
        phone_number=_number(fields["phone_number"]),
        content=fields["content"][:_LONGEST_CONTENT],
        dest_code=fields.get("dest_code", "")[:_LONGEST_CODE],
        sign_name=masked(fields.get("sign_name", "")[:_LONGEST_CODE]),
        send_date=platform_time(fields.get("send_time", "")),
        sequence_id=fields.get("sequence_id", "")[:_LONGEST_ID],
    )


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
