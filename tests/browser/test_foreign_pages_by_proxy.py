"""What a page of another site can do in a browser whose proxy is the emulator: nothing either.

Chromium has no protection of its own here, as in test_foreign_pages.py. The emulator speaks https.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.chromium import chromium, what_is_missing
from tests.browser.sender import send, signed_query
from tests.browser.test_foreign_pages import (
    ANN,
    CODE,
    EVIL,
    FETCH,
    FORM,
    FRAME,
    IMAGE,
    SEND,
    UNPROTECTED,
    WINDOW,
    AnyPage,
    attack,
)
from tests.threaded_server import ThreadedServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOST = "dysmsapi.aliyuncs.com"


@pytest.fixture(scope="module")
def proxy() -> Iterator[SmsEmulator]:
    with SmsEmulator({"settings": {"limits": False}}) as started:
        started.environment()  # from now on it speaks https
        yield started


@pytest.fixture(scope="module")
def page(proxy: SmsEmulator) -> Iterator[Page]:
    """The attacker's page."""
    if missing := what_is_missing():
        pytest.skip(missing)
    options = (
        f"--proxy-server={proxy.endpoint}",
        f"--proxy-bypass-list={EVIL};<-loopback>",
        "--ignore-certificate-errors",
    )
    with chromium(*UNPROTECTED, *options) as browser, ThreadedServer(AnyPage) as site:
        opened = browser.new_page()
        opened.set_default_timeout(30_000)
        opened.goto(f"http://{EVIL}:{site.port}/")
        yield opened


def ways(proxy: SmsEmulator) -> list[str]:
    """Return the addresses by which the browser reaches the emulator."""
    port = urlsplit(proxy.url).port
    own = [f"http://{name}:{port}" for name in ("127.0.0.1", "localhost")]
    return [f"http://{HOST}", f"https://{HOST}", f"http://{HOST}:{port}", *own]


def test_the_proxy_is_in_the_way(page: Page, proxy: SmsEmulator) -> None:
    """A page that is opened by its reader gets there, so the attacks below do."""
    for way in ways(proxy)[:3]:
        assert "Forbidden" in attack(page, FETCH, [f"{way}/?Action=SendSms", {}])
    assert "is not emulated" in attack(page, FETCH, ["http://example.com/", {}])


def test_a_page_sends_nothing(page: Page, proxy: SmsEmulator) -> None:
    proxy.reset()
    for way in ways(proxy):
        page.reload()  # a form's frame is found by its name
        for means in (IMAGE, FRAME, WINDOW):
            attack(page, means, f"{way}/?{signed_query(proxy, SEND)}")
        attack(page, FORM, f"{way}/?{signed_query(proxy, SEND, 'POST')}")
        for options in ({}, {"mode": "no-cors"}, {"method": "POST"}):
            query = signed_query(proxy, SEND, options.get("method", "GET"))
            assert attack(page, FETCH, [f"{way}/?{query}", options])[:3] in {"403", "0", ""}
    assert proxy.messages() == []
    assert proxy.requests() == []


def test_a_page_reads_and_steers_nothing(page: Page, proxy: SmsEmulator) -> None:
    proxy.reset()
    send(proxy, ANN)
    for way in ways(proxy):
        for path in ("/api/messages", "/api/export.csv", "/inbox"):
            assert CODE not in attack(page, FETCH, [f"{way}{path}", {}])
        attack(page, FETCH, [f"{way}/api/state", {"method": "DELETE"}])
        assert CODE not in attack(page, FRAME, f"{way}/api/messages")
    assert len(proxy.messages()) == 1
