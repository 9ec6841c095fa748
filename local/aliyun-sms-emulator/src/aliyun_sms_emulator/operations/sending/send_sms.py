"""SendSms: one text to up to 1000 numbers.

Source: https://help.aliyun.com/document_detail/55284.html
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.acceptance import Draft, accept
from aliyun_sms_emulator.operations.sending.checks import (
    check_extend_code,
    check_frequency,
    check_out_id,
    check_sign_name,
    find_template,
    render,
    split_numbers,
)
from aliyun_sms_emulator.rules import template_params
from aliyun_sms_emulator.rules.phone_numbers import recipient
from aliyun_sms_emulator.wire.answers import SMS


def send_sms(call: Call) -> dict[str, object]:
    """Send one text to up to 1000 numbers; all of them or none."""
    numbers = split_numbers(call)
    template = find_template(call)
    international = template.type == "international"
    recipients = [recipient(n, call.leniency, international=international) for n in numbers]
    sign_name = check_sign_name(call, call.text("SignName"))
    extend_code = check_extend_code(call.text("SmsUpExtendCode"))
    values = template_params.parse_values(call.text("TemplateParam"), call.leniency)
    values = template_params.check_against_template(template, values)
    text = render(template, sign_name, values)
    drafts = [Draft(number, sign_name, text, values, extend_code) for number in recipients]
    out_id = check_out_id(call)
    check_frequency(call, template, drafts)
    return {"BizId": accept(call, template, drafts, out_id)}


OPERATION = Operation(
    version="2017-05-25",
    name="SendSms",
    required=("PhoneNumbers", "SignName", "TemplateCode"),
    run=send_sms,
    dialect=SMS,
)
