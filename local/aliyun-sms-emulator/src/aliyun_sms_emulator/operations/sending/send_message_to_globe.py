"""SendMessageToGlobe of version 2018-05-01: a free text to one number outside the mainland.

Source: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2018-05-01-sendmessagetoglobe
"""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.number_detail import number_detail
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.operations.sending.globe import (
    ACCEPTED,
    accept_text,
    check_options,
    sender_of,
)
from aliyun_sms_emulator.rules import texts
from aliyun_sms_emulator.rules.phone_numbers import globe_recipient
from aliyun_sms_emulator.wire.answers import GLOBE


def send_message_to_globe(call: Call) -> dict[str, object]:
    """Send a free text to one number abroad."""
    number, country = globe_recipient(call.text("To"))
    sender, text = sender_of(call), call.text("Message")
    check_options(call)
    return {
        "ResponseDescription": ACCEPTED,
        "MessageId": accept_text(call, number, sender, text),
        "To": number,
        "From": sender,
        "Segments": str(texts.count_segments(text, international=True)),
        "NumberDetail": number_detail(country),
    }


OPERATION = Operation(
    version="2018-05-01",
    name="SendMessageToGlobe",
    required=("To", "Message"),
    run=send_message_to_globe,
    dialect=GLOBE,
)
