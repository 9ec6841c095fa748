"""The ports of the API and of HTTP triggers: in a row, free ones where they are taken."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable, Mapping

from ..errors import ConfigurationError
from ..template.model import Function
from .guard import is_everywhere

# Not 9000: that is where programs of custom runtimes listen, those of the official templates too.
DEFAULT_PORT = 8900
DEFAULT_API = f"http://127.0.0.1:{DEFAULT_PORT}"


class Ports:
    """Opens ports on one address; `first` is that of the API, 0: free ones for all.

    `functions` tells whose trigger answers at a port; `kept` are the ports by function that
    triggers had before, and have again if they are free.
    """

    def __init__(self, host: str, first: int) -> None:
        self.functions: dict[int, str] = {}
        self.kept: Mapping[str, int] = {}
        self._host = host
        self._first = first
        self._api = 0
        self._triggers: dict[str, int] = {}

    def open(self, functions: Iterable[Function]) -> list[socket.socket]:
        """Open all ports; raises ConfigurationError if the API's is taken."""
        opened: list[socket.socket] = []
        try:
            opened.append(_listen(self._host, self._first))
            self._api = opened[0].getsockname()[1]
            following = self._first
            for function in functions:
                if function.http_trigger:
                    following += 1 if following else 0
                    port = self.kept.get(function.name) or following
                    opened.append(self._open(function.name, port))
        except OSError as error:
            for one in opened:
                one.close()
            raise ConfigurationError(self._not_opened(error)) from None
        return opened

    def _not_opened(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return (
                f"port {self._first} of {self._host} is in use: stop the program that uses it, "
                "or choose another port with --port (0 takes a free one)"
            )
        remedy = "name an address of this machine with --host, or another port with --port"
        return f"cannot listen on {self._host}:{self._first} ({error.strerror}): {remedy}"

    def open_later(self, function: Function) -> socket.socket | None:
        """Open the port of a trigger that has come since; None if there is nothing to open."""
        if not function.http_trigger or function.name in self._triggers:
            return None
        last = max(self._triggers.values(), default=self._api)
        return self._open(function.name, last + 1 if self._first else 0)

    def _open(self, name: str, port: int) -> socket.socket:
        opened = self._listen_or_free(port)
        self._triggers[name] = opened.getsockname()[1]
        self.functions[self._triggers[name]] = name
        return opened

    def _listen_or_free(self, port: int) -> socket.socket:
        if port <= 65535:
            with contextlib.suppress(OSError):
                return _listen(self._host, port)
        return _listen(self._host, 0)

    @property
    def api_url(self) -> str:
        """The address of the API."""
        return self._url(self._api)

    def trigger_url(self, name: str) -> str:
        """The address of a function's trigger, with a slash at the end; empty if it has none."""
        return f"{self._url(self._triggers[name])}/" if name in self._triggers else ""

    def _url(self, port: int) -> str:
        host = self._host
        if is_everywhere(host):  # no address to call
            host = "::1" if ":" in host else "127.0.0.1"
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's delay off only for sockets that name their protocol.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(2048)
    except BaseException:
        opened.close()
        raise
    return opened
