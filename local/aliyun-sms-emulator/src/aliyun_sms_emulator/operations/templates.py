"""QuerySmsTemplate and QuerySmsTemplateList: the templates and their reviews.

The two number template types differently, see the models of the official SDK
alibabacloud-dysmsapi20170525.
"""

from __future__ import annotations

from aliyun_sms_emulator.config import Template
from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.wire.errors import BusinessError

REVIEW_DATE = "2024-01-01 00:00:00"
"""Date of creation that every template and signature has."""

AUDIT_STATES = {
    "reviewing": "AUDIT_STATE_INIT",
    "approved": "AUDIT_STATE_PASS",
    "rejected": "AUDIT_STATE_NOT_PASS",
    "cancelled": "AUDIT_SATE_CANCEL",  # the platform's own spelling
}
REVIEW_NUMBERS = {"reviewing": 0, "approved": 1, "rejected": 2, "cancelled": 10}

_TYPE_NUMBERS = {"verification": 0, "notification": 1, "promotion": 2, "international": 3}
_LIST_TYPE_NUMBERS = {"notification": 0, "promotion": 1, "verification": 2, "international": 6}


def query_sms_template(call: Call) -> dict[str, object]:
    """Show one template and the state of its review."""
    template = call.platform.catalogue.templates.get(call.text("TemplateCode"))
    if template is None or template.type == "gift":
        raise BusinessError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "TemplateContent": template.content,
        "TemplateType": _TYPE_NUMBERS[template.type],
        "TemplateStatus": REVIEW_NUMBERS[template.status],
        "Reason": _reason(template),
        "CreateDate": REVIEW_DATE,
    }


def query_sms_template_list(call: Call) -> dict[str, object]:
    """List the templates, page by page."""
    page, size = call.page("PageIndex")
    templates = [t for t in call.platform.catalogue.templates.values() if t.type != "gift"]
    return {
        "SmsTemplateList": [_listed(t) for t in templates[(page - 1) * size : page * size]],
        "TotalCount": len(templates),
        "CurrentPage": page,
        "PageSize": size,
    }


def _listed(template: Template) -> dict[str, object]:
    return {
        "TemplateCode": template.code,
        "TemplateName": template.name,
        "TemplateContent": template.content,
        "TemplateType": _LIST_TYPE_NUMBERS[template.type],
        "OuterTemplateType": _TYPE_NUMBERS[template.type],
        "AuditStatus": AUDIT_STATES[template.status],
        "CreateDate": REVIEW_DATE,
        "Reason": {"RejectInfo": _reason(template)},
    }


def _reason(template: Template) -> str:
    return "内容不符合规范" if template.status == "rejected" else "无审核备注"
