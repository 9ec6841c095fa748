"""Keeps web pages of other sites out of the JSON API (DNS rebinding, cross-site requests)."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from aliyun_sms_emulator.api.errors import error_response

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Guard:
    """ASGI middleware that checks Host and Origin of everything under `/api`."""

    def __init__(self, app: ASGIApp, bound_host: str) -> None:
        self._app = app
        self._hosts = _LOOPBACK | {bound_host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403."""
        if scope["type"] == "http" and scope["path"].startswith("/api"):
            problem = self._problem(Headers(scope=scope))
            if problem:
                await error_response(problem, status=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _problem(self, headers: Headers) -> str | None:
        if _host_of(f"//{headers.get('host', '')}") not in self._hosts:
            return "the Host header names another machine; use the address the emulator prints"
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{headers['host']}":
            return "pages of other origins may not use this API"
        return None


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
