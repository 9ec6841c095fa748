"""What the sends of version 2018-05-01 have in common."""

from __future__ import annotations

import re

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.sending.acceptance import Draft, accept
from aliyun_sms_emulator.operations.sending.checks import MAX_OUT_ID
from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.wire.errors import BusinessError

ACCEPTED = "The SMS Send Request was accepted"
DEFAULT_SENDER = "Alicloud"

_TYPES = frozenset({"", "OTP", "NOTIFY", "MKT", "GENERAL"})
_SENDER = re.compile(r"[0-9]{1,15}|(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,11}")
_SECONDS = re.compile(r"[0-9]{1,18}")
_NO_TEMPLATE = Template(code="", type="international", content="")


def sender_of(call: Call) -> str:
    """The sender id, the usual one if none is named; raises BusinessError."""
    sender = call.text("From")
    if sender and not _SENDER.fullmatch(sender):
        raise BusinessError("INVALID_SENDERID", "The sender id is invalid")
    return sender or DEFAULT_SENDER


def check_options(call: Call) -> None:
    """Check type, validity and the caller's own id; raises BusinessError."""
    if call.text("Type") not in _TYPES:
        raise invalid_parameter("Type")
    if call.text("ValidityPeriod") and not _SECONDS.fullmatch(call.text("ValidityPeriod")):
        raise invalid_parameter("ValidityPeriod")
    if len(call.text("TaskId")) > MAX_OUT_ID:
        raise invalid_parameter("TaskId")


def accept_text(call: Call, number: str, sender: str, text: str) -> str:
    """Store one free text to a number abroad; returns the message's id."""
    return accept(call, _NO_TEMPLATE, [Draft(number, sender, text, {})], call.text("TaskId"))


def invalid_parameter(name: str) -> BusinessError:
    """Build the error for a parameter with an impossible value."""
    return BusinessError("INVALID_PARAMETERS", f"The parameter {name} is invalid")
