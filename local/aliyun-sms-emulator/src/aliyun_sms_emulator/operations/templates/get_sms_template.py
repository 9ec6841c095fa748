"""GetSmsTemplate: one template, its review and what was said in the application.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-getsmstemplate
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import REVIEW_NUMBERS, audit_info
from aliyun_sms_emulator.operations.templates.application import applied_on, order_id, own_template
from aliyun_sms_emulator.operations.templates.types import TYPE_NUMBERS
from aliyun_sms_emulator.wire.answers import SMS


def get_sms_template(call: Call) -> dict[str, object]:
    """Show one template."""
    template = own_template(call)
    shown: dict[str, object] = {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "TemplateContent": template.content,
        "TemplateType": str(TYPE_NUMBERS[template.type]),
        "TemplateStatus": str(REVIEW_NUMBERS[template.status]),
        "TemplateTag": 2,
        "CreateDate": applied_on(template),
        "OrderId": order_id(template),
        "Remark": template.remark,
        "RelatedSignName": template.related_sign_name,
        "VariableAttribute": template.rule,
        "AuditInfo": audit_info(template.status, applied_on(template)),
    }
    if template.intl_type:
        shown["IntlType"] = int(template.intl_type)
    return shown


OPERATION = Operation(
    version="2017-05-25",
    name="GetSmsTemplate",
    required=("TemplateCode",),
    run=get_sms_template,
    dialect=SMS,
)
