"""UpdateSmsTemplate: change a template that was rejected, and apply for it again."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.templates.application import answer_of, apply_again
from aliyun_sms_emulator.wire.answers import SMS


def update_sms_template(call: Call) -> dict[str, object]:
    """Change a template; its review begins anew."""
    return answer_of(apply_again(call))


OPERATION = Operation(
    version="2017-05-25",
    name="UpdateSmsTemplate",
    required=("TemplateCode", "TemplateName", "TemplateType", "TemplateContent"),
    run=update_sms_template,
    dialect=SMS,
)
