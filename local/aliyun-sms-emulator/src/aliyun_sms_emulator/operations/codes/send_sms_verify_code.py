"""SendSmsVerifyCode: a code that the platform makes, sends and remembers (PNVS).

Source: https://help.aliyun.com/zh/pnvs/developer-reference/api-dypnsapi-2017-05-25-sendsmsverifycode
"""

from __future__ import annotations

import secrets
import string

from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.codes.fields import mainland_number, scheme_of
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.acceptance import Draft, accept
from aliyun_sms_emulator.operations.sending.checks import (
    check_out_id,
    check_sign_name,
    find_template,
    render,
)
from aliyun_sms_emulator.rules import template_params
from aliyun_sms_emulator.wire.answers import VERIFICATION
from aliyun_sms_emulator.wire.errors import BusinessError

PLACEHOLDER = "##code##"

_DIGITS, _UPPER, _LOWER = string.digits, string.ascii_uppercase, string.ascii_lowercase
_ALPHABETS = {
    1: _DIGITS,
    2: _UPPER,
    3: _LOWER,
    4: _UPPER + _LOWER,
    5: _DIGITS + _UPPER,
    6: _DIGITS + _LOWER,
    7: _DIGITS + _UPPER + _LOWER,
}
_DAY = 86_400


def send_sms_verify_code(call: Call) -> dict[str, object]:
    """Make a code, put it for `##code##` into the template, send it and remember it."""
    number = mainland_number(call)
    scheme, out_id = scheme_of(call), check_out_id(call)
    valid_seconds = call.number("ValidTime", 1, _DAY, 300)
    overwrite = call.number("DuplicatePolicy", 1, 2, 1) == 1
    returned = _flag(call, "ReturnVerifyCode")
    _check_interval(call, number)
    alphabet = _ALPHABETS[call.number("CodeType", 1, 7, 1)]
    code = "".join(secrets.choice(alphabet) for _ in range(call.number("CodeLength", 4, 8, 4)))
    template = find_template(call, gift=True)
    sign_name = check_sign_name(call, call.text("SignName"), gift=True)
    given = template_params.parse_values(call.text("TemplateParam"), call.leniency)
    made = any(PLACEHOLDER in value for value in given.values())
    values = {name: value.replace(PLACEHOLDER, code) for name, value in given.items()}
    values = template_params.check_against_template(template, values)
    draft = Draft(number, sign_name, render(template, sign_name, values), values)
    model: dict[str, object] = {
        "BizId": accept(call, template, [draft], out_id),
        "OutId": out_id,
        "RequestId": call.request_id,
    }
    if made:
        call.platform.store.codes.add(
            call.account,
            number,
            scheme,
            code,
            valid_until=call.now + valid_seconds,
            overwrite=overwrite,
        )
        if returned:
            model["VerifyCode"] = code
    return {"Model": model}


def _flag(call: Call, name: str) -> bool:
    text = call.text(name).lower()
    if text not in {"", "true", "false"}:
        raise invalid(name)
    return text == "true"


def _check_interval(call: Call, phone_number: str) -> None:
    interval = call.number("Interval", 0, _DAY, 60)
    last = call.platform.store.codes.last_sent_at(call.account, phone_number)
    if last is not None and 0 <= call.now - last < interval:
        raise BusinessError("biz.FREQUENCY", "check frequency failed")


OPERATION = Operation(
    version="2017-05-25",
    name="SendSmsVerifyCode",
    required=("PhoneNumber", "SignName", "TemplateCode", "TemplateParam"),
    run=send_sms_verify_code,
    dialect=VERIFICATION,
)
