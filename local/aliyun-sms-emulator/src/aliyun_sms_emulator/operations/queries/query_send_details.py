"""QuerySendDetails: what became of the messages to one number on one day.

Source: https://help.aliyun.com/document_detail/419277.html
"""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from aliyun_sms_emulator.clock import china_text, in_china
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.rules.phone_numbers import stored_form
from aliyun_sms_emulator.wire.answers import SMS
from aliyun_sms_emulator.wire.errors import BusinessError

_DAYS_BACK = 30
_STATUS = {"accepted": 1, "failed": 2, "delivered": 3}


def query_send_details(call: Call) -> dict[str, object]:
    """List the account's messages to a number on a day (UTC+8), the newest first."""
    phone_number = stored_form(call.text("PhoneNumber"))
    if phone_number is None:
        raise BusinessError("isv.MOBILE_NUMBER_ILLEGAL", "invalid mobile number")
    day = call.day("SendDate")
    if not 0 <= (in_china(call.now).date() - day.date()).days <= _DAYS_BACK:
        raise invalid("SendDate")
    page = call.page("CurrentPage")
    rows = call.platform.store.inbox.send_details(
        call.account,
        phone_number,
        since=day.timestamp(),
        until=(day + timedelta(days=1)).timestamp(),
        visibility=call.visibility,
        biz_id=call.text("BizId") or None,
    )
    return {
        "TotalCount": len(rows),
        "SmsSendDetailDTOs": {"SmsSendDetailDTO": [_detail(row) for row in page.of(rows)]},
    }


def _detail(row: sqlite3.Row) -> dict[str, object]:
    detail: dict[str, object] = {
        "PhoneNum": row["phone_number"],
        "SendStatus": _STATUS[row["status"]],
        "TemplateCode": row["template_code"],
        "Content": row["text"],
        "SendDate": china_text(row["accepted_at"]),
    }
    if row["out_id"]:
        detail["OutId"] = row["out_id"]
    if row["status"] != "accepted":
        detail["ErrCode"] = row["receipt_code"]
        detail["ReceiveDate"] = china_text(row["receipt_at"])
    return detail


OPERATION = Operation(
    version="2017-05-25",
    name="QuerySendDetails",
    required=("PhoneNumber", "SendDate", "PageSize", "CurrentPage"),
    run=query_send_details,
    dialect=SMS,
)
