"""An inbox with 10,000 messages stays fluent; prints how long what takes."""

from __future__ import annotations

import time

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_count, expect_text
from tests.browser.sender import send


def test_ten_thousand_messages_stay_fluent(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for first in range(0, 10_000, 1000):
        numbers = (f"139{first + n:08d}" for n in range(1000))
        assert send(emulator, ",".join(numbers), "SMS_100002") == "OK"
    assert send(emulator, ",".join(["13900009999"] * 1000), "SMS_100002") == "OK"
    page = open_page("#settings")
    listed = page.evaluate(
        """() => new Promise((resolve) => {
            const started = performance.now();
            const list = document.getElementById("conversations");
            new MutationObserver(() => resolve(performance.now() - started))
                .observe(list, {childList: true});
            location.hash = "inbox";
        })"""
    )
    expect_text(page, "#conversation-pager", "1–50 of 10,000")
    box = page.get_by_role("searchbox")
    started = time.perf_counter()
    box.fill("1390000123")
    expect_count(page, "#conversations > li", 10)
    searched = time.perf_counter()
    box.fill("")
    expect_count(page, "#conversations > li", 50)
    page.get_by_role("button", name="Older").click()
    expect_text(page, "#conversation-pager", "51–100 of 10,000")
    page.get_by_role("button", name="Newer").click()
    page.get_by_role("link", name="+86 139 0000 9999").click()
    expect_count(page, "#messages .badge", 50)
    page.get_by_role("button", name="Show older messages").click()
    expect_count(page, "#messages .badge", 100)
    assert page.evaluate("document.querySelectorAll('*').length") < 5000
    sent = time.perf_counter()
    send(emulator, "13900000001", "SMS_100002")
    page.get_by_role("link", name="+86 139 0000 0001").wait_for()
    arrived = time.perf_counter()
    page.locator("#conversation-pager").get_by_role("button", name="Older").click()
    expect_text(page, "#conversation-pager", "51–100 of 10,000")
    expect_text(page, "#thread-number", "+86 139 0000 9999")
    for count in (200, 400, 800, 1000):
        page.get_by_role("button", name="Show older messages").click()
        expect_count(page, "#messages .badge", count)
    page.get_by_text("These are the newest 1,000").wait_for()
    assert page.locator("#older-messages").is_hidden()
    print(
        f"10,000 messages: listed in {listed:.0f} ms, searched in"
        f" {(searched - started) * 1000:.0f} ms, arrival in {(arrived - sent) * 1000:.0f} ms"
    )
