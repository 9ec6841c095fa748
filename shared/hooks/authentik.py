"""authentik's SMS stage with the generic provider: ``{"From", "To", "Body", "Message"}``.

Source: docs.goauthentik.io, "SMS authenticator setup stage". `Body` is the code alone.
"""

from shared.hooks.contract import Code, Hook, code_in, required_number, text_at


def translate(hook: Hook) -> Code:
    """Return the code of a request."""
    body = hook.json()
    return Code(
        phone_number=required_number(text_at(body, "To"), "To"),
        code=code_in(text_at(body, "Body") or text_at(body, "Message"), "Body"),
        number_field="To",
    )
