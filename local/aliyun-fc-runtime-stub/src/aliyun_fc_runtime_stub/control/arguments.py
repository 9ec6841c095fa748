"""Reads the arguments of a call, and names the field that is wrong."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from ..errors import ConfigurationError, RequestRefused
from .shapes import TEXTS, Object, Shape

_KINDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
_DEEPEST = 32


def invalid(field: str, message: str) -> NoReturn:
    """Raise InvalidArgument about a field, such as `vpcConfig.vpcId`."""
    raise RequestRefused(400, "InvalidArgument", f"{field}: {message}" if field else message)


def invalid_property(error: ConfigurationError, place: tuple[str, ...]) -> NoReturn:
    """Raise InvalidArgument for a check that is shared with s.yaml; `place` is where that began."""
    text = str(error).removeprefix(": ".join((*error.place, "")))
    parts = error.place[len(place) :] if error.place[: len(place)] == place else ()
    if parts[:1] == ("asyncInvokeConfig",):  # has a call of its own
        parts = parts[1:]
    elif parts[:1] == ("triggers",):
        parts = parts[2:]
    invalid(".".join(parts), text)


def read_body(body: bytes, shape: Object) -> dict[str, Any]:
    """Return the JSON object of a body, without fields that are null; raises InvalidArgument."""
    try:
        value = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        invalid("", "the body is not JSON")
    if not isinstance(value, dict):
        invalid("", "the body must be a JSON object")
    checked: dict[str, Any] = _checked("", value, shape, 0)
    return checked


def _checked(field: str, value: Any, shape: Shape, depth: int) -> Any:
    if depth > _DEEPEST:
        invalid(field, "is nested too deeply")
    if shape is object:
        return value
    if isinstance(shape, list):
        if not isinstance(value, list):
            invalid(field, f"must be a list, not {_kind(value)}")
        return [_checked(f"{field}[{n}]", one, shape[0], depth + 1) for n, one in enumerate(value)]
    if isinstance(shape, dict) or shape is TEXTS:
        return _map(field, value, shape, depth)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number if shape is float else type(value) is shape):
        invalid(field, f"must be {_KINDS[shape]}, not {_kind(value)}")
    if shape is str and not _is_text(value):
        invalid(field, "is not UTF-8 text")
    return value


def _map(field: str, value: Any, shape: Shape, depth: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        invalid(field, f"must be a map, not {_kind(value)}")
    found = {}
    for name, one in value.items():
        place = f"{field}.{name}" if field else name
        if not _is_text(name) or (shape is not TEXTS and name not in shape):
            known = "" if shape is TEXTS else f"; known are {', '.join(sorted(shape))}"
            invalid(ascii(place)[1:-1], f"is not a known field{known}")
        if one is not None:
            found[name] = _checked(place, one, str if shape is TEXTS else shape[name], depth + 1)
    return found


def _kind(value: object) -> str:
    """Name a value's kind; the value itself may be a secret."""
    names = {dict: "a map", list: "a list", type(None): "null"}
    return _KINDS.get(type(value)) or names[type(value)]


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
