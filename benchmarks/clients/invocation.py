"""One invocation of any function, as BENCHMARK_CASE names it: a function, or function:what."""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable

from benchmarks.clients.events import (
    HOOK_KEY,
    RECEIPT_TOKEN,
    context,
    http_event,
    object_event,
    one_sms,
    receipt,
    topic_event,
)

_CASE = os.environ["BENCHMARK_CASE"]
_HANDLER = importlib.import_module(f"functions.{_CASE.partition(':')[0]}").handler


def _unique_number() -> str:
    """Return a number that got no code yet: it may have one a minute."""
    return f"139{int.from_bytes(os.urandom(4), 'big') % 10**8:08d}"


def _today() -> str:
    return time.strftime("%Y%m%d", time.gmtime(time.time() + 8 * 3600))


_EVENTS: dict[str, Callable[[str], bytes]] = {
    "send_sms": lambda number: http_event("/sms", one_sms(number)),
    "send_international_sms": lambda _: http_event(
        "/international-sms", {"phone_numbers": "+85251234567", "message": "Hello"}
    ),
    "query_delivery_status": lambda number: http_event(
        "/delivery-status", {"phone_number": number, "send_date": _today()}
    ),
    "send_on_event": lambda number: topic_event(one_sms(number), os.urandom(8).hex()),
    "send_on_event:file": lambda _: object_event(
        "recipients", *os.environ["BENCHMARK_OBJECT"].split(" ")
    ),
    "receive_receipts": lambda number: http_event(
        f"/receipts/{RECEIPT_TOKEN}", [receipt(number, os.urandom(8).hex())]
    ),
    "receive_hook": lambda _: http_event(
        "/hooks/logto",
        {"to": f"+86{_unique_number()}", "type": "SignIn", "payload": {"code": "123456"}},
        HOOK_KEY,
    ),
    "verify_code": lambda _: http_event(
        "/codes", {"phone_number": _unique_number(), "purpose": "login"}
    ),
}


def send(number: str) -> None:
    """Have the handler answer one event; raise unless all went well."""
    answer = _HANDLER(_EVENTS[_CASE](number), context())
    if answer.get("statusCode") != 200 and not answer.get("accepted"):
        raise RuntimeError(json.dumps(answer))
