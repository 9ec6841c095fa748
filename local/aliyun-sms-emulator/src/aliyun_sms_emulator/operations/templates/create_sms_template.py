"""CreateSmsTemplate: apply for a template, which can be used when its review has passed."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.templates.application import answer_of, apply_for
from aliyun_sms_emulator.wire.answers import SMS


def create_sms_template(call: Call) -> dict[str, object]:
    """Keep a new template; its review takes the seconds of a setting."""
    return answer_of(apply_for(call))


OPERATION = Operation(
    version="2017-05-25",
    name="CreateSmsTemplate",
    required=("TemplateName", "TemplateType", "TemplateContent"),
    run=create_sms_template,
    dialect=SMS,
)
