"""What the reports of used codes check alike; they stand in the log of requests.

Sources: the models of the official SDKs alibabacloud-dysmsapi20170525 and -dysmsapi20180501.
"""

from __future__ import annotations

import re

from aliyun_sms_emulator.operations.call import Call
from aliyun_sms_emulator.tables.inbox import MessageFilter
from aliyun_sms_emulator.wire.errors import BusinessError

_MILLISECONDS = re.compile(r"[0-9]{1,16}")
_RATE = re.compile(r"0(?:\.[0-9]{1,16})?|1(?:\.0{1,16})?")


def check_message(call: Call) -> None:
    """Check that the message, where one is named, is one of the account's; raises BusinessError."""
    message_id = call.text("MessageId")
    inbox, wanted = call.platform.store.inbox, MessageFilter(biz_id=message_id)
    if message_id and not any(
        message.account == call.account for message in inbox.listed(wanted, call.now, limit=1)
    ):
        raise BusinessError("DATA_NOT_EXIST", "The message does not exist")


def check_delivered(call: Call) -> None:
    """Check whether and when the code was used; raises BusinessError."""
    if call.text("Delivered").lower() not in {"true", "false"}:
        raise _invalid("Delivered")
    check_time(call, "ConversionTime")


def check_rate(call: Call) -> None:
    """Check the share of codes that were used; raises BusinessError."""
    if not _RATE.fullmatch(call.text("ConversionRate")):
        raise _invalid("ConversionRate")
    check_time(call, "ReportTime")


def check_time(call: Call, name: str) -> None:
    """Check a time in milliseconds since the epoch, which is not in the future."""
    text = call.text(name)
    # The emulator's clock may stand in the past, and clients write the real time.
    latest = max(call.now, call.platform.request_time())
    if text and (not _MILLISECONDS.fullmatch(text) or int(text) > (latest + 1) * 1000):
        raise _invalid(name)


def _invalid(name: str) -> BusinessError:
    return BusinessError("INVALID_PARAMETERS", f"The parameter {name} is invalid")
