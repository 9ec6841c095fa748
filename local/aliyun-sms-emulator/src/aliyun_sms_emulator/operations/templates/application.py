"""What applying for a template, changing one and asking for one have in common.

Sources: the operations' pages in the SMS API reference and the models of the official SDK
alibabacloud-dysmsapi20170525; codes: https://help.aliyun.com/document_detail/101346.html
"""

from __future__ import annotations

import math
import secrets

from aliyun_sms_emulator.clock import china_text
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.review import REVIEW_DATE
from aliyun_sms_emulator.operations.sending.checks import check_sign_name
from aliyun_sms_emulator.operations.templates.types import TYPES
from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.rules.texts import MAX_LENGTH
from aliyun_sms_emulator.wire.errors import BusinessError

MAX_NAME = 30

_CHANGEABLE = frozenset({"rejected", "cancelled"})


def own_template(call: Call) -> Template:
    """The template that TemplateCode names, which is no gift one; raises BusinessError."""
    template = call.platform.catalogue.template(call.text("TemplateCode"), call.now)
    if template is None or template.type == "gift":
        raise BusinessError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    return template


def apply_for(call: Call) -> Template:
    """Read, check and keep a new template, whose review begins; raises BusinessError."""
    taken = call.platform.catalogue.templates
    code = _new_code()
    while code in taken:
        code = _new_code()
    return _submitted(call, code)


def apply_again(call: Call) -> Template:
    """Change a template that was rejected or withdrawn, whose review begins anew."""
    template = own_template(call)
    if template.status not in _CHANGEABLE:
        raise BusinessError("isv.ERROR_TEMPLATE_NOT_MODIFY", "只有未通过审核的模板支持修改")
    return _submitted(call, template.code)


def answer_of(template: Template) -> dict[str, object]:
    """What CreateSmsTemplate and UpdateSmsTemplate answer of a template that is applied for."""
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "OrderId": order_id(template),
    }


def applied_on(template: Template) -> str:
    """The date of a template's application, as the platform writes it."""
    return REVIEW_DATE if template.applied_at is None else china_text(template.applied_at)


def order_id(template: Template) -> str:
    """The number of the reviewers' ticket."""
    return f"2{int(template.applied_at or 0):010d}"


def _submitted(call: Call, code: str) -> Template:
    seconds = call.platform.settings.review_seconds
    template = Template(
        code=code,
        type=TYPES[call.number("TemplateType", 0, len(TYPES) - 1)],
        content=call.text("TemplateContent"),
        name=call.text("TemplateName"),
        status="reviewing",
        applied_at=call.now,
        passes_at=None if seconds == math.inf else call.now + seconds,
        remark=call.text("Remark"),
        related_sign_name=call.text("RelatedSignName"),
        rule=call.text("TemplateRule"),
        intl_type=call.text("IntlType"),
    )
    _check(call, template)
    call.platform.catalogue.put_template(template)
    return template.at(call.now)


def _check(call: Call, template: Template) -> None:
    if len(template.content) > MAX_LENGTH or len(template.name) > MAX_NAME:
        raise BusinessError("isv.TEMPLATE_OVER_LIMIT", "模板字符数量超过限制")
    if "【" in template.content or "】" in template.content:
        raise invalid("TemplateContent")
    if template.type == "verification" and len(template.variables) != 1:
        raise BusinessError("template_parameter_count_illegal", "验证码模板有且只有一个变量")
    if template.intl_type and template.intl_type not in {"0", "1", "2"}:
        raise invalid("IntlType")
    if template.related_sign_name:
        check_sign_name(call, template.related_sign_name)


def _new_code() -> str:
    return f"SMS_{400_000_000 + secrets.randbelow(100_000_000)}"
