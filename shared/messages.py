"""What a caller may ask to send, validated before anything is sent.

Everything that the platform is known to refuse is refused here first, with the field's name.
Sources: the SendSms and SendBatchSms pages (documents 55284 and 419274), the template rules
(463237, 463270, 2806243) and the error codes (101346).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared import phone_numbers
from shared.errors import InvalidRequest
from shared.fields import read_object, read_out_id, read_text, shown

MAX_NUMBERS = 1000
MAX_MESSAGES = 1000
BATCH_SIZE = 100

_TEMPLATE_CODE = re.compile(r"SMS_[0-9]{1,32}")
_EXTEND_CODE = re.compile(r"[0-9]{1,20}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_VERIFICATION_CODE = re.compile(r"[A-Za-z0-9]{4,6}")
_LINK = re.compile(
    r"https?:|www\.|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])"
    r"|[a-z0-9-]\.(?:com|cn|net|org|gov|edu|top|xyz|info|vip|shop|cc|me|io|co)(?![a-z0-9-])",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    "[【】〖〗『』「」²•①-⑳★※→❤™\u200d\ufe0f\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
)
_BRACKETS = re.compile(r"[【】\[\]]")
_SEND_FIELDS = frozenset(
    (
        "messages",
        "out_id",
        "phone_numbers",
        "sign_name",
        "sms_up_extend_code",
        "template_code",
        "template_param",
    )
)
_MESSAGE_FIELDS = frozenset(("phone_number", "sign_name", "sms_up_extend_code", "template_param"))
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


class Part(NamedTuple):
    """One request to the platform within an intent.

    `first` and `last` are the places of its numbers in the caller's list, from 0.
    """

    number: int
    first: int
    last: int
    out_id: str
    action: str
    phone_numbers: tuple[str, ...]
    template_code: str
    parameters: dict[str, str]


class Intent(NamedTuple):
    """One wish of a caller to send, in as many parts as the platform needs requests."""

    out_id: str
    parts: tuple[Part, ...]


class Defaults(NamedTuple):
    """What a request may leave out, and the templates whose variable is a verification code."""

    sign_name: str = ""
    code_templates: frozenset[str] = frozenset()


class _Message(NamedTuple):
    phone_number: str
    sign_name: str
    template_param: dict[str, str]
    extend_code: str


def read_intent(body: object, idempotency_key: str, defaults: Defaults) -> Intent:
    """Read the body of ``POST /sms``: one text to many numbers, or one of its own to each.

    `idempotency_key` is the header of that name, another way to give the out_id. Raises
    InvalidRequest naming the field that breaks a rule.
    """
    request = read_object(body, "", _SEND_FIELDS)
    out_id = _read_out_id(request, idempotency_key)
    template_code = _read_template_code(request)
    if "messages" not in request:
        return Intent(out_id, (_send_sms(request, out_id, template_code, defaults),))
    for field in ("phone_numbers", "template_param", "sms_up_extend_code"):
        if field in request:
            raise InvalidRequest("goes into each of messages, not beside it", field=field)
    messages = _read_messages(request, template_code, defaults)
    count = -(-len(messages) // BATCH_SIZE)
    return Intent(
        out_id,
        tuple(
            _send_batch_sms(messages, number, wire_out_id(out_id, number, count), template_code)
            for number in range(count)
        ),
    )


def wire_out_id(out_id: str, part: int, parts: int) -> str:
    """Return the OutId on the wire: the out_id, with ``~part`` where there are several parts."""
    return f"{out_id}~{part}" if parts > 1 else out_id


def new_out_id() -> str:
    """Return an out_id for a caller who gave none: 32 random letters, no digits.

    Without digits nothing in it can look like a phone number or a code in a log.
    """
    return os.urandom(16).hex().translate(_LETTERS)


def compact_json(value: object) -> str:
    """Return `value` as JSON without spaces, characters as they are."""
    return _COMPACT.encode(value)


def _send_sms(
    request: Mapping[str, Any], out_id: str, template_code: str, defaults: Defaults
) -> Part:
    numbers = _read_numbers(request)
    message = _read_content(request, "", template_code, defaults)
    parameters = {
        "OutId": out_id,
        "PhoneNumbers": ",".join(numbers),
        "SignName": message.sign_name,
        "TemplateCode": template_code,
    }
    if message.template_param:
        parameters["TemplateParam"] = compact_json(message.template_param)
    if message.extend_code:
        parameters["SmsUpExtendCode"] = message.extend_code
    return Part(0, 0, len(numbers) - 1, out_id, "SendSms", numbers, template_code, parameters)


def _send_batch_sms(
    messages: Sequence[_Message], number: int, out_id: str, template_code: str
) -> Part:
    first = number * BATCH_SIZE
    batch = messages[first : first + BATCH_SIZE]
    parameters = {
        "OutId": out_id,
        "PhoneNumberJson": compact_json([message.phone_number for message in batch]),
        "SignNameJson": compact_json([message.sign_name for message in batch]),
        "TemplateCode": template_code,
    }
    if any(message.template_param for message in batch):
        params = [message.template_param for message in batch]
        parameters["TemplateParamJson"] = compact_json(params)
    if batch[0].extend_code:
        extend_codes = [message.extend_code for message in batch]
        parameters["SmsUpExtendCodeJson"] = compact_json(extend_codes)
    numbers = tuple(message.phone_number for message in batch)
    last = first + len(batch) - 1
    return Part(number, first, last, out_id, "SendBatchSms", numbers, template_code, parameters)


def _read_messages(
    request: Mapping[str, Any], template_code: str, defaults: Defaults
) -> list[_Message]:
    entries = request["messages"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_MESSAGES:
        raise InvalidRequest(f"must be a list of 1 to {MAX_MESSAGES} objects", field="messages")
    if "sign_name" in request:
        sign_name = _sign_name(request, "sign_name", defaults)
        defaults = defaults._replace(sign_name=sign_name)
    messages = []
    for place, entry in enumerate(entries):
        path = f"messages[{place}]."
        message = read_object(entry, f"messages[{place}]", _MESSAGE_FIELDS)
        number = phone_numbers.mainland(message.get("phone_number"), f"{path}phone_number")
        content = _read_content(message, path, template_code, defaults)
        messages.append(content._replace(phone_number=number))
    _refuse_repeats([message.phone_number for message in messages], "messages[{}].phone_number")
    if len({bool(message.extend_code) for message in messages}) > 1:
        raise InvalidRequest("give each an sms_up_extend_code, or none", field="messages")
    return messages


def _read_content(
    request: Mapping[str, Any], path: str, template_code: str, defaults: Defaults
) -> _Message:
    """Read what a message has besides its number; `path` leads to it, such as ``messages[3].``."""
    return _Message(
        phone_number="",
        sign_name=_sign_name(request, f"{path}sign_name", defaults),
        template_param=_template_param(
            request.get("template_param"),
            f"{path}template_param",
            template_code in defaults.code_templates,
        ),
        extend_code=_extend_code(request.get("sms_up_extend_code"), f"{path}sms_up_extend_code"),
    )


def _read_out_id(request: Mapping[str, Any], idempotency_key: str) -> str:
    key = idempotency_key.strip('"')  # the header's draft standard writes it in quotes
    if "out_id" not in request:
        return read_out_id(key, "Idempotency-Key") if key else new_out_id()
    out_id = read_out_id(request["out_id"], "out_id")
    if key not in ("", out_id):
        raise InvalidRequest("differs from the Idempotency-Key header; give one", field="out_id")
    return out_id


def _read_template_code(request: Mapping[str, Any]) -> str:
    code = request.get("template_code")
    if not isinstance(code, str) or not _TEMPLATE_CODE.fullmatch(code):
        raise InvalidRequest(
            "must be the code of an approved template, such as SMS_123456789",
            field="template_code",
        )
    return code


def _read_numbers(request: Mapping[str, Any]) -> tuple[str, ...]:
    given = request.get("phone_numbers")
    if isinstance(given, str):
        return (phone_numbers.mainland(given, "phone_numbers"),)
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_NUMBERS:
        raise InvalidRequest(
            f"must be a phone number or a list of 1 to {MAX_NUMBERS}", field="phone_numbers"
        )
    numbers = [
        phone_numbers.mainland(number, f"phone_numbers[{place}]")
        for place, number in enumerate(given)
    ]
    _refuse_repeats(numbers, "phone_numbers[{}]")
    return tuple(numbers)


def _refuse_repeats(numbers: Sequence[str], field: str) -> None:
    if len(set(numbers)) == len(numbers):
        return
    places: dict[str, int] = {}
    for place, number in enumerate(numbers):
        if number in places:
            raise InvalidRequest(
                f"is the same number as {field.format(places[number])}; leave one out",
                field=field.format(place),
            )
        places[number] = place


def _sign_name(request: Mapping[str, Any], field: str, defaults: Defaults) -> str:
    if "sign_name" not in request and not defaults.sign_name:
        raise InvalidRequest("is missing, and SMS_SIGN_NAME is not set", field=field)
    text = read_text(request.get("sign_name", defaults.sign_name), field)
    if not 1 <= len(text) <= 100 or not text.isprintable() or _BRACKETS.search(text):
        raise InvalidRequest(
            "must be an approved signature, written without its brackets", field=field
        )
    return text


def _extend_code(value: object, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _EXTEND_CODE.fullmatch(value):
        raise InvalidRequest("must be a string of up to 20 digits", field=field)
    return value


def _template_param(value: object, field: str, is_code: bool) -> dict[str, str]:
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise InvalidRequest('must be an object of strings, such as {"name": "Li"}', field=field)
    param = {}
    for name, given in value.items():
        place = shown(f"{field}.{name}")
        if not _VARIABLE.fullmatch(name):
            raise InvalidRequest("has a name that no template variable can have", field=place)
        param[name] = _variable(given, place, is_code)
    if is_code and len(param) != 1:
        raise InvalidRequest("must hold one variable, the verification code", field=field)
    return param


def _variable(value: object, field: str, is_code: bool) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # 123456 and "123456" are written alike, so nothing is lost
    if isinstance(value, float):
        raise InvalidRequest(
            "is a decimal; write it as a string, so that no digit is lost", field=field
        )
    text = read_text(value, field)
    if is_code:
        if not _VERIFICATION_CODE.fullmatch(text):
            raise InvalidRequest("must be 4 to 6 letters and digits", field=field)
        return text
    if not 1 <= len(text) <= 35:
        raise InvalidRequest("must have 1 to 35 characters", field=field)
    if _LINK.search(text):
        raise InvalidRequest(
            "holds a link, domain or IP address; put it into the template's text", field=field
        )
    if _UNSUPPORTED.search(text):
        raise InvalidRequest(
            "holds an emoji, a bracket such as 【】 or another character that is refused",
            field=field,
        )
    return text
