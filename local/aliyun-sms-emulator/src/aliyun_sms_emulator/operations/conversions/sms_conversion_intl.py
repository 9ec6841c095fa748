"""SmsConversionIntl of version 2017-05-25: whether the code of one message abroad was used."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.conversions.feedback import check_delivered, check_message
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.wire.answers import SMS


def sms_conversion_intl(call: Call) -> dict[str, object]:
    """Check a report; it is answered, and stands in the log of requests."""
    check_message(call)
    check_delivered(call)
    return {}


OPERATION = Operation(
    version="2017-05-25",
    name="SmsConversionIntl",
    required=("MessageId", "Delivered"),
    run=sms_conversion_intl,
    dialect=SMS,
)
