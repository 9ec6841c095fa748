"""The message that brings a one-time code: which numbers get it, and what is sent to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from shared import phone_numbers
from shared.errors import ConfigurationError, InvalidRequest
from shared.sending import mainland
from shared.sending.intents import Defaults, Intent

if TYPE_CHECKING:
    from shared.settings import CodeSettings


class Recipient(NamedTuple):
    """Whose phone: `e164` with ``+``, and the `digits` that APIs want: 11 for the mainland.

    `field` is where the number stands in the request, which errors name.
    """

    e164: str
    digits: str
    is_mainland: bool
    field: str = "phone_number"


class CodeMessage(NamedTuple):
    """A code for one phone, under the `out_id` of a `space`; an unknown `client_ip` is "".

    One `is_for_test` goes to a test number, and is not sent.
    """

    recipient: Recipient
    code: str
    out_id: str
    space: str
    client_ip: str = ""
    is_for_test: bool = False


def read_recipient(value: object, field: str = "phone_number") -> Recipient:
    """Read a number: one of the mainland if it looks so, else country code and number.

    `field` is its place in the request. Raises InvalidRequest, as for eleven digits that may be of
    North America.
    """
    number = phone_numbers.anywhere(value, field)
    return Recipient(number.e164, number.digits, number.is_mainland, field=field)


def code_intent(message: CodeMessage, settings: CodeSettings) -> Intent:
    """Return the intent that sends a code, as `settings` say for a number of that kind.

    Raises InvalidRequest for a number that no code can be sent to, and ConfigurationError when no
    code can be sent with these settings.
    """
    if message.recipient.is_mainland:
        read_intent = mainland.read_intent
    else:
        from shared.sending.international import read_intent
    body = {**_body(message.recipient, message.code, settings), "out_id": message.out_id}
    try:
        intent = read_intent(body, "", Defaults(message.space, settings.sign_name))
    except InvalidRequest as error:
        if error.field.startswith("phone_number"):
            raise InvalidRequest(error.problem, field=message.recipient.field) from None
        raise ConfigurationError(f"no code can be sent as it is set up: {error}") from None
    (part,) = intent.parts
    part = part._replace(number_path=message.recipient.field)
    return intent._replace(
        parts=(part,),
        client_ip=message.client_ip,
        is_code=True,
        is_for_test=message.is_for_test,
    )


def _body(recipient: Recipient, code: str, settings: CodeSettings) -> dict[str, Any]:
    """Return the request that sends a code, without its out_id."""
    if recipient.is_mainland and not settings.template:
        raise ConfigurationError(
            "SMS_CODE_TEMPLATE is not set, so no code can be sent to the mainland: set it to the "
            "template of codes, such as SMS_100001"
        )
    template = settings.template if recipient.is_mainland else settings.international_template
    if template:
        param = {settings.variable: code}
        number = recipient.digits if recipient.is_mainland else recipient.e164
        return {"phone_numbers": number, "template_code": template, "template_param": param}
    if not settings.message:
        raise InvalidRequest(
            f"{phone_numbers.read_as(recipient.digits)}, and codes are not sent abroad: neither "
            "SMS_CODE_MESSAGE nor SMS_CODE_INTERNATIONAL_TEMPLATE is set"
            f"{phone_numbers.or_in_mainland(recipient.digits)}",
            field=recipient.field,
        )
    text = settings.message.replace("{code}", code)
    body = {"phone_numbers": recipient.e164, "message": text, "type": "OTP"}
    return {**body, "sender_id": settings.sender_id} if settings.sender_id else body
