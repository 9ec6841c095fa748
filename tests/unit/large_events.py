"""Events as large as somebody can make them, and what it takes to read them."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

from shared.trigger.event_size import LARGEST_EVENT, MAX_BODY_BYTES
from tests.unit.trigger_events import event_fields

EMOJI = "\U0001f600"
MB = 1_000_000


def enveloped(body: str, **arguments: Any) -> bytes:
    """Return the event of a request whose body stands in it as `body`: escaped already."""
    envelope = json.dumps(event_fields("@", **arguments), ensure_ascii=False)
    return envelope.replace('"@"', f'"{body}"', 1).encode()


def filled(unit: str, size: int, before: str = "", after: str = "") -> str:
    """Return `unit` repeated between two texts, together at most `size` bytes."""
    room = size - len(f"{before}{after}".encode())
    return f"{before}{unit * (room // len(unit.encode()))}{after}"


def huge_event(size: int, **arguments: Any) -> bytes:
    """Return the event of a request with a body of `size` bytes, an emoji in front."""
    return enveloped(filled("x", size, before=EMOJI), **arguments)


def largest_bodies() -> dict[str, str]:
    """Return the bodies that cost most to read, by what they are, as they stand in an event."""
    escaped = "\\u003c" * (MAX_BODY_BYTES - 8)
    room = LARGEST_EVENT - 1000
    return {
        "escaped": escaped,
        "escaped, with an emoji": EMOJI + escaped,
        "escaped, with an escaped emoji": f"\u4e2d{escaped}\\ud83d\\ude00",
        "raw, with an emoji": filled("x", 1_490 * 1000, before=EMOJI, after=f"\\n{EMOJI}"),
        "emoji": filled(EMOJI, MAX_BODY_BYTES),
        "escaped emoji": filled("\\ud83d\\ude00", room, before=EMOJI),
        "base64": base64.b64encode(b"\xff" * MAX_BODY_BYTES).decode(),
        "empty lists": filled("[],", MAX_BODY_BYTES, before="[", after="0]"),
        "empty objects": filled("{},", MAX_BODY_BYTES, before="[", after="0]"),
        "small objects": filled('{\\"\\":0},', MAX_BODY_BYTES, before="[", after="0]"),
    }


def peak_of(call: Callable[[], object]) -> int:
    """Return the bytes that a call had at most beside what was there before it."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
