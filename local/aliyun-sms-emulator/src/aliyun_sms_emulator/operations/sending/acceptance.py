"""What every send ends with: the message stored, its receipt planned, its id given out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.rules import texts
from aliyun_sms_emulator.rules.fates import receipt_code
from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.tables.inbox import NewMessage
from aliyun_sms_emulator.wire.reports import INTERNATIONAL_VERSION, REPORT


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it is accepted."""

    phone_number: str
    sign_name: str
    text: str
    values: dict[str, str]
    extend_code: str = ""


def accept(call: Call, template: Template, drafts: list[Draft], out_id: str) -> str:
    """Store the messages of one request and plan their receipts; returns the request's id."""
    platform, international = call.platform, template.type == "international"
    biz_id = f"{10**17 + secrets.randbelow(9 * 10**17)}"
    of_globe = call.version == INTERNATIONAL_VERSION
    if not of_globe:
        biz_id += "^0"
    receipt_at = call.now + platform.settings.delivery_delay_seconds
    delay = call.visibility_delay
    for draft in drafts:
        code = receipt_code(platform.fate(draft.phone_number))
        message_id = platform.store.inbox.add(
            NewMessage(
                account=call.account,
                api=call.operation,
                version=call.version,
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
                international=of_globe,
            )
    return biz_id
