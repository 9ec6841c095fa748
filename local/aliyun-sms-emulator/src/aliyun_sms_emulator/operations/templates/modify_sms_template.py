"""ModifySmsTemplate: change a rejected template; UpdateSmsTemplate has superseded it."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.templates.application import apply_again
from aliyun_sms_emulator.wire.answers import SMS


def modify_sms_template(call: Call) -> dict[str, object]:
    """Change a template; its review begins anew."""
    return {"TemplateCode": apply_again(call).code}


OPERATION = Operation(
    version="2017-05-25",
    name="ModifySmsTemplate",
    required=("TemplateCode", "TemplateType", "TemplateName", "TemplateContent", "Remark"),
    run=modify_sms_template,
    dialect=SMS,
)
