"""One instance of functions.send_sms, which answers personalised sends of MESSAGES each."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from benchmarks.clients.events import context, http_event
from functions.send_sms import handler

MESSAGES = 1000
_CONTEXT = context()
_FIRST_NUMBER = 13800000000


def run(name: str, *places: str) -> tuple[int, ...]:
    """Send the requests at `places` of all those of the run `name`.

    Returns how many parts were accepted here, accepted by another instance before, and under way
    in another instance.
    """
    parts: Counter[str] = Counter()
    for place in map(int, places):
        parts.update(map(_kind, _send(f"{name}-{place}", _FIRST_NUMBER + place * MESSAGES)))
    unexpected = parts.keys() - {"accepted", "replayed", "in-progress"}
    if unexpected:
        raise RuntimeError(f"parts ended as {', '.join(sorted(unexpected))}")
    return parts["accepted"], parts["replayed"], parts["in-progress"]


def _send(out_id: str, first_number: int) -> list[dict[str, Any]]:
    messages = [
        {"phone_number": str(number), "template_param": {"name": "Li", "order": f"A-{number}"}}
        for number in range(first_number, first_number + MESSAGES)
    ]
    body = {"template_code": "SMS_100002", "messages": messages, "out_id": out_id}
    answer: Any = json.loads(str(handler(http_event("/sms", body), _CONTEXT)["body"]))
    if "parts" not in answer:
        raise RuntimeError(str(answer))
    parts: list[dict[str, Any]] = answer["parts"]
    return parts


def _kind(part: dict[str, Any]) -> str:
    if part.get("replayed"):
        return "replayed"
    return str(part.get("code") or part.get("outcome"))
