"""The whole function: functions.send_sms answers an HTTP trigger event."""

from __future__ import annotations

from benchmarks.clients.events import context, http_event, one_sms
from functions.send_sms import handler

_NUMBER = b"13800138000"
_CONTEXT = context()
_EVENT = http_event("/sms", one_sms(_NUMBER.decode()))


def send(number: str) -> None:
    """Have the handler answer an event; raise unless it answers 200."""
    answer = handler(_EVENT.replace(_NUMBER, number.encode()), _CONTEXT)
    if answer["statusCode"] != 200:
        raise RuntimeError(str(answer["body"]))
