"""The session of `requests`, and an adapter that knows whether any byte was written.

The send protocol stands on that. A request of which no byte was written raises ConnectionFailed:
it may be sent again freely. Any other that fails raises AnswerLost: the platform may have processed
it.

The adapter speaks HTTP/1.1 over sockets of its own. Those of requests do not say how much was
written, and their timeout is one for each read: an answer that drips in slowly may take for ever.
"""

import os
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
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
    """A socket that is kept for the next request; `used_at` is in epoch seconds."""

    sock: socket.socket
    used_at: float

    def is_usable(self, max_idle: float) -> bool:
        """Whether it was used in the last `max_idle` seconds and nothing waits to be read.

        What waits would be the server's close, or bytes that nobody asked for.
        """
        # Function Compute freezes an instance between invocations. Its monotonic clock may have
        # stood still then, so the wall clock is asked.
        if abs(time.time() - self.used_at) > max_idle:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


class WriteAwareAdapter(BaseAdapter):
    """Sends each request at most once, over one kept-alive connection a thread and host.

    A connection that was idle for `max_idle` seconds is not used again.
    """

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
        """Send `request`, whose body is bytes, and return the answer, read to its end.

        `timeout` is a Timeout. `verify` is a directory of CA files, or True for certifi's one file.
        The other arguments are what requests hands to every adapter; they are not used. Raises
        ConnectionFailed when no byte was written, AnswerLost when anything went wrong later, and
        requests' InvalidHeader, before it connects, for a header that holds a line break.
        """
        end = time.monotonic() + timeout.total
        url = str(request.url)
        origin = url[: url.index("/", len("https://"))]  # scheme, host and port
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
        except BaseException:  # an interrupt: nobody may use a socket with half an exchange in it
            sock.close()
            raise
        if answer.keeps_alive:
            self._local.connections[origin] = _Connection(sock, time.time())
        else:
            sock.close()
        response = requests.Response()
        # _content is what Response.content returns when all was read; there is no public way.
        response.status_code, response._content = answer.status, answer.content
        return response

    def close(self) -> None:
        """Close this thread's connections."""
        for connection in self._local.__dict__.pop("connections", {}).values():
            connection.sock.close()

    def _connect(self, origin: str, deadline: float, verify: Any) -> socket.socket:
        """Return a socket to `origin` (``https://host:port``): the kept one, or a new one.

        `deadline` is in monotonic seconds. Raises ConnectionFailed.
        """
        # The __dict__ of a threading.local is this thread's own.
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
        """Return the TLS context, made once an adapter: loading certifi's file takes 13 ms."""
        if self._context is None:
            self._context = ssl.create_default_context(
                cafile=DEFAULT_CA_BUNDLE_PATH if verify is True else None,
                capath=None if verify is True else verify,
            )
        return self._context


def ca_directory() -> str | None:
    """Return the system's directory of CA files, or None where it has none.

    OpenSSL finds a file there by the hash in its name (``5ed36f99.0``) and reads that one alone: a
    context is made in 0.1 ms, where certifi's file with all authorities takes 13 ms.
    """
    for directory in _CA_DIRECTORIES:
        if directory and os.path.isdir(directory):
            names = os.listdir(directory)
            if any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]", name) for name in names):
                return directory
    return None


def _open(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first address of `host` that answers, or raise the last OSError."""
    last_error: OSError = TimeoutError()
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            limit(sock, deadline)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            last_error = error
        else:
            return sock
    raise last_error


def _message(request: requests.PreparedRequest, target: str) -> bytes:
    """Return `request` as it goes over the wire; `target` is its path and query."""
    if not isinstance(request.body, bytes):
        raise TypeError("the body of a request must be bytes")
    lines = [f"{request.method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([*lines, "", ""])
    # A line break in the value of a header would begin another header.
    line_ends = len(lines) + 1
    if head.count("\r") != line_ends or head.count("\n") != line_ends:
        raise requests.exceptions.InvalidHeader("a header holds a line break")
    return head.encode("ascii") + request.body


def exchange(
    session: requests.Session,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    timeout: Timeout,
) -> requests.Response:
    """Send one request, at most once, and return the answer, read to its end.

    `url` is that of an endpoint, ``https://host:port/path?query``. `headers` hold ``host`` and
    ``content-length``, too, for none is added. Raises ConnectionFailed when no byte was written,
    AnswerLost when anything went wrong later.
    """
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, url, body
    # A plain dict, for nothing looks a header up: a CaseInsensitiveDict takes 6 us a request.
    request.headers = headers  # type: ignore[assignment]
    # Not Session.send: it reads a redirect and prepares to follow it, even when told not to. Any,
    # for the types of requests know no timeout of three numbers.
    adapter: Any = session.get_adapter(url)
    verify = session.verify or True  # certificates are checked even if the session says False
    response: requests.Response = adapter.send(request, timeout=timeout, verify=verify)
    return response


def new_session() -> requests.Session:
    """Return a session whose adapters are ours, and which reads no proxy or key of the machine."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_directory() or True
    session.mount("https://", WriteAwareAdapter())
    session.mount("http://", WriteAwareAdapter())
    return session


# One for all invocations of an instance: a kept connection saves the next a handshake.
SESSION = new_session()
