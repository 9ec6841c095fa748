"""What a test is told when a message has not come: what did come, and what was refused and why.

It goes into reports that others read, so it holds no text of a message, no value of a parameter and
no whole number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from aliyun_sms_emulator.records import RequestRecord, SmsMessage
from aliyun_sms_emulator.rules.phone_numbers import stored_form

_SHOWN = 10
_REFUSED = ("refused", "rejected", "failed", "faulted")
_IN_TESTS = {
    "isv.BUSINESS_LIMIT_CONTROL": "settings={'limits': False} turns the limits off",
    "isv.SMS_TEMPLATE_ILLEGAL": "templates='any' takes every template",
    "isv.SMS_SIGNATURE_ILLEGAL": "sign_names='any' takes every signature",
}
"""Code -> what a test can do about it."""


class Emulator(Protocol):
    """What is asked of the emulator's client, which itself tells of a shortfall."""

    def messages(self) -> list[SmsMessage]:
        """Return the messages that arrived."""
        ...

    def requests(self) -> list[RequestRecord]:
        """Return the calls to the platform API."""
        ...

    def call(self, method: str, path: str) -> dict[str, Any]:
        """Make a call to the JSON API."""
        ...


def shortfall(emulator: Emulator, filters: Mapping[str, str]) -> str:
    """Tell what arrived instead of a message with these filters, and what was refused."""
    arrived = [_arrived(message, filters) for message in emulator.messages()]
    lines = _some("what did arrive", arrived) or ["no message arrived"]
    refused = refused_requests(emulator)
    if not emulator.requests():
        refused = ["no program has called; is it pointed at this emulator?"]
    return "\n".join((*lines, *refused))


def refused_requests(emulator: Emulator) -> list[str]:
    """List the requests that were refused, with the reasons; empty where there are none."""
    requests = [each for each in emulator.requests() if each.verdict in _REFUSED]
    return _some("what was refused", [_refused(emulator, each) for each in requests])


def _some(title: str, items: list[str]) -> list[str]:
    """List the newest items under a title; nothing where there are none."""
    left = len(items) - _SHOWN
    more = [f"  ({left} earlier ones are left out)"] if left > 0 else []
    return [f"{title}:", *more, *(f"  {item}" for item in items[-_SHOWN:])] if items else []


def _arrived(message: SmsMessage, filters: Mapping[str, str]) -> str:
    values = {
        "to": _masked(message.phone_number),
        "template_code": message.template_code,
        "sign_name": message.sign_name,
        "out_id": message.out_id,
    }
    told = "  ".join((f"{message.api} {message.status}", *_pairs(values)))
    other = [name for name, wanted in filters.items() if not _fits(message, name, wanted)]
    return f"{told}  (other {', '.join(other)})" if other else told


def _fits(message: SmsMessage, name: str, wanted: str) -> bool:
    if name == "phone_number":
        return stored_form(wanted) == message.phone_number
    if name == "out_id_prefix":
        return message.out_id.startswith(wanted)
    if name == "text":
        return wanted in message.text
    return bool(getattr(message, name, wanted) == wanted)


def _refused(emulator: Emulator, request: RequestRecord) -> str:
    parameters = request.parameters
    names = ("TemplateCode", "SignName", "From", "OutId", "TaskId")
    values = {"to": _masked(parameters.get("PhoneNumbers") or parameters.get("To", ""))}
    values |= {name: parameters.get(name, "") for name in names}
    told = "  ".join((f"{request.action or 'a call'} {request.verdict}", *_pairs(values)))
    reasons = (request.fault, request.code, *_reasons(emulator, request))
    return f"{told}: {'. '.join(reason.rstrip('.') for reason in reasons if reason)}"


def _reasons(emulator: Emulator, request: RequestRecord) -> list[str]:
    in_tests = _IN_TESTS.get(request.code, "")
    try:
        answer = emulator.call("GET", f"/api/requests/{request.id}/explanation")
    except ValueError:  # there is none, or it is kept no longer
        return [in_tests]
    return [*(f"{each['what']}. {each['remedy']}" for each in answer["findings"][:1]), in_tests]


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items() if value]


def _masked(numbers: str) -> str:
    """Leave of each number its beginning and its end."""
    return ",".join(
        f"{number[:-8]}****{number[-4:]}" if len(number) > 8 else "****"
        for number in numbers.split(",")[:3]
        if number
    )
