"""QuerySmsSignList: the signatures, page by page."""

from __future__ import annotations

from aliyun_sms_emulator.config.config import Signature
from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import AUDIT_STATES, REVIEW_DATE, reason_of
from aliyun_sms_emulator.wire.answers import SMS


def query_sms_sign_list(call: Call) -> dict[str, object]:
    """List the signatures, page by page."""
    page = call.page("PageIndex")
    signatures = [s for s in call.platform.catalogue.signatures.values() if not s.gift]
    return {
        "SmsSignList": [_listed(signature) for signature in page.of(signatures)],
        "TotalCount": len(signatures),
        "CurrentPage": page.number,
        "PageSize": page.size,
    }


def _listed(signature: Signature) -> dict[str, object]:
    return {
        "SignName": signature.name,
        "AuditStatus": AUDIT_STATES[signature.status],
        "BusinessType": "验证码类型",
        "CreateDate": REVIEW_DATE,
        "Reason": {"RejectInfo": reason_of(signature.status)},
    }


OPERATION = Operation(
    version="2017-05-25",
    name="QuerySmsSignList",
    required=(),
    run=query_sms_sign_list,
    dialect=SMS,
)
