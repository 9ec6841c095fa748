"""The true answer, a few bytes at a time."""

from __future__ import annotations

import math

from aliyun_sms_emulator.faults.fault import AFTER, BEFORE, Fault, InvalidFault
from aliyun_sms_emulator.faults.kind import Kind, Turn, Unprocessed


async def _deliver(turn: Turn) -> None:
    whole = await turn.true_answer()
    size = max(1, -(-len(whole.body) // turn.fault.chunks))
    pieces = [whole.body[at : at + size] for at in range(0, len(whole.body), size)]
    await turn.send_slowly(whole, pieces, turn.fault.seconds / max(1, len(pieces)))


def _complete(fault: Fault, prefix: str) -> Fault:
    if fault.seconds == math.inf:
        raise InvalidFault(f"{prefix}seconds", "is missing; add how long the answer takes")
    if fault.when == BEFORE:
        problem = "is always after: the answer that comes slowly is the true one"
        raise InvalidFault(f"{prefix}when", problem)
    return fault


KIND = Kind(
    usual=Fault("drip", when=AFTER),
    fields=("seconds", "chunks", "when"),
    before=Unprocessed.PROCESSED,
    complete=_complete,
    deliver=_deliver,
)
