"""SmsConversion of version 2018-05-01: whether the code of one message was used."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.conversions.feedback import check_delivered, check_message
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.wire.answers import GLOBE


def sms_conversion(call: Call) -> dict[str, object]:
    """Check a report; it is answered, and stands in the log of requests."""
    check_message(call)
    check_delivered(call)
    return {}


OPERATION = Operation(
    version="2018-05-01",
    name="SmsConversion",
    required=("Delivered",),
    run=sms_conversion,
    dialect=GLOBE,
)
