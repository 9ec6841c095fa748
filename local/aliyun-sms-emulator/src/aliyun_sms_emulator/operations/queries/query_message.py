"""QueryMessage of version 2018-05-01: what became of one message abroad.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-querymessage
"""

from __future__ import annotations

from aliyun_sms_emulator.clock import mail_text
from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.number_detail import number_detail
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.rules.countries import country_of
from aliyun_sms_emulator.wire.answers import GLOBE
from aliyun_sms_emulator.wire.errors import BusinessError
from aliyun_sms_emulator.wire.reports import globe_number

STATUSES = {
    "current": {"delivered": "1", "failed": "2", "accepted": "3"},
    "2019": {"accepted": "1", "failed": "2", "delivered": "3"},
}
"""QueryMessage's Status today, and as documented in 2019 (help page 106595)."""


def query_message(call: Call) -> dict[str, object]:
    """Show what became of one message."""
    settings = call.platform.settings
    message_id = call.text("MessageId")
    row = call.platform.store.inbox.globe_message(call.account, message_id, call.visibility)
    if row is None:
        raise BusinessError("DATA_NOT_EXIST", "The message does not exist")
    fields: dict[str, object] = {
        "MessageId": row["biz_id"],
        "To": globe_number(row),
        "Message": row["text"],
        "Status": STATUSES[settings.query_message_status][row["status"]],
        "SendDate": mail_text(row["accepted_at"]),
    }
    country = country_of(globe_number(row))
    if country is not None:
        fields["NumberDetail"] = number_detail(country)
    if row["status"] != "accepted":
        fields["ErrorCode"] = row["receipt_code"]
        fields["ErrorDescription"] = (
            "success" if row["status"] == "delivered" else row["receipt_code"]
        )
        fields["ReceiveDate"] = mail_text(row["receipt_at"])
    return fields


OPERATION = Operation(
    version="2018-05-01",
    name="QueryMessage",
    required=("MessageId",),
    run=query_message,
    dialect=GLOBE,
)
