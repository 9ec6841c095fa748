"""The connection is reset, after some bytes of the answer or none."""

from __future__ import annotations

from aliyun_sms_emulator.faults.fault import Fault
from aliyun_sms_emulator.faults.kind import Kind, Turn, Unprocessed, as_given
from aliyun_sms_emulator.faults.replies import cut_off


async def _deliver(turn: Turn) -> None:
    await cut_off(turn, reset=True)


KIND = Kind(
    usual=Fault("reset"),
    fields=("bytes", "when"),
    before=Unprocessed.CUT,
    complete=as_given,
    deliver=_deliver,
)
