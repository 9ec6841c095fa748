"""What a page of another site can do to the emulator and the runtime stub: nothing.

Chromium's own protection is switched off: a page may read answers of other sites, and reach
programs of this machine without being asked. So what holds is what the programs hold themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml

from aliyun_fc_runtime_stub import FunctionCompute
from aliyun_sms_emulator import SmsEmulator
from tests.browser.chromium import chromium, what_is_missing
from tests.browser.sender import send, signed_query
from tests.threaded_server import ThreadedServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ANN = "13800138001"
SHOWN = "+86 138 0013 8001"
CODE = "482913"
EVIL = "evil.example"
# What Chromium asks before a page may reach addresses of this machine, by its names of the years.
FEATURES = (
    "BlockInsecurePrivateNetworkRequests",
    "LocalNetworkAccessChecks",
    "PrivateNetworkAccessRespectPreflightResults",
    "PrivateNetworkAccessSendPreflights",
)
UNPROTECTED = (
    "--disable-web-security",
    "--disable-site-isolation-trials",
    f"--disable-features={','.join(FEATURES)}",
    f"--host-resolver-rules=MAP {EVIL} 127.0.0.1",
)
Visit = Callable[[str], "Page"]
# What a page does to an address; each returns what it has read, or "" where that is nothing.
FETCH = """async ([url, options]) => {
    try { const answer = await fetch(url, options); return answer.status + await answer.text(); }
    catch (error) { return ""; }
}"""
IMAGE = """url => new Promise(resolve => {
    const image = new Image();
    image.referrerPolicy = "no-referrer";
    image.onload = image.onerror = () => resolve("");
    image.src = url;
})"""
FRAME = """url => new Promise(resolve => {
    const frame = document.createElement("iframe");
    frame.onload = () => resolve(frame.contentDocument?.body?.innerText ?? "");
    frame.src = url;
    document.body.append(frame);
})"""
WINDOW = """url => new Promise(resolve => {
    const opened = window.open(url);
    setTimeout(() => {
        let read = "";
        try { read = opened.document.body.innerText; opened.close(); } catch (error) {}
        resolve(read);
    }, 500);
})"""
# A document of the program's address, even a refusal, would be a place to ask more from.
BORROWED_FRAME = """([url, path, options]) => new Promise(resolve => {
    const frame = document.createElement("iframe");
    frame.onload = async () => {
        try {
            const answer = await frame.contentWindow.fetch(path, options);
            resolve(answer.status + await answer.text());
        } catch (error) { resolve(""); }
    };
    frame.src = url;
    document.body.append(frame);
})"""
BORROWED_WINDOW = """([url, path, options]) => new Promise(resolve => {
    const opened = window.open(url);
    setTimeout(async () => {
        try {
            const answer = await opened.fetch(path, options);
            resolve(answer.status + await answer.text());
        } catch (error) { resolve(""); }
    }, 500);
})"""
FORM = """url => new Promise(resolve => {
    const frame = document.createElement("iframe");
    frame.name = "answer";
    document.body.append(frame);
    frame.onload = () => resolve(frame.contentDocument?.body?.innerText ?? "");
    const form = document.createElement("form");
    Object.assign(form, {action: url, method: "POST", target: "answer"});
    document.body.append(form);
    form.submit();
})"""


class AnyPage(BaseHTTPRequestHandler):
    """The site of whoever attacks: an empty page at every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>a page</title>")

    def log_message(self, *_arguments: Any) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def unprotected() -> Iterator[Browser]:
    """Chromium without its protection."""
    if missing := what_is_missing():
        pytest.skip(missing)
    with chromium(*UNPROTECTED) as started:
        yield started


@pytest.fixture
def visit(unprotected: Browser) -> Iterator[Visit]:
    """Open the attacker's page: beside a program, or under the program's own port."""
    context = unprotected.new_context()
    context.set_default_timeout(30_000)
    with ThreadedServer(AnyPage) as site:

        def opened(program: str) -> Page:
            """Open it; `program` is the address of the one whose port the page has, or empty."""
            page = context.new_page()
            if not program:
                page.goto(f"http://{EVIL}:{site.port}/")
                return page
            # Its name was bound to the attacker's server when the page was loaded, and is bound
            # to 127.0.0.1 when the page asks for more.
            place = f"http://{EVIL}:{urlsplit(program).port}/bound"
            page.route(place, lambda route: route.fulfill(body="a page", content_type="text/html"))
            page.goto(place)
            return page

        yield opened
    context.close()


def attack(page: Page, means: str, argument: object) -> str:
    """Let a page do something; return what it has read. Windows that it opened are closed."""
    read = page.evaluate(means, argument)
    for other in page.context.pages:
        if other != page:  # an inbox keeps a connection, of which a browser has few
            other.close()
    return str(read)


def ways(program: str) -> list[tuple[str, str]]:
    """Return (where the page is, how it calls the program): all names that lead to this machine."""
    port = urlsplit(program).port
    names = ("127.0.0.1", "localhost", "0.0.0.0", EVIL)
    beside = [("", f"http://{name}:{port}") for name in names]
    return [*beside, (program, f"http://{EVIL}:{port}"), (program, f"http://127.0.0.1:{port}")]


def test_a_page_reads_no_code(visit: Visit, emulator: SmsEmulator) -> None:
    send(emulator, ANN)
    for place, program in ways(emulator.url):
        page = visit(place)
        for path in ("/api/messages", "/api/export.csv", "/api/requests", "/inbox"):
            read = attack(page, FETCH, [f"{program}{path}", {}])
            assert CODE not in read
            assert not any(secret in read for secret in (ANN, SHOWN))
            assert read[:3] in {"403", ""}
        for means in (FRAME, WINDOW):
            for path in ("/inbox", f"/inbox#inbox/{ANN}", "/api/messages"):
                read = attack(page, means, f"{program}{path}")
                assert CODE not in read
                assert not any(secret in read for secret in (ANN, SHOWN))
        for means in (BORROWED_FRAME, BORROWED_WINDOW):
            for path in ("/inbox", "/api/health", "/"):
                order = [f"{program}{path}", f"{program}/api/messages", {}]
                read = attack(page, means, order)
                assert CODE not in read
                assert read[:3] in {"403", ""}
    assert emulator.messages()[0].text.count(CODE) == 1


def test_a_page_reads_no_receipt_from_the_queues(visit: Visit, emulator: SmsEmulator) -> None:
    for place, program in ways(emulator.url):
        token = f"{program}/?{signed_query(emulator, TOKEN)}"
        read = attack(visit(place), FETCH, [token, {}])
        assert "AccessKeySecret" not in read
        assert read[:3] in {"403", ""}
        queue = f"{program}/queues/Alicom-Queue-1-SmsReport/messages"
        assert attack(visit(place), FETCH, [queue, {}])[:3] in {"403", ""}
    assert emulator.requests() == []


TOKEN = {
    "Action": "QueryTokenForMnsQueue",
    "Version": "2017-05-25",
    "MessageType": "SmsReport",
    "QueueName": "Alicom-Queue-1-SmsReport",
}
SEND = {
    "Action": "SendSms",
    "Version": "2017-05-25",
    "PhoneNumbers": ANN,
    "SignName": "阿里云短信测试",
    "TemplateCode": "SMS_100001",
    "TemplateParam": json.dumps({"code": CODE}),
}


def test_a_page_sends_nothing(visit: Visit, emulator: SmsEmulator) -> None:
    """It knows the key pair, which is documented: by image, script, form, frame or window."""
    for place, program in ways(emulator.url):
        page = visit(place)
        for means in (IMAGE, FRAME, WINDOW):
            attack(page, means, f"{program}/?{signed_query(emulator, SEND)}")
        attack(page, FORM, f"{program}/?{signed_query(emulator, SEND, 'POST')}")
        for options in ({}, {"mode": "no-cors"}, {"method": "POST"}):
            method = options.get("method", "GET")
            url = f"{program}/?{signed_query(emulator, SEND, method)}"
            assert attack(page, FETCH, [url, options])[:3] in {"403", ""}
    assert emulator.messages() == []
    assert emulator.requests() == []


def test_a_page_steers_nothing(visit: Visit, emulator: SmsEmulator) -> None:
    send(emulator, ANN)
    for place, program in ways(emulator.url):
        page = visit(place)
        attack(page, FETCH, [f"{program}/api/state", {"method": "DELETE"}])
        attack(page, FETCH, [f"{program}/api/settings", json_of("PUT", {"limits": True})])
    assert len(emulator.messages()) == 1
    assert emulator.settings()["limits"]["enabled"] is False


def json_of(method: str, body: object) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    return {"method": method, "headers": headers, "body": json.dumps(body)}


def test_a_link_opens_the_inbox(visit: Visit, emulator: SmsEmulator) -> None:
    """What a page may do is what a link does: show the inbox to its reader, in its place."""
    send(emulator, ANN)
    page = visit("")
    page.evaluate("url => document.body.innerHTML = `<a href='${url}'>x</a>`", f"{emulator.url}/")
    page.get_by_text("x").click()
    page.locator("#conversations").get_by_text(SHOWN).wait_for()
    assert urlsplit(page.url).path == "/inbox"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[FunctionCompute]:
    """A `fc-stub serve` to which nothing is deployed."""
    with FunctionCompute(state=tmp_path / "state", port=0) as cloud:
        yield cloud


def signed(key: tuple[str, str], method: str, path: str, body: bytes) -> dict[str, Any]:
    """Return what `fetch` takes for a call that is signed with ACS3-HMAC-SHA256."""
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "x-acs-content-sha256": digest,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(key[1].encode(), text.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={key[0]},SignedHeaders={names},Signature={signature}"
    )
    return {"method": method, "headers": headers, "body": body.decode()}


def test_a_page_creates_no_function(visit: Visit, served: FunctionCompute) -> None:
    """Not even one that has learnt the key pair; the same call by a program is looked at."""
    path = "/2023-03-30/functions"
    body = json.dumps({"functionName": "f", "runtime": "python3.10", "handler": "f.f"}).encode()
    for place, program in ways(served.api_url):
        page = visit(place)
        read = attack(page, FETCH, [program + path, signed(served.access_key, "POST", path, body)])
        assert "AccessDenied" in read or read == ""
        for other in ("/2016-08-15/tempBucketToken", "/stub/status"):
            read = attack(page, FETCH, [program + other, {}])
            assert "AccessDenied" in read or read == ""
        upload = {"method": "PUT", "headers": {"x-oss-security-token": "x"}, "body": "x"}
        read = attack(page, FETCH, [f"{program}/1/{'0' * 32}", upload])
        assert "AccessDenied" in read or read == ""
    assert served.functions == ()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[FunctionCompute]:
    """A `fc-stub start` with a function that takes signed calls, and one that takes all."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "index.py").write_text("def handler(event, context): return 'ran'")
    resources = {
        name: {
            "component": "fc3",
            "props": {
                "region": "cn-hangzhou",
                "functionName": name,
                "runtime": "python3",
                "handler": "index.handler",
                "code": "./code",
                "triggers": [
                    {
                        "triggerName": "http",
                        "triggerType": "http",
                        "triggerConfig": {"authType": name, "methods": ["GET", "POST"]},
                    }
                ],
            },
        }
        for name in ("function", "anonymous")
    }
    template = tmp_path / "s.yaml"
    template.write_text(
        yaml.safe_dump({"edition": "3.0.0", "name": "test", "resources": resources})
    )
    with FunctionCompute(template, port=0, variables={}) as cloud:
        yield cloud


def test_a_page_runs_no_function(visit: Visit, started: FunctionCompute) -> None:
    """Neither by a trigger, signed or not, nor by InvokeFunction."""
    for name in ("function", "anonymous"):
        for place, program in ways(started.url(name)):
            page = visit(place)
            for means in (IMAGE, FRAME, WINDOW, FORM):
                attack(page, means, f"{program}/")
            for means in (BORROWED_FRAME, BORROWED_WINDOW):
                attack(page, means, [f"{program}/", f"{program}/", {"method": "POST"}])
            for method in ("GET", "POST"):
                options = signed(started.access_key, method, "/", b"x" if method == "POST" else b"")
                options = {**options, "body": "x" if method == "POST" else None}
                read = attack(page, FETCH, [f"{program}/", options])
                assert "AccessDenied" in read or read == ""
    invoke = "/2023-03-30/functions/anonymous/invocations"
    for place, program in ways(started.api_url):
        page = visit(place)
        attack(page, FORM, program + invoke)
        attack(page, FETCH, [program + invoke, {"method": "POST", "mode": "no-cors"}])
    assert list(started.invocations()) == []


def test_a_page_of_this_machine_may_call_triggers(
    unprotected: Browser, started: FunctionCompute
) -> None:
    """A front end that is developed on another local port."""
    with ThreadedServer(AnyPage) as site:
        page = unprotected.new_page()
        page.goto(f"http://127.0.0.1:{site.port}/")
        read = attack(page, FETCH, [started.url("anonymous"), {"method": "POST", "body": "x"}])
        assert read == "200ran"
        page.close()
    assert len(started.invocations()) == 1
