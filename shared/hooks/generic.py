"""Any other product that sends a code as JSON or as a form.

SMS_HOOK_GENERIC_FIELDS names where its number and its code stand.
"""

import os
from collections.abc import Mapping
from typing import Any

from shared.hooks.contract import Code, Hook, code_in, required_number, text_at
from shared.hooks.hook_settings import generic_fields

_REMEDY = "name the field that the request has in SMS_HOOK_GENERIC_FIELDS"


def translate(hook: Hook) -> Code:
    """Return the code of a request."""
    body: Mapping[str, Any] = hook.form() if hook.is_form else hook.json()
    paths = generic_fields(os.environ)
    found = {name: text_at(body, *path.split(".")) for name, path in paths.items()}
    return Code(
        phone_number=required_number(found["number"], paths["number"], _REMEDY),
        code=code_in(found["code"], paths["code"], _REMEDY),
        number_field=paths["number"],
        kind=found.get("kind", ""),
        client_ip=found.get("client_ip", ""),
        repeat_key=found.get("repeat_key", ""),
    )
