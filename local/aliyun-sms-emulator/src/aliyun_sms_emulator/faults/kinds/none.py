"""No fault: the true answer, which may come later than it should."""

from __future__ import annotations

from aliyun_sms_emulator.faults.fault import Fault
from aliyun_sms_emulator.faults.kind import Kind, Turn, Unprocessed, as_given


async def _deliver(turn: Turn) -> None:
    await turn.send(await turn.true_answer())


KIND = Kind(
    usual=Fault(),
    fields=(),
    before=Unprocessed.PROCESSED,
    complete=as_given,
    deliver=_deliver,
)
