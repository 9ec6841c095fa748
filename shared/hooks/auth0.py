"""Auth0's passwordless `sms_gateway`: ``{"recipient", "body", "sender", "req": {"ip", ...}}``.

Source: auth0/docs. It comes with a JWT (jwt.py). Let the template of the connection be
``@@password@@``, the code alone.
"""

from shared.hooks.contract import Code, Hook, code_in, required_number, text_at

_REMEDY = 'let the template of the connection be "@@password@@"'


def translate(hook: Hook) -> Code:
    """Return the code that stands in `body`."""
    body = hook.json()
    return Code(
        phone_number=required_number(text_at(body, "recipient"), "recipient"),
        code=code_in(text_at(body, "body"), "body", _REMEDY),
        number_field="recipient",
        client_ip=text_at(body, "req", "ip"),
    )
