"""GetSmsTemplateList: the templates that match, page by page.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-getsmstemplatelist
"""

from __future__ import annotations

import json

from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.review import REVIEW_NUMBERS
from aliyun_sms_emulator.operations.templates.application import applied_on, order_id
from aliyun_sms_emulator.operations.templates.types import LIST_TYPE_NUMBERS
from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.wire.answers import RESULT


def get_sms_template_list(call: Call) -> dict[str, object]:
    """List the templates that match what is asked for."""
    page = call.page("PageIndex")
    wanted_states = _states(call)
    found = [
        _listed(template)
        for template in call.platform.catalogue.own_templates(call.now)
        if call.text("TemplateCode") in {"", template.code}
        and call.text("TemplateName") in template.name
        and call.text("SignName") in {"", template.related_sign_name}
        and call.text("TemplateType") in {"", str(LIST_TYPE_NUMBERS[template.type])}
        and call.text("AuditStatus") in {"", str(REVIEW_NUMBERS[template.status])}
        and (not wanted_states or _state(template) in wanted_states)
    ]
    return {
        "Data": {
            "List": page.of(found),
            "PageNo": page.number,
            "PageSize": page.size,
            "Total": len(found),
        }
    }


def _listed(template: Template) -> dict[str, object]:
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "TemplateContent": template.content,
        "TemplateType": LIST_TYPE_NUMBERS[template.type],
        "AuditStatus": REVIEW_NUMBERS[template.status],
        "UsableStateList": [_state(template)],
        "SignName": template.related_sign_name,
        "GmtCreate": applied_on(template),
        "WorkOrderId": order_id(template),
        "TemplateTag": [],
    }


def _state(template: Template) -> str:
    return "AVAILABLE" if template.status == "approved" else "UNAVAILABLE"


def _states(call: Call) -> list[object]:
    text = call.text("UsableStateList")
    try:
        states = json.loads(text) if text else []
    except (ValueError, RecursionError):
        states = None
    if not isinstance(states, list):
        raise invalid("UsableStateList")
    return states


OPERATION = Operation(
    version="2017-05-25",
    name="GetSmsTemplateList",
    required=(),
    run=get_sms_template_list,
    dialect=RESULT,
)
