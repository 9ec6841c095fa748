"""Logto's connector "HTTP SMS": ``{"to", "type", "payload": {"code", ...}, "ip"?}``.

Source: logto-io/logto, packages/connectors/connector-http-sms. `to` may lack the plus, for Logto
keeps numbers as country code and digits. An invitation carries a link in place of a code.
"""

from shared.hooks.contract import Code, Hook, required_code, required_number, text_at
from shared.hooks.numbers import with_country_code

_REMEDY = "an invitation holds a link and no code: send those by mail"


def translate(hook: Hook) -> Code:
    """Return the code of a request; the `type`, such as SignIn, chooses the scene."""
    body = hook.json()
    return Code(
        phone_number=with_country_code(required_number(text_at(body, "to"), "to")),
        code=required_code(text_at(body, "payload", "code"), "payload.code", _REMEDY),
        number_field="to",
        kind=text_at(body, "type"),
        client_ip=text_at(body, "ip"),
    )
