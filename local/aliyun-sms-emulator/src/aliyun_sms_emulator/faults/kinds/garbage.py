"""An answer that nobody can read."""

from __future__ import annotations

from aliyun_sms_emulator.faults.fault import Fault
from aliyun_sms_emulator.faults.kind import Kind, Turn, Unprocessed, as_given
from aliyun_sms_emulator.faults.replies import gateway_page
from aliyun_sms_emulator.wire.written import Written, plain

_JSON = b"application/json;charset=utf-8"
_BODIES: dict[str, tuple[bytes, bytes]] = {
    "binary": (b"application/octet-stream", bytes(range(256)) * 4),
    "empty": (_JSON, b""),
    "list": (_JSON, b"[1,2,3]"),
    "types": (
        _JSON,
        b'{"Code":0,"Message":null,"RequestId":{"a":1},"BizId":["1"],"ResponseCode":true}',
    ),
    "broken-json": (_JSON, b'{"Code":"OK","Message":"OK",,}'),
}
_NOT_HTTP = b"\x16\x03\x03\x00\x02\x02\x28 this is no HTTP\r\n\r\n"


async def _deliver(turn: Turn) -> None:
    if turn.fault.content == "not-http" and turn.fault.body is None:
        await turn.break_off(_NOT_HTTP, reset=False)
    else:
        await turn.send(_garbage(turn.fault))


def _garbage(fault: Fault) -> Written:
    if fault.body is not None:
        return plain(fault.status, _JSON, fault.body.encode())
    if fault.content == "html":
        return gateway_page(fault.status)
    if fault.content == "huge":
        return plain(fault.status, _JSON, b" " * fault.size)
    content_type, body = _BODIES[fault.content]
    return plain(fault.status, content_type, body)


KIND = Kind(
    usual=Fault("garbage", status=200, content="html"),
    fields=("content", "body", "size", "status", "when"),
    before=Unprocessed.REPLACED,
    complete=as_given,
    deliver=_deliver,
)
