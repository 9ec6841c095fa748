"""SendMessageWithTemplate of version 2018-05-01: a template to one number of the mainland.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-sendmessagewithtemplate
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.number_detail import number_detail
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.acceptance import Draft, accept
from aliyun_sms_emulator.operations.sending.checks import (
    check_extend_code,
    check_frequency,
    check_sign_name,
    find_template,
    render,
)
from aliyun_sms_emulator.operations.sending.globe import ACCEPTED, check_options
from aliyun_sms_emulator.rules import template_params, texts
from aliyun_sms_emulator.rules.countries import country_of
from aliyun_sms_emulator.rules.phone_numbers import globe_recipient, recipient
from aliyun_sms_emulator.wire.answers import GLOBE
from aliyun_sms_emulator.wire.errors import BusinessError


def send_message_with_template(call: Call) -> dict[str, object]:
    """Send a template's text; abroad with an international template, where that is let pass."""
    template = find_template(call)
    abroad = template.type == "international"
    number = _abroad(call) if abroad else _of_the_mainland(call)
    sign_name = check_sign_name(call, call.text("From"))
    extend_code = check_extend_code(call.text("SmsUpExtendCode"))
    values = template_params.parse_values(call.text("TemplateParam"), call.leniency)
    values = template_params.check_against_template(template, values)
    text = render(template, sign_name, values)
    check_options(call)
    drafts = [Draft(number, sign_name, text, values, extend_code)]
    check_frequency(call, template, drafts)
    whole = number if abroad else f"86{number}"
    country = country_of(whole)
    return {
        "ResponseDescription": ACCEPTED,
        "MessageId": accept(call, template, drafts, ""),
        "To": whole,
        "Segments": str(texts.count_segments(text, international=abroad)),
        **({"NumberDetail": number_detail(country)} if country else {}),
    }


def _of_the_mainland(call: Call) -> str:
    return recipient(call.text("To"), call.leniency, international=False)


def _abroad(call: Call) -> str:
    number, _country = globe_recipient(call.text("To"))
    if not call.leniency.allows("template-abroad", number):
        raise BusinessError("isv.COUNTRY_RESTRICTED", "The country is restricted")
    return number


OPERATION = Operation(
    version="2018-05-01",
    name="SendMessageWithTemplate",
    required=("To", "From", "TemplateCode"),
    run=send_message_with_template,
    dialect=GLOBE,
)
