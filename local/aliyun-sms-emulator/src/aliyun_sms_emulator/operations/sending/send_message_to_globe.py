"""SendMessageToGlobe of version 2018-05-01: a free text to one number outside the mainland.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-sendmessagetoglobe
"""

from __future__ import annotations

import re

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.number_detail import number_detail
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.acceptance import Draft, accept
from aliyun_sms_emulator.operations.sending.checks import MAX_OUT_ID
from aliyun_sms_emulator.rules import texts
from aliyun_sms_emulator.rules.phone_numbers import globe_recipient
from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.wire.answers import GLOBE
from aliyun_sms_emulator.wire.errors import BusinessError

DEFAULT_SENDER = "Alicloud"

_TYPES = frozenset({"OTP", "NOTIFY", "MKT"})
_SENDER = re.compile(r"[0-9]{1,15}|(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,11}")
_SECONDS = re.compile(r"[0-9]{1,18}")
_NO_TEMPLATE = Template(code="", type="international", content="")


def send_message_to_globe(call: Call) -> dict[str, object]:
    """Send a free text to one number abroad."""
    number, country = globe_recipient(call.text("To"))
    sender = call.text("From")
    if sender and not _SENDER.fullmatch(sender):
        raise BusinessError("INVALID_SENDERID", "The sender id is invalid")
    if call.text("Type") not in _TYPES | {""}:
        raise _invalid("Type")
    if call.text("ValidityPeriod") and not _SECONDS.fullmatch(call.text("ValidityPeriod")):
        raise _invalid("ValidityPeriod")
    if len(call.text("TaskId")) > MAX_OUT_ID:
        raise _invalid("TaskId")
    sender, text = sender or DEFAULT_SENDER, call.text("Message")
    drafts = [Draft(number, sender, text, {})]
    message_id = accept(call, _NO_TEMPLATE, drafts, call.text("TaskId"))
    return {
        "ResponseDescription": "The SMS Send Request was accepted",
        "MessageId": message_id,
        "To": number,
        "From": sender,
        "Segments": str(texts.count_segments(text, international=True)),
        "NumberDetail": number_detail(country),
    }


def _invalid(name: str) -> BusinessError:
    return BusinessError("INVALID_PARAMETERS", f"The parameter {name} is invalid")


OPERATION = Operation(
    version="2018-05-01",
    name="SendMessageToGlobe",
    required=("To", "Message"),
    run=send_message_to_globe,
    dialect=GLOBE,
)
