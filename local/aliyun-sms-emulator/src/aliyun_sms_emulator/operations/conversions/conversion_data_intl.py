"""ConversionDataIntl of version 2017-05-25: which share of the codes abroad was used."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.conversions.feedback import check_rate
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.wire.answers import SMS


def conversion_data_intl(call: Call) -> dict[str, object]:
    """Check a report; it is answered, and stands in the log of requests."""
    check_rate(call)
    return {}


OPERATION = Operation(
    version="2017-05-25",
    name="ConversionDataIntl",
    required=("ConversionRate",),
    run=conversion_data_intl,
    dialect=SMS,
)
