"""Novu's integration "SMS Webhook": ``{"to", "from", "content", "id"}``.

Source: novuhq/novu, generic-sms.provider.ts. `id` names the message, and stays in a repeat.
"""

from shared.hooks.contract import Code, Hook, code_in, required_number, text_at

_REMEDY = "let the content of the SMS step in the workflow be the code"


def translate(hook: Hook) -> Code:
    """Return the code that stands in `content`."""
    body = hook.json()
    return Code(
        phone_number=required_number(text_at(body, "to"), "to"),
        code=code_in(text_at(body, "content"), "content", _REMEDY),
        number_field="to",
        repeat_key=text_at(body, "id"),
    )
