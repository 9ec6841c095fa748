"""Keeps web pages away from the emulator: every request is looked at before anything else.

A page may reach a program on its reader's machine in three ways, and each leaves a mark:

- a name of its own that was bound to 127.0.0.1 (DNS rebinding): the Host header holds that name;
- a script or form that sends: the Origin header names the page's site;
- an image, frame or link: Sec-Fetch-Site says that another site asks.

Signatures keep no page out: the key pair of the built-in configuration is well known. Programs such
as SDKs and curl send neither Origin nor Sec-Fetch-Site. Browsers send Sec-Fetch-Site to loopback
addresses and over https only (W3C, "Fetch Metadata Request Headers"). Elsewhere a page's image can
call the platform API by an unmarked GET, so a browser as such, which its User-Agent tells, may not.
The same holds for what comes through a tunnel, over https, or as a request to a proxy.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aliyun_sms_emulator.api.errors import error_response
from aliyun_sms_emulator.mns.answers import MnsError, error_document
from aliyun_sms_emulator.page.routes import asks_for_page
from aliyun_sms_emulator.rules.hosts import is_emulated
from aliyun_sms_emulator.serving.listening import Listening, is_everywhere
from aliyun_sms_emulator.serving.proxy import PROXIED, not_for_this_proxy, read_target
from aliyun_sms_emulator.wire.answers import gateway_refusal
from aliyun_sms_emulator.wire.errors import GatewayError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PLATFORM = ".aliyuncs.com"
_OWN_SITES = frozenset({"none", "same-origin"})
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([0-9a-z_.-]+))(?::[0-9]{1,5})?", re.ASCII)
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; object-src 'none'",
    # A page that opens the inbox as a window of its own cannot look into it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# A browser shows a refusal, too. As a document of this address it could ask for more here, as the
# browser itself does for an icon; these make it a document of no site.
_REFUSAL_HEADERS = {**_HEADERS, "Content-Security-Policy": "default-src 'none'; sandbox"}


class Rules(NamedTuple):
    """What one part of the emulator takes beside local names and Sec-Fetch-Site of its own.

    `platform_hosts`: the platform's own names as Host, which SDKs keep; `own_origin`: what its own
    page sends; `links`: a link on any page may open it.
    """

    platform_hosts: bool
    own_origin: bool
    links: bool


TABLE = {
    "page": Rules(platform_hosts=False, own_origin=True, links=True),
    "json": Rules(platform_hosts=False, own_origin=True, links=False),
    "queues": Rules(platform_hosts=True, own_origin=False, links=False),
    "platform": Rules(platform_hosts=True, own_origin=False, links=False),
}


class Guard:
    """ASGI middleware that checks Host, Origin and Sec-Fetch-Site of every request."""

    def __init__(self, app: ASGIApp, listening: Listening) -> None:
        self._app = app
        self._everywhere = is_everywhere(listening.host)
        self._names = _LOOPBACK.union(listening.own_names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403 in the form of what it asked for."""
        if scope["type"] != "http":
            return
        part = part_of(scope)
        if problem := self._problem(TABLE[part], Headers(scope=scope), scope):
            refusal = _refusal(part, problem, scope)
            refusal.headers.update(_REFUSAL_HEADERS)
            await refusal(scope, receive, send)
            return
        send = _with_headers(send) if part in {"page", "json"} else send
        await self._app(scope, receive, send)

    def _problem(self, rules: Rules, headers: Headers, scope: Scope) -> str | None:
        """Say what is wrong with a request, and what to do."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = ", ".join(hosts)
        port = (scope.get("server") or ("", 0))[1]
        if problem := self._proxied_problem(scope, host, port):
            return problem
        by_program = not hosts and rules.platform_hosts  # browsers never leave it out
        if not by_program and not self._is_own(rules, _name(host)):
            return _foreign_host_problem(host, port)
        if origins and not rules.own_origin:
            return "a page may not call this, only a program; send no Origin header"
        own = f"{scope['scheme']}://{host}"
        if any(origin != own for origin in origins):
            return (
                f"pages of other origins ({', '.join(origins)}) may not use this;"
                f" open {own}/inbox, or send no Origin header"
            )
        asked_here = all(site in _OWN_SITES for site in headers.getlist("sec-fetch-site"))
        if not asked_here and not (rules.links and _opens_a_page(headers, scope)):
            return (
                f"a page of another site asks for this; open http://127.0.0.1:{port}/inbox itself"
            )
        if not rules.own_origin and _is_unmarked_browser(headers, scope, _name(host)):
            return (
                "a browser may not call this here, as it does not say which page asks; leave out"
                " a User-Agent that begins with Mozilla/, or use https or 127.0.0.1"
            )
        return None

    def _proxied_problem(self, scope: Scope, host: str, port: int) -> str | None:
        """Say what is wrong with a request to a proxy; None where there is none, or it is none."""
        proxied = scope["extensions"].get(PROXIED)
        if proxied is None:
            return None
        authority: str = proxied["authority"]
        target = read_target(authority)
        if target is None or (host and target.name != _name(host)):
            return f"the request line names {authority}, the Host header {host or 'none'}"
        own = target.port == port and self._is_local(target.name)
        return None if own or is_emulated(target.name) else not_for_this_proxy(authority)

    def _is_own(self, rules: Rules, name: str | None) -> bool:
        if name is None:
            return False
        return self._is_local(name) or (rules.platform_hosts and name.endswith(_PLATFORM))

    def _is_local(self, name: str) -> bool:
        if name in self._names:
            return True
        # Who listens everywhere has many addresses; DNS rebinding needs a name, not an address.
        # Not 0.0.0.0: browsers reach this machine by it, and tell nothing about the page.
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._everywhere and not address.is_unspecified


def part_of(scope: Scope) -> str:
    """Return the part of the emulator that a request is for, a key of TABLE."""
    path = scope["path"]
    if path.startswith("/inbox") or asks_for_page(scope):
        return "page"
    if path.startswith("/api") or path == "/readyz":
        return "json"
    return "queues" if path.startswith("/queues/") else "platform"


def _opens_a_page(headers: Headers, scope: Scope) -> bool:
    """Say whether a browser opens a page in a window of its own, as it does for a link."""
    return (
        scope["method"] == "GET"
        and headers.getlist("sec-fetch-mode") == ["navigate"]
        and headers.getlist("sec-fetch-dest") == ["document"]
    )


def _is_unmarked_browser(headers: Headers, scope: Scope, name: str | None) -> bool:
    """Say whether a browser asks that does not send Sec-Fetch-Site to this address."""
    return (
        scope["scheme"] == "http"
        and name not in _LOOPBACK
        and "sec-fetch-site" not in headers
        and headers.get("user-agent", "").startswith("Mozilla/")
    )


def _refusal(part: str, problem: str, scope: Scope) -> Response:
    host = Headers(scope=scope).get("host", "")
    request_id = str(uuid.uuid4()).upper()
    if part == "page":
        return PlainTextResponse(problem, 403)
    if part == "json":
        return error_response(problem, status=403)
    if part == "queues":
        error = MnsError("AccessDenied", problem, 403)
        document = error_document(error, request_id, host)
        return Response(document, 403, media_type="text/xml;charset=utf-8")
    answer = gateway_refusal(request_id, host, GatewayError("Forbidden", problem, 403))
    return JSONResponse(answer.fields, answer.http_status)


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_HEADERS)
        await send(message)

    return add


def _foreign_host_problem(host: str, port: int) -> str:
    """Say that a Host header is of another program, or a URL that an SDK took for a host."""
    if "://" in host:
        return (
            f"the Host header names {host}, which is a URL; give the client the endpoint"
            f" 127.0.0.1:{port} and the protocol http"
        )
    named = _name(host)
    allow = f", or start the emulator with --allow-host {named}" if named else ""
    return (
        f"the Host header names {host or 'nothing'}, which is not this emulator; use"
        f" http://127.0.0.1:{port}{allow}"
    )


def _name(host: str) -> str | None:
    """Return the name or address in `name:port`, None where it is none."""
    match = _HOST.fullmatch(host.lower())
    return None if match is None else match[1] or match[2]
