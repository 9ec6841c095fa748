"""ZITADEL's SMS provider of type HTTP, signed with ``ZITADEL-Signature``.

Source: zitadel/zitadel, internal/notification/types/user_phone.go. The names of arguments have a
lower first letter: the one-time password of a login, ``OTP``, is ``oTP``.
"""

from shared.hooks.contract import Code, Hook, required_code, required_number, text_at


def translate(hook: Hook) -> Code:
    """Return the code of a request; the event, ``user.human.phone.code.added``, is its kind."""
    body = hook.json()
    code = text_at(body, "args", "code") or text_at(body, "args", "oTP")
    number = text_at(body, "contextInfo", "recipientPhoneNumber")
    return Code(
        phone_number=required_number(number, "contextInfo.recipientPhoneNumber"),
        code=required_code(code, "args.code"),
        number_field="contextInfo.recipientPhoneNumber",
        kind=text_at(body, "contextInfo", "eventType"),
    )
