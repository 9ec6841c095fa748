"""Receipts: functions.receive_receipts takes a push of RECEIPTS of them, of SMS sent before.

BENCHMARK_RECEIPTS says of what: ``single`` sends, or the parts of a ``bulk`` send.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from benchmarks.clients.events import RECEIPT_TOKEN, context, http_event, one_sms, receipt
from functions import receive_receipts, send_sms

RECEIPTS = 100
_CONTEXT = context()
_pushes: list[bytes] = []


def prepare(sends: int) -> None:
    """Send what the next `sends` pushes are about."""
    _pushes.extend(_KINDS[os.environ["BENCHMARK_RECEIPTS"]](os.urandom(8).hex(), sends))


def send(_: str) -> None:
    """Push receipts; raise unless they are stored."""
    answer = receive_receipts.handler(_pushes.pop(), _CONTEXT)
    if answer["statusCode"] != 200:
        raise RuntimeError(str(answer["body"]))


def _numbers() -> list[str]:
    return [str(13800000000 + each) for each in range(RECEIPTS)]


def _singles(name: str, pushes: int) -> list[bytes]:
    made = []
    for push in range(pushes):
        out_ids = {number: f"{name}-{push}-{number[-3:]}" for number in _numbers()}
        for number, out_id in out_ids.items():
            _send({**one_sms(number), "out_id": out_id})
        made.append(_push([receipt(number, out_id) for number, out_id in out_ids.items()]))
    return made


def _bulk(name: str, pushes: int) -> list[bytes]:
    made = []
    for push in range(pushes):
        out_id = f"{name}-{push}"
        messages = [{"phone_number": number} for number in _numbers()]
        _send({"template_code": "SMS_100002", "messages": messages, "out_id": out_id})
        made.append(_push([receipt(number, out_id) for number in _numbers()]))
    return made


_KINDS: dict[str, Callable[[str, int], list[bytes]]] = {"single": _singles, "bulk": _bulk}


def _push(receipts: list[dict[str, object]]) -> bytes:
    return http_event(f"/receipts/{RECEIPT_TOKEN}", receipts)


def _send(body: dict[str, object]) -> None:
    answer = send_sms.handler(http_event("/sms", body), _CONTEXT)
    if answer["statusCode"] != 200:
        raise RuntimeError(str(answer["body"]))
