"""Fields of a JSON request, read with errors that name the field, the problem and the remedy.

A reader returns what it read, and raises InvalidRequest for anything else. `field` is the path to
the value, such as ``messages[3].sign_name``: the caller finds it in the error.
"""

import contextlib
import json
import re
import socket
from collections.abc import Mapping
from typing import Any, NoReturn

from shared.errors import InvalidRequest

_OUT_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# What is longer, or has more digits, may be a number, a code or a key: see `is_name`.
_LONGEST_NAME = 24
_MOST_DIGITS = 2
_CONSTANTS = ("NaN", "Infinity", "-Infinity")  # that Python takes


def parse_json(text: str) -> Any:
    """Return what a JSON text says; NaN and Infinity, which Python would take, are no JSON.

    Raises ValueError when it is none, RecursionError when it is nested too deep, and InvalidRequest
    for an object that names a field twice, of which Python would take the last.
    """
    return json.loads(text, object_pairs_hook=_object_of, parse_constant=_refuse_constant)


def why_no_json(error: Exception) -> str:
    """Return what parse_json stumbled over: ``line 3, column 5: expecting ',' delimiter``.

    `error` is what it raised, but InvalidRequest. Nothing of the text itself is in it.
    """
    if isinstance(error, json.JSONDecodeError):
        problem = error.msg[:1].lower() + error.msg[1:].rstrip(": ")
        return f"line {error.lineno}, column {error.colno}: {problem}"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if str(error) in _CONSTANTS:
        return f"{error} is no number of JSON"
    return "a number has too many digits"


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            named = "" if shown(name) == "*" else f": {shown(name)}"
            raise InvalidRequest(
                f"the JSON names a field twice{named}; give each once",
                status=400,
                code="malformed-json",
            )
        fields[name] = value
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def read_object(
    value: object, field: str, known: frozenset[str], *, elsewhere: Mapping[str, str] = {}
) -> Mapping[str, Any]:
    """Read a JSON object that has no fields but `known` ones; `field` is "" for the whole body.

    `elsewhere` says of fields that belong to other calls what to do.
    """
    if not isinstance(value, dict):
        raise InvalidRequest("must be a JSON object", field=field or "body")
    unknown = sorted(set(value) - known)
    if unknown:
        remedy = elsewhere.get(unknown[0]) or f"known are {', '.join(sorted(known))}"
        raise InvalidRequest(
            f"is not a field of this request; {remedy}",
            field=f"{field}.{shown(unknown[0])}" if field else shown(unknown[0]),
        )
    return value


def read_text(value: object, field: str) -> str:
    """Read a string; one with half of a surrogate pair, such as ``"\\ud800"``, is refused."""
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
    """Read the boolean that `request` has under the name `field`; False when it is absent."""
    value = request.get(field, False)
    if isinstance(value, bool):
        return value
    raise InvalidRequest("must be true or false", field=field)


def read_client_ip(request: Mapping[str, Any]) -> str:
    """Read the IPv4 or IPv6 address that `request` has as ``client_ip``; "" when it is absent.

    It is returned in its shortest form (``2001:db8::1``), so that one address is one text.
    """
    value = request.get("client_ip")
    if value is None:
        return ""
    if isinstance(value, str):
        family = socket.AF_INET6 if ":" in value else socket.AF_INET
        with contextlib.suppress(OSError, ValueError):
            return socket.inet_ntop(family, socket.inet_pton(family, value))
    raise InvalidRequest("must be an IPv4 or IPv6 address, such as 203.0.113.7", field="client_ip")


def read_whole_number(value: object, field: str, *, lowest: int, highest: int) -> int:
    """Read an integer from `lowest` to `highest`; ``true`` and ``1.0`` are none."""
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return value
    raise InvalidRequest(f"must be a whole number from {lowest} to {highest}", field=field)


def is_name(text: str) -> bool:
    """Whether a text is one or a few words with at most two digits: no number, code or key is."""
    digits = sum(character.isdigit() for character in text)
    is_short = len(text) <= _LONGEST_NAME and digits <= _MOST_DIGITS
    return is_short and re.sub("[ -]", "_", text).isidentifier()


def shown(name: str) -> str:
    """Return the name of a field that the caller made up, in ASCII, for errors and logs.

    It is ``*`` when it may be a number, a code or a key. ``first name`` and ``line_12`` stay as
    they are, ``é`` becomes ``\\xe9``.
    """
    if not is_name(name):
        return "*"
    return name.encode("ascii", "backslashreplace").decode()
