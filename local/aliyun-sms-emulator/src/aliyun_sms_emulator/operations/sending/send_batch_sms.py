"""SendBatchSms: one template to up to 100 numbers, each with its own signature and values.

Source: https://help.aliyun.com/document_detail/419274.html
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.acceptance import Draft, accept
from aliyun_sms_emulator.operations.sending.checks import (
    check_extend_code,
    check_frequency,
    check_out_id,
    check_sign_name,
    find_template,
    render,
    too_many_numbers,
)
from aliyun_sms_emulator.rules import template_params
from aliyun_sms_emulator.rules.phone_numbers import recipient
from aliyun_sms_emulator.wire.answers import SMS

MAX_BATCH = 100


def send_batch_sms(call: Call) -> dict[str, object]:
    """Send one template to up to 100 numbers, each with its own signature and values."""
    numbers = _string_list(call, "PhoneNumberJson")
    sign_names = _string_list(call, "SignNameJson")
    if len(numbers) > MAX_BATCH:
        raise too_many_numbers()
    template = find_template(call)
    all_values = _values_list(call, len(numbers))
    extend_codes = _string_list(call, "SmsUpExtendCodeJson", [""] * len(numbers))
    if not len(numbers) == len(sign_names) == len(all_values) == len(extend_codes):
        raise invalid("PhoneNumberJson, SignNameJson, TemplateParamJson")
    international = template.type == "international"
    drafts = []
    for number, name, given, code in zip(
        numbers, sign_names, all_values, extend_codes, strict=True
    ):
        phone_number = recipient(number, call.leniency, international=international)
        sign_name = check_sign_name(call, name)
        values = template_params.check_against_template(template, given)
        text = render(template, sign_name, values)
        drafts.append(Draft(phone_number, sign_name, text, values, check_extend_code(code)))
    out_id = check_out_id(call)
    check_frequency(call, template, drafts)
    return {"BizId": accept(call, template, drafts, out_id)}


def _json_list(call: Call, name: str) -> list[object]:
    try:
        items = template_params.load_json(call.text(name))
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list) or not items:
        raise template_params.invalid_json()
    return items


def _string_list(call: Call, name: str, default: list[str] | None = None) -> list[str]:
    if default is not None and not call.text(name):
        return default
    items = _json_list(call, name)
    strings = [item for item in items if type(item) is str]
    if len(strings) != len(items):
        raise template_params.invalid_json()
    return strings


def _values_list(call: Call, count: int) -> list[dict[str, str]]:
    if not call.text("TemplateParamJson"):
        return [{}] * count
    items = _json_list(call, "TemplateParamJson")
    return [template_params.check_values(item, call.leniency) for item in items]


OPERATION = Operation(
    version="2017-05-25",
    name="SendBatchSms",
    required=("PhoneNumberJson", "SignNameJson", "TemplateCode"),
    run=send_batch_sms,
    dialect=SMS,
)
