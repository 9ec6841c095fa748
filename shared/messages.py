"""What a caller may ask to send, validated before anything is sent.

What the platform is known to refuse is refused here first, with the field's name. Sources:
documents 55284 (SendSms), 419274 (SendBatchSms), 463237, 463270, 2806243 (templates) and 101346.
"""

import hmac
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from shared import phone_numbers
from shared.errors import InvalidRequest
from shared.fields import read_client_ip, read_flag, read_object, read_out_id, read_text, shown

MAX_NUMBERS = 1000
MAX_MESSAGES = 1000
MAX_GLOBE = 50  # numbers of SendMessageToGlobe, as each is a request of its own
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
    "[【】〖〗『』「」²•①-⑳★※→❤™\u200d\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf"
    "\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff]"
)
_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_REFUSED = {
    _CONTROL: "holds a control character",
    _LINK: "holds a link, domain or IP address; put it into the template's text",
    _UNSUPPORTED: "holds an emoji, a bracket such as 【】 or another character that is refused",
}
_WIRE_PART = re.compile(r"(.+)~([0-9]{1,6})", re.DOTALL)
_BRACKETS = re.compile(r"[【】\[\]]")
_CONTENT_FIELDS = frozenset(("sign_name", "sms_up_extend_code", "template_param"))
_SEND_FIELDS = _CONTENT_FIELDS.union(
    ("client_ip", "messages", "out_id", "phone_numbers", "resend_unknown", "template_code")
)
_MESSAGE_FIELDS = _CONTENT_FIELDS.union(("phone_number",))
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


class Part(NamedTuple):
    """One request to the platform, for the numbers from `first` to `last` in the caller's list."""

    number: int
    first: int
    last: int
    out_id: str
    action: str
    phone_numbers: tuple[str, ...]
    template_code: str
    parameters: dict[str, str]
    is_abroad: bool = False


class Intent(NamedTuple):
    """One wish to send, in as many parts as the platform needs requests.

    `resend_unknown`: what stays unknown after 15 minutes may be attempted anew. Limits count what
    is sent for a `caller` (the API key's name) and a `client_ip`, and what `is_code`.
    """

    out_id: str
    parts: tuple[Part, ...]
    resend_unknown: bool = False
    client_ip: str = ""
    caller: str = ""
    is_code: bool = False


class Defaults(NamedTuple):
    """What a request may leave out, and the templates of verification codes."""

    sign_name: str = ""
    code_templates: frozenset[str] = frozenset()


class _Message(NamedTuple):
    phone_number: str
    sign_name: str
    template_param: dict[str, str]
    extend_code: str


def read_intent(body: object, idempotency_key: str, defaults: Defaults) -> Intent:
    """Read the body of ``POST /sms``; the header Idempotency-Key may give the out_id.

    Raises InvalidRequest naming the field that breaks a rule.
    """
    request = read_object(body, "", _SEND_FIELDS)
    out_id = request_out_id(request, idempotency_key)
    template_code = read_template_code(request)
    asked = (read_flag(request, "resend_unknown"), read_client_ip(request))
    if "messages" not in request:
        part = _send_sms(request, out_id, template_code, defaults)
        return Intent(out_id, (part,), *asked)
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
        *asked,
    )


def wire_out_id(out_id: str, part: int, parts: int) -> str:
    """Return the OutId on the wire: the out_id, with ``~part`` where there are several parts."""
    return f"{out_id}~{part}" if parts > 1 else out_id


def split_wire_id(wire_id: str) -> tuple[str, int]:
    """Undo wire_out_id: return the out_id and the part, 0 without one."""
    match = _WIRE_PART.fullmatch(wire_id)
    return (match[1], int(match[2])) if match else (wire_id, 0)


def new_out_id() -> str:
    """Return an out_id for a caller who gave none: 32 random letters."""
    return letters(os.urandom(16).hex())


def letters(hex_digits: str) -> str:
    """Return `hex_digits` in letters: in a log none looks like a number or a code."""
    return hex_digits.translate(_LETTERS)


def keyed(secret: str, label: str, *texts: str) -> str:
    """Return a digest of `texts`, of which only the last may hold a line break, that tells nothing
    about them: 32 hex digits.
    """
    message = "\n".join((f"fc-sms {label}", *texts))
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex()[:32]


def compact_json(value: object) -> str:
    """Return `value` as JSON without spaces, characters as they are."""
    return _COMPACT.encode(value)


def _send_sms(
    request: Mapping[str, Any], out_id: str, template_code: str, defaults: Defaults
) -> Part:
    numbers = read_numbers(request)
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
    numbers, sign_names, params, extend_codes = zip(*batch, strict=True)
    parameters = {
        "OutId": out_id,
        "PhoneNumberJson": compact_json(numbers),
        "SignNameJson": compact_json(sign_names),
        "TemplateCode": template_code,
    }
    if any(params):
        parameters["TemplateParamJson"] = compact_json(params)
    if extend_codes[0]:
        parameters["SmsUpExtendCodeJson"] = compact_json(extend_codes)
    last = first + len(batch) - 1
    return Part(number, first, last, out_id, "SendBatchSms", numbers, template_code, parameters)


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
    sign_name = read_sign_name(request, f"{path}sign_name", defaults)
    is_code, field = template_code in defaults.code_templates, f"{path}template_param"
    check = _check_code if is_code else _check_variable
    param = read_template_param(request.get("template_param"), field, check)
    if is_code and len(param) != 1:
        raise InvalidRequest("must hold one variable, the verification code", field=field)
    extend_code = _extend_code(request.get("sms_up_extend_code"), f"{path}sms_up_extend_code")
    return _Message("", sign_name, param, extend_code)


def request_out_id(request: Mapping[str, Any], idempotency_key: str) -> str:
    """Return the out_id: the field, the header, or a new one."""
    key = idempotency_key.strip('"')  # the header's draft standard writes it in quotes
    if "out_id" not in request:
        return read_out_id(key, "Idempotency-Key") if key else new_out_id()
    out_id = read_out_id(request["out_id"], "out_id")
    if key not in ("", out_id):
        raise InvalidRequest("differs from the Idempotency-Key header; give one", field="out_id")
    return out_id


def read_template_code(request: Mapping[str, Any]) -> str:
    """Return the field template_code, which has to be there."""
    code = request.get("template_code")
    if not isinstance(code, str) or not _TEMPLATE_CODE.fullmatch(code):
        raise InvalidRequest(
            "must be the code of an approved template, such as SMS_123456789",
            field="template_code",
        )
    return code


def read_numbers(
    request: Mapping[str, Any],
    read: Callable[[object, str], str] = phone_numbers.mainland,
    most: int = MAX_NUMBERS,
) -> tuple[str, ...]:
    """Return the field phone_numbers, one number or up to `most`, as `read` wants each."""
    given = request.get("phone_numbers")
    if isinstance(given, str):
        return (read(given, "phone_numbers"),)
    if not isinstance(given, list) or not 1 <= len(given) <= most:
        raise InvalidRequest(
            f"must be a phone number or a list of 1 to {most}", field="phone_numbers"
        )
    numbers = [read(number, f"phone_numbers[{place}]") for place, number in enumerate(given)]
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


def read_sign_name(request: Mapping[str, Any], field: str, defaults: Defaults) -> str:
    """Return sign_name, or the default; `field` is its path for errors."""
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


def read_template_param(
    value: object, field: str, check: Callable[[str, str], None]
) -> dict[str, str]:
    """Return the variables of a template, which pass `check` with text and path.

    Whole numbers become strings.
    """
    value = {} if value is None else value
    if not isinstance(value, dict):
        raise InvalidRequest('must be an object of strings, such as {"name": "Li"}', field=field)
    param = {}
    for name, given in value.items():
        place = f"{field}.{shown(name)}"
        if not _VARIABLE.fullmatch(name):
            raise InvalidRequest("has a name that no template variable can have", field=place)
        if isinstance(given, float):
            raise InvalidRequest(
                "is a decimal; write it as a string, so that no digit is lost", field=place
            )
        is_number = isinstance(given, int) and not isinstance(given, bool)
        param[name] = read_text(str(given) if is_number else given, place)
        check(param[name], place)
    return param


def _check_code(text: str, field: str) -> None:
    if not _VERIFICATION_CODE.fullmatch(text):
        raise InvalidRequest("must be 4 to 6 letters and digits", field=field)


def _check_variable(text: str, field: str) -> None:
    if not 1 <= len(text) <= 35 or text.isspace():
        raise InvalidRequest("must have 1 to 35 characters, not blanks alone", field=field)
    for refused, problem in _REFUSED.items():
        if refused.search(text):
            raise InvalidRequest(problem, field=field)
