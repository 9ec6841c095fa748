"""Fields of a JSON request, read with errors that name the field, the problem and the remedy.

Readers return `value` if it is proper, and raise InvalidRequest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.errors import InvalidRequest
from shared.logs import masked

_OUT_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_object(value: object, field: str, known: frozenset[str]) -> Mapping[str, Any]:
    """Read an object with no fields but `known` ones."""
    if not isinstance(value, dict):
        raise InvalidRequest("must be a JSON object", field=field or "body")
    unknown = sorted(set(value) - known)
    if unknown:
        raise InvalidRequest(
            f"is not a field of this request; known are {', '.join(sorted(known))}",
            field=shown(f"{field}.{unknown[0]}" if field else unknown[0]),
        )
    return value


def read_text(value: object, field: str) -> str:
    """Read a string that can be encoded."""
    if not isinstance(value, str):
        raise InvalidRequest("must be a string", field=field)
    if _SURROGATE.search(value):
        raise InvalidRequest("holds half of a surrogate pair, which is no character", field=field)
    return value


def read_out_id(value: object, field: str) -> str:
    """Read an out_id: 1-200 characters of ``A-Za-z0-9._:-``."""
    if isinstance(value, str) and _OUT_ID.fullmatch(value):
        return value
    raise InvalidRequest("must be 1 to 200 characters of A-Z a-z 0-9 . _ : -", field=field)


def read_flag(request: Mapping[str, Any], field: str) -> bool:
    """Read the boolean of that name in `request`, false when it is absent."""
    value = request.get(field, False)
    if isinstance(value, bool):
        return value
    raise InvalidRequest("must be true or false", field=field)


def read_whole_number(value: object, field: str, lowest: int, highest: int) -> int:
    """Read an integer from `lowest` to `highest`."""
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return value
    raise InvalidRequest(f"must be a whole number from {lowest} to {highest}", field=field)


def shown(name: str) -> str:
    """Return a name that the caller made up as an error and a log may show it."""
    return masked(name[:80].encode("ascii", "backslashreplace").decode())
