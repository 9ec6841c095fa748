"""QuerySmsSign: one signature and the state of its review; GetSmsSign has superseded it."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import REVIEW_DATE, REVIEW_NUMBERS, reason_of
from aliyun_sms_emulator.wire.answers import SMS
from aliyun_sms_emulator.wire.errors import BusinessError


def query_sms_sign(call: Call) -> dict[str, object]:
    """Show one signature and the state of its review."""
    signature = call.platform.catalogue.signatures.get(call.text("SignName"))
    if signature is None or signature.gift:
        raise BusinessError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
    return {
        "SignName": signature.name,
        "SignStatus": REVIEW_NUMBERS[signature.status],
        "Reason": reason_of(signature.status),
        "CreateDate": REVIEW_DATE,
    }


OPERATION = Operation(
    version="2017-05-25",
    name="QuerySmsSign",
    required=("SignName",),
    run=query_sms_sign,
    dialect=SMS,
)
