"""What several kinds of fault answer: a proxy's page, a refusal, the beginning of an answer."""

from __future__ import annotations

from dataclasses import replace

from aliyun_sms_emulator.faults.codes import refusal_of
from aliyun_sms_emulator.faults.fault import BEFORE, HALF, Fault
from aliyun_sms_emulator.faults.kind import Turn
from aliyun_sms_emulator.wire.written import Written, plain, reason_of

_HTML = """<html>
<head><title>{status} {reason}</title></head>
<body>
<center><h1>{status} {reason}</h1></center>
<hr><center>Tengine</center>
</body>
</html>
"""


def gateway_page(status: int, *, empty: bool = False) -> Written:
    """Build what a proxy in front of the platform says, as HTML or without a body."""
    page = "" if empty else _HTML.format(status=status, reason=reason_of(status))
    return plain(status, b"text/html", page.encode())


def with_retry_after(whole: Written, fault: Fault) -> Written:
    """Add the header that asks to wait, if the fault names a time."""
    if fault.retry_after is None:
        return whole
    return whole.with_header(b"x-acs-retry-after", str(fault.retry_after).encode())


def with_refusal(fault: Fault) -> Fault:
    """Add the status and the text that belong to the fault's code, where none were given."""
    refusal = refusal_of(fault.code)
    return replace(
        fault, status=fault.status or refusal.status, message=fault.message or refusal.message
    )


async def refuse(turn: Turn) -> None:
    """Answer a refusal instead of what was done, or the one with which it was refused."""
    fault = turn.fault
    if fault.when == BEFORE:
        # Processing has refused it, or found something wrong earlier.
        whole = await turn.true_answer()
    else:
        whole = turn.refusal(fault.code, fault.message, fault.status)
    await turn.send(with_retry_after(whole, fault))


async def cut_off(turn: Turn, *, reset: bool) -> None:
    """Send the beginning of an answer, then end the connection."""
    cut_at = turn.fault.cut_at
    # No answer is needed to send nothing of it.
    sent = b"" if cut_at == 0 else beginning_of(await turn.true_answer(), cut_at)
    await turn.break_off(sent, reset=reset)


def beginning_of(answer: Written, cut_at: int | str) -> bytes:
    """The beginning of it, up to `cut_at` bytes (negative: without the last ones) or half."""
    whole = answer.head + answer.body
    if cut_at == HALF:
        cut_at = len(answer.head) + len(answer.body) // 2
    end = int(cut_at) if int(cut_at) >= 0 else len(whole) + int(cut_at)
    return whole[: max(0, min(end, len(whole) - 1))]
