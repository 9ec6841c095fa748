"""Who may see the page, in which language, and what it allows itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

import aliyun_sms_emulator.page
from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.config.config import Config
from aliyun_sms_emulator.config.reading import default_config, read_config
from aliyun_sms_emulator.faults.kinds import KINDS
from aliyun_sms_emulator.page.first_steps import send_command, short_command
from aliyun_sms_emulator.page.languages import LANGUAGES, page_texts
from aliyun_sms_emulator.serving.listening import Listening
from aliyun_sms_emulator.serving.server import EmulatorServer
from raw_connection import RawConnection
from server_threads import emulating
from signing_client import Client, Reply, raw

FOLDER = Path(aliyun_sms_emulator.page.__file__).parent
HTML = {"Accept": "text/html,application/xhtml+xml"}


def page(emulator: SmsEmulator, target: str = "/inbox", **headers: str) -> Reply:
    return raw(emulator, "GET", target, b"", {n.replace("_", "-"): v for n, v in headers.items()})


def test_browsers_are_taken_from_the_front_door_to_the_page(emulator: SmsEmulator) -> None:
    reply = raw(emulator, "GET", "/", b"", HTML)
    assert (reply.status, reply.headers["location"]) == (307, "/inbox")
    assert b"<title>SMS emulator</title>" in page(emulator).body


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/?Action=SendSms", HTML),
        ("GET", "/", {**HTML, "x-acs-action": "SendSms"}),
        ("GET", "/", {**HTML, "Authorization": "ACS3-HMAC-SHA256 x"}),
        ("POST", "/", HTML),
    ],
)
def test_everything_else_is_a_call_of_the_platform(
    emulator: SmsEmulator, method: str, target: str, headers: dict[str, str]
) -> None:
    reply = raw(emulator, method, target, b"", headers)
    assert reply.status >= 400
    assert "x-acs-request-id" in reply.headers


@pytest.mark.parametrize("target", ["/inbox", "/inbox/static/main.js", "/api/events"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8100"},
        {"Host": ""},
        {"Host": "203.0.113.7"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
    ],
)
def test_foreign_hosts_and_origins_are_refused(
    emulator: SmsEmulator, target: str, headers: dict[str, str]
) -> None:
    reply = raw(emulator, "GET", target, b"", headers)
    assert reply.status == 403
    assert f"http://{emulator.endpoint}" in reply.body.decode()


PLATFORM_HOSTS = (
    "dysmsapi.aliyuncs.com",
    "dysmsapi.ap-southeast-1.aliyuncs.com:8100",
    "1234567890123456.mns.cn-hangzhou.aliyuncs.com",
)
PROGRAMS_ONLY = ("/", "/?Action=SendSms", "/queues/Alicom-Queue-1-SmsReport/messages", "/nothing")
FOREIGN_MARKS = [
    {"Host": "evil.example"},
    {"Host": "dysmsapi.aliyuncs.com.evil.example"},
    {"Host": "evilaliyuncs.com"},
    {"Host": "0.0.0.0:8100"},
    {"Host": "evil.example@127.0.0.1"},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    },
]


@pytest.mark.parametrize("host", PLATFORM_HOSTS)
def test_signed_calls_may_carry_the_platforms_hosts(client: Client, host: str) -> None:
    """As they do through proxies and with names in /etc/hosts."""
    assert client.v3("QuerySmsSignList", {}, host=host).code == "OK"
    assert page(client.emulator, Host=host).status == 403  # type: ignore[arg-type]


@pytest.mark.parametrize("target", PROGRAMS_ONLY)
@pytest.mark.parametrize("headers", FOREIGN_MARKS)
def test_what_pages_send_to_the_platform_is_refused_before_anything_else(
    emulator: SmsEmulator, target: str, headers: dict[str, str]
) -> None:
    emulator.add_fault(kind="http", status=500)
    for method in ("GET", "POST"):
        reply = raw(emulator, method, target, b"", headers)
        code = reply.json["Code"] if "/queues/" not in target else "AccessDenied"
        assert (reply.status, code) in {(403, "Forbidden"), (403, "AccessDenied")}
        assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert reply.headers["cross-origin-opener-policy"] == "same-origin"
        assert b"page" in reply.body or b"which is not this emulator" in reply.body
    assert emulator.requests() == []
    assert emulator.faults()[0]["met"] == 0


def test_programs_may_leave_the_host_out(client: Client) -> None:
    for target, status in (("/inbox", b" 403 "), ("/api/health", b" 403 "), ("/", b" 400 ")):
        with RawConnection(client) as connection:
            connection.write(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            assert status in connection.ending().received.split(b"\r\n")[0]


def test_two_hosts_are_refused(emulator: SmsEmulator) -> None:
    with closing(HTTPConnection(emulator.endpoint)) as connection:
        connection.putrequest("GET", "/api/messages")
        connection.putheader("Host", "evil.example")
        connection.endheaders()
        assert connection.getresponse().status == 403


LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    ("target", "changes", "status"),
    [
        ("/inbox", {}, 200),
        ("/inbox?lang=zh", {"Sec-Fetch-Site": "same-site"}, 200),
        ("/", HTML, 307),
        ("/inbox", {"Sec-Fetch-Dest": "iframe"}, 403),
        ("/inbox", {"Sec-Fetch-Mode": "no-cors"}, 403),
        ("/inbox", {"Host": "evil.example"}, 403),
        ("/inbox", {"Origin": "http://evil.example"}, 403),
        ("/?Action=SendSms", HTML, 403),
        ("/api/messages", {}, 403),
        ("/api/export.json", {}, 403),
    ],
)
def test_a_link_opens_the_page_and_nothing_else(
    emulator: SmsEmulator, target: str, changes: dict[str, str], status: int
) -> None:
    assert raw(emulator, "GET", target, b"", {**LINK, **changes}).status == status


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_the_pages_own_requests_are_let_in(emulator: SmsEmulator, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    for target in ("/inbox", "/inbox/static/main.js", "/api/messages"):
        assert raw(emulator, "GET", target, b"", headers).status == 200
    headers["Origin"] = emulator.url
    assert raw(emulator, "DELETE", "/api/messages", b"", headers).status == 200


@contextmanager
def listening_on(host: str) -> Iterator[SmsEmulator]:
    with emulating(EmulatorServer(default_config(), None, Listening(host))) as server:
        emulator = SmsEmulator()
        emulator.url = server.url
        yield emulator


def test_who_listens_everywhere_is_reached_by_address_but_not_by_name() -> None:
    with listening_on("0.0.0.0") as emulator:
        for host, status in (
            ("192.168.1.5:8100", 200),
            ("[fe80::1]:81", 200),
            ("evil.example", 403),
            ("0.0.0.0", 403),
        ):
            assert page(emulator, Host=host).status == status
        own = {"Host": "192.168.1.5", "Origin": "http://192.168.1.5"}
        assert raw(emulator, "GET", "/api/health", b"", own).status == 200


@pytest.mark.parametrize("target", ["/inbox", "/inbox/static/main.js", "/api/health"])
def test_every_answer_has_strict_headers(emulator: SmsEmulator, target: str) -> None:
    headers = page(emulator, target).headers
    assert headers["content-security-policy"].startswith("default-src 'self'; ")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_nothing_is_inline_and_nothing_comes_from_outside(emulator: SmsEmulator) -> None:
    html = page(emulator).body.decode()
    scripts = re.findall(r"<script[^>]*>", html)
    assert scripts == [
        '<script type="application/json" id="page-data">',
        '<script type="module" src="/inbox/static/main.js">',
    ]
    assert not re.search(r"\son\w+=|\sstyle=|<style", html)
    sources = "".join(path.read_text("utf-8") for path in (FOLDER / "static").iterdir())
    outside = re.findall(r"https?://[^\s\"'`]+", sources + html)
    allowed = (f"http://{emulator.endpoint}/", "http://www.w3.org/2000/svg")
    assert [url for url in outside if not url.startswith(allowed)] == []
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", sources)


@pytest.mark.parametrize(
    ("target", "headers", "language"),
    [
        ("/inbox", {}, "en"),
        ("/inbox", {"Accept_Language": "zh-CN,zh;q=0.9,en;q=0.8"}, "zh"),
        ("/inbox", {"Accept_Language": "fr, en;q=0.5, zh;q=0.7"}, "zh"),
        ("/inbox", {"Accept_Language": "de;q=x,;,"}, "en"),
        ("/inbox", {"Accept_Language": "zh", "Cookie": "lang=en"}, "en"),
        ("/inbox", {"Cookie": "lang=xx"}, "en"),
        ("/inbox?lang=zh", {"Cookie": "lang=en"}, "zh"),
        ("/inbox?lang=%3Cscript%3E", {}, "en"),
    ],
)
def test_the_language_is_the_readers(
    emulator: SmsEmulator, target: str, headers: dict[str, str], language: str
) -> None:
    reply = page(emulator, target, **headers)
    assert f'<html lang="{language}">' in reply.body.decode()
    chosen = "lang=zh" in target
    assert ("set-cookie" in reply.headers) == chosen
    if chosen:
        assert "SameSite=strict" in reply.headers["set-cookie"]


def test_every_text_that_is_used_exists_and_every_one_that_exists_is_used() -> None:
    english, chinese = page_texts("en"), page_texts("zh")
    sources = "".join(path.read_text("utf-8") for path in (FOLDER / "static").glob("*.js"))
    template = "".join(path.read_text("utf-8") for path in (FOLDER / "templates").iterdir())
    counted = re.findall(r'\bcounted\("(\w+)"', sources)
    used = {f"{key}_1" for key in counted} | set(counted)
    used |= set(re.findall(r'\bt\("(\w+)"', sources)) | set(re.findall(r"\bt\.(\w+)", template))
    chosen = set(re.findall(r'"(\w+)"', sources + template))
    composed = tuple(re.findall(r'[`"](\w+_)(?:\$\{|")', sources + template))
    assert used <= english.keys()
    unused = english.keys() - used - chosen
    assert {key for key in unused if not key.startswith(composed)} == set()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key
        assert (
            re.search("[\u4e00-\u9fff，；]", chinese[key])
            or key in {"other_language_code", "other_language"}
            or "{" in text
        ), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_fault_has_a_name_and_a_sentence(
    emulator: SmsEmulator, language: str
) -> None:
    html = page(emulator, f"/inbox?lang={language}").body.decode()
    texts = page_texts(language)
    for kind in KINDS.keys() - {"none"}:
        assert f'<option value="{kind}"' in html
        assert texts[f"kind_{kind}"] in html
        assert f"effect_{kind}" in texts


def test_texts_of_a_configuration_are_escaped() -> None:
    template = {"code": "<b>1", "type": "notification", "content": "x", "name": "</script><b>"}
    config = {"templates": [template], "signatures": [{"name": "</pre><b>'END'"}]}
    with SmsEmulator(config) as emulator:
        html = page(emulator).body.decode()
    assert "<b>" not in html
    assert "&lt;b&gt;1" in html


def key_of(secret: str) -> Config:
    return read_config({"access_keys": [{"id": "testid", "secret": secret}]}, "test")


def test_the_short_command_is_for_what_the_emulator_starts_with() -> None:
    wanted = "sms-emulator send 13800138000 --param code=1234"
    config = default_config()
    assert short_command(config, "127.0.0.1:8100", "zh") == wanted
    assert short_command(config, "localhost:9", "zh") == f"{wanted} --url http://localhost:9"
    assert short_command(key_of("very-secret"), "127.0.0.1:8100", "zh") == ""


def test_the_first_message_is_in_the_readers_language() -> None:
    english = short_command(default_config(), "127.0.0.1:8100", "en")
    assert english == "sms-emulator send 13800138000 --template SMS_100006 --param code=1234"
    assert "SMS_100006" in send_command(default_config(), "x", "en")
    assert "SMS_100001" in send_command(default_config(), "x", "zh")


def test_own_secrets_are_not_on_the_page() -> None:
    assert "testsecret" in send_command(default_config(), "x", "en")
    command = send_command(key_of("very-secret"), "x", "en")
    assert "very-secret" not in command
    assert 'os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]' in command


@pytest.mark.parametrize(
    "config",
    [
        {"templates": [{"code": "A\"'\\n", "type": "international", "content": "${a} ${b}"}]},
        {"signatures": [{"name": "a'b\"\nEND\n"}]},
        {"signatures": [{"name": "old", "status": "cancelled"}]},
        {"templates": [{"code": "9", "type": "gift", "content": "${code}"}]},
    ],
)
def test_first_command_is_sound_python_whatever_is_configured(config: dict[str, object]) -> None:
    lines = send_command(read_config(config, "test"), "127.0.0.1:8100", "en").split("\n")
    assert (lines[1], lines[-1]) == ("python - <<'END'", "END")
    assert "END" not in lines[2:-1]
    compile("\n".join(lines[2:-1]), "command", "exec")


def test_everything_the_page_needs_is_package_data() -> None:
    package = FOLDER.parent
    project = package.parents[1].joinpath("pyproject.toml").read_text("utf-8")
    declared = re.search(r"^aliyun_sms_emulator = \[(.*)\]$", project, re.MULTILINE)
    assert declared is not None
    patterns = re.findall(r'"([^"]+)"', declared[1])
    found = {path for pattern in patterns for path in package.glob(pattern)}
    code = {".py", ".pyc"}
    assert {p for p in package.rglob("*") if p.is_file() and p.suffix not in code} <= found
