"""Receipts and replies as the platform hands them over, by push or in its queue.

Sources: documents 101867 (SmsReport) and 101847 (SmsUp), and smsreport-http-intl.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from shared import phone_numbers
from shared.errors import InvalidRequest
from shared.logs import masked
from shared.platform.times import platform_time

_LONGEST_ID = 256
_LONGEST_CODE = 64
_LONGEST_CONTENT = 4000
_DELIVERED_CODES = ("DELIVERED", "DELIVRD", "success")
_STATUSES = {"true": "delivered", "1": "delivered", "false": "failed", "0": "failed"}
_GLOBE_STATUSES = {"1": "delivered", "2": "failed", "6": "failed"}


class _Form(NamedTuple):
    """What a form of receipt calls each member of a Report."""

    phone_number: str
    out_id: str
    message_id: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    sms_size: str


# Of SendSms and SendBatchSms (document 101867).
_MAINLAND_FORM = _Form(
    phone_number="phone_number",
    out_id="out_id",
    message_id="biz_id",
    status="success",
    err_code="err_code",
    send_date="send_time",
    receive_date="report_time",
    sms_size="sms_size",
)
# Of SendMessageToGlobe (smsreport-http-intl).
_GLOBE_FORM = _Form(
    phone_number="To",
    out_id="TaskId",
    message_id="MessageId",
    status="Status",
    err_code="ErrorCode",
    send_date="SendDate",
    receive_date="ReceiveDate",
    sms_size="SmsSize",
)


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
    is_of_globe = _GLOBE_FORM.phone_number in fields
    form = _GLOBE_FORM if is_of_globe else _MAINLAND_FORM
    found = _Form(*(fields.get(name, "") for name in form))
    err_code = masked(found.err_code[:_LONGEST_CODE])
    return Report(
        phone_number=_number(found.phone_number),
        out_id=found.out_id[:_LONGEST_ID],
        message_id=found.message_id[:_LONGEST_ID],
        status=_status(found.status, err_code, is_of_globe=is_of_globe),
        err_code=err_code,
        send_date=platform_time(found.send_date),
        receive_date=platform_time(found.receive_date),
        sms_size=_size(found.sms_size),
        is_of_globe=is_of_globe,
    )


def _status(status: str, err_code: str, *, is_of_globe: bool) -> str:
    """Return delivered, failed or waiting; nothing where the receipt does not say."""
    by_code = "delivered" if err_code in _DELIVERED_CODES else ""
    if is_of_globe and status:
        return _GLOBE_STATUSES.get(status) or by_code or "waiting"
    return _STATUSES.get(status.lower()) or by_code or ("failed" if err_code else "")


def _size(text: str) -> int:
    """Return a number of messages; 0 for what is no number, or has more than three digits."""
    return int(text) if re.fullmatch("[0-9]{1,3}", text) else 0


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
    """Return a member of an entry as text: the platform sends some both as number and as text."""
    if isinstance(value, str):
        return value.strip().encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, (int, float)) else ""


def _number(text: str) -> str:
    """Return a number as QuerySendDetails has it, or what stands there when it is none."""
    try:
        return phone_numbers.queried(text, "phone_number")
    except InvalidRequest:
        return text[:_LONGEST_CODE]
