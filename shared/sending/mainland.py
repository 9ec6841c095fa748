"""What a caller may ask to send in the Chinese mainland (SendSms, SendBatchSms).

What the platform is known to refuse is refused here first, with the field's name. Sources:
documents 55284 (SendSms), 419274 (SendBatchSms), 463237, 463270, 2806243 (templates) and 101346.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared import phone_numbers
from shared.errors import InvalidRequest
from shared.fields import read_client_ip, read_flag, read_object
from shared.ids import compact_json
from shared.sending.intents import BATCH_SIZE, Defaults, Intent, Part
from shared.sending.request_fields import (
    read_numbers,
    read_sign_name,
    read_template_code,
    read_template_param,
    refuse_repeats,
    request_out_id,
)
from shared.sending.template_values import check_variable

MAX_MESSAGES = 1000
_EXTEND_CODE = re.compile(r"[0-9]{1,20}")
_VERIFICATION_CODE = re.compile(r"[A-Za-z0-9]{4,6}")
_CONTENT_FIELDS = frozenset(("sign_name", "sms_up_extend_code", "template_param"))
_SEND_FIELDS = _CONTENT_FIELDS.union(
    ("client_ip", "messages", "out_id", "phone_numbers", "resend_unknown", "template_code")
)
_OF_OTHER_CALLS = {
    "message": "the mainland takes no text but that of an approved template: give its "
    "template_code, and its variables in template_param",
    "phone_number": "here it is phone_numbers, a number or a list of them",
    "purpose": "to send a one-time code, POST it to /codes of the function verify_code",
}
_MESSAGE_FIELDS = _CONTENT_FIELDS.union(("phone_number",))


class _Message(NamedTuple):
    """One of ``messages``, or what all numbers of a send get."""

    phone_number: str
    sign_name: str
    template_param: dict[str, str]
    extend_code: str


def read_intent(body: object, idempotency_key: str, defaults: Defaults) -> Intent:
    """Read the body of ``POST /sms``; the header Idempotency-Key may give the out_id.

    Raises InvalidRequest naming the field that breaks a rule.
    """
    request = read_object(body, "", _SEND_FIELDS, elsewhere=_OF_OTHER_CALLS)
    blank = Intent(
        out_id=request_out_id(request, idempotency_key),
        parts=(),
        space=defaults.space,
        resend_unknown=read_flag(request, "resend_unknown"),
        client_ip=read_client_ip(request),
    )
    template_code = read_template_code(request)
    if "messages" in request:
        return blank._replace(parts=_send_batch_sms(request, template_code, defaults))
    return blank._replace(parts=(_send_sms(request, template_code, defaults),))


def _send_sms(request: Mapping[str, Any], template_code: str, defaults: Defaults) -> Part:
    """Return one part, for one text to all numbers."""
    numbers = read_numbers(request)
    content = _read_content(request, path="", template_code=template_code, defaults=defaults)
    parameters = {
        "PhoneNumbers": ",".join(numbers),
        "SignName": content.sign_name,
        "TemplateCode": template_code,
    }
    if content.template_param:
        parameters["TemplateParam"] = compact_json(content.template_param)
    if content.extend_code:
        parameters["SmsUpExtendCode"] = content.extend_code
    return Part(
        number=0,
        first=0,
        last=len(numbers) - 1,
        action="SendSms",
        phone_numbers=numbers,
        template_code=template_code,
        parameters=parameters,
    )


def _send_batch_sms(
    request: Mapping[str, Any], template_code: str, defaults: Defaults
) -> tuple[Part, ...]:
    """Return a part for each hundred of the messages, which each have a text of their own."""
    for field in ("phone_numbers", "template_param", "sms_up_extend_code"):
        if field in request:
            raise InvalidRequest("goes into each of messages, not beside it", field=field)
    messages = _read_messages(request, template_code, defaults)
    firsts = range(0, len(messages), BATCH_SIZE)
    return tuple(
        _batch(messages[first : first + BATCH_SIZE], number=number, template_code=template_code)
        for number, first in enumerate(firsts)
    )


def _batch(messages: Sequence[_Message], *, number: int, template_code: str) -> Part:
    first = number * BATCH_SIZE
    numbers = tuple(message.phone_number for message in messages)
    parameters = {
        "PhoneNumberJson": compact_json(numbers),
        "SignNameJson": compact_json([message.sign_name for message in messages]),
        "TemplateCode": template_code,
    }
    if any(message.template_param for message in messages):
        parameters["TemplateParamJson"] = compact_json(
            [message.template_param for message in messages]
        )
    if messages[0].extend_code:  # then each has one
        parameters["SmsUpExtendCodeJson"] = compact_json(
            [message.extend_code for message in messages]
        )
    return Part(
        number=number,
        first=first,
        last=first + len(messages) - 1,
        action="SendBatchSms",
        number_path="messages[{}].phone_number",
        phone_numbers=numbers,
        template_code=template_code,
        parameters=parameters,
    )


def _read_messages(
    request: Mapping[str, Any], template_code: str, defaults: Defaults
) -> list[_Message]:
    entries = request["messages"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_MESSAGES:
        raise InvalidRequest(f"must be a list of 1 to {MAX_MESSAGES} objects", field="messages")
    if "sign_name" in request:
        sign_name = read_sign_name(request, "sign_name", defaults)
        defaults = defaults._replace(sign_name=sign_name)
    messages = []
    for place, entry in enumerate(entries):
        path = f"messages[{place}]."
        message = read_object(entry, f"messages[{place}]", _MESSAGE_FIELDS)
        number = phone_numbers.mainland(message.get("phone_number"), f"{path}phone_number")
        content = _read_content(message, path=path, template_code=template_code, defaults=defaults)
        messages.append(content._replace(phone_number=number))
    refuse_repeats([message.phone_number for message in messages], "messages[{}].phone_number")
    if len({bool(message.extend_code) for message in messages}) > 1:
        raise InvalidRequest("give each an sms_up_extend_code, or none", field="messages")
    return messages


def _read_content(
    request: Mapping[str, Any], *, path: str, template_code: str, defaults: Defaults
) -> _Message:
    """Read what a message has besides its number; `path` leads to it, such as ``messages[3].``."""
    field = f"{path}template_param"
    is_code = template_code in defaults.code_templates
    check = _check_code if is_code else check_variable
    sign_name = read_sign_name(request, f"{path}sign_name", defaults)
    param = read_template_param(request.get("template_param"), field, check)
    if is_code and len(param) != 1:
        raise InvalidRequest(
            "must hold one variable, the code, as SMS_CODE_TEMPLATES names this template",
            field=field,
        )
    return _Message(
        phone_number="",
        sign_name=sign_name,
        template_param=param,
        extend_code=_extend_code(request.get("sms_up_extend_code"), f"{path}sms_up_extend_code"),
    )


def _extend_code(value: object, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _EXTEND_CODE.fullmatch(value):
        raise InvalidRequest("must be a string of up to 20 digits", field=field)
    return value


def _check_code(text: str, field: str) -> None:
    if not _VERIFICATION_CODE.fullmatch(text):
        raise InvalidRequest(
            "must be a code of 4 to 6 letters and digits, as SMS_CODE_TEMPLATES names this "
            "template",
            field=field,
        )
