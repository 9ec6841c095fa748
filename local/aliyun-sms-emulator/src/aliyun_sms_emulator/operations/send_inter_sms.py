"""SendInterSms and QueryInterSmsIsoInfo, the old way to numbers outside the mainland.

Both stand in the SDK aliyun-python-sdk-dysmsapi 1.0.0 and no later one; whether the platform still
answers them is not confirmed. Source: https://help.aliyun.com/document_detail/56765.html
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.acceptance import (
    Draft,
    accept,
    check_out_id,
    check_sign_name,
    find_template,
    render,
)
from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.send_sms import split_numbers
from aliyun_sms_emulator.rules import template_params
from aliyun_sms_emulator.rules.countries import Country, all_countries, country_named
from aliyun_sms_emulator.rules.phone_numbers import national_recipient
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
    values = template_params.parse_values(call.text("TemplateParam"))
    values = template_params.check_against_template(template, values)
    text = render(template, sign_name, values)
    drafts = [Draft(number, sign_name, text, values) for number in recipients]
    return {"BizId": accept(call, "SendInterSms", template, drafts, check_out_id(call))}


def query_inter_sms_iso_info(call: Call) -> dict[str, object]:
    """List countries: all, or those with the Chinese or English name asked for."""
    wanted = call.text("CountryName")
    found = [
        {
            "CountryName": country.chinese_name,
            "CountryCode": country.country_code,
            "IsoCode": country.dial_code,
        }
        for country in all_countries()
        if wanted in {"", country.chinese_name, country.name}
    ]
    return {"TotalCount": len(found), "IsoSupportDTOs": {"IsoSupportDTO": found}}


def _country(code: str) -> Country:
    country = country_named(code)
    if country is None:
        raise BusinessError("isv.NOT_SUPPORTED_COUNTRY", "不支持的国家或地区")
    if country.country_code == _MAINLAND:
        raise BusinessError(
            "isv.DOMESTIC_NUMBER_NOT_SUPPORTED", "国际/港澳台消息不支持发送境内号码"
        )
    return country
