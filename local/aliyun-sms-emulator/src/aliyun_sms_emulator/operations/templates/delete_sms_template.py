"""DeleteSmsTemplate: forget a template; messages that were made of it stay."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.templates.application import own_template
from aliyun_sms_emulator.wire.answers import SMS
from aliyun_sms_emulator.wire.errors import BusinessError


def delete_sms_template(call: Call) -> dict[str, object]:
    """Forget a template, unless it is under review."""
    template = own_template(call)
    if template.status == "reviewing":
        raise BusinessError("isv.ERROR_TEMPLATE_NOT_DELETE", "审核中的模板，暂不支持删除")
    call.platform.catalogue.remove_template(template.code)
    return {"TemplateCode": template.code}


OPERATION = Operation(
    version="2017-05-25",
    name="DeleteSmsTemplate",
    required=("TemplateCode",),
    run=delete_sms_template,
    dialect=SMS,
)
