"""An HTTP error: the platform's own document, a proxy's page, or no body."""

from __future__ import annotations

from aliyun_sms_emulator.faults.codes import refusal_of
from aliyun_sms_emulator.faults.fault import Fault, InvalidFault
from aliyun_sms_emulator.faults.kind import Kind, Turn, Unprocessed
from aliyun_sms_emulator.faults.replies import gateway_page, with_retry_after

_CODES = {500: "InternalError", 503: "ServiceUnavailable"}


async def _deliver(turn: Turn) -> None:
    fault = turn.fault
    if fault.body != "platform":
        whole = gateway_page(fault.status, empty=fault.body == "empty")
    else:
        code = fault.code or _CODES.get(fault.status, "ServiceUnavailable")
        whole = turn.refusal(code, fault.message or refusal_of(code).message, fault.status)
    await turn.send(with_retry_after(whole, fault))


def _complete(fault: Fault, prefix: str) -> Fault:
    if fault.status < 400:
        raise InvalidFault(f"{prefix}status", "must be a whole number from 400 to 599")
    if fault.body not in {"platform", "html", "empty"}:
        raise InvalidFault(f"{prefix}body", "must be one of platform, html, empty")
    return fault


KIND = Kind(
    usual=Fault("http", body="platform"),
    fields=("status", "body", "code", "message", "retry_after", "when"),
    before=Unprocessed.REPLACED,
    complete=_complete,
    deliver=_deliver,
)
