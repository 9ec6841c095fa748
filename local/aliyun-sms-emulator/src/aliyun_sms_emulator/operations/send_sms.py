"""SendSms and SendBatchSms: check, render and store messages.

Sources: https://help.aliyun.com/document_detail/55284.html,
https://help.aliyun.com/document_detail/419274.html
"""

from __future__ import annotations

import json
import re

from aliyun_sms_emulator.config import Template
from aliyun_sms_emulator.operations.acceptance import (
    Draft,
    accept,
    check_out_id,
    check_sign_name,
    find_template,
    render,
)
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.rules import template_params
from aliyun_sms_emulator.rules.limits import DAY, Sending, check_limits
from aliyun_sms_emulator.rules.phone_numbers import recipient
from aliyun_sms_emulator.wire.errors import BusinessError

MAX_NUMBERS = 1000
MAX_BATCH = 100

_EXTEND_CODE = re.compile(r"[0-9]{1,7}")


def send_sms(call: Call) -> dict[str, object]:
    """Send one text to up to 1000 numbers; all of them or none."""
    numbers = split_numbers(call)
    template = find_template(call)
    international = template.type == "international"
    recipients = [recipient(n, international=international) for n in numbers]
    sign_name = check_sign_name(call, call.text("SignName"))
    extend_code = _check_extend_code(call.text("SmsUpExtendCode"))
    values = template_params.parse_values(call.text("TemplateParam"))
    values = template_params.check_against_template(template, values)
    text = render(template, sign_name, values)
    drafts = [Draft(number, sign_name, text, values, extend_code) for number in recipients]
    out_id = check_out_id(call)
    _check_limits(call, template, drafts)
    return {"BizId": accept(call, "SendSms", template, drafts, out_id)}


def send_batch_sms(call: Call) -> dict[str, object]:
    """Send one template to up to 100 numbers, each with its own signature and values."""
    numbers = _string_list(call, "PhoneNumberJson")
    sign_names = _string_list(call, "SignNameJson")
    if len(numbers) > MAX_BATCH:
        raise _too_many_numbers()
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
        phone_number = recipient(number, international=international)
        sign_name = check_sign_name(call, name)
        values = template_params.check_against_template(template, given)
        text = render(template, sign_name, values)
        drafts.append(Draft(phone_number, sign_name, text, values, _check_extend_code(code)))
    out_id = check_out_id(call)
    _check_limits(call, template, drafts)
    return {"BizId": accept(call, "SendBatchSms", template, drafts, out_id)}


def split_numbers(call: Call) -> list[str]:
    """The comma-separated numbers of a call, at most 1000; raises BusinessError."""
    numbers = call.text("PhoneNumbers").split(",")
    if len(numbers) > MAX_NUMBERS:
        raise _too_many_numbers()
    return numbers


def _check_limits(call: Call, template: Template, drafts: list[Draft]) -> None:
    limits = call.platform.settings.limits
    if not limits.enabled or template.type == "international":
        return
    # A call counts once, so a number that stands in it twice is checked once.
    for phone_number, sign_name in {(d.phone_number, d.sign_name) for d in drafts}:
        rows = call.platform.store.inbox.send_times(phone_number, call.now - DAY)
        sending = Sending(call.account, sign_name, template.code, template.type, call.now)
        check_limits(sending, [Sending(*row) for row in rows], limits)


def _check_extend_code(code: str) -> str:
    if code and not _EXTEND_CODE.fullmatch(code):
        raise BusinessError("isv.CODE_ERROR", "扩展码错误，不可使用")
    return code


def _json_list(call: Call, name: str) -> list[object]:
    try:
        items = json.loads(call.text(name))
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list) or not items:
        raise BusinessError("isv.INVALID_JSON_PARAM", f"JSON参数不合法：{name}")
    return items


def _string_list(call: Call, name: str, default: list[str] | None = None) -> list[str]:
    if default is not None and not call.text(name):
        return default
    items = _json_list(call, name)
    strings = [item for item in items if isinstance(item, str)]
    if len(strings) != len(items):
        raise BusinessError("isv.INVALID_JSON_PARAM", f"JSON参数不合法，只接受字符串值：{name}")
    return strings


def _values_list(call: Call, count: int) -> list[dict[str, str]]:
    if not call.text("TemplateParamJson"):
        return [{}] * count
    return [template_params.check_values(item) for item in _json_list(call, "TemplateParamJson")]


def _too_many_numbers() -> BusinessError:
    return BusinessError("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
