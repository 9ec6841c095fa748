"""ConversionData of version 2018-05-01: which share of the codes was used."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.operations.conversions.feedback import check_rate
from aliyun_sms_emulator.operations.operation import Operation
from aliyun_sms_emulator.wire.answers import GLOBE


def conversion_data(call: Call) -> dict[str, object]:
    """Check a report; it is answered, and stands in the log of requests."""
    check_rate(call)
    return {}


OPERATION = Operation(
    version="2018-05-01",
    name="ConversionData",
    required=("ConversionRate",),
    run=conversion_data,
    dialect=GLOBE,
)
