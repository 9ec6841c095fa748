"""What clients ask a proxy for, and the names that are meant for this one.

The emulator passes nothing on. It is a proxy for the names it plays alone, so that a client that
calls them needs no change: a tunnel (CONNECT) to one of them ends here, and a request for one of
them is answered here. Source: RFC 9112, sections 3.2.2 and 3.2.3, and RFC 9110, section 9.3.6.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aliyun_sms_emulator.rules.hosts import EMULATED_HOSTS, is_emulated

PROXIED = "aliyun_sms_emulator.proxied"
"""Key of a scope's extensions that a request to a proxy has; its `authority` is whom it named."""

MAX_HEAD_BYTES = 64 * 1024
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"

_HTTP = 80
_SCHEMES = (b"http://", b"https://")
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(?::([0-9]{1,5}))?", re.ASCII)
_CONNECT = re.compile(rb"CONNECT ([!-~]+) HTTP/1\.[01]\r\n")


class Target(NamedTuple):
    """Where a request to a proxy is meant to go: `authority` is `name:port` or `name`."""

    authority: str
    name: str
    port: int | None


class Refused(Exception):
    """A tunnel that is not made; the text says why and what to do."""


def tunnel_target(head: bytes, *, https: bool) -> Target:
    """Read a CONNECT request; raises Refused unless it is for a name that is emulated.

    `https` says whether TLS can be spoken in the tunnel.
    """
    match = _CONNECT.match(head)
    target = None if match is None else read_target(match[1].decode("ascii"))
    if target is None:
        raise Refused("this is no CONNECT request for a name and a port")
    if not is_emulated(target.name):
        raise Refused(not_for_this_proxy(target.authority))
    if target.port != _HTTP and not https:
        raise Refused("https is off; start sms-emulator with --tls")
    return target


def absolute_target(url: bytes) -> tuple[bytes, bytes] | None:
    """Split the URL of a request to a proxy into its authority and the rest; None for any other."""
    scheme = next((each for each in _SCHEMES if url[: len(each)].lower() == each), None)
    if scheme is None:
        return None
    authority, rest = re.split(rb"(?=[/?#])|$", url[len(scheme) :], maxsplit=1)
    return authority, rest if rest.startswith(b"/") else b"/" + rest


def read_target(authority: str) -> Target | None:
    """Read `name:port` or `name`; None where it is neither."""
    match = _AUTHORITY.fullmatch(authority.lower())
    if match is None:
        return None
    return Target(authority, match[1].strip("[]"), int(match[2]) if match[2] else None)


def not_for_this_proxy(authority: str) -> str:
    """Say that a name is not one of those, and what to do."""
    name = authority.rpartition(":")[0] or authority
    return (
        f"{authority} is not emulated: this proxy is for {EMULATED_HOSTS[0]} and its kin alone,"
        f" and passes nothing on; put {name} into NO_PROXY"
    )


def refusal(problem: str) -> bytes:
    """The answer to a tunnel that is not made, whose first line most clients show."""
    text = f"sms-emulator: {problem}".encode("ascii", "replace")
    head = b"HTTP/1.1 403 %b\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    return head % text + b"Content-Length: %d\r\n\r\n%b\n" % (len(text) + 1, text)
