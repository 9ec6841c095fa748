"""The inbox, by clicking."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_count, expect_text
from tests.browser.sender import send, send_text
from tests.threaded_server import ThreadedServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN, BOB, KIM = "13800138001", "13800138002", "85251234567"


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.fixture
def three(emulator: SmsEmulator) -> SmsEmulator:
    """A code and a notice to Ann, a notice to Bob that fails, a code abroad."""
    emulator.set_fate(BOB, "MOBILE_SEND_LIMIT")
    send(emulator, ANN, out_id="order-1")
    send(emulator, BOB, "SMS_100002")
    send(emulator, KIM, "SMS_100003", sign_name="fc-sms")
    send(emulator, ANN, "SMS_100002", out_id="order-2")
    return emulator


def test_first_steps_lead_to_a_first_message(open_page: OpenPage, emulator: SmsEmulator) -> None:
    def run(command: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            ["bash", "-c", command], env={"PATH": path}, capture_output=True, text=True, check=False
        )
        return ran.stdout + ran.stderr

    page = open_page()
    commands = []
    for place in range(2):
        button = page.locator("#first [data-copy]").nth(place)
        button.click()
        button.filter(has_text="Copied").wait_for()
        commands.append(clipboard(page))
    assert "accepted" in run(commands[0])
    page.get_by_role("link", name="13800138000").click()
    assert page.locator("#first").is_hidden()
    install, program = commands[1].split("\n", 1)
    assert install == "pip install alibabacloud_dysmsapi20170525"
    assert "'OK'" in run(program)
    expect_count(page, "#messages > li", 2)


def test_message_as_on_the_phone(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    page.get_by_role("link", name=f"{ANN}, 2 messages, delivered").click()
    expect_count(page, "#messages > li", 2)
    first, second = page.locator("#messages > li").all()
    bubble = first.locator(".bubble")
    assert bubble.inner_text() == "【阿里云短信测试】您的验证码为482913，5分钟内有效。"
    first.get_by_role("button", name="Copy code 482913").click()
    assert clipboard(page) == "482913"
    assert "1 segment" in first.locator(".meta").inner_text()
    steps = first.locator(".life li").all_inner_texts()
    assert [step.split("\n")[0] for step in steps] == ["Accepted", "Sent", "Delivered"]
    assert steps[2].endswith("DELIVERED: reached the handset")
    first.get_by_text("Details").click()
    shown = first.locator("dl").inner_text()
    (message, _) = three.messages(phone_number=ANN)
    assert "order-1" in shown
    assert message.biz_id in shown
    assert message.request_id in shown
    assert second.get_by_role("button", name="Copy code").count() == 0  # an order is no code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("In 2026 your code is 482913", "482913"),
        ("482913 is your code. It is of no use in 2027.", "482913"),
        ("G-482913 is your code", "482913"),
        ("Your login: 482913", "482913"),
        ("验证码482913，5分钟内有效", "482913"),
        ("Your parcel 20260131 arrives", None),
        ("From 2026 on 1234 shops", None),
        ("Code 482-913", None),
    ],
)
def test_the_code_in_a_free_text(
    open_page: OpenPage, emulator: SmsEmulator, text: str, code: str | None
) -> None:
    assert send_text(emulator, KIM, text) == "OK"
    page = open_page()
    page.get_by_role("link", name=KIM).click()
    expect_count(page, "#messages > li", 1)
    buttons = page.get_by_role("button", name="Copy code").all()
    assert [button.get_attribute("aria-label") for button in buttons] == (
        [f"Copy code {code}"] if code else []
    )


def test_failure_has_its_code_and_meaning(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{BOB}")
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
    expect_text(page, ".life .bad", "last refused: HTTP status 500")
    emulator.clock.advance(60)
    expect_text(page, ".life .done", "Receipt pushed 2 times")


def test_new_messages_appear_by_themselves(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    expect_count(page, "#messages > li", 2)
    page.evaluate(
        """() => new MutationObserver(() => {
            const here = document.querySelectorAll("#messages > li").length;
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
    page.get_by_role("link", name=f"{ANN}, 12 messages").wait_for()
    talk = "(() => { const t = document.getElementById('talk');"
    page.wait_for_function(talk + "return t.scrollHeight - t.scrollTop - t.clientHeight < 5 })()")


def test_receipt_arrives_when_its_time_has_come(open_page: OpenPage, emulator: SmsEmulator) -> None:
    emulator.settings(delivery_delay_seconds=0.4)
    page = open_page()
    send(emulator, ANN)
    expect_text(page, "#conversations .pill", "sent")
    expect_text(page, "#conversations .pill", "delivered")


def test_search_and_filters(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    expect_count(page, "#conversations > li", 3)
    page.get_by_label("Search text").fill("订单7001")
    expect_count(page, "#conversations > li", 2)
    for number in ("138-0013 8003", "+86 138-0013 8002", "0086138.0013.8002", "8002"):
        page.get_by_role("searchbox", name="Number").fill(number)
        expect_count(page, "#conversations > li", int("2" in number))
    expect_text(page, "#conversations b", BOB)
    page.get_by_text("More filters").click()
    page.locator("#filters [name=status]").select_option("delivered")
    page.get_by_role("heading", name="No message matches").wait_for()
    page.locator("#no-match button").click()
    expect_count(page, "#conversations > li", 3)
    page.locator("[name=template_code]").select_option("SMS_100003")
    expect_text(page, "#conversations b", KIM)
    page.locator("#filters [type=reset]").click()
    page.get_by_label("From").fill("2040-01-01T00:00")
    expect_count(page, "#conversations > li", 0)
    page.get_by_label("From").fill("2020-01-01T00:00")
    page.locator("[name=until]").fill("2040-01-01T00:00")
    expect_count(page, "#conversations > li", 3)


def test_filters_hold_in_the_conversation(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    expect_count(page, "#messages > li", 2)
    page.get_by_label("Search text").fill("482913")
    expect_count(page, "#messages > li", 1)


def test_reply_as_the_phone(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    page.get_by_label("Reply as this phone").fill("TD <b>")
    page.get_by_role("button", name="Send").click()
    expect_text(page, ".up .bubble", "TD <b>")
    expect_text(page, ".life li", "Reply received")
    assert [reply.content for reply in three.replies()] == ["TD <b>"]
    assert page.get_by_label("Reply as this phone").input_value() == ""


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
        expect_text(page, ".life .bad", f"{code}: ")
    page.reload()
    page.locator("#messages > li").first.wait_for()
    assert page.locator("#fate").input_value() == "blacklist"


def test_state_of_a_phone_before_its_first_message(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    expect_count(page, "#messages > li", 2)
    number = page.get_by_role("searchbox", name="Number")
    number.fill("138-0013")
    expect_count(page, "#conversations > li", 2)
    assert page.locator("#open-number").is_hidden()
    number.fill("+86 138-0013 8009")
    page.get_by_role("link", name="Say what the phone 13800138009 does").click()
    page.get_by_text("No message to this number yet").wait_for()
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.locator("#fate").select_option(label="is unreachable")
    send(three, "13800138009", "SMS_100002")
    expect_text(page, ".life .bad", "MOBILE_NOT_ON_SERVICE: ")
    for notice in ("#open-number", "#no-message"):
        page.locator(notice).wait_for(state="hidden")


def test_clear_asks_first(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    page.get_by_role("button", name="Clear inbox").click()
    page.get_by_role("button", name="Cancel").click()
    assert len(three.messages()) == 4
    page.get_by_role("button", name="Clear inbox").click()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_role("heading", name="No message yet").wait_for()
    assert three.messages() == []


def test_export(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    page.get_by_role("searchbox", name="Number").fill(BOB)
    expect_count(page, "#conversations > li", 1)
    with page.expect_download() as file:
        page.get_by_role("link", name="CSV").click()
    (row,) = csv.DictReader(io.StringIO(file.value.path().read_text("utf-8-sig")))
    assert (row["phone_number"], row["receipt_code"]) == (BOB, "MOBILE_SEND_LIMIT")
    with page.expect_download() as file:
        page.get_by_role("link", name="JSON").click()
    assert [m["phone_number"] for m in json.loads(file.value.path().read_text())] == [BOB]
    assert file.value.suggested_filename == "sms-messages.json"


def test_texts_are_shown_as_they_are(open_page: OpenPage, emulator: SmsEmulator) -> None:
    attack = "<script>alert(1)</script>"
    values = {"name": attack, "order": "<img src=x onerror=alert(2)>"}
    assert send(emulator, ANN, "SMS_100002", values, out_id="</script><b>x") == "OK"
    emulator.reply(ANN, attack)
    page = open_page(f"#inbox/{ANN}")
    assert attack in page.locator(".bubble").first.inner_text()
    assert page.locator(".up .bubble").inner_text() == attack
    emulator.reply(ANN, "مرحبا 👩‍👩‍👧‍👦")
    expect_count(page, ".bubble", 3)
    directions = "all => all.map(one => getComputedStyle(one).direction)"
    assert page.locator(".bubble").evaluate_all(directions) == ["ltr", "ltr", "rtl"]
    page.locator(".ids summary").click()
    assert page.locator("#inbox script, #inbox img, #inbox dl b").count() == 0
    page.locator("#view-requests").click()
    page.locator("#calls summary").click()
    expect_text(page, "#calls dd", attack)
    assert page.locator("#requests script, #requests img").count() == 0


def test_ten_thousand_messages_stay_fluent(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for first in range(0, 10_000, 1000):
        numbers = (f"139{first + n:08d}" for n in range(1000))
        assert send(emulator, ",".join(numbers), "SMS_100002") == "OK"
    assert send(emulator, ",".join(["13900009999"] * 1000), "SMS_100002") == "OK"
    started = time.perf_counter()
    page = open_page()
    expect_text(page, "#conversation-pager", "1–50 of 10000")
    opened = time.perf_counter()
    page.get_by_role("searchbox", name="Number").fill("1390000123")
    expect_count(page, "#conversations > li", 10)
    searched = time.perf_counter()
    page.get_by_role("searchbox", name="Number").fill("")
    expect_count(page, "#conversations > li", 50)
    page.get_by_role("button", name="Older").click()
    expect_text(page, "#conversation-pager", "51–100 of 10000")
    page.get_by_role("button", name="Newer").click()
    page.get_by_role("link", name="13900009999, 1001 messages").click()
    expect_count(page, "#messages > li", 50)
    page.get_by_role("button", name="Show older messages").click()
    expect_count(page, "#messages > li", 100)
    assert page.evaluate("document.querySelectorAll('*').length") < 5000
    sent = time.perf_counter()
    send(emulator, "13900000001", "SMS_100002")
    page.get_by_role("link", name="13900000001, 2 messages").wait_for()
    arrived = time.perf_counter()
    page.locator("#conversation-pager").get_by_role("button", name="Older").click()
    expect_text(page, "#conversation-pager", "51–100 of 10000")
    expect_text(page, "#thread-number", "13900009999")
    for count in (200, 400, 800, 1000):
        page.get_by_role("button", name="Show older messages").click()
        expect_count(page, "#messages > li", count)
    page.get_by_text("These are the newest 1,000").wait_for()
    assert page.locator("#older-messages").is_hidden()
    print(
        f"10,000 messages: opened in {(opened - started) * 1000:.0f} ms, searched in"
        f" {(searched - opened) * 1000:.0f} ms, arrival in {(arrived - sent) * 1000:.0f} ms"
    )
