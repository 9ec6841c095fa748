"""What several sends check alike: numbers, template, signature, limits, the caller's own id."""

from __future__ import annotations

import re

from aliyun_sms_emulator.config.config import Signature
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.sending.acceptance import Draft
from aliyun_sms_emulator.rules import template_params, texts
from aliyun_sms_emulator.rules.limits import DAY, Sending, check_limits
from aliyun_sms_emulator.rules.phone_numbers import mainland_form
from aliyun_sms_emulator.rules.templates import AnyTemplate, Template
from aliyun_sms_emulator.wire.errors import BusinessError

MAX_OUT_ID = 255
MAX_NUMBERS = 1000

_FIRST_NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)
_EXTEND_CODE = re.compile(r"[0-9]{1,7}")


def split_numbers(call: Call) -> list[str]:
    """The comma-separated numbers of a call, at most 1000; raises BusinessError."""
    numbers = call.text("PhoneNumbers").split(",")
    if len(numbers) > MAX_NUMBERS:
        raise too_many_numbers()
    return numbers


def check_out_id(call: Call) -> str:
    """The caller's own id for the request; raises BusinessError when it is too long."""
    out_id = call.text("OutId")
    if len(out_id) > MAX_OUT_ID:
        raise invalid("OutId")
    return out_id


def find_template(call: Call, *, gift: bool = False) -> Template:
    """The approved template that is asked for; raises BusinessError."""
    code = call.text("TemplateCode")
    template = call.platform.catalogue.template(code, call.now)
    if template is None and call.platform.config.any_template:
        return AnyTemplate(code, "gift" if gift else _type_for_the_numbers(call), "")
    usable = template is not None and template.status == "approved"
    if template is None or not usable or (template.type == "gift") != gift:
        raise BusinessError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    return template


def check_sign_name(call: Call, name: str, *, gift: bool = False) -> str:
    """The name of an approved signature; raises BusinessError."""
    signature: Signature | None = call.platform.catalogue.signatures.get(name)
    if signature is None and call.platform.config.any_signature:
        return name
    if signature is None or signature.status != "approved" or signature.gift != gift:
        raise BusinessError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
    return name


def _type_for_the_numbers(call: Call) -> str:
    """The type of a template that nothing is known of but to whom it is sent."""
    names = ("PhoneNumbers", "PhoneNumberJson", "To")
    number = _FIRST_NUMBER.search(" ".join(call.text(name) for name in names))
    abroad = number is not None and mainland_form(number[0]) is None
    return "international" if abroad or call.text("CountryCode") else "notification"


def render(template: Template, sign_name: str, values: dict[str, str]) -> str:
    """The text with its signature; raises BusinessError when it is too long."""
    international = template.type == "international"
    text = texts.signed_text(sign_name, template.fill(values), international=international)
    if len(text) > texts.MAX_LENGTH:
        raise template_params.too_long(texts.MAX_LENGTH)
    return text


def check_extend_code(code: str) -> str:
    """An extension code, which may be empty; raises BusinessError."""
    if code and not _EXTEND_CODE.fullmatch(code):
        raise BusinessError("isv.CODE_ERROR", "扩展码错误，不可使用")
    return code


def check_frequency(call: Call, template: Template, drafts: list[Draft]) -> None:
    """Refuse what would be too much for a mainland number; raises BusinessError."""
    limits = call.platform.settings.limits
    if not limits.enabled or template.type == "international":
        return
    # A call counts once, so a number that stands in it twice is checked once.
    for phone_number, sign_name in {(d.phone_number, d.sign_name) for d in drafts}:
        rows = call.platform.store.inbox.send_times(phone_number, call.now - DAY)
        sending = Sending(call.account, sign_name, template.code, template.type, call.now)
        check_limits(sending, [Sending(*row) for row in rows], limits)


def too_many_numbers() -> BusinessError:
    """Build the error for a list that is too long."""
    return BusinessError("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
