"""The transport on real sockets: what is reused, what is lost, and what is never sent twice."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from shared import transport
from shared.errors import AnswerLost, ConnectionFailed
from shared.http_answers import MAX_BYTES
from shared.transport import Timeout, WriteAwareAdapter, ca_directory
from tests.unit.certificates import Authority
from tests.unit.conftest import Served
from tests.unit.scripted_server import (
    PATIENCE,
    Scene,
    answer,
    drip,
    hang_up,
    one_by_one,
    reset,
    say,
    stall,
)

BODY = b"PhoneNumbers=13800138000&OutId=order-1"
OK = answer({"Code": "OK"})


def post(
    session: requests.Session,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    connect: float = 2.0,
    exchange: float = 2.0,
    total: float = 4.0,
    verify: Any = True,
) -> requests.Response:
    """Send BODY as calls to the platform do: through the adapter alone."""
    request = requests.PreparedRequest()
    request.method, request.url, request.body = "POST", f"{url}/", BODY
    request.headers = CaseInsensitiveDict({"content-length": str(len(BODY)), **(headers or {})})
    timeout: Any = Timeout(connect, exchange, total)
    return session.get_adapter(url).send(request, timeout=timeout, verify=verify)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certified(authority: Authority) -> ssl.SSLContext:
    return authority.server("IP:127.0.0.1")


@contextlib.contextmanager
def session_with(adapter: WriteAwareAdapter) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        yield session


def test_request_and_answer_go_over_the_wire_as_they_are(
    session: requests.Session, serve: Served
) -> None:
    server = serve(one_by_one(answer({"Code": "OK"}, "400 Bad Request")))
    response = post(session, server.url, headers={"host": "h", "x-acs-action": "SendSms"})
    arrived = server.arrived[0]
    assert arrived.start_line == "POST / HTTP/1.1"
    expected = {"content-length": str(len(BODY)), "host": "h", "x-acs-action": "SendSms"}
    assert arrived.headers == expected
    assert arrived.body == BODY
    assert response.status_code == 400
    assert response.content == b'{"Code": "OK"}'


def test_a_connection_is_kept_and_used_again(session: requests.Session, serve: Served) -> None:
    server = serve(one_by_one(OK))
    for _ in range(3):
        assert post(session, server.url).json() == {"Code": "OK"}
    assert [arrived.connection for arrived in server.arrived] == [0, 0, 0]


def test_chunked_answers_are_read_and_their_connection_kept(
    session: requests.Session, serve: Served
) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(one_by_one(say(head + b'3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n', stay=True)))
    assert [post(session, server.url).content for _ in range(2)] == [b'{"a":1}'] * 2
    assert [arrived.connection for arrived in server.arrived] == [0, 0]


def test_a_connection_that_the_server_closed_while_idle_is_not_written_to(
    session: requests.Session, serve: Served
) -> None:
    server = serve(one_by_one(OK))
    post(session, server.url)
    server.connections[0].shutdown(socket.SHUT_WR)
    assert post(session, server.url).ok
    assert [arrived.connection for arrived in server.arrived] == [0, 1]


def test_a_connection_that_was_reset_while_idle_is_not_written_to(
    session: requests.Session, serve: Served
) -> None:
    server = serve(one_by_one(OK))
    post(session, server.url)
    idle = server.connections[0]
    idle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    idle.shutdown(socket.SHUT_RD)  # ends the server's thread, which closes: now with a reset
    assert server.ended.acquire(timeout=PATIENCE)
    assert post(session, server.url).ok
    assert [arrived.connection for arrived in server.arrived] == [0, 1]


def test_bytes_that_nobody_asked_for_end_a_connection(
    session: requests.Session, serve: Served
) -> None:
    server = serve(one_by_one(OK))
    post(session, server.url)
    server.connections[0].sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    assert post(session, server.url).status_code == 200
    assert [arrived.connection for arrived in server.arrived] == [0, 1]


def test_bytes_behind_an_answer_are_never_taken_for_the_next_one(
    session: requests.Session, serve: Served
) -> None:
    stray = b"HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n"
    server = serve(
        one_by_one(say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + stray, stay=True), OK)
    )
    assert [post(session, server.url).status_code for _ in range(2)] == [200, 200]
    assert [arrived.connection for arrived in server.arrived] == [0, 1]


def test_a_connection_that_was_idle_for_long_is_dropped(serve: Served) -> None:
    server = serve(one_by_one(OK))
    with session_with(WriteAwareAdapter(max_idle=0.0)) as session:
        post(session, server.url)
        time.sleep(0.01)
        post(session, server.url)
    assert [arrived.connection for arrived in server.arrived] == [0, 1]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
def test_an_answer_that_closes_its_connection_is_read_and_a_new_one_used(
    session: requests.Session, serve: Served, head: bytes
) -> None:
    server = serve(one_by_one(say(head + b"{}")))
    assert [post(session, server.url).content for _ in range(2)] == [b"{}", b"{}"]
    assert [arrived.connection for arrived in server.arrived] == [0, 1]


def test_each_thread_has_a_connection_of_its_own(session: requests.Session, serve: Served) -> None:
    server = serve(one_by_one(OK))
    together = threading.Barrier(4)

    def work() -> None:
        together.wait(PATIENCE)
        for _ in range(3):
            post(session, server.url)
        session.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(server.connections) == 4
    assert len(server.arrived) == 12


def test_each_host_has_a_connection_of_its_own(session: requests.Session, serve: Served) -> None:
    servers = [serve(one_by_one(answer({"n": number}))) for number in range(2)]
    for _ in range(2):
        assert [post(session, server.url).json()["n"] for server in servers] == [0, 1]
    assert [len(server.connections) for server in servers] == [1, 1]


def test_a_refused_connection_means_that_nothing_was_written(session: requests.Session) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ConnectionFailed, match="nothing was sent"):
            post(session, url)


@pytest.mark.parametrize("host", ["nothing.invalid", "a." * 150 + "b", "x" * 70])
def test_a_name_that_does_not_resolve_means_that_nothing_was_written(
    session: requests.Session, host: str
) -> None:
    with pytest.raises(ConnectionFailed):
        post(session, f"http://{host}:80")


def test_a_server_that_accepts_nobody_means_that_nothing_was_written(
    session: requests.Session,
) -> None:
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(8):  # connections that fill the backlog
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with pytest.raises(ConnectionFailed):
            post(session, f"http://127.0.0.1:{full.getsockname()[1]}", connect=0.2)


LONG_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b" " * 99


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(stall(), id="stalls before the answer"),
        pytest.param(stall(b"HTTP/1.1 200 OK\r\nContent-Le"), id="stalls within the head"),
        pytest.param(
            stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), id="stalls within the body"
        ),
        pytest.param(drip(LONG_ANSWER, 0.02), id="drips all the time"),
        pytest.param(drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 20, 0.01), id="never ends to begin"),
        pytest.param(reset(), id="resets"),
        pytest.param(hang_up(), id="hangs up"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\nContent-"), id="hangs up within the head"),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), id="promises too much"
        ),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}"), id="half a chunk"
        ),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
            id="no last chunk",
        ),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n"),
            id="a chunk of no size",
        ),
        pytest.param(say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), id="speaks something else"),
        pytest.param(say(b"HTTP/1.1 abc\r\n\r\n"), id="has no status"),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (MAX_BYTES // 6 + 9)),
            id="has no end of headers",
        ),
        pytest.param(answer(b" " * (MAX_BYTES + 1)), id="says too much"),
        pytest.param(
            say(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + b"10000\r\n%b\r\n" % (b" " * 0x10000) * (MAX_BYTES // 0x10000 + 1)
                + b"0\r\n\r\n"
            ),
            id="says too much in chunks",
        ),
    ],
)
def test_an_answer_without_use_is_lost_and_the_request_not_sent_again(
    session: requests.Session, serve: Served, scene: Scene
) -> None:
    server = serve(one_by_one(OK, scene, OK))
    post(session, server.url)  # so that it happens on a kept connection
    with pytest.raises(AnswerLost):
        post(session, server.url, exchange=0.3)
    assert server.bodies() == [BODY, BODY]
    assert post(session, server.url).ok
    assert [arrived.connection for arrived in server.arrived] == [0, 0, 1]


def test_errors_name_no_part_of_the_request(session: requests.Session, serve: Served) -> None:
    server = serve(one_by_one(reset()))
    with pytest.raises(AnswerLost) as caught:
        post(session, server.url)
    assert "138" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 X", "308 X"])
def test_a_redirect_is_an_answer_and_not_followed(
    session: requests.Session, serve: Served, status: str
) -> None:
    elsewhere = serve(one_by_one(OK))
    server = serve(one_by_one(answer({}, status, f"Location: {elsewhere.url}/")))
    response = post(session, server.url)
    assert response.status_code == int(status[:3])
    assert (len(server.arrived), len(elsewhere.arrived)) == (1, 0)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb"])
def test_a_header_with_a_line_break_is_refused(
    session: requests.Session, serve: Served, value: str
) -> None:
    server = serve(one_by_one(OK))
    with pytest.raises(requests.exceptions.InvalidHeader):
        post(session, server.url, headers={"x-acs-security-token": value})
    assert server.connections == []


def test_no_connection_stays_open_when_the_session_closes(
    session: requests.Session, serve: Served
) -> None:
    server = serve(one_by_one(OK))
    post(session, server.url)
    session.close()
    assert server.ended.acquire(timeout=PATIENCE)


def test_tls_with_a_trusted_authority_is_spoken_and_kept(
    session: requests.Session, serve: Served, authority: Authority, certified: ssl.SSLContext
) -> None:
    server = serve(one_by_one(OK), tls=certified)
    for _ in range(3):
        assert post(session, server.url, verify=str(authority.folder)).ok
    assert [arrived.connection for arrived in server.arrived] == [0, 0, 0]


def test_tls_connections_that_the_server_closed_are_not_written_to(
    session: requests.Session, serve: Served, authority: Authority, certified: ssl.SSLContext
) -> None:
    server = serve(one_by_one(OK), tls=certified)
    post(session, server.url, verify=str(authority.folder))
    server.connections[0].shutdown(socket.SHUT_WR)
    assert post(session, server.url, verify=str(authority.folder)).ok
    assert [arrived.connection for arrived in server.arrived] == [0, 1]


def test_tls_answers_that_break_off_are_lost(
    session: requests.Session, serve: Served, authority: Authority, certified: ssl.SSLContext
) -> None:
    server = serve(
        one_by_one(say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")), tls=certified
    )
    with pytest.raises(AnswerLost):
        post(session, server.url, verify=str(authority.folder))
    assert server.bodies() == [BODY]


def test_tls_with_an_unknown_authority_is_refused_before_anything_is_written(
    session: requests.Session, serve: Served, certified: ssl.SSLContext
) -> None:
    server = serve(one_by_one(OK), tls=certified)
    with pytest.raises(ConnectionFailed, match="SSLCertVerificationError"):
        post(session, server.url, verify=True)
    assert server.arrived == []


def test_tls_with_another_hosts_certificate_is_refused_before_anything_is_written(
    session: requests.Session, serve: Served, authority: Authority
) -> None:
    server = serve(one_by_one(OK), tls=authority.server("DNS:elsewhere.example"))
    with pytest.raises(ConnectionFailed, match="SSLCertVerificationError"):
        post(session, server.url, verify=str(authority.folder))
    assert server.arrived == []


def test_connecting_and_exchange_together_stay_within_the_total(
    session: requests.Session, serve: Served, authority: Authority, certified: ssl.SSLContext
) -> None:
    slow = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0.02)
    server = serve(one_by_one(slow), tls=certified, shake_after=0.3)
    with pytest.raises(AnswerLost):
        post(session, server.url, total=0.6, verify=str(authority.folder))
    assert server.bodies() == [BODY]


def test_a_handshake_that_takes_all_the_time_means_that_nothing_was_written(
    session: requests.Session, serve: Served, authority: Authority, certified: ssl.SSLContext
) -> None:
    server = serve(one_by_one(OK), tls=certified, shake_after=0.5)
    with pytest.raises(ConnectionFailed):
        post(session, server.url, total=0.2, verify=str(authority.folder))
    assert server.arrived == []


def test_a_server_without_tls_gets_nothing_of_a_request_meant_for_tls(
    session: requests.Session, serve: Served
) -> None:
    server = serve(one_by_one(OK))
    with pytest.raises(ConnectionFailed):
        post(session, server.url.replace("http:", "https:"), connect=0.3)
    assert BODY not in server.bodies()


def test_the_ca_directory_holds_hashed_names_or_there_is_none() -> None:
    folder = ca_directory()
    assert folder is None or any(
        path.suffix.lstrip(".").isdigit() for path in Path(folder).iterdir()
    )


def test_the_modules_session_ignores_the_environment_and_verifies() -> None:
    assert transport.SESSION.trust_env is False
    assert transport.SESSION.verify == (ca_directory() or True)
    for scheme in ("https://", "http://"):
        assert isinstance(transport.SESSION.get_adapter(scheme + "x"), WriteAwareAdapter)
