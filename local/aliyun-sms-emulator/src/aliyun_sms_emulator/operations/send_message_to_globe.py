"""SendMessageToGlobe and QueryMessage of version 2018-05-01, for numbers outside the mainland.

Sources: the operations' pages in the SMS API reference,
https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-sendmessagetoglobe and
https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-querymessage
"""

from __future__ import annotations

import re

from aliyun_sms_emulator.clock import mail_text
from aliyun_sms_emulator.config import Template
from aliyun_sms_emulator.operations.acceptance import MAX_OUT_ID, Draft, accept
from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.receipts.shapes import INTERNATIONAL_API
from aliyun_sms_emulator.rules import texts
from aliyun_sms_emulator.rules.countries import Country, country_of
from aliyun_sms_emulator.rules.phone_numbers import globe_recipient
from aliyun_sms_emulator.wire.errors import BusinessError

DEFAULT_SENDER = "Alicloud"

STATUSES = {
    "current": {"delivered": "1", "failed": "2", "accepted": "3"},
    "2019": {"accepted": "1", "failed": "2", "delivered": "3"},
}
"""QueryMessage's Status today, and as documented in 2019 (help page 106595)."""

_TYPES = frozenset({"OTP", "NOTIFY", "MKT"})
_SENDER = re.compile(r"[0-9]{1,15}|(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,11}")
_SECONDS = re.compile(r"[0-9]{1,18}")
_NO_TEMPLATE = Template(code="", type="international", content="")
_PARTS_OF_CHINA = {"HK": "HongKong", "MO": "Macao", "TW": "Taiwan"}


def send_message_to_globe(call: Call) -> dict[str, object]:
    """Send a free text to one number abroad."""
    number, country = globe_recipient(call.text("To"))
    sender = call.text("From")
    if sender and not _SENDER.fullmatch(sender):
        raise BusinessError("INVALID_SENDERID", "The sender id is invalid")
    if call.text("Type") not in _TYPES | {""}:
        raise _invalid("Type")
    if call.text("ValidityPeriod") and not _SECONDS.fullmatch(call.text("ValidityPeriod")):
        raise _invalid("ValidityPeriod")
    if len(call.text("TaskId")) > MAX_OUT_ID:
        raise _invalid("TaskId")
    sender, text = sender or DEFAULT_SENDER, call.text("Message")
    drafts = [Draft(number, sender, text, {})]
    message_id = accept(call, INTERNATIONAL_API, _NO_TEMPLATE, drafts, call.text("TaskId"))
    return {
        "ResponseDescription": "The SMS Send Request was accepted",
        "MessageId": message_id,
        "To": number,
        "From": sender,
        "Segments": str(texts.count_segments(text, international=True)),
        "NumberDetail": _number_detail(country),
    }


def query_message(call: Call) -> dict[str, object]:
    """Show what became of one message."""
    settings = call.platform.settings
    message_id = call.text("MessageId")
    row = call.platform.store.inbox.globe_message(call.account, message_id, call.visibility)
    if row is None:
        raise BusinessError("DATA_NOT_EXIST", "The message does not exist")
    fields: dict[str, object] = {
        "MessageId": row["biz_id"],
        "To": row["phone_number"],
        "Message": row["text"],
        "Status": STATUSES[settings.query_message_status][row["status"]],
        "SendDate": mail_text(row["accepted_at"]),
    }
    country = country_of(row["phone_number"])
    if country is not None:
        fields["NumberDetail"] = _number_detail(country)
    if row["status"] != "accepted":
        fields["ErrorCode"] = row["receipt_code"]
        fields["ErrorDescription"] = (
            "success" if row["status"] == "delivered" else row["receipt_code"]
        )
        fields["ReceiveDate"] = mail_text(row["receipt_at"])
    return fields


def _number_detail(country: Country) -> dict[str, object]:
    region = _PARTS_OF_CHINA.get(country.country_code)
    name = "China" if region else country.name
    return {"Country": name, "Region": region or name, "Carrier": "Emulator"}


def _invalid(name: str) -> BusinessError:
    return BusinessError("INVALID_PARAMETERS", f"The parameter {name} is invalid")
