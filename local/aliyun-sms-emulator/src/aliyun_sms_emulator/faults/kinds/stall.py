"""The answer comes late or, before processing, never."""

from __future__ import annotations

from aliyun_sms_emulator.faults.fault import BEFORE, Fault
from aliyun_sms_emulator.faults.kind import Gone, Kind, Turn, Unprocessed, as_given


async def _deliver(turn: Turn) -> None:
    await turn.hold(turn.fault.seconds)
    if turn.fault.when == BEFORE:
        raise Gone
    await turn.send(await turn.true_answer())


KIND = Kind(
    usual=Fault("stall"),
    fields=("seconds", "when"),
    before=Unprocessed.CUT,
    complete=as_given,
    deliver=_deliver,
)
