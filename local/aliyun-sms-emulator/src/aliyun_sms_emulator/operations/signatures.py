"""QuerySmsSign and QuerySmsSignList: the signatures (sender names)."""

from __future__ import annotations

from aliyun_sms_emulator.config import Signature
from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.templates import AUDIT_STATES, REVIEW_DATE, REVIEW_NUMBERS
from aliyun_sms_emulator.wire.errors import BusinessError


def query_sms_sign(call: Call) -> dict[str, object]:
    """Show one signature and the state of its review."""
    signature = call.platform.catalogue.signatures.get(call.text("SignName"))
    if signature is None or signature.gift:
        raise BusinessError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
    return {
        "SignName": signature.name,
        "SignStatus": REVIEW_NUMBERS[signature.status],
        "Reason": _reason(signature),
        "CreateDate": REVIEW_DATE,
    }


def query_sms_sign_list(call: Call) -> dict[str, object]:
    """List the signatures, page by page."""
    page, size = call.page("PageIndex")
    names = [s for s in call.platform.catalogue.signatures.values() if not s.gift]
    return {
        "SmsSignList": [_listed(s) for s in names[(page - 1) * size : page * size]],
        "TotalCount": len(names),
        "CurrentPage": page,
        "PageSize": size,
    }


def _listed(signature: Signature) -> dict[str, object]:
    return {
        "SignName": signature.name,
        "AuditStatus": AUDIT_STATES[signature.status],
        "BusinessType": "验证码类型",
        "CreateDate": REVIEW_DATE,
        "Reason": {"RejectInfo": _reason(signature)},
    }


def _reason(signature: Signature) -> str:
    return "内容不符合规范" if signature.status == "rejected" else "无审核备注"
