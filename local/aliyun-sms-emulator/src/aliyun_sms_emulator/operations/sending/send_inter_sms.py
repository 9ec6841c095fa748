"""SendInterSms, the old way to numbers outside the mainland.

It stands in the SDK aliyun-python-sdk-dysmsapi 1.0.0 and no later one; whether the platform still
answers it is not confirmed. Source: https://help.aliyun.com/document_detail/56765.html
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.acceptance import Draft, accept
from aliyun_sms_emulator.operations.sending.checks import (
    check_out_id,
    check_sign_name,
    find_template,
    render,
    split_numbers,
)
from aliyun_sms_emulator.rules import template_params
from aliyun_sms_emulator.rules.countries import Country, country_named
from aliyun_sms_emulator.rules.phone_numbers import national_recipient
from aliyun_sms_emulator.wire.answers import SMS
from aliyun_sms_emulator.wire.errors import BusinessError

_MAINLAND = "CN"


def send_inter_sms(call: Call) -> dict[str, object]:
    """Send one text to numbers of one country, which are written without its dial code."""
    numbers = split_numbers(call)
    country = _country(call.text("CountryCode"))
    template = find_template(call)
    if template.type != "international":
        raise BusinessError("isv.SMS_TEMPLATE_ILLEGAL", "模板不是国际/港澳台消息模板")
    recipients = [national_recipient(number, country) for number in numbers]
    sign_name = check_sign_name(call, call.text("SignName"))
    values = template_params.parse_values(call.text("TemplateParam"), call.leniency)
    values = template_params.check_against_template(template, values)
    text = render(template, sign_name, values)
    drafts = [Draft(number, sign_name, text, values) for number in recipients]
    return {"BizId": accept(call, template, drafts, check_out_id(call))}


def _country(code: str) -> Country:
    country = country_named(code)
    if country is None:
        raise BusinessError("isv.NOT_SUPPORTED_COUNTRY", "不支持的国家或地区")
    if country.country_code == _MAINLAND:
        raise BusinessError(
            "isv.DOMESTIC_NUMBER_NOT_SUPPORTED", "国际/港澳台消息不支持发送境内号码"
        )
    return country


OPERATION = Operation(
    version="2017-05-25",
    name="SendInterSms",
    required=("CountryCode", "PhoneNumbers", "SignName", "TemplateCode"),
    run=send_inter_sms,
    dialect=SMS,
)
