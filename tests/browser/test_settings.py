"""Clock, limits, templates and signatures, by clicking."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_count, expect_focus, expect_text, expect_value
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN = "13800138001"


def test_the_clock_is_moved_stopped_and_set(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#settings")
    expect_text(page, "#clock-mode", "Real time")
    assert page.locator("#clock-chip").is_hidden()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect_text(page, "#clock-mode", "Virtual time, stopped")
    before = emulator.clock.now
    for name, seconds in (("+1 minute", 60), ("+1 hour", 3660), ("+1 day", 90060)):
        with page.expect_response(lambda response: response.request.method == "PUT"):
            page.get_by_role("button", name=name).click()
        assert (emulator.clock.now - before).total_seconds() == seconds
    page.get_by_label("New time (your time)").fill("2026-03-01T18:30:00")
    page.get_by_role("button", name="Set", exact=True).click()
    expect_text(page, "#clock-own", "Mar 1, 2026, 18:30:00")
    expect_text(page, "#clock-platform", "2026-03-02 01:30:00 UTC+8")
    assert emulator.clock.now == datetime(2026, 3, 2, 1, 30, tzinfo=CHINA)
    page.locator("#view-faults").click()
    expect_text(page, "#clock-chip", "Stopped Mar 1, 18:30")
    page.locator("#clock-chip").click()
    page.get_by_role("button", name="Let it run").click()
    expect_text(page, "#clock-mode", "Virtual time, running")
    page.get_by_role("button", name="Back to real time").click()
    expect_text(page, "#clock-mode", "Real time")
    assert emulator.call("GET", "/api/clock")["mode"] == "real"


def test_limits_are_changed(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#settings")
    assert page.get_by_label("Codes a minute").is_disabled()
    page.get_by_label("Limits count, as on the platform").check()
    expect_text(page, "#limits-saved", "Saved")
    page.locator("#limit-numbers:not(:disabled)").wait_for()
    send(emulator, ANN)
    assert send(emulator, ANN) == "isv.BUSINESS_LIMIT_CONTROL"
    page.get_by_label("Codes a minute").fill("2")
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.keyboard.press("Tab")
    assert send(emulator, ANN) == "OK"
    page.get_by_label("Seconds until the receipt").fill("7.5")
    with page.expect_response(lambda response: response.request.method == "PUT"):
        page.keyboard.press("Enter")
    assert emulator.settings()["delivery_delay_seconds"] == 7.5
    page.get_by_role("button", name="Reset all settings").click()
    page.get_by_role("button", name="Reset", exact=True).click()
    expect_value(page, "[name=delivery_delay_seconds]", "1")
    expect_value(page, "[name=verification_per_minute]", "1")


def fill(page: Page, dialog: str, **values: str) -> None:
    for name, value in values.items():
        field = page.locator(f"#{dialog} [name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def test_a_template_is_added_changed_and_removed(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    page = open_page("#settings")
    expect_count(page, "#templates > li", 9)
    page.get_by_role("button", name="Add template").click()
    expect_focus(page, "#template-editor [name=code]")
    fill(page, "template-editor", code="SMS_7", type="notification", content="【x】${name}")
    page.locator("#template-editor").get_by_role("button", name="Save").click()
    expect_text(page, "#template-editor .problem", "content: must not contain 【 or 】")
    fill(page, "template-editor", content="Hi ${name}")
    page.locator("#template-editor").get_by_role("button", name="Save").click()
    expect_text(page, "#templates li", "Hi ${name}")
    assert send(emulator, ANN, "SMS_7", {"name": "Ann"}) == "OK"
    page.get_by_role("button", name="Edit SMS_7").click()
    assert page.locator("#template-editor [name=code]").get_attribute("readonly") is not None
    fill(page, "template-editor", status="rejected")
    page.keyboard.press("Tab")
    page.locator("#template-editor").get_by_role("button", name="Save").click()
    expect_text(page, "#templates li:last-child .pill", "rejected")
    assert send(emulator, ANN, "SMS_7", {"name": "Ann"}) == "isv.SMS_TEMPLATE_ILLEGAL"
    page.get_by_role("button", name="Remove SMS_7").click()
    expect_count(page, "#templates > li", 9)
    expect_focus(page, "#templates .danger")


def test_a_signature_is_added_and_removed(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#settings")
    page.get_by_role("button", name="Add signature").click()
    fill(page, "signature-editor", name="某店/Shop")
    page.locator("#signature-editor").get_by_role("button", name="Save").click()
    expect_text(page, "#signatures li", "某店/Shop")
    assert send(emulator, ANN, sign_name="某店/Shop") == "OK"
    page.get_by_role("button", name="Remove 某店/Shop").click()
    expect_count(page, "#signatures > li", 3)


def test_a_template_that_was_added_can_be_sent_at_once(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    values = {"type": "notification", "content": "Hi ${who}, ${what}"}
    emulator.call("PUT", "/api/templates/SMS_7", values)
    page = open_page()
    page.get_by_role("button", name="Send a first message").click()
    page.locator("#compose-form [name=template_code]").select_option("SMS_7")
    page.locator("#composer").get_by_label("To number").fill(ANN)
    page.get_by_label("${who}").fill("Bo")
    page.get_by_label("${what}").fill("come")
    page.locator("#compose-form").get_by_role("button", name="Send").click()
    expect_text(page, "#messages .bubble", "【fc-sms】Hi Bo, come")
