"""One fault: what happens to a request, and whether before or after it was processed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from aliyun_sms_emulator.faults.codes import THROTTLING_CODES, refusal_of

BEFORE, AFTER = "before", "after"
NONE = "none"
NEVER = "never"
HALF = "half"
"""Where an answer is cut: after its head and half of its body."""

CONTENTS = ("html", "binary", "empty", "huge", "list", "types", "broken-json", "not-http")
MAX_SECONDS = 86_400.0 * 366
MAX_NODES = 16

_MAX_BYTES = 64 * 1024 * 1024
_MAX_TEXT = 100_000
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,127}")


class InvalidFault(ValueError):
    """A fault or a rule is impossible; `key` says where."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens; which fields count depends on `kind`, see `_KINDS`. Times in seconds.

    `when` is `before` (not processed at all) or `after`. `accept_delay` and `visibility_delay` are
    by the emulator's clock; a `visibility_delay` that is infinite means never.
    """

    kind: str = NONE
    when: str = BEFORE
    seconds: float = math.inf
    cut_at: int | str = 0
    status: int = 500
    content: str = ""
    body: str | None = None
    size: int = 8 * 1024 * 1024
    code: str = ""
    message: str = ""
    retry_after: int | None = None
    chunks: int = 10
    accept_delay: float = 0.0
    visibility_delay: float | None = None
    node: int | None = None
    clock_skew: float | None = None

    @property
    def label(self) -> str:
        """Kind and moment, as the log of requests names them; empty when nothing is damaged."""
        return "" if self.kind == NONE else f"{self.kind} {self.when}"

    @property
    def does_nothing(self) -> bool:
        """Whether a request meets neither damage nor anything beside it."""
        return self == _NOTHING


_NOTHING = Fault()


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


class _Kind:
    """What a fault of a kind is when nothing is said, and the fields it has of its own."""

    def __init__(self, usual: Fault, *fields: str) -> None:
        self.usual = usual
        self.fields = fields


_FIELDS: Mapping[str, tuple[str, Callable[[object], object]]] = {
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
_BESIDE = ("accept_delay_seconds", "visibility_delay_seconds", "node", "clock_skew_seconds")
_KINDS: Mapping[str, _Kind] = {
    NONE: _Kind(Fault()),
    "stall": _Kind(Fault("stall"), "seconds"),
    "reset": _Kind(Fault("reset"), "bytes"),
    "truncate": _Kind(Fault("truncate", cut_at=HALF), "bytes"),
    "garbage": _Kind(
        Fault("garbage", status=200, content="html"), "content", "body", "size", "status"
    ),
    "http": _Kind(
        Fault("http", body="platform"), "status", "body", "code", "message", "retry_after"
    ),
    "throttle": _Kind(Fault("throttle", code="Throttling.User"), "code", "message", "retry_after"),
    "error": _Kind(Fault("error", status=0), "code", "message", "status"),
    "drip": _Kind(Fault("drip", when=AFTER), "seconds", "chunks"),
}
FAULT_KEYS = ("kind", *_FIELDS)
"""Everything that may stand in a fault."""


def read_fault(given: object, place: str = "") -> Fault:
    """Check one fault, an object or `"<kind>"`, `"<kind> after"`, None; raises InvalidFault."""
    if given is None:
        given = NONE
    if isinstance(given, str):
        word, _, when = given.partition(" ")
        given = {"kind": word, "when": when} if when else {"kind": word}
    if not isinstance(given, Mapping):
        raise InvalidFault(place, "must be an object, or a kind such as reset or reset after")
    prefix = f"{place}." if place else ""
    name = given.get("kind", NONE)
    if not isinstance(name, str) or name not in _KINDS:
        raise InvalidFault(f"{prefix}kind", f"must be one of {', '.join(_KINDS)}")
    kind = _KINDS[name]
    known = ("kind", *kind.fields, *(() if name == NONE else ("when",)), *_BESIDE)
    changes: dict[str, object] = {}
    for key, value in given.items():
        if key not in known:
            raise InvalidFault(f"{prefix}{key}", f"unknown here; known are {', '.join(known)}")
        if key != "kind":
            attribute, check = _FIELDS[key]
            try:
                changes[attribute] = check(value)
            except ValueError as error:
                raise InvalidFault(f"{prefix}{key}", str(error)) from None
    fault = replace(kind.usual, **changes)  # type: ignore[arg-type]
    return _completed(fault, prefix)


def _completed(fault: Fault, prefix: str) -> Fault:
    """Check what depends on several fields, and add what follows from others."""
    if fault.kind == "drip" and (fault.seconds == math.inf or fault.when == BEFORE):
        key, problem = ("when", "is always after: the answer that comes slowly is the true one")
        if fault.seconds == math.inf:
            key, problem = "seconds", "is missing; add how long the answer takes"
        raise InvalidFault(f"{prefix}{key}", problem)
    if fault.kind == "throttle":
        if fault.when == AFTER:
            raise InvalidFault(f"{prefix}when", "is always before; kind error has other ways")
        if fault.code not in THROTTLING_CODES:
            raise InvalidFault(f"{prefix}code", f"must be one of {', '.join(THROTTLING_CODES)}")
    if fault.kind == "error" and not fault.code:
        raise InvalidFault(f"{prefix}code", "is missing; add a code such as isp.SYSTEM_ERROR")
    if fault.kind == "http":
        _check_http(fault, prefix)
    if fault.accept_delay and fault.kind != NONE and fault.when == BEFORE:
        raise InvalidFault(
            f"{prefix}accept_delay_seconds", "is only for what is processed; set when to after"
        )
    if fault.kind in {"error", "throttle"}:
        refusal = refusal_of(fault.code)
        status = fault.status if fault.kind == "error" and fault.status else refusal.status
        return replace(fault, status=status, message=fault.message or refusal.message)
    return fault


def _check_http(fault: Fault, prefix: str) -> None:
    if fault.status < 400:
        raise InvalidFault(f"{prefix}status", "must be a whole number from 400 to 599")
    if fault.body not in {"platform", "html", "empty"}:
        raise InvalidFault(f"{prefix}body", "must be one of platform, html, empty")
