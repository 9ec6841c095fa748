"""Codes: functions.verify_code checks codes that it made and sent before."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import requests

from benchmarks.clients.events import context, http_event
from functions.verify_code import handler
from shared import transport

_CONTEXT = context()
_checks: list[bytes] = []


class _Phone(transport.WriteAwareAdapter):
    """Reads the code in each SMS that goes out."""

    code = ""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Read, and send."""
        (param,) = parse_qs(str(request.body, "ascii"))["TemplateParam"]  # type: ignore[arg-type]
        self.code = json.loads(param)["code"]
        return super().send(request, *args, **kwargs)


_PHONE = _Phone()
transport.SESSION.mount("http://", _PHONE)
_numbers = iter(range(13900000000, 14000000000))


def prepare(sends: int) -> None:
    """Have as many codes sent, each to a number of its own."""
    for _ in range(sends):
        about: dict[str, object] = {"phone_number": str(next(_numbers))}
        made = _answer(http_event("/codes", {**about, "purpose": "login"}))
        about |= {"verification_id": made["verification_id"], "code": _PHONE.code}
        _checks.append(http_event("/codes/check", about))


def send(_: str) -> None:
    """Check a code; raise unless it is verified."""
    if not _answer(_checks.pop())["verified"]:
        raise RuntimeError("a right code was not verified")


def _answer(event: bytes) -> Any:
    answer = handler(event, _CONTEXT)
    if answer["statusCode"] != 200:
        raise RuntimeError(str(answer["body"]))
    return json.loads(str(answer["body"]))
