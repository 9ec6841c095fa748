"""Reads one fault, as it stands in a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aliyun_sms_emulator.faults.fault import BEFORE, NONE, Fault, InvalidFault
from aliyun_sms_emulator.faults.fields import BESIDE, FIELDS
from aliyun_sms_emulator.faults.kinds import KINDS


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
    if not isinstance(name, str) or name not in KINDS:
        raise InvalidFault(f"{prefix}kind", f"must be one of {', '.join(KINDS)}")
    kind = KINDS[name]
    known = ("kind", *kind.fields, *BESIDE)
    changes: dict[str, object] = {}
    for key, value in given.items():
        if key not in known:
            raise InvalidFault(f"{prefix}{key}", f"unknown here; known are {', '.join(known)}")
        if key != "kind":
            attribute, check = FIELDS[key]
            try:
                changes[attribute] = check(value)
            except ValueError as error:
                raise InvalidFault(f"{prefix}{key}", str(error)) from None
    fault = kind.complete(replace(kind.usual, **changes), prefix)  # type: ignore[arg-type]
    if fault.accept_delay and fault.kind != NONE and fault.when == BEFORE:
        raise InvalidFault(
            f"{prefix}accept_delay_seconds", "is only for what is processed; set when to after"
        )
    return fault
