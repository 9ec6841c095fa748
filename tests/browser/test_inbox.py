"""The inbox's list of conversations: search, filters, what is unread, first steps, export."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import (
    expect_address,
    expect_count,
    expect_focus,
    expect_text,
    expect_title,
    expect_value,
)
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN, BOB, KIM = "13800138001", "13800138002", "85251234567"
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture
def three(emulator: SmsEmulator) -> SmsEmulator:
    """A code and a notice to Ann, a notice to Bob that fails, a code abroad."""
    emulator.set_fate(BOB, "MOBILE_SEND_LIMIT")
    send(emulator, ANN, out_id="order-1")
    send(emulator, BOB, "SMS_100002")
    send(emulator, KIM, "SMS_100003", sign_name="fc-sms")
    send(emulator, ANN, "SMS_100002", out_id="order-2")
    return emulator


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search messages").fill(text)


def listed(page: Page) -> list[str]:
    return page.locator("#conversations b").all_inner_texts()


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
        commands.append(str(page.evaluate("navigator.clipboard.readText()")))
    assert "accepted" in run(commands[0])
    expect_text(page, ".bubble", "Your code is 1234, valid 5 minutes.")
    assert page.locator("#first").is_hidden()
    install, program = commands[1].split("\n", 1)
    assert install == "pip install alibabacloud_dysmsapi20170525"
    assert "'OK'" in run(program)
    expect_count(page, "#messages .badge", 2)


def test_a_first_message_is_sent_by_clicking(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page()
    page.get_by_role("button", name="Send a first message").click()
    expect_focus(page, "[name=phone_number]")
    page.keyboard.type("+86 138-0013 8001")
    expect_text(page, "#compose-text", "【fc-sms】Your code is 482913, valid 5 minutes.")
    page.get_by_label("out_id").fill("order-9")
    page.keyboard.press("Enter")
    expect_text(page, "#messages .bubble", "Your code is 482913")
    expect_text(page, "#thread-number", "+86 138 0013 8001")
    (message,) = emulator.messages()
    assert (message.out_id, message.template_code) == ("order-9", "SMS_100006")


def test_a_new_message_that_is_refused_says_why(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    page.get_by_role("button", name="New", exact=True).click()
    dialog = page.get_by_role("dialog", name="New message")
    expect_value(page, "#compose-form [name=phone_number]", "+86 138 0013 8001")  # the open one
    dialog.get_by_label("Template").select_option("SMS_100002")
    dialog.get_by_label("${name}").fill("Ann")
    expect_text(page, "#compose-text", "Ann，您的订单1001已发货。")
    dialog.get_by_label("To number").fill("+852 5123 4567")
    dialog.get_by_role("button", name="Send").click()
    expect_text(page, "#compose-problem", "Refused: isv.MOBILE_NUMBER_ILLEGAL")
    dialog.get_by_role("link", name="Show its request").click()
    expect_text(page, "#calls summary .what", "SendSms +852 5123 4567 · SMS_100002")
    assert dialog.is_hidden()
    assert len(three.messages()) == 4


def test_the_newest_conversation_is_open_at_the_start(
    open_page: OpenPage, three: SmsEmulator
) -> None:
    page = open_page()
    expect_text(page, "#thread-number", "+86 138 0013 8001")
    expect_count(page, "#messages .badge", 2)
    assert page.url.endswith(f"#inbox/{ANN}")
    current = page.locator("#conversations [aria-current]")
    assert current.locator("b").inner_text() == "+86 138 0013 8001"
    small = open_page(**PHONE)  # has room for one of the two columns
    expect_count(small, "#conversations > li", 3)
    assert small.locator("#thread").is_hidden()


FOUND = {
    "订单7001": ["+86 138 0013 8001", "+86 138 0013 8002"],
    "order-2": ["+86 138 0013 8001"],
    "SMS_100003": ["+852 5123 4567"],
    "+86 138 0013 8002": ["+86 138 0013 8002"],
    "0086138.0013.8002": ["+86 138 0013 8002"],
    "138-0013 8003": [],
    "8002": ["+86 138 0013 8002"],
}


def test_one_box_finds_text_number_id_and_template(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    assert page.get_by_role("searchbox").count() == 1
    for text, numbers in FOUND.items():
        search(page, text)
        expect_count(page, "#conversations > li", len(numbers))
        assert listed(page) == numbers, text
        search(page, "")
        expect_count(page, "#conversations > li", 3)


def test_the_box_finds_ids_of_the_platform(open_page: OpenPage, three: SmsEmulator) -> None:
    (message,) = three.messages(phone_number=BOB)
    page = open_page()
    for part in (message.biz_id, message.request_id[:13].lower()):
        search(page, part)
        expect_count(page, "#conversations > li", 1)
        assert listed(page) == ["+86 138 0013 8002"]
        search(page, "")
        expect_count(page, "#conversations > li", 3)


def test_a_search_without_hits_says_so(open_page: OpenPage, three: SmsEmulator) -> None:
    for options in ({}, PHONE):
        page = open_page(**options)
        expect_count(page, "#conversations > li", 3)
        search(page, "zzz")
        page.get_by_role("heading", name="Nothing matches").wait_for()
        assert page.locator("#found").inner_text() == "Nothing matches"
        assert page.locator("#thread").is_hidden()
        page.get_by_role("button", name="Remove filters").click()
        expect_count(page, "#conversations > li", 3)
        expect_focus(page, "#search")


def test_filters_stand_in_the_address(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    expect_count(page, "#conversations > li", 3)
    page.locator("#filters-summary").click()
    page.locator("#filters").get_by_label("Status").select_option("failed")
    expect_count(page, "#conversations > li", 1)
    expect_text(page, "#filters-summary", "Filters (1)")
    assert page.url.endswith(f"#inbox/{BOB}?status=failed")
    search(page, "订单")
    expect_address(page, "search=")
    page.reload()
    expect_count(page, "#conversations > li", 1)
    expect_value(page, "#search", "订单")
    page.locator("#filters-summary").click()
    page.locator("#reset-filters").click()
    expect_count(page, "#conversations > li", 3)
    page.locator("#template-filter").select_option("SMS_100003")
    expect_text(page, "#thread-number", "+852 5123 4567")
    page.locator("#reset-filters").click()
    page.get_by_label("From (your time)").fill("2040-01-01T00:00")
    page.get_by_role("heading", name="Nothing matches").wait_for()
    page.get_by_label("From (your time)").fill("2020-01-01T00:00")
    page.get_by_label("Until (your time)").fill("2040-01-01T00:00")
    expect_count(page, "#conversations > li", 3)
    page.locator("#view-requests").click()
    expect_count(page, "#calls > li", 4)
    page.locator("#view-inbox").click()  # what was searched for is still there
    expect_address(page, "until=2040")
    page.locator("#view-inbox").click()  # and its own link begins anew
    page.wait_for_function("() => !location.hash.includes('until')")


def test_only_what_matches_is_shown_until_all_is(open_page: OpenPage, three: SmsEmulator) -> None:
    three.reply(ANN, "thanks 482913")
    three.reply(ANN, "bye")
    page = open_page(f"#inbox/{ANN}")
    expect_count(page, "#messages .bubble", 4)
    search(page, "482913")
    expect_count(page, "#messages .bubble", 2)
    page.get_by_text("Only what matches is shown.").wait_for()
    page.get_by_role("button", name="Show all").click()
    expect_count(page, "#messages .bubble", 4)
    expect_value(page, "#search", "")
    expect_count(page, "#conversations > li", 3)
    assert page.locator("#conversations a[href*=search]").count() == 0
    small = open_page(f"#inbox/{ANN}?search=482913", **PHONE)
    small.get_by_role("link", name="All conversations").click()
    expect_count(small, "#conversations > li", 1)
    expect_value(small, "#search", "482913")


def test_the_first_match_is_open(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    search(page, "SMS_100003")
    expect_text(page, "#thread-number", "+852 5123 4567")
    small = open_page(f"#inbox/{ANN}?search=SMS_100003", **PHONE)
    expect_text(small, "#nothing-here", "Nothing matches")


def test_a_reply_moves_its_conversation_up(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    expect_text(page, "#conversations b", "+86 138 0013 8001")
    three.reply(KIM, "yes")
    first = page.locator("#conversations > li").first
    first.filter(has_text="Reply: yes").wait_for()
    assert first.locator("b").inner_text() == "+852 5123 4567"


def test_what_is_unread_is_marked_and_counted(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    expect_title(page, "(2) SMS emulator")  # the open conversation was seen
    expect_text(page, "#view-inbox", "2 unread")
    expect_count(page, "#conversations .unread", 2)
    page.get_by_role("link", name="+86 138 0013 8002").click()
    expect_title(page, "(1) SMS emulator")
    page.locator("#view-faults").click()
    send(three, BOB, "SMS_100002")
    send(three, BOB, "SMS_100002")
    expect_title(page, "(3) SMS emulator")
    page.locator("#view-inbox").click()
    expect_title(page, "(1) SMS emulator")
    page.get_by_role("button", name="Mark all read").click()
    expect_title(page, "SMS emulator")
    expect_count(page, "#conversations .unread", 0)
    page.locator("#read-all").wait_for(state="hidden")
    page.reload()
    expect_text(page, "#thread-number", "+86 138 0013 8002")
    assert page.title() == "SMS emulator"


def test_receipt_arrives_when_its_time_has_come(open_page: OpenPage, emulator: SmsEmulator) -> None:
    emulator.settings(delivery_delay_seconds=60)
    page = open_page()
    send(emulator, ANN)
    expect_text(page, "#conversations .pill", "Accepted")
    emulator.clock.advance(59)
    expect_text(page, "#conversations .tick", "Delivered")


def test_clear_asks_first(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page(f"#inbox/{ANN}")
    for answer, left in (("Cancel", 4), ("Clear", 0)):
        page.get_by_text("More").click()
        page.get_by_role("button", name="Clear inbox").click()
        page.get_by_role("button", name=answer, exact=True).click()
        page.locator("#question").wait_for(state="hidden")
        expect_text(page, "#inbox h2:visible", "+86" if left else "No message yet")
        assert len(three.messages()) == left


def test_export(open_page: OpenPage, three: SmsEmulator) -> None:
    page = open_page()
    search(page, BOB)
    expect_count(page, "#conversations > li", 1)
    page.get_by_text("More").click()
    with page.expect_download() as file:
        page.get_by_role("link", name="Export as CSV").click()
    (row,) = csv.DictReader(io.StringIO(file.value.path().read_text("utf-8-sig")))
    assert (row["phone_number"], row["receipt_code"]) == (BOB, "MOBILE_SEND_LIMIT")
    with page.expect_download() as file:
        page.get_by_role("link", name="Export as JSON").click()
    assert [m["phone_number"] for m in json.loads(file.value.path().read_text())] == [BOB]
    assert file.value.suggested_filename == "sms-messages.json"


GROUPED = {
    "18624017194": "+1 862 401 7194",
    "85251234567": "+852 5123 4567",
    "447911123456": "+44 791 112 3456",
    "4915112345678": "+49 151 1234 5678",
}


def test_numbers_are_grouped(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for number in GROUPED:
        assert send(emulator, number, "SMS_100003", sign_name="fc-sms") == "OK"
    page = open_page()
    expect_text(page, "#thread-number", "+49 151 1234 5678")
    assert listed(page) == list(reversed(GROUPED.values()))
