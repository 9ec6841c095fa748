"""UpdateSmsTemplate: change a template that was rejected, and apply for it again."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.templates.application import apply_again, order_id
from aliyun_sms_emulator.wire.answers import SMS


def update_sms_template(call: Call) -> dict[str, object]:
    """Change a template; its review begins anew."""
    template = apply_again(call)
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "OrderId": order_id(template),
    }


OPERATION = Operation(
    version="2017-05-25",
    name="UpdateSmsTemplate",
    required=("TemplateCode", "TemplateName", "TemplateType", "TemplateContent"),
    run=update_sms_template,
    dialect=SMS,
)
