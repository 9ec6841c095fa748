"""What every send ends with: the message stored, its receipt planned, its id given out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from aliyun_sms_emulator.config import Signature, Template
from aliyun_sms_emulator.fates import receipt_code
from aliyun_sms_emulator.inbox import NewMessage
from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.receipts.shapes import INTERNATIONAL_API, REPORT
from aliyun_sms_emulator.rules import texts
from aliyun_sms_emulator.wire.errors import BusinessError

MAX_OUT_ID = 255


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it is accepted."""

    phone_number: str
    sign_name: str
    text: str
    values: dict[str, str]
    extend_code: str = ""


def accept(call: Call, api: str, template: Template, drafts: list[Draft], out_id: str) -> str:
    """Store the messages of one request and plan their receipts; returns the request's id."""
    platform, international = call.platform, template.type == "international"
    biz_id = f"{10**17 + secrets.randbelow(9 * 10**17)}"
    if api != INTERNATIONAL_API:
        biz_id += "^0"
    receipt_at = call.now + platform.settings.delivery_delay_seconds
    delay = call.visibility_delay
    for draft in drafts:
        code = receipt_code(platform.fate(draft.phone_number))
        message_id = platform.store.inbox.add(
            NewMessage(
                account=call.account,
                api=api,
                phone_number=draft.phone_number,
                sign_name=draft.sign_name,
                template_code=template.code,
                template_type=template.type,
                template_param=draft.values,
                text=draft.text,
                segments=texts.count_segments(draft.text, international=international),
                out_id=out_id,
                sms_up_extend_code=draft.extend_code,
                biz_id=biz_id,
                request_id=call.request_id,
                accepted_at=call.now,
                receipt_at=None if code is None else receipt_at,
                receipt_code=code,
                visible_at=None if delay is None else call.now + delay,
            )
        )
        if code is not None:
            platform.report(
                call.account,
                REPORT,
                message_id,
                receipt_at,
                international=api == INTERNATIONAL_API,
            )
    return biz_id


def check_out_id(call: Call) -> str:
    """The caller's own id for the request; raises BusinessError when it is too long."""
    out_id = call.text("OutId")
    if len(out_id) > MAX_OUT_ID:
        raise invalid("OutId")
    return out_id


def find_template(call: Call, *, gift: bool = False) -> Template:
    """The approved template that is asked for; raises BusinessError."""
    template = call.platform.catalogue.templates.get(call.text("TemplateCode"))
    usable = template is not None and template.status == "approved"
    if template is None or not usable or (template.type == "gift") != gift:
        raise BusinessError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    return template


def check_sign_name(call: Call, name: str, *, gift: bool = False) -> str:
    """The name of an approved signature; raises BusinessError."""
    signature: Signature | None = call.platform.catalogue.signatures.get(name)
    if signature is None or signature.status != "approved" or signature.gift != gift:
        raise BusinessError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
    return name


def render(template: Template, sign_name: str, values: dict[str, str]) -> str:
    """The text with its signature; raises BusinessError when it is too long."""
    international = template.type == "international"
    text = texts.signed_text(sign_name, template.fill(values), international=international)
    if len(text) > texts.MAX_LENGTH:
        raise BusinessError("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制")
    return text
