"""QuerySmsTemplateList: the templates, page by page."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import AUDIT_STATES, reason_of
from aliyun_sms_emulator.operations.templates.application import applied_on
from aliyun_sms_emulator.operations.templates.types import LIST_TYPE_NUMBERS, TYPE_NUMBERS
from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.wire.answers import SMS


def query_sms_template_list(call: Call) -> dict[str, object]:
    """List the templates, page by page."""
    page = call.page("PageIndex")
    templates = call.platform.catalogue.own_templates(call.now)
    return {
        "SmsTemplateList": [_listed(template) for template in page.of(templates)],
        "TotalCount": len(templates),
        "CurrentPage": page.number,
        "PageSize": page.size,
    }


def _listed(template: Template) -> dict[str, object]:
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "TemplateContent": template.content,
        "TemplateType": LIST_TYPE_NUMBERS[template.type],
        "OuterTemplateType": TYPE_NUMBERS[template.type],
        "AuditStatus": AUDIT_STATES[template.status],
        "CreateDate": applied_on(template),
        "Reason": {"RejectInfo": reason_of(template.status)},
    }


OPERATION = Operation(
    version="2017-05-25",
    name="QuerySmsTemplateList",
    required=(),
    run=query_sms_template_list,
    dialect=SMS,
)
