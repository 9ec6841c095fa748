"""Paths of the API 2023-03-30, and the one qualifier that exists here."""

from __future__ import annotations

import re

from ..errors import RequestRefused

PREFIX = "/2023-03-30/"
INVOKE = re.compile(rf"{PREFIX}functions/([^/]+)/invocations")
SWITCH = re.compile(rf"{PREFIX}functions/([^/]+)/invoke/(disable|enable)")

_CALL = re.compile(r"/(stub|\d{4}-\d\d-\d\d)(/.*)?")


def is_call(path: str) -> bool:
    """Whether a path is one of an API, ours or another version of it: ``/2023-03-30/functions``."""
    return _CALL.fullmatch(path) is not None


def check_qualifier(qualifier: str) -> None:
    """Refuse a qualifier other than LATEST."""
    if qualifier not in {"", "LATEST"}:
        message = "qualifier: only LATEST exists here; versions and aliases are not offered"
        raise RequestRefused(400, "InvalidArgument", message)
