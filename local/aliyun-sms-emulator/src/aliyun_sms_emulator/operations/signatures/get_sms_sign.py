"""GetSmsSign: one signature, its review and its registration with the carriers.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-getsmssign
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import REVIEW_DATE, REVIEW_NUMBERS, audit_info
from aliyun_sms_emulator.rules.registration import CARRIERS, STATUS_NUMBERS, USUAL_REASONS
from aliyun_sms_emulator.wire.answers import SMS
from aliyun_sms_emulator.wire.errors import BusinessError

_REGISTERED: dict[str, object] = {
    "status": "registered",
    "reasons": [USUAL_REASONS["registered"]],
}
_WITH_AN_ANSWER = frozenset({"failed", "to-verify", "lapsed", "registered"})


def get_sms_sign(call: Call) -> dict[str, object]:
    """Show one signature."""
    signature = call.platform.catalogue.signatures.get(call.text("SignName"))
    if signature is None or signature.gift:
        raise BusinessError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
    states = {carrier: signature.registration.get(carrier, _REGISTERED) for carrier in CARRIERS}
    return {
        "SignName": signature.name,
        "SignStatus": REVIEW_NUMBERS[signature.status],
        "SignTag": "2",
        "CreateDate": REVIEW_DATE,
        "AuditInfo": audit_info(signature.status, REVIEW_DATE),
        "ThirdParty": False,
        "SignIspRegisterDetailList": [_detail(carrier, states[carrier]) for carrier in CARRIERS],
    }


def _detail(carrier: str, state: dict[str, object]) -> dict[str, object]:
    status, reasons = str(state["status"]), state["reasons"]
    assert isinstance(reasons, list)  # noqa: S101 - checked when it was read
    detail: dict[str, object] = {
        "OperatorCode": carrier,
        "RegisterStatus": STATUS_NUMBERS[status],
        "RegisterStatusReasons": [{"ReasonCode": r, "ReasonDescList": []} for r in reasons],
    }
    if status in _WITH_AN_ANSWER:
        detail["OperatorCompleteTime"] = REVIEW_DATE
    return detail


OPERATION = Operation(
    version="2017-05-25",
    name="GetSmsSign",
    required=("SignName",),
    run=get_sms_sign,
    dialect=SMS,
)
