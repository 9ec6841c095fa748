"""QuerySmsTemplate: one template and the state of its review; GetSmsTemplate has superseded it."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import REVIEW_NUMBERS, reason_of
from aliyun_sms_emulator.operations.templates.application import applied_on, own_template
from aliyun_sms_emulator.operations.templates.types import TYPE_NUMBERS
from aliyun_sms_emulator.wire.answers import SMS


def query_sms_template(call: Call) -> dict[str, object]:
    """Show one template and the state of its review."""
    template = own_template(call)
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "TemplateContent": template.content,
        "TemplateType": TYPE_NUMBERS[template.type],
        "TemplateStatus": REVIEW_NUMBERS[template.status],
        "Reason": reason_of(template.status),
        "CreateDate": applied_on(template),
    }


OPERATION = Operation(
    version="2017-05-25",
    name="QuerySmsTemplate",
    required=("TemplateCode",),
    run=query_sms_template,
    dialect=SMS,
)
