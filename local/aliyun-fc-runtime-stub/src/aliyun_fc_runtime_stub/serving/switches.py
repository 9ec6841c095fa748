"""Functions that are switched off: DisableFunctionInvocation and EnableFunctionInvocation.

Sources: the pages of these two operations of API 2023-03-30, which are in beta. They do not say
what a call of a function that is off is answered with, nor what becomes of asynchronous ones: here
the former are refused with 403, and the latter wait.
"""

from __future__ import annotations

import json

from ..errors import RequestRefused
from ..http_messages import HttpRequest, HttpResponse


class Switches:
    """Which functions are off, by name; none is when the stub starts."""

    def __init__(self) -> None:
        self._off: dict[str, str] = {}

    def check(self, name: str) -> None:
        """Refuse a call of a function that is off."""
        if name in self._off:
            reason = f": {self._off[name]}" if self._off[name] else ""
            message = f"invocations of {name!r} are disabled{reason}"
            raise RequestRefused(403, "InvocationDisabled", message)

    def turn(self, name: str, request: HttpRequest, *, on: bool) -> HttpResponse:
        """Switch a function on or off, as a request asks; raises RequestRefused."""
        if request.method != "POST":
            raise RequestRefused(405, "MethodNotAllowed", "this operation takes POST")
        if on:
            self._off.pop(name, None)
        else:
            self._off[name] = _reason(request.body)
        return HttpResponse(200, [(b"content-type", b"application/json")], b'{"success": true}')


def _reason(body: bytes) -> str:
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict) or not isinstance(given.get("reason") or "", str):
        raise RequestRefused(400, "InvalidArgument", "the body must be JSON, its reason a text")
    if given.get("abortOngoingRequest"):
        message = "abortOngoingRequest: requests that are at work always end here; leave it out"
        raise RequestRefused(400, "InvalidArgument", message)
    return given.get("reason") or ""
