"""Keeps web pages of other sites out of the JSON API and the page.

Against DNS rebinding and cross-site requests: names other than this machine's in Host, and other
sites in Origin, are refused. The platform API needs no such guard: every call of it is signed.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aliyun_sms_emulator.api.errors import error_response

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - only compared
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware that checks Host and Origin of everything under `/api` and `/inbox`."""

    def __init__(self, app: ASGIApp, bound_host: str) -> None:
        self._app = app
        self._hosts = _LOOPBACK | {bound_host}
        self._everywhere = bound_host in _EVERYWHERE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403."""
        if scope["type"] != "http" or not scope["path"].startswith(("/api", "/inbox")):
            await self._app(scope, receive, send)
            return
        problem = self._problem(Headers(scope=scope), scope)
        if problem and scope["path"].startswith("/api"):
            await error_response(problem, status=403)(scope, receive, send)
        elif problem:
            await PlainTextResponse(problem, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _problem(self, headers: Headers, scope: Scope) -> str | None:
        host = headers.get("host", "")
        if not self._is_own(_host_of(f"//{host}")):
            port = (scope.get("server") or ("", 0))[1]
            return (
                f"the Host header names another machine, {host or 'none'}; use"
                f" http://127.0.0.1:{port}, or the address the emulator was started with"
            )
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return (
                f"pages of other origins ({origin}) may not use this;"
                f" open http://{host}/inbox, or send no Origin header"
            )
        return None

    def _is_own(self, host: str | None) -> bool:
        if host in self._hosts:
            return True
        # Who listens everywhere has many addresses; DNS rebinding needs a name, not an address.
        try:
            return self._everywhere and bool(ipaddress.ip_address(host or ""))
        except ValueError:
            return False


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return add


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
