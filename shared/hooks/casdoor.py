"""Casdoor's provider "Custom HTTP SMS": a flat form, or the same as JSON.

Source: casdoor/casdoor, object/sms_custom_http.go. The names of its fields are the administrator's:
the usual ones are understood. It takes 200 alone for success.
"""

from collections.abc import Mapping
from typing import Any

from shared.hooks.contract import Code, Hook, code_in, required_number, text_at

_NUMBERS = ("phoneNumber", "phone_number", "phone", "mobile", "to")
_CODES = ("code", "content", "message")
_REMEDY = "let the provider's Parameter be code, and its field for the number phoneNumber"


def translate(hook: Hook) -> Code:
    """Return the code of a request, whose fields may stand in the query as well."""
    body: Mapping[str, Any] = hook.json() if _is_json(hook) else hook.form()
    fields = {**hook.query, **body}
    number, code = _first(fields, _NUMBERS), _first(fields, _CODES)
    return Code(
        phone_number=required_number(text_at(fields, number), number, _REMEDY),
        code=code_in(text_at(fields, code), code, _REMEDY),
        number_field=number,
    )


def _is_json(hook: Hook) -> bool:
    return not hook.is_form and hook.body.lstrip()[:1] == b"{"


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of `names` that is a field, else the usual one."""
    return next((name for name in names if name in fields), names[0])
