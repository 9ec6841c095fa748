"""QuerySmsTemplate: one template and the state of its review; GetSmsTemplate has superseded it."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import REVIEW_DATE, REVIEW_NUMBERS, reason_of
from aliyun_sms_emulator.operations.templates.types import TYPE_NUMBERS
from aliyun_sms_emulator.wire.answers import SMS
from aliyun_sms_emulator.wire.errors import BusinessError


def query_sms_template(call: Call) -> dict[str, object]:
    """Show one template and the state of its review."""
    template = call.platform.catalogue.templates.get(call.text("TemplateCode"))
    if template is None or template.type == "gift":
        raise BusinessError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "TemplateContent": template.content,
        "TemplateType": TYPE_NUMBERS[template.type],
        "TemplateStatus": REVIEW_NUMBERS[template.status],
        "Reason": reason_of(template.status),
        "CreateDate": REVIEW_DATE,
    }


OPERATION = Operation(
    version="2017-05-25",
    name="QuerySmsTemplate",
    required=("TemplateCode",),
    run=query_sms_template,
    dialect=SMS,
)
