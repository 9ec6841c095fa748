"""AddSmsTemplate: apply for a template; CreateSmsTemplate has superseded it."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.templates.application import apply_for
from aliyun_sms_emulator.wire.answers import SMS


def add_sms_template(call: Call) -> dict[str, object]:
    """Keep a new template; its review takes the seconds of a setting."""
    return {"TemplateCode": apply_for(call).code}


OPERATION = Operation(
    version="2017-05-25",
    name="AddSmsTemplate",
    required=("TemplateType", "TemplateName", "TemplateContent", "Remark"),
    run=add_sms_template,
    dialect=SMS,
)
