"""https and the proxy: what is served there, to whom, and what a page in a browser cannot do."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import nullcontext as does_not_raise
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from aliyun_sms_emulator import EmulatorClient, TlsError
from aliyun_sms_emulator.config.reading import read_config
from aliyun_sms_emulator.rules.hosts import EMULATED_HOSTS
from aliyun_sms_emulator.serving.listening import Listening
from aliyun_sms_emulator.serving.proxy import MAX_HEAD_BYTES
from aliyun_sms_emulator.serving.server import EmulatorServer
from aliyun_sms_emulator.tls.certificates import make_certificates
from aliyun_sms_emulator.tls.folder import server_context
from aliyun_sms_emulator.tls.trust import system_authorities, write_trust
from emulator_config import CONFIG
from raw_connection import signed
from secure_client import Stream, ask, status, trusting
from server_threads import emulating
from signing_client import Client

HOST = EMULATED_HOSTS[0]
CALL = "GET /?Action=QuerySmsSignList HTTP/1.1"
LOCAL = "Host: 127.0.0.1"
BROWSER = "User-Agent: Mozilla/5.0 (X11)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[EmulatorServer]:
    listening = Listening(ports=(0, 0), names=("sms-emulator",), tls_folder=folder)
    with emulating(EmulatorServer(read_config(CONFIG, "config"), None, listening)) as started:
        yield started


@pytest.fixture
def port(server: EmulatorServer) -> int:
    EmulatorClient(server.url).reset()
    first: int = server.ports[0]
    return first


@pytest.fixture(scope="module")
def context(server: EmulatorServer, folder: Path) -> ssl.SSLContext:
    assert server.ports
    return trusting(folder)


def answered_by_the_platform(answer: str) -> bool:
    return status(answer) == 400 and "x-acs-request-id" in answer


@pytest.mark.parametrize("number", [0, 1])
def test_each_port_takes_http_and_https(
    server: EmulatorServer, context: ssl.SSLContext, number: int
) -> None:
    port = server.ports[number]
    assert status(ask(port, "GET /api/health HTTP/1.1", LOCAL)) == 200
    for name in ("127.0.0.1", "localhost", "sms-emulator"):
        lines = ("GET /api/health HTTP/1.1", f"Host: {name}:{port}")
        assert status(ask(port, *lines, context=context, name=name)) == 200
    assert answered_by_the_platform(ask(port, CALL, f"Host: {HOST}", context=context, name=HOST))


def test_a_signed_call_is_taken_over_https(
    server: EmulatorServer, port: int, context: ssl.SSLContext
) -> None:
    emulator = EmulatorClient(server.url)
    for connect in (False, True):
        with Stream(port) as stream:
            if connect:
                stream.write(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
                assert stream.head().startswith(b"HTTP/1.1 200 ")
            stream.begin_tls(context, HOST)
            stream.write(signed(Client(emulator), host=HOST, connection="close"))
            assert b'"Code":"OK"' in stream.ending()
        emulator.settings(limits=False)
    assert len(emulator.messages()) == 2


def test_tls_goes_through_a_tunnel_in_tls(port: int, context: ssl.SSLContext) -> None:
    with Stream(port) as stream:
        stream.begin_tls(context, "localhost")
        stream.write(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        stream.head()
        stream.begin_tls(context, HOST)
        stream.write(f"{CALL}\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        assert answered_by_the_platform(stream.ending().decode())


def test_a_tunnel_may_hold_plain_http_and_come_in_pieces(port: int) -> None:
    with Stream(port) as stream:
        for piece in (b"CON", b"NECT ", f"{HOST}:80 HTTP/1.1\r\n".encode()):
            stream.write(piece)
        # What follows comes in the same segment as the end of the head.
        stream.write(f"\r\n{CALL}\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        established, _, answer = stream.ending().decode().partition("\r\n\r\n")
        assert status(established) == 200
        assert answered_by_the_platform(answer)


@pytest.mark.parametrize(
    "target",
    [
        "example.com:443",
        "oss-cn-hangzhou.aliyuncs.com:443",
        f"{HOST}.example.com:443",
        "x.y.mns.cn-hangzhou.aliyuncs.com:443",
        "127.0.0.1:22",
        "169.254.169.254:80",
    ],
)
def test_other_names_are_not_tunnelled(port: int, target: str) -> None:
    answer = ask(port, f"CONNECT {target} HTTP/1.1", f"Host: {target}")
    first = answer.partition("\r\n")[0]
    assert first.startswith(f"HTTP/1.1 403 sms-emulator: {target} is not emulated")
    assert first.endswith(f"put {target.partition(':')[0]} into NO_PROXY")


@pytest.mark.parametrize(
    "line", ["CONNECT  HTTP/1.1", "CONNECT a b HTTP/1.1", "CONNECT /x HTTP/1.1"]
)
def test_what_is_no_tunnel_request_is_refused(port: int, line: str) -> None:
    assert status(ask(port, line)) == 403


def test_a_tunnel_in_a_tunnel_is_refused(port: int) -> None:
    with Stream(port) as stream:
        stream.write(f"CONNECT {HOST}:80 HTTP/1.1\r\n\r\n".encode())
        stream.head()
        stream.write(f"CONNECT {HOST}:80 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert status(stream.ending().decode()) == 400


def test_endless_heads_of_tunnels_are_ended(port: int) -> None:
    with Stream(port) as stream:
        stream.write(b"CONNECT x:1 HTTP/1.1\r\nA:".ljust(MAX_HEAD_BYTES + 1, b"a"))
        assert b"too large" in stream.ending()


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP"])
def test_requests_to_a_proxy_are_answered_for_emulated_names(port: int, scheme: str) -> None:
    for rest in ("/?Action=QuerySmsSignList", "?Action=QuerySmsSignList", ""):
        answer = ask(port, f"GET {scheme}://{HOST}{rest} HTTP/1.1", f"Host: {HOST}")
        assert answered_by_the_platform(answer)
        assert ("MissingVersion" in answer) == bool(rest)


def test_requests_to_a_proxy_reach_the_emulator_itself(port: int) -> None:
    own = f"127.0.0.1:{port}"
    assert status(ask(port, f"GET http://{own}/api/health HTTP/1.1", f"Host: {own}")) == 200


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("example.com", "example.com"),
        ("example.com", HOST),
        (HOST, "127.0.0.1"),
        ("oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("evil.example@127.0.0.1", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_other_requests_to_a_proxy_are_refused(port: int, authority: str, host: str) -> None:
    for path in ("/", "/api/messages", "/inbox"):
        answer = ask(port, f"GET http://{authority}{path} HTTP/1.1", f"Host: {host}")
        assert status(answer) == 403
        assert "is not emulated" in answer or "the request line names" in answer


MARKS = [
    ("Origin: https://evil.example",),
    (f"Origin: https://{HOST}",),
    ("Sec-Fetch-Site: cross-site", BROWSER),
    ("Sec-Fetch-Site: same-site", BROWSER),
]


@pytest.mark.parametrize("marks", MARKS)
def test_what_a_page_sends_is_refused_in_a_tunnel_and_over_https(
    port: int, context: ssl.SSLContext, marks: tuple[str, ...]
) -> None:
    """As from a browser whose proxy is the emulator, or in which the names lead to it."""
    assert status(ask(port, CALL, f"Host: {HOST}", *marks, context=context, name=HOST)) == 403
    with Stream(port) as stream:
        stream.write(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        stream.head()
        stream.begin_tls(context, HOST)
        lines = (CALL, f"Host: {HOST}", *marks, "Connection: close", "", "")
        stream.write("\r\n".join(lines).encode())
        assert status(stream.ending().decode()) == 403


def test_an_image_on_a_page_cannot_call_by_plain_http_either(port: int) -> None:
    """Browsers do not say there which page asks."""
    for line in (CALL, f"GET http://{HOST}/?Action=QuerySmsSignList HTTP/1.1"):
        answer = ask(port, line, f"Host: {HOST}", BROWSER)
        assert status(answer) == 403
        assert "User-Agent" in answer
    assert answered_by_the_platform(ask(port, CALL, LOCAL, BROWSER))


@pytest.mark.parametrize("path", ["/inbox", "/api/messages", "/api/events", "/readyz"])
def test_under_the_platforms_names_there_is_no_inbox(
    port: int, context: ssl.SSLContext, path: str
) -> None:
    line = f"GET {path} HTTP/1.1"
    assert status(ask(port, line, f"Host: {HOST}", context=context, name=HOST)) == 403
    assert status(ask(port, f"GET http://{HOST}{path} HTTP/1.1", f"Host: {HOST}")) == 403


def test_over_https_the_page_has_an_origin_of_its_own(port: int, context: ssl.SSLContext) -> None:
    host = f"127.0.0.1:{port}"
    for origin, answer in ((f"https://{host}", 200), (f"http://{host}", 403)):
        lines = ("DELETE /api/messages HTTP/1.1", f"Host: {host}", f"Origin: {origin}")
        assert status(ask(port, *lines, context=context)) == answer


def test_names_that_are_allowed_are_answered(port: int) -> None:
    for name, answer in (("sms-emulator", 200), ("SMS-Emulator", 200), ("other", 403)):
        assert status(ask(port, "GET /api/health HTTP/1.1", f"Host: {name}:8100")) == answer


def test_who_does_not_trust_the_certificate_is_told_about(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with Stream(port) as stream, pytest.raises(ssl.SSLCertVerificationError):
        stream.begin_tls(ssl.create_default_context(), HOST)
    assert status(ask(port, CALL, LOCAL)) == 400
    assert "sms-emulator trust" in caplog.text


def test_faults_damage_answers_over_https(
    server: EmulatorServer, port: int, context: ssl.SSLContext
) -> None:
    emulator = EmulatorClient(server.url)
    for kind, how in (
        ("truncate", does_not_raise()),
        ("reset", pytest.raises(ConnectionResetError)),
    ):
        emulator.set_faults({"kind": kind, "bytes": 20})
        with Stream(port) as stream:
            stream.begin_tls(context, HOST)
            stream.write(f"{CALL}\r\nHost: {HOST}\r\n\r\n".encode())
            with how:
                assert len(stream.ending()) == 20


def test_garbage_instead_of_tls_ends_that_connection_alone(port: int) -> None:
    with Stream(port) as stream:
        stream.write(b"\x16\x03\x01\xff\xff" + b"x" * 70_000)
        stream.ending()
    assert status(ask(port, "GET /api/health HTTP/1.1", LOCAL)) == 200


def test_without_tls_it_says_how_to_get_it(caplog: pytest.LogCaptureFixture) -> None:
    with emulating(EmulatorServer(read_config({}, "config"), None, Listening())) as server:
        refused = ask(server.ports[0], f"CONNECT {HOST}:443 HTTP/1.1")
        assert "start sms-emulator with --tls" in refused.partition("\r\n")[0]
        with Stream(server.ports[0]) as stream:
            stream.write(b"\x16\x03\x01")
            assert stream.ending() == b""
    assert "start sms-emulator with --tls" in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING


def test_the_authority_vouches_for_these_names_alone_and_90_days() -> None:
    pem = make_certificates(["sms-emulator", "10.1.2.3"])
    certificate, authority = x509.load_pem_x509_certificates(pem)
    names = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical
    assert names.value.permitted_subtrees is not None
    permitted = [str(each.value) for each in names.value.permitted_subtrees]
    assert set(EMULATED_HOSTS) < set(permitted)
    assert {"sms-emulator", "10.1.2.3/32", "127.0.0.0/8", "::1/128", "localhost"} < set(permitted)
    others = {"sms-emulator", "10.1.2.3/32", "127.0.0.0/8", "::1/128", "localhost"}
    assert all(name.endswith(".aliyuncs.com") for name in set(permitted) - others)
    for each in (certificate, authority):
        assert each.not_valid_after_utc - each.not_valid_before_utc == timedelta(days=90)


def test_the_key_of_the_authority_is_kept_nowhere(server: EmulatorServer, folder: Path) -> None:
    assert server.ports
    write_trust(folder)
    kept = [each for each in folder.rglob("*") if each.is_file()]
    assert [each.name for each in kept if b"PRIVATE KEY" in each.read_bytes()] == ["server.pem"]
    pem = (folder / "server.pem").read_bytes()
    assert pem.count(b"PRIVATE KEY-----\n") == 1 + pem.count(b"END PRIVATE KEY")
    key = serialization.load_pem_private_key(pem, None)
    certificate, authority = x509.load_pem_x509_certificates(pem)
    assert key.public_key() == certificate.public_key() != authority.public_key()
    assert (folder / "server.pem").stat().st_mode & 0o077 == 0


def test_a_certificate_is_kept_while_it_does(tmp_path: Path) -> None:
    server_context(tmp_path, ["one"])
    first = (tmp_path / "server.pem").read_bytes()
    for names in (["one"], []):
        server_context(tmp_path, names)
        assert (tmp_path / "server.pem").read_bytes() == first
    server_context(tmp_path, ["two"])
    second = (tmp_path / "server.pem").read_bytes()
    assert second != first
    (tmp_path / "server.pem").write_bytes(second[:-1000])
    server_context(tmp_path, ["two"])
    assert (tmp_path / "server.pem").read_bytes() != second


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsError, match="--tls-folder"):
        server_context(tmp_path / "file", [])
    with pytest.raises(TlsError, match="start sms-emulator --tls first"):
        write_trust(tmp_path)


def test_the_bundle_is_the_systems_and_ours(tmp_path: Path) -> None:
    server_context(tmp_path, [])
    trust = write_trust(tmp_path, {"PHP_INI_SCAN_DIR": "/own"})
    values = {variable.name: variable.value for variable in trust.variables}
    bundle = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bundle.load_verify_locations(values["SSL_CERT_FILE"])
    ours = Path(values["NODE_EXTRA_CA_CERTS"]).read_text()
    trusted = bundle.get_ca_certs(binary_form=True)
    assert set(trusted) == {*system_authorities(), ssl.PEM_cert_to_DER_cert(ours)}
    assert len(trusted) > 1
    assert values["PHP_INI_SCAN_DIR"] == f"/own:{tmp_path / 'php'}"
    again = write_trust(tmp_path, values)
    assert again == trust._replace(variables=again.variables)
    assert {v.name: v.value for v in again.variables} == values
