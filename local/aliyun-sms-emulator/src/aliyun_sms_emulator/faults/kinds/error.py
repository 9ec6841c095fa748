"""A refusal with any code of the platform."""

from __future__ import annotations

from aliyun_sms_emulator.faults.fault import Fault, InvalidFault
from aliyun_sms_emulator.faults.kind import Kind, Unprocessed
from aliyun_sms_emulator.faults.replies import refuse, with_refusal


def _complete(fault: Fault, prefix: str) -> Fault:
    if not fault.code:
        raise InvalidFault(f"{prefix}code", "is missing; add a code such as isp.SYSTEM_ERROR")
    return with_refusal(fault)


KIND = Kind(
    usual=Fault("error", status=0),
    fields=("code", "message", "status", "when"),
    before=Unprocessed.REFUSED,
    complete=_complete,
    deliver=refuse,
)
