"""Keeps web pages away from what listens here: every request is looked at before anything else.

A page may reach a program on its reader's machine in three ways, and each leaves a mark:

- a name of its own that was bound to 127.0.0.1 (DNS rebinding): the Host header holds that name;
- a script or form that sends: the Origin header names the page's site;
- an image, frame or link: Sec-Fetch-Site says that another site asks.

Programs such as SDKs and curl send neither Origin nor Sec-Fetch-Site. Browsers send Sec-Fetch-Site
to loopback addresses and over https only (W3C, "Fetch Metadata Request Headers").
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from ..errors import RequestRefused
from ..http_messages import HttpRequest

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([0-9a-z_.-]+))(?::[0-9]{1,5})?", re.ASCII)


# A browser shows a refusal, too. As a document of this address it could ask for more here, as the
# browser itself does for an icon; these make it a document of no site.
REFUSAL_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)


class OwnNames(NamedTuple):
    """What the s.yaml itself names: its domains, such as `sms.example.com` or `*.example.com`, and
    the origins whose pages may call a trigger, such as `https://app.example.com`."""

    domains: Iterable[str] = ()
    origins: Iterable[str] = ()


class Rules(NamedTuple):
    """What one kind of listener takes beside local names.

    `domains`: endings of the platform's own names; `own_domains`: whether the domains of s.yaml
    are taken as Host, too; `origins`: whether pages of this machine may call; `sites`: values of
    Sec-Fetch-Site.
    """

    domains: tuple[str, ...]
    own_domains: bool
    origins: bool
    sites: frozenset[str]


TABLE = {
    # The deploy API with uploads and tokens, InvokeFunction, /stub/: they serve no page at all.
    "api": Rules(
        domains=(".aliyuncs.com",),
        own_domains=False,
        origins=False,
        sites=frozenset({"none", "same-origin"}),
    ),
    # A page of another local port (a front end in development) may call functions.
    "trigger": Rules(
        domains=(".aliyuncs.com", ".fcapp.run"),
        own_domains=True,
        origins=True,
        sites=frozenset({"none", "same-origin", "same-site"}),
    ),
}


class Guard:
    """Refuses what pages of other sites send to listeners on the address `host`."""

    def __init__(self, host: str) -> None:
        name = host.lower()
        self._everywhere = is_everywhere(name)
        self._names = LOOPBACK if self._everywhere else LOOPBACK | {name}

    def check(self, listener: str, request: HttpRequest, own: OwnNames) -> None:
        """Let a request pass, or raise RequestRefused (403); `listener` is a key of TABLE."""
        rules = TABLE[listener]
        host = self._check_host(rules, request, own.domains)
        from_here = self._check_origin(rules, request, host, own.origins)
        for site in _values(request, "sec-fetch-site"):
            if site not in rules.sites and not (site == "cross-site" and from_here):
                _refuse("a page of another site asks for this: only pages of this machine may")

    def _check_host(
        self, rules: Rules, request: HttpRequest, own_domains: Iterable[str]
    ) -> str | None:
        """Return the name in the Host header, or refuse the request."""
        hosts = _values(request, "host")
        if not hosts:  # browsers never leave it out
            return None
        host = ", ".join(hosts)  # of two, each reader may take another: no name holds a comma
        name = _name(host)
        taken = name is not None and (
            self._is_local(name)
            or name.endswith(rules.domains)
            or (rules.own_domains and any(_covers(domain, name) for domain in own_domains))
        )
        if not taken:
            remedy = "use 127.0.0.1, or the address that --host names"
            if rules.own_domains:
                remedy += ", or a domain of the s.yaml"
            _refuse(f"the Host header names {host or 'nothing'}: {remedy}")
        return name

    def _check_origin(
        self, rules: Rules, request: HttpRequest, host: str | None, own_origins: Iterable[str]
    ) -> bool:
        """Say whether a page that may call asks; refuse the request of another page."""
        origins = _values(request, "origin")
        if origins and not rules.origins:
            _refuse("no page may call this API: send no Origin header")
        for origin in origins:
            scheme, _, authority = origin.partition("://")
            name = _name(authority) if scheme in {"http", "https"} else None
            # Who listens everywhere is called by many addresses; a page has the one it came from.
            here = name in self._names or (name == host and self._is_address(name))
            if not here and origin.lower() not in own_origins:
                _refuse(f"pages of {origin} may not call functions here: pages of this machine may")
        return bool(origins)

    def _is_local(self, name: str) -> bool:
        return name in self._names or self._is_address(name)

    def _is_address(self, name: str | None) -> bool:
        """Say whether a name is an address that may be one of this machine's.

        A page can bind a name to 127.0.0.1, but not an address. Not 0.0.0.0: browsers reach this
        machine by it, and tell nothing about the page.
        """
        try:
            address = ipaddress.ip_address(name or "")
        except ValueError:
            return False
        return self._everywhere and not address.is_unspecified


def is_everywhere(host: str) -> bool:
    """Say whether an address to listen on means all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _covers(domain: str, name: str) -> bool:
    return name.endswith(domain[1:]) if domain.startswith("*.") else name == domain


def _values(request: HttpRequest, name: str) -> list[str]:
    """Return all values of a header, whose name is in lower case."""
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in request.headers if key == wanted]


def _name(authority: str) -> str | None:
    """Return the name or address in `name:port`, None where it is none."""
    match = _AUTHORITY.fullmatch(authority.lower())
    return None if match is None else match[1] or match[2]


def _refuse(message: str) -> NoReturn:
    raise RequestRefused(403, "AccessDenied", message)
