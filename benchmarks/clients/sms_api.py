"""The sending alone: shared.sending checks and sends, through shared.platform.sms_api."""

from __future__ import annotations

import os
import time

from shared import settings, transport
from shared.clock import Clock
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.sending import intents, mainland, protocol

_CLOCK = Clock()
_SETTINGS = settings.read_settings(os.environ)
_API = SmsApi(
    _SETTINGS,
    lambda: settings.read_credentials(os.environ),
    transport.SESSION,
    _CLOCK,
    Log("1-benchmark", "benchmark", b"key", _CLOCK),
)


def send(number: str) -> None:
    """Check and send one SMS; raise unless it is accepted."""
    body = {
        "phone_numbers": number,
        "sign_name": "fc-sms",
        "template_code": "SMS_100002",
        "template_param": {"name": "Li", "order": "A-17"},
    }
    intent = mainland.read_intent(body, "", intents.Defaults("shop"))
    (outcome,) = protocol.send(intent, _API, time.monotonic() + 30)
    if outcome.outcome != "accepted":
        raise RuntimeError(f"{outcome.outcome}: {outcome.code}")
