"""The connection ends in the middle of the answer."""

from __future__ import annotations

from aliyun_sms_emulator.faults.fault import HALF, Fault
from aliyun_sms_emulator.faults.kind import Kind, Turn, Unprocessed, as_given
from aliyun_sms_emulator.faults.replies import cut_off


async def _deliver(turn: Turn) -> None:
    await cut_off(turn, reset=False)


KIND = Kind(
    usual=Fault("truncate", cut_at=HALF),
    fields=("bytes", "when"),
    before=Unprocessed.CUT,
    complete=as_given,
    deliver=_deliver,
)
