"""The gateway's refusal of too many calls; nothing is processed."""

from __future__ import annotations

from dataclasses import replace

from aliyun_sms_emulator.faults.codes import THROTTLING_CODES
from aliyun_sms_emulator.faults.fault import AFTER, Fault, InvalidFault
from aliyun_sms_emulator.faults.kind import Kind, Unprocessed
from aliyun_sms_emulator.faults.replies import refuse, with_refusal


def _complete(fault: Fault, prefix: str) -> Fault:
    if fault.when == AFTER:
        raise InvalidFault(f"{prefix}when", "is always before; kind error has other ways")
    if fault.code not in THROTTLING_CODES:
        raise InvalidFault(f"{prefix}code", f"must be one of {', '.join(THROTTLING_CODES)}")
    return with_refusal(replace(fault, status=0))


KIND = Kind(
    usual=Fault("throttle", code="Throttling.User"),
    fields=("code", "message", "retry_after", "when"),
    before=Unprocessed.REFUSED,
    complete=_complete,
    deliver=refuse,
)
