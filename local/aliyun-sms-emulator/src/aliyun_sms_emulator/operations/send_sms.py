"""SendSms and SendBatchSms: check, render and store messages.

Sources: https://help.aliyun.com/document_detail/55284.html,
https://help.aliyun.com/document_detail/419274.html
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass

from aliyun_sms_emulator.config import Template
from aliyun_sms_emulator.fates import receipt_code
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.records import NewMessage
from aliyun_sms_emulator.rules import template_params, texts
from aliyun_sms_emulator.rules.limits import DAY, Sending, check_limits
from aliyun_sms_emulator.rules.phone_numbers import recipient
from aliyun_sms_emulator.wire.errors import BusinessError

MAX_NUMBERS = 1000
MAX_BATCH = 100
MAX_OUT_ID = 255

_EXTEND_CODE = re.compile(r"[0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message before it is accepted."""

    phone_number: str
    sign_name: str
    values: dict[str, str]
    text: str
    extend_code: str


def send_sms(call: Call) -> dict[str, object]:
    """Send one text to up to 1000 numbers; all of them or none."""
    numbers = call.text("PhoneNumbers").split(",")
    if len(numbers) > MAX_NUMBERS:
        raise _too_many_numbers()
    template = _find_template(call)
    international = template.type == "international"
    recipients = [recipient(n, international=international) for n in numbers]
    sign_name = _check_sign_name(call, call.text("SignName"))
    extend_code = _check_extend_code(call.text("SmsUpExtendCode"))
    values = template_params.parse_values(call.text("TemplateParam"))
    values = template_params.check_against_template(template, values)
    text = _render(template, sign_name, values)
    drafts = [_Draft(number, sign_name, values, text, extend_code) for number in recipients]
    return _accept(call, template, drafts)


def send_batch_sms(call: Call) -> dict[str, object]:
    """Send one template to up to 100 numbers, each with its own signature and values."""
    numbers = _string_list(call, "PhoneNumberJson")
    sign_names = _string_list(call, "SignNameJson")
    if len(numbers) > MAX_BATCH:
        raise _too_many_numbers()
    template = _find_template(call)
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
        sign_name = _check_sign_name(call, name)
        values = template_params.check_against_template(template, given)
        text = _render(template, sign_name, values)
        drafts.append(_Draft(phone_number, sign_name, values, text, _check_extend_code(code)))
    return _accept(call, template, drafts)


def _accept(call: Call, template: Template, drafts: list[_Draft]) -> dict[str, object]:
    out_id = call.text("OutId")
    if len(out_id) > MAX_OUT_ID:
        raise invalid("OutId")
    _check_limits(call, template, drafts)
    platform = call.platform
    biz_id = _new_biz_id()
    for draft in drafts:
        code = receipt_code(platform.fate(draft.phone_number))
        receipt_at = call.now + platform.settings.delivery_delay_seconds
        platform.store.add_message(
            NewMessage(
                account=call.account,
                phone_number=draft.phone_number,
                sign_name=draft.sign_name,
                template_code=template.code,
                template_type=template.type,
                template_param=draft.values,
                text=draft.text,
                segments=texts.count_segments(
                    draft.text, international=template.type == "international"
                ),
                out_id=out_id,
                sms_up_extend_code=draft.extend_code,
                biz_id=biz_id,
                request_id=call.request_id,
                accepted_at=call.now,
                receipt_at=None if code is None else receipt_at,
                receipt_code=code,
            )
        )
    return {"BizId": biz_id}


def _check_limits(call: Call, template: Template, drafts: list[_Draft]) -> None:
    limits = call.platform.settings.limits
    if not limits.enabled or template.type == "international":
        return
    # A call counts once, so a number that stands in it twice is checked once.
    for phone_number, sign_name in {(d.phone_number, d.sign_name) for d in drafts}:
        rows = call.platform.store.send_times(phone_number, call.now - DAY)
        sending = Sending(call.account, sign_name, template.code, template.type, call.now)
        check_limits(sending, [Sending(*row) for row in rows], limits)


def _find_template(call: Call) -> Template:
    template = call.platform.config.templates.get(call.text("TemplateCode"))
    if template is None or template.status != "approved":
        raise BusinessError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    return template


def _check_sign_name(call: Call, name: str) -> str:
    signature = call.platform.config.signatures.get(name)
    if signature is None or signature.status != "approved":
        raise BusinessError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
    return name


def _check_extend_code(code: str) -> str:
    if code and not _EXTEND_CODE.fullmatch(code):
        raise BusinessError("isv.CODE_ERROR", "扩展码错误，不可使用")
    return code


def _render(template: Template, sign_name: str, values: dict[str, str]) -> str:
    international = template.type == "international"
    text = texts.signed_text(sign_name, template.fill(values), international=international)
    if len(text) > texts.MAX_LENGTH:
        raise BusinessError("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制")
    return text


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


def _new_biz_id() -> str:
    return f"{10**17 + secrets.randbelow(9 * 10**17)}^0"


def _too_many_numbers() -> BusinessError:
    return BusinessError("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
