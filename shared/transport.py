"""The requests session, and an adapter that knows whether any byte was written.

The send protocol stands on that: a request of which nothing was written (ConnectionFailed) may be
repeated freely, any other (AnswerLost) may have been processed. Answers are read here, up to a
deadline, however slowly they drip in, in a quarter of the time that http.client takes.
"""

import os
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.errors import AnswerLost, ConnectionFailed
from shared.http_answers import limit, read_answer

MAX_IDLE_SECONDS = 10.0
_CA_DIRECTORIES = (ssl.get_default_verify_paths().capath, "/etc/ssl/certs")


class Timeout(NamedTuple):
    """Seconds to connect, for the exchange after that, and for both together."""

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
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Exchange `request`, whose body is bytes, for a response that is read to its end.

        `timeout` is a Timeout; `verify` a CA directory, or True for certifi's file. Raises
        ConnectionFailed when no byte was written, AnswerLost when anything went wrong later.
        """
        end = time.monotonic() + timeout.total
        url = str(request.url)
        origin = url[: url.index("/", 8)]
        message = _message(request, url.removeprefix(origin))
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
        response = requests.Response()
        response.status_code, response._content = answer.status, answer.content
        return response

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
    """Return a directory of hashed CA files, which loads in no time, or None."""
    for directory in _CA_DIRECTORIES:
        if directory and os.path.isdir(directory):
            names = os.listdir(directory)
            if any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]", name) for name in names):
                return directory
    return None


def _open(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first address of `host` that answers, or raise the last OSError."""
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


def _message(request: requests.PreparedRequest, target: str) -> bytes:
    lines = [f"{request.method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([*lines, "", ""])
    if not head.count("\r") == head.count("\n") == len(lines) + 1:
        raise requests.exceptions.InvalidHeader("a header holds a line break")
    return head.encode("ascii") + cast(bytes, request.body)


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    timeout: Timeout,
) -> requests.Response:
    """Send a request as WriteAwareAdapter.send does."""
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, url, body
    request.headers = cast(Any, headers)
    limits: Any = timeout
    return session.get_adapter(url).send(request, timeout=limits, verify=session.verify or True)


def new_session() -> requests.Session:
    """Return a session that asks no environment and whose adapters know what they wrote."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_directory() or True
    session.mount("https://", WriteAwareAdapter())
    session.mount("http://", WriteAwareAdapter())
    return session


SESSION = new_session()
