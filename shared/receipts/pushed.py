"""Receipts and replies as the platform hands them over, by push or in its queue.

Sources: documents 101867 (SmsReport), 101847 (SmsUp), smsreport-http-intl (SendMessageToGlobe), and
162962 and 73871 of alibabacloud.com/help/doc-detail (the older international form).
"""

from __future__ import annotations

import base64
import json
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
_DELIVERED_CODES = ("DELIVERED", "DELIVRD", "SUCCESS")
_SEPARATORS = str.maketrans("", "", " -+")
# What a status says, by the name of its field. In the older international form 1 is "submitted".
_STATUSES = {
    "success": {"true": "delivered", "1": "delivered", "false": "failed", "0": "failed"},
    "Status": {"1": "delivered", "2": "failed", "6": "failed"},
    "SendStatus": {"2": "failed", "3": "delivered"},
}


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
# Of the international site, before that (documents 162962 and 73871).
_OLDER_FORM = _Form(
    phone_number="PhoneNumber",
    out_id="ExternalId",
    message_id="BizId",
    status="SendStatus",
    err_code="ErrorCode",
    send_date="SendDate",
    receive_date="ReceiveDate",
    sms_size="SmsQuantity",
)
_FORMS = (_MAINLAND_FORM, _GLOBE_FORM, _OLDER_FORM)


class Report(NamedTuple):
    """The receipt of one message as it came; what was missing is empty, or 0.

    `out_id` is the one on the wire, `message_id` the BizId or MessageId, `sms_size` the messages
    billed; times are ``yyyy-MM-dd HH:mm:ss`` in UTC+8. It is `contradictory` where its code says
    something else than its status, which decides.
    """

    phone_number: str
    out_id: str
    message_id: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    sms_size: int
    contradictory: bool = False


class Reply(NamedTuple):
    """What somebody wrote back to `dest_code`."""

    phone_number: str
    content: str
    dest_code: str
    sign_name: str
    send_date: str
    sequence_id: str


def entries_in(body: bytes) -> list[object] | None:
    """Return the receipts and replies in the body of a message; None where it cannot be read.

    It is one JSON object or an array of them, in base64 as a rule, which may be broken into lines;
    or as it is.
    """
    for text in (body, _from_base64(body)):
        try:
            entries = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(entries, (dict, list)):
            return entries if isinstance(entries, list) else [entries]
    return None


def _from_base64(body: bytes) -> bytes:
    """Return what `body` holds in base64, nothing where it is none."""
    text = b"".join(body.split())
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""


def raw_entry(entry: object) -> bytes | None:
    """Return an entry as JSON in ASCII; None for one that is nested too deep to be written.

    Bytes, which nobody could read as JSON, stay as they are.
    """
    if isinstance(entry, bytes):
        return entry
    try:
        return json.dumps(entry, separators=(",", ":")).encode()
    except RecursionError:
        return None


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
    form = max(_FORMS, key=lambda form: len(fields.keys() & set(form)))
    found = _Form(*(fields.get(name, "") for name in form))
    err_code = masked(found.err_code[:_LONGEST_CODE])
    status = _status(form, found.status, err_code)
    return Report(
        phone_number=_number(found.phone_number),
        out_id=found.out_id[:_LONGEST_ID],
        message_id=found.message_id[:_LONGEST_ID],
        status=status,
        err_code=err_code,
        send_date=platform_time(found.send_date),
        receive_date=platform_time(found.receive_date),
        sms_size=_size(found.sms_size),
        contradictory=_is_contradictory(status, err_code),
    )


def _status(form: _Form, status: str, err_code: str) -> str:
    """Return delivered, failed or waiting; nothing where the receipt does not say."""
    by_code = "delivered" if err_code.upper() in _DELIVERED_CODES else ""
    by_status = _STATUSES[form.status].get(status.lower())
    if by_status or by_code:
        return by_status or by_code
    if form is not _MAINLAND_FORM and status:
        return "waiting"  # a status that is not documented, or is no final word
    return "failed" if err_code else ""


def _is_contradictory(status: str, err_code: str) -> bool:
    """Whether the code of a receipt says another final thing than its status."""
    if err_code.upper() in _DELIVERED_CODES:
        return status == "failed"
    if status != "delivered" or not err_code:
        return False
    from shared.platform.error_codes import find  # a table that most receipts never need

    known = find(err_code)
    return known is None or known.delivery_status == "failed"


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
    """Return a number in the form in which numbers go out, or what stands there when it is none."""
    try:
        return phone_numbers.queried(text, "phone_number")
    except InvalidRequest:
        pass
    # Of North America, say, where a receipt may write what a caller must not.
    digits = text.translate(_SEPARATORS).removeprefix("00")
    return digits if re.fullmatch("[1-9][0-9]{4,19}", digits) else text[:_LONGEST_CODE]
