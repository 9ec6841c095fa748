"""The fields a fault may have: which attribute each fills, and what it may be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from aliyun_sms_emulator.faults.fault import AFTER, BEFORE, HALF, MAX_NODES, NEVER

CONTENTS = ("html", "binary", "empty", "huge", "list", "types", "broken-json", "not-http")
MAX_SECONDS = 86_400.0 * 366

_MAX_BYTES = 64 * 1024 * 1024
_MAX_TEXT = 100_000
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,127}")


def _whole(lowest: int, highest: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return value

    return check


def _number(lowest: float, highest: float) -> Callable[[object], float]:
    def check(value: object) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not lowest <= value <= highest:  # type: ignore[operator]
            raise ValueError(f"must be a number of seconds from {lowest:g} to {highest:g}")
        return float(value)  # type: ignore[arg-type]

    return check


def _choice(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    return check


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError(f"must be a string of at most {_MAX_TEXT} characters")
    return value


def _code(value: object) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise ValueError("must be a code such as isv.AMOUNT_NOT_ENOUGH")
    return value


def _cut(value: object) -> int | str:
    if value == HALF:
        return HALF
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_BYTES:
        raise ValueError(f"must be a whole number of bytes, or {HALF}")
    return value


def _visibility(value: object) -> float:
    if value == NEVER:
        return math.inf
    try:
        return _number(0, MAX_SECONDS)(value)
    except ValueError as error:
        raise ValueError(f"{error}, or {NEVER}") from None


FIELDS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "seconds": ("seconds", _number(0, MAX_SECONDS)),
    "bytes": ("cut_at", _cut),
    "status": ("status", _whole(200, 599)),
    "content": ("content", _choice(*CONTENTS)),
    "body": ("body", _text),
    "size": ("size", _whole(0, _MAX_BYTES)),
    "code": ("code", _code),
    "message": ("message", _text),
    "retry_after": ("retry_after", _whole(0, 86_400_000)),
    "chunks": ("chunks", _whole(1, 1000)),
    "when": ("when", _choice(BEFORE, AFTER)),
    "accept_delay_seconds": ("accept_delay", _number(0, MAX_SECONDS)),
    "visibility_delay_seconds": ("visibility_delay", _visibility),
    "node": ("node", _whole(0, MAX_NODES - 1)),
    "clock_skew_seconds": ("clock_skew", _number(-MAX_SECONDS, MAX_SECONDS)),
}
BESIDE = ("accept_delay_seconds", "visibility_delay_seconds", "node", "clock_skew_seconds")
"""What may stand beside every kind."""

FAULT_KEYS = ("kind", *FIELDS)
"""Everything that may stand in a fault."""
