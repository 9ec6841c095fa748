"""BatchSendMessageToGlobe of version 2018-05-01: a text of its own to each of up to 1000 numbers.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-batchsendmessagetoglobe
"""

from __future__ import annotations

import json

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.globe import (
    ACCEPTED,
    accept_text,
    check_options,
    invalid_parameter,
    sender_of,
)
from aliyun_sms_emulator.rules.phone_numbers import globe_recipient
from aliyun_sms_emulator.wire.answers import GLOBE
from aliyun_sms_emulator.wire.errors import BusinessError

MAX_NUMBERS = 1000


def batch_send_message_to_globe(call: Call) -> dict[str, object]:
    """Send a text to each number; a number that cannot be sent to fails, the others do not."""
    numbers, messages = _strings(call, "To"), _strings(call, "Message")
    if len(numbers) > MAX_NUMBERS:
        raise invalid_parameter("To")
    if len(messages) != len(numbers):
        raise invalid_parameter("Message")
    sender = sender_of(call)
    check_options(call)
    message_ids, failed = [], []
    for given, text in zip(numbers, messages, strict=True):
        number = _recipient(given)
        if number is None:
            failed.append(given)
        else:
            message_ids.append(accept_text(call, number, sender, text))
    return {
        "ResponseDescription": ACCEPTED,
        "From": sender,
        "SuccessCount": str(len(message_ids)),
        "MessageIdList": json.dumps(message_ids),
        "FailedList": json.dumps(failed),
    }


def _recipient(given: str) -> str | None:
    try:
        return globe_recipient(given)[0]
    except BusinessError:
        return None


def _strings(call: Call, name: str) -> list[str]:
    """A parameter as a list of strings that are not empty; raises BusinessError."""
    try:
        items = json.loads(call.text(name))
    except (ValueError, RecursionError):
        items = None
    strings = [i for i in items if isinstance(i, str) and i] if isinstance(items, list) else []
    if not strings or len(strings) != len(items):
        raise invalid_parameter(name)
    return strings


OPERATION = Operation(
    version="2018-05-01",
    name="BatchSendMessageToGlobe",
    required=("To", "Message"),
    run=batch_send_message_to_globe,
    dialect=GLOBE,
)
