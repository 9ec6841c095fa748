"""Supabase Auth (GoTrue): the hook "Send SMS", signed as Standard Webhooks.

Source: supabase/auth, internal/hooks/v0hooks/v0hooks.go. Numbers are country code and digits
without a plus. When a number is changed `sms.phone` is the new one. ``webhook-id`` is another in
each try; ``metadata.uuid`` stays.
"""

from shared.hooks.contract import Code, Hook, required_code, required_number, text_at
from shared.hooks.numbers import with_country_code

_REMEDY = "enter the URL as the hook Send SMS, and as no other hook"


def translate(hook: Hook) -> Code:
    """Return the code of a request; `sms_type`, where it is there, chooses the scene."""
    body = hook.json()
    own, of_user = text_at(body, "sms", "phone"), text_at(body, "user", "phone")
    field = "user.phone" if of_user and not own else "sms.phone"
    return Code(
        phone_number=with_country_code(required_number(own or of_user, field)),
        code=required_code(text_at(body, "sms", "otp"), "sms.otp", _REMEDY),
        number_field=field,
        kind=text_at(body, "sms", "sms_type"),
        client_ip=text_at(body, "metadata", "ip_address"),
        repeat_key=text_at(body, "metadata", "uuid"),
    )
