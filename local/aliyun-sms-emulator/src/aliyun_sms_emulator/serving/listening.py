"""Where an emulator listens, and the sockets for it."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from aliyun_sms_emulator.errors import BindError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, and by which names.

    Port 0 is a free one; callers are told the first port. `names` are host names that callers may
    use beside `host`. Where `tls_folder` holds or gets the certificate, https is spoken, too.
    """

    host: str = LOOPBACK
    ports: tuple[int, ...] = (0,)
    names: tuple[str, ...] = ()
    tls_folder: Path | None = None

    @property
    def own_names(self) -> tuple[str, ...]:
        """What is called here beside the loopback names, in lower case."""
        named = () if is_everywhere(self.host) else (self.host,)
        return tuple(name.lower() for name in (*named, *self.names))

    def url(self, port: int) -> str:
        """An address to call."""
        host = self.host
        if is_everywhere(host):  # no address to call
            host = "::1" if ":" in host else LOOPBACK
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_everywhere(host: str) -> bool:
    """Say whether an address to listen on means all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def bind(listening: Listening) -> list[socket.socket]:
    """Listen on all ports or on none; raises BindError."""
    with contextlib.ExitStack() as undone:
        bound = [undone.enter_context(_bind(listening.host, port)) for port in listening.ports]
        undone.pop_all()
    return bound


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Windows means by this option that others may take the port over.
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise BindError(_bind_problem(host, port, error)) from error
    return listener


def _bind_problem(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use; stop the program that uses it, or choose another"
            " port with --port (0 takes a free one)"
        )
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return f"port {port} may not be used without privileges; choose one from 1024 with --port"
    reason = error.strerror if isinstance(error, OSError) else error
    return f"cannot listen on {host} port {port} ({reason}); check --host and --port"
