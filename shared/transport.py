"""The requests session, and an adapter that knows whether any byte was written.

The send protocol stands on that knowledge: a request of which nothing was written may be repeated
freely, any other may have been processed. ConnectionFailed is the one case, AnswerLost the other.
"""

from __future__ import annotations

import io
import os
import re
import select
import socket
import ssl
import threading
import time
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.errors import AnswerLost, ConnectionFailed
from shared.http_answer import Answer, limit, read_answer

MAX_IDLE_SECONDS = 10.0
_CA_DIRECTORIES = (ssl.get_default_verify_paths().capath, "/etc/ssl/certs")


class Timeout(NamedTuple):
    """Seconds to connect, seconds for the exchange after that, and seconds for both together."""

    connect: float
    exchange: float
    total: float


class _Connection(NamedTuple):
    sock: socket.socket
    used_at: float

    def is_usable(self, max_idle: float) -> bool:
        """Whether it was used lately and nothing waits to be read, such as the server's close.

        A frozen instance's monotonic clock may have stood still, so the wall clock is asked.
        """
        if abs(time.time() - self.used_at) > max_idle:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class WriteAwareAdapter(BaseAdapter):
    """Sends each request at most once, over one kept-alive connection a thread and host."""

    def __init__(self, max_idle: float = MAX_IDLE_SECONDS) -> None:
        super().__init__()
        self._max_idle = max_idle
        self._local = threading.local()
        self._context: ssl.SSLContext | None = None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,  # noqa: ARG002
        proxies: Any = None,  # noqa: ARG002
    ) -> requests.Response:
        """Exchange `request`, whose body is bytes, for a response that is read to its end.

        `timeout` is a Timeout; `verify` a CA directory, or True for certifi's file. Raises
        ConnectionFailed when no byte was written, AnswerLost when anything went wrong later.
        """
        end = time.monotonic() + timeout.total
        message = _message(request)
        url = str(request.url)
        origin = url[: url.index("/", 8)]
        sock = self._connect(origin, min(time.monotonic() + timeout.connect, end), verify)
        deadline = min(time.monotonic() + timeout.exchange, end)
        try:
            limit(sock, deadline)
        except TimeoutError:
            sock.close()
            raise ConnectionFailed("connecting took all the time; nothing was sent") from None
        try:
            sock.sendall(message)
            answer = read_answer(sock, deadline)
        except (OSError, EOFError, ValueError) as error:
            sock.close()
            raise AnswerLost(f"the platform's answer was lost ({type(error).__name__})") from None
        except BaseException:
            sock.close()
            raise
        if answer.keeps_alive:
            self._local.connections[origin] = _Connection(sock, time.time())
        else:
            sock.close()
        return _response(request, answer)

    def close(self) -> None:
        """Close this thread's connections."""
        for connection in self._local.__dict__.pop("connections", {}).values():
            connection.sock.close()

    def _connect(self, origin: str, deadline: float, verify: Any) -> socket.socket:
        connections = self._local.__dict__.setdefault("connections", {})
        kept: _Connection | None = connections.pop(origin, None)
        if kept:
            if kept.is_usable(self._max_idle):
                return kept.sock
            kept.sock.close()
        url = urlsplit(origin)
        host, is_tls = url.hostname or "", url.scheme == "https"
        try:
            sock = _open(host, url.port or (443 if is_tls else 80), deadline)
            try:
                return self._tls(verify).wrap_socket(sock, server_hostname=host) if is_tls else sock
            except BaseException:
                sock.close()
                raise
        except (OSError, ValueError) as error:
            raise ConnectionFailed(
                f"no connection to {host} ({type(error).__name__}); nothing was sent"
            ) from None

    def _tls(self, verify: Any) -> ssl.SSLContext:
        if self._context is None:
            where = {"cafile": DEFAULT_CA_BUNDLE_PATH} if verify is True else {"capath": verify}
            self._context = ssl.create_default_context(**where)
        return self._context


def ca_directory() -> str | None:
    """Return a directory of hashed CA files, which loads in no time, or None if there is none."""
    for directory in _CA_DIRECTORIES:
        if directory and os.path.isdir(directory):  # noqa: PTH112 (pathlib costs import time)
            names = os.listdir(directory)  # noqa: PTH208
            if any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]", name) for name in names):
                return directory
    return None


def _open(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first address of `host` that answers; raises the last OSError if none does."""
    error: OSError = TimeoutError()
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            limit(sock, deadline)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as failure:
            sock.close()
            error = failure
        else:
            return sock
    raise error


def _message(request: requests.PreparedRequest) -> bytes:
    lines = [f"{request.method} {request.path_url} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if any("\n" in line or "\r" in line for line in lines):
        raise requests.exceptions.InvalidHeader("a header holds a line break")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + cast(bytes, request.body)


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.reason = answer.reason
    response.raw = io.BytesIO(answer.content)
    response.url = str(request.url)
    response.request = request
    return response


def new_session() -> requests.Session:
    """Return a session that asks no environment and whose adapters know what they wrote."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_directory() or True
    session.mount("https://", WriteAwareAdapter())
    session.mount("http://", WriteAwareAdapter())
    return session


SESSION = new_session()
