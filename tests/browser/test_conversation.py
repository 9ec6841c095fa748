"""One conversation: messages as on the phone, what became of each, replies, the phone's state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_count, expect_focus, expect_text
from tests.browser.sender import send, send_text
from tests.threaded_server import ThreadedServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN, BOB, KIM = "13800138001", "13800138002", "85251234567"


@pytest.fixture
def three(emulator: SmsEmulator) -> SmsEmulator:
    """A code and a notice to Ann, a notice to Bob that fails, a code abroad."""
    emulator.set_fate(BOB, "MOBILE_SEND_LIMIT")
    send(emulator, ANN, out_id="order-1")
    send(emulator, BOB, "SMS_100002")
    send(emulator, KIM, "SMS_100003", sign_name="fc-sms")
    send(emulator, ANN, "SMS_100002", out_id="order-2")
    return emulator


def open_badge(page: Page, place: int = 0) -> None:
    page.locator(".badge").nth(place).click()
    page.locator(".about").first.wait_for()


def test_message_as_on_the_phone(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    expect_count(page, "#messages .badge", 2)
    first, second = page.locator("#messages > li:not(.day)").all()
    bubble = first.locator(".bubble")
    assert bubble.inner_text() == "【阿里云短信测试】您的验证码为482913，5分钟内有效。"
    first.get_by_role("button", name="Copy code 482913").click()
    assert page.evaluate("navigator.clipboard.readText()") == "482913"
    assert first.locator(".badge").inner_text() == "Delivered"
    assert second.get_by_role("button", name="Copy code").count() == 0  # an order is no code


def test_what_became_of_a_message_is_behind_its_badge(
    open_page: OpenPage, three: SmsEmulator
) -> None:
    page = open_page()
    expect_count(page, "#messages .badge", 2)
    first = page.locator("#messages > li:not(.day)").first
    box = first.bounding_box()
    assert box is not None
    assert box["height"] < 90  # bubble and one line
    assert page.locator(".life").count() == 0
    open_badge(page)
    steps = first.locator(".life li").all_inner_texts()
    assert [step.split("\n")[0] for step in steps] == ["Accepted", "Delivered"]
    assert steps[1].endswith("DELIVERED: reached the handset")
    shown = first.locator("dl").inner_text()
    (message, _) = three.messages(phone_number=ANN)
    for text in ("order-1", message.biz_id, message.request_id, "SMS_100001", "482913"):
        assert text in shown
    assert first.locator(".badge").get_attribute("aria-expanded") == "true"
    send(three, ANN, "SMS_100002")  # what was opened stays open
    expect_count(page, "#messages .badge", 3)
    assert page.locator(".about").count() == 1
    first.locator(".badge").click()
    expect_count(page, ".about", 0)


def test_one_state_has_one_name(open_page: OpenPage, emulator: SmsEmulator) -> None:
    emulator.set_fate(ANN, "silent")
    emulator.set_fate(BOB, "IS_CLOSE")
    for number in (KIM, BOB, ANN):
        text = "SMS_100003" if number == KIM else "SMS_100002"
        send(emulator, number, text, sign_name="fc-sms")
    page = open_page()
    for number, name in (("1380013 8001", "Accepted"), ("8002", "Failed"), ("+852", "Delivered")):
        page.get_by_role("link").filter(has_text=number[-4:]).first.click()
        page.locator(f"#messages .badge:has-text('{name}')").wait_for()
        open_badge(page)
        assert page.locator(".life b").all_inner_texts()[0] == "Accepted"
        listed = page.locator("#conversations [aria-current] .marks").inner_text()
        assert name in listed
        offered = page.locator("#filters [name=status] option").all_text_contents()
        assert name in offered


CODES = {
    "In 2026 your code is 482913": "482913",
    "482913 is your code. It is of no use in 2027.": "482913",
    "G-482913 is your code": "482913",
    "Your login: 482913": "482913",
    "验证码482913，5分钟内有效": "482913",
    "Your parcel 20260131 arrives": None,
    "From 2026 on 1234 shops": None,
    "Code 482-913": None,
}


def test_the_code_in_a_free_text(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for text in CODES:
        assert send_text(emulator, KIM, text) == "OK"
    page = open_page()
    page.locator("#messages .badge").last.wait_for()
    for text, code in CODES.items():
        item = page.locator("#messages > li", has_text=text)
        buttons = item.get_by_role("button", name="Copy code").all()
        names = [button.get_attribute("aria-label") for button in buttons]
        assert names == ([f"Copy code {code}"] if code else []), text


def test_failure_has_its_code_and_meaning(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{BOB}")
    expect_text(page, ".badge", "Failed: MOBILE_SEND_LIMIT")
    open_badge(page)
    expect_text(page, ".life .bad", "MOBILE_SEND_LIMIT: a limit for this number was reached")


@pytest.fixture
def receiver() -> Iterator[str]:
    """The address of a receiver that refuses the first push and takes the others."""
    answers = [(500, b"")]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = answers.pop() if answers else (200, b'{"code": 0}')
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Keep quiet."""

    with ThreadedServer(Handler) as server:
        yield f"{server.url}/"


def test_pushes_of_the_receipt(open_page: OpenPage, emulator: SmsEmulator, receiver: str) -> None:
    emulator.settings(receipt_url=receiver)
    send(emulator, ANN)
    page = open_page(f"#inbox/{ANN}")
    expect_text(page, ".meta", "receipt not taken")
    open_badge(page)
    expect_text(page, ".life .bad", "last refused: HTTP status 500")
    emulator.clock.advance(60)
    expect_text(page, ".life .done", "Receipt pushed 2 times")
    expect_count(page, ".meta .bad", 0)


def test_times_are_the_readers_with_the_platforms_beside(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    emulator.clock.set(datetime(2026, 3, 2, 1, 30, tzinfo=CHINA))
    send(emulator, ANN)
    page = open_page()
    expect_text(page, "#messages .meta time", "18:30:00")
    assert page.locator("#messages .meta small").inner_text() == "03-02 01:30:00 UTC+8"
    assert page.locator("#messages .day").inner_text() == "Sunday, March 1, 2026"
    assert page.locator("#conversations time").inner_text() == "18:30"
    page.locator("#view-requests").click()
    time_of_call = page.locator("#calls summary time").inner_text()
    assert time_of_call.split("\n") == ["Mar 1, 18:30:00", "03-02 01:30:00 UTC+8"]
    page.locator("#calls summary").click()
    expect_text(page, "#calls dd", "Mar 1, 2026, 18:30:00 · 2026-03-02 01:30:00 UTC+8")
    there = open_page(timezone_id="Asia/Shanghai")
    expect_text(there, "#messages .meta time", "01:30:00")
    assert there.locator("#messages .meta small").count() == 0


def test_new_messages_appear_by_themselves(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    expect_count(page, "#messages .badge", 2)
    page.evaluate(
        """() => new MutationObserver(() => {
            const here = document.querySelectorAll("#messages .badge").length;
            window.arrivals ??= {};
            window.arrivals[here] ??= performance.timeOrigin + performance.now();
        }).observe(document.getElementById("messages"), {childList: true})"""
    )
    delays = []
    for count in range(3, 13):
        sent = time.time()
        send(three, ANN, "SMS_100002")
        page.wait_for_function("count => window.arrivals?.[count]", arg=count)
        delays.append(page.evaluate("count => window.arrivals[count]", count) - sent * 1000)
    delays.sort()
    print(f"from call to bubble: median {delays[5]:.0f} ms, slowest {delays[-1]:.0f} ms")
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    page.wait_for_function(
        """() => {
            const talk = document.getElementById("talk");
            return talk.scrollHeight - talk.scrollTop - talk.clientHeight < 5;
        }"""
    )


def test_reply_as_the_phone(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    page.get_by_label("Reply as this phone").fill("TD <b>")
    page.locator("#reply").get_by_role("button", name="Send").click()
    expect_text(page, ".up .bubble", "TD <b>")
    expect_text(page, ".up .meta", "Reply to 1000")
    assert [reply.content for reply in three.replies()] == ["TD <b>"]
    assert page.get_by_label("Reply as this phone").input_value() == ""
    expect_focus(page, "#reply input")
    open_badge(page, 1)  # a reply is shown once: as a reply
    assert page.locator("#messages").inner_text().count("TD <b>") == 1
    send(three, ANN, "SMS_100002")
    expect_count(page, "#messages .badge", 3)
    replies = "all => all.map(one => one.classList.contains('up'))"
    assert page.locator("#messages > li:not(.day)").evaluate_all(replies) == [
        False,
        False,
        True,
        False,
    ]


def test_state_of_the_phone(open_page: OpenPage, emulator: SmsEmulator) -> None:
    send(emulator, ANN, "SMS_100002")
    page = open_page(f"#inbox/{ANN}")
    for fate, code in (
        ("is unreachable", "MOBILE_NOT_ON_SERVICE"),
        ("is switched off", "MK:0023"),
        ("is on the blacklist", "MOBILE_IN_BLACK"),
    ):
        with page.expect_response(lambda response: response.request.method == "PUT"):
            page.locator("#fate").select_option(label=fate)
        send(emulator, ANN, "SMS_100002")
        expect_text(page, ".badge", f"Failed: {code}")
    page.reload()
    page.locator("#messages .badge").first.wait_for()
    assert page.locator("#fate").input_value() == "blacklist"


def test_state_of_a_phone_before_its_first_message(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    expect_count(page, "#conversations > li", 3)
    box = page.get_by_role("searchbox")
    box.fill("138-0013 7")
    page.get_by_role("heading", name="Nothing matches").wait_for()
    assert page.locator("#open-number").is_hidden()
    box.fill("+86 138-0013 8009")
    page.get_by_role("link", name="Say what the phone +86 138 0013 8009 does").click()
    page.get_by_text("No message to this number yet").wait_for()
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.locator("#fate").select_option(label="is unreachable")
    send(three, "13800138009", "SMS_100002")
    expect_text(page, ".badge", "Failed: MOBILE_NOT_ON_SERVICE")
    page.locator("#no-message").wait_for(state="hidden")


def test_one_message_is_deleted(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    expect_count(page, "#messages .badge", 2)
    for left in (1, 0):
        open_badge(page)
        page.get_by_role("button", name="Delete message").click()
        expect_count(page, "#messages .badge", left)
        expect_focus(page, ".badge" if left else "#reply input")
    assert [message.phone_number for message in three.messages()] == [BOB, KIM]


def test_messages_lead_to_their_request_and_back(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{BOB}")
    open_badge(page)
    page.get_by_role("link", name="Show its request").click()
    expect_count(page, "#calls > li", 1)
    (message,) = three.messages(phone_number=BOB)
    expect_text(page, "#calls [open] dd", message.request_id)
    page.get_by_role("link", name="Show its messages").click()
    expect_text(page, "#thread-number", "+86 138 0013 8002")
    expect_count(page, "#conversations > li", 1)
    page.go_back()
    expect_count(page, "#calls > li", 1)


def test_texts_are_shown_as_they_are(open_page: OpenPage, emulator: SmsEmulator) -> None:
    attack = "<script>alert(1)</script>"
    values = {"name": attack, "order": "<img src=x onerror=alert(2)>"}
    assert send(emulator, ANN, "SMS_100002", values, out_id="</script><b>x") == "OK"
    emulator.reply(ANN, attack)
    page = open_page(f"#inbox/{ANN}")
    expect_text(page, ".bubble", attack)
    expect_text(page, "#conversations span", f"Reply: {attack}")
    assert page.locator(".up .bubble").inner_text() == attack
    emulator.reply(ANN, "مرحبا 👩‍👩‍👧‍👦")
    expect_count(page, ".bubble", 3 + page.locator("#compose-text").count())
    directions = "all => all.map(one => getComputedStyle(one).direction)"
    assert page.locator("#messages .bubble").evaluate_all(directions) == ["ltr", "ltr", "rtl"]
    open_badge(page)
    assert page.locator("#inbox script, #inbox img, #inbox dl b").count() == 0
    page.locator("#view-requests").click()
    page.locator("#calls summary").click()
    expect_text(page, "#calls dd", attack)
    assert page.locator("#requests script, #requests img").count() == 0
