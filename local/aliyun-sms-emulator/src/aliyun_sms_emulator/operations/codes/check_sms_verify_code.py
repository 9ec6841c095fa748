"""CheckSmsVerifyCode: check a code that the platform made (PNVS).

Source: https://help.aliyun.com/zh/pnvs/developer-reference/api-dypnsapi-2017-05-25-checksmsverifycode
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.codes.fields import mainland_number, scheme_of
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.wire.answers import VERIFICATION


def check_sms_verify_code(call: Call) -> dict[str, object]:
    """Check a code; that the answer's Code is OK says nothing, only VerifyResult does."""
    passed = call.platform.store.codes.use(
        call.account,
        mainland_number(call),
        scheme_of(call),
        call.text("VerifyCode"),
        now=call.now,
        ignore_case=call.number("CaseAuthPolicy", 1, 2, 1) == 1,
    )
    return {"Model": {"VerifyResult": "PASS" if passed else "UNKNOWN", "OutId": call.text("OutId")}}


OPERATION = Operation(
    version="2017-05-25",
    name="CheckSmsVerifyCode",
    required=("PhoneNumber", "VerifyCode"),
    run=check_sms_verify_code,
    dialect=VERIFICATION,
)
