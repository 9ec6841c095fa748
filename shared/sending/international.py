"""Messages to numbers outside the Chinese mainland: what a caller may ask for.

- SendMessageToGlobe (version 2018-05-01): a free text, one number a request;
- SendSms: an approved international template, up to 1000 numbers a request;
- SendInterSms, of 2017: numbers of one country. It is no longer documented; that the platform still
  answers it, and that its CountryCode is alpha-2, is not confirmed. So it has to be named.

All numbers of a part are country code and number, whatever goes on the wire. Sources:
api-dysmsapi-2018-05-01-sendmessagetoglobe, documents 55284 (SendSms) and 101346 (variables of up to
200 characters).
"""

from collections.abc import Mapping
from typing import Any

from shared import forms, phone_numbers
from shared.errors import InvalidRequest
from shared.fields import read_client_ip, read_flag, read_object, read_text
from shared.ids import compact_json
from shared.sending.intents import MAX_GLOBE, Defaults, Intent, Part
from shared.sending.request_fields import (
    read_numbers,
    read_sign_name,
    read_template_code,
    read_template_param,
    request_out_id,
)

MAX_MESSAGE = 255 * 153  # characters that a phone can put together from parts (3GPP TS 23.040)
MAX_VARIABLE = 200
TYPES = ("OTP", "NOTIFY", "MKT")
_ALL_APIS = ("api", "client_ip", "out_id", "phone_numbers", "resend_unknown")
_TEMPLATE = ("sign_name", "template_code", "template_param")
_FIELDS = {
    "SendMessageToGlobe": frozenset((*_ALL_APIS, "message", "sender_id", "type")),
    "SendSms": frozenset((*_ALL_APIS, *_TEMPLATE)),
    "SendInterSms": frozenset((*_ALL_APIS, *_TEMPLATE, "country_code")),
}
_OF_OTHER_APIS = {
    "country_code": "it goes with api SendInterSms alone",
    "message": "give a message or a template_code, not both",
    "sender_id": "it goes with a message, not with a template_code",
    "sign_name": "it goes with a template_code, not with a message",
    "template_code": "give a message or a template_code, not both",
    "template_param": "it goes with a template_code, not with a message",
    "type": "it goes with a message, not with a template_code",
}


def read_intent(body: object, idempotency_key: str, defaults: Defaults) -> Intent:
    """Read the body of ``POST /international-sms``; the header Idempotency-Key may give the out_id.

    `api` names the operation; without it `template_code` makes it SendSms, else it is
    SendMessageToGlobe. Raises InvalidRequest naming the field that breaks a rule.
    """
    api = _read_api(body)
    request = read_object(body, "", _FIELDS[api], elsewhere=_OF_OTHER_APIS)
    out_id = request_out_id(request, idempotency_key)
    return Intent(
        out_id=out_id,
        parts=_READERS[api](request, defaults),
        space=defaults.space,
        resend_unknown=read_flag(request, "resend_unknown"),
        client_ip=read_client_ip(request),
    )


def _send_message_to_globe(request: Mapping[str, Any], _defaults: Defaults) -> tuple[Part, ...]:
    """Return a part for each number, as a request takes one."""
    parameters = {"Message": _read_message(request)}
    if "sender_id" in request:
        parameters["From"] = _read_sender(request["sender_id"])
    if "type" in request:
        parameters["Type"] = _read_type(request["type"])
    numbers = read_numbers(request, phone_numbers.international, MAX_GLOBE)
    return tuple(
        Part(
            number=place,
            first=place,
            last=place,
            action="SendMessageToGlobe",
            phone_numbers=(number,),
            template_code="",
            parameters={**parameters, "To": number},
            is_abroad=True,
        )
        for place, number in enumerate(numbers)
    )


def _send_sms(request: Mapping[str, Any], defaults: Defaults) -> tuple[Part, ...]:
    numbers = read_numbers(request, _template_number)
    parameters = {
        "PhoneNumbers": ",".join(numbers),
        **_template_parameters(request, defaults),
    }
    return (_template_part("SendSms", numbers, parameters),)


def _template_number(text: object, field: str) -> str:
    number = phone_numbers.international(text, field)
    if not phone_numbers.is_mainland(number):
        return number
    raise InvalidRequest(
        "is in North America, but SendSms would take it for a number of the Chinese mainland; send "
        "it a message instead of a template",
        field=field,
        code="ambiguous-number",
    )


def _send_inter_sms(request: Mapping[str, Any], defaults: Defaults) -> tuple[Part, ...]:
    country = str(request.get("country_code"))
    code = phone_numbers.dial_code(country)
    if not code or country == "CN":
        raise InvalidRequest(
            "must be the two capital letters of a country outside the Chinese mainland, such as HK",
            field="country_code",
        )
    numbers = read_numbers(request, lambda text, field: phone_numbers.of_country(text, code, field))
    parameters = {
        "CountryCode": country,
        "PhoneNumbers": ",".join(number.removeprefix(code) for number in numbers),
        **_template_parameters(request, defaults),
    }
    return (_template_part("SendInterSms", numbers, parameters),)


def _template_parameters(request: Mapping[str, Any], defaults: Defaults) -> dict[str, str]:
    parameters = {
        "TemplateCode": read_template_code(request),
        "SignName": read_sign_name(request, "sign_name", defaults),
    }
    param = read_template_param(request.get("template_param"), "template_param", _check_variable)
    if param:
        parameters["TemplateParam"] = compact_json(param)
    return parameters


def _template_part(action: str, numbers: tuple[str, ...], parameters: Mapping[str, str]) -> Part:
    """Return the one part of a send with a template, whose numbers go into one request."""
    return Part(
        number=0,
        first=0,
        last=len(numbers) - 1,
        action=action,
        phone_numbers=numbers,
        template_code=parameters["TemplateCode"],
        parameters=parameters,
        is_abroad=True,
    )


def _read_api(body: object) -> str:
    request = body if isinstance(body, dict) else {}
    api = request.get("api")
    if api is None:
        return "SendSms" if "template_code" in request else "SendMessageToGlobe"
    if isinstance(api, str) and api in _FIELDS:
        return api
    raise InvalidRequest(f"must be one of {', '.join(_FIELDS)}", field="api")


def _read_message(request: Mapping[str, Any]) -> str:
    if "message" not in request:
        raise InvalidRequest(
            "is missing; give a text, or the template_code of an international template",
            field="message",
        )
    text = read_text(request["message"], "message")
    if not text.strip() or len(text) > MAX_MESSAGE:
        raise InvalidRequest(f"must have 1 to {MAX_MESSAGE} characters", field="message")
    return text


def _read_sender(value: object) -> str:
    if isinstance(value, str) and forms.SENDER.fits(value):
        return value
    raise InvalidRequest(f"must be {forms.SENDER.words}", field="sender_id")


def _read_type(value: object) -> str:
    if isinstance(value, str) and value in TYPES:
        return value
    raise InvalidRequest(f"must be one of {', '.join(TYPES)}", field="type")


def _check_variable(text: str, field: str) -> None:
    if not 1 <= len(text) <= MAX_VARIABLE:
        raise InvalidRequest(f"must have 1 to {MAX_VARIABLE} characters", field=field)


# To send by another operation abroad: a row here and in _FIELDS, and one in platform/actions.py.
_READERS = {
    "SendMessageToGlobe": _send_message_to_globe,
    "SendSms": _send_sms,
    "SendInterSms": _send_inter_sms,
}
