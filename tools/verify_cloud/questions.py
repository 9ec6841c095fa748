"""What the owner is asked: whose number, which message, and a yes before each SMS."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass

from shared import phone_numbers
from shared.fields import parse_json, why_no_json
from shared.ids import compact_json
from shared.sending.intents import Defaults
from shared.sending.request_fields import read_sign_name, read_template_code, read_template_param


class Stopped(Exception):
    """The owner, or a finding, ended the verification; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """The SMS to send: to a number of the owner's, with a signature and template of theirs."""

    phone_number: str
    sign_name: str
    template_code: str
    template_param: dict[str, str]

    def parameters(self, out_id: str) -> dict[str, str]:
        """Return the parameters of SendSms; `out_id` is the OutId on the wire."""
        parameters = {
            "OutId": out_id,
            "PhoneNumbers": self.phone_number,
            "SignName": self.sign_name,
            "TemplateCode": self.template_code,
        }
        if self.template_param:
            parameters["TemplateParam"] = compact_json(self.template_param)
        return parameters


def read_message(environ: Mapping[str, str], sign_name: str) -> Message:
    """Take the message from SMS_VERIFY_* and `sign_name`, and ask for what is not there.

    Raises InvalidRequest for what cannot be sent, Stopped when the number is not confirmed.
    """

    def given(name: str, question: str) -> str:
        return environ.get(name, "").strip() or ask(question)

    number = phone_numbers.queried(
        given("SMS_VERIFY_PHONE_NUMBER", "Your own mobile number (+ and country code if abroad): "),
        "the number",
    )
    if ask("The last 4 digits of the number that shall get the SMS, once more: ") != number[-4:]:
        raise Stopped("these are not its last 4 digits")
    sign_name = sign_name or ask("A signature of yours that is approved: ")
    code = given("SMS_VERIFY_TEMPLATE_CODE", "A template of yours, such as SMS_123456789: ")
    param = given(
        "SMS_VERIFY_TEMPLATE_PARAM",
        'Its variables as JSON, such as {"code": "123456"} (nothing if it has none): ',
    )
    return Message(
        number,
        read_sign_name({"sign_name": sign_name}, "the signature", Defaults("")),
        read_template_code({"template_code": code}),
        _template_param(param),
    )


def confirm(question: str) -> None:
    """Ask; anything but a plain ``yes``, typed after the question, raises Stopped."""
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    if ask(f"{question}\nType yes to go on, anything else to stop: ") != "yes":
        raise Stopped("you did not answer yes")


def ask(question: str) -> str:
    """Return the line typed; raises Stopped when there is nobody to answer."""
    try:
        return input(question).strip()
    except (EOFError, UnicodeDecodeError):
        print()
        raise Stopped("no answer; this needs somebody at the keyboard") from None


def _template_param(text: str) -> dict[str, str]:
    try:
        value = parse_json(text or "{}")
    except (ValueError, RecursionError) as error:
        raise Stopped(
            f'the variables are no JSON such as {{"code": "123456"}}: {why_no_json(error)}'
        ) from None
    return read_template_param(value, "the variables", lambda _text, _field: None)


def new_out_id() -> str:
    """Return an OutId of a kind that fc-sms sends: with the number of a part behind it."""
    return f"verify-cloud-{os.urandom(8).hex()}~1"
