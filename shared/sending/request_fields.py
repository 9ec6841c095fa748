"""Fields that sends in the mainland and abroad have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared import forms, phone_numbers
from shared.errors import InvalidRequest
from shared.fields import read_out_id, read_text, shown
from shared.ids import new_out_id
from shared.sending.intents import Defaults

MAX_NUMBERS = 1000


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
    if not isinstance(code, str) or not forms.TEMPLATE.fits(code):
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
            f"must be a phone number as a string, or a list of 1 to {most} of them",
            field="phone_numbers",
        )
    numbers = [read(number, f"phone_numbers[{place}]") for place, number in enumerate(given)]
    refuse_repeats(numbers, "phone_numbers[{}]")
    return tuple(numbers)


def refuse_repeats(numbers: Sequence[str], field: str) -> None:
    """Raise InvalidRequest for a number that stands twice.

    `field` is the path to a number, with ``{}`` where its place goes, such as ``messages[{}]``.
    """
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
        raise InvalidRequest(
            "is missing, and SMS_SIGN_NAME is not set: give one, or set it", field=field
        )
    text = read_text(request.get("sign_name", defaults.sign_name), field)
    if not forms.SIGNATURE.fits(text):
        raise InvalidRequest(f"must be {forms.SIGNATURE.words}", field=field)
    return text


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
        if not forms.VARIABLE.fits(name):
            raise InvalidRequest(
                "has a name that no template variable can have; use ASCII letters, digits and _",
                field=place,
            )
        if isinstance(given, float):
            raise InvalidRequest(
                "is a decimal; write it as a string, so that no digit is lost", field=place
            )
        is_number = isinstance(given, int) and not isinstance(given, bool)
        param[name] = read_text(str(given) if is_number else given, place)
        check(param[name], place)
    return param
