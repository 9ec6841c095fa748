"""The requests view, by clicking."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_address, expect_count, expect_text, expect_value
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN, BOB = "13800138001", "13800138002"


def refused(emulator: SmsEmulator) -> None:
    """A call that was signed with a form encoder."""
    assert send(emulator, ANN, encode=quote_plus) == "SignatureDoesNotMatch"


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search requests").fill(text)


def test_every_call_is_listed(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#requests")
    page.get_by_role("heading", name="No request yet").wait_for()
    send(emulator, ANN)
    send(emulator, ANN, sign_name="nobody")
    refused(emulator)
    expect_count(page, "#calls > li", 3)
    newest, middle, oldest = page.locator("#calls summary").all()
    assert "Refused by gateway" in newest.inner_text()
    assert "isv.SMS_SIGNATURE_ILLEGAL" in middle.inner_text()
    assert "Accepted" in oldest.inner_text()
    assert " ms" in oldest.inner_text()
    oldest.click()
    record = emulator.requests()[0]
    expect_text(page, "#calls dd", record.request_id)
    details = page.locator("#calls [open] dl")
    assert "Signature\n***" in details.inner_text()
    page.get_by_role("button", name="Clear requests").click()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_role("heading", name="No request yet").wait_for()
    assert emulator.requests() == []


def test_rows_can_be_told_apart(open_page: OpenPage, emulator: SmsEmulator) -> None:
    send(emulator, ANN, out_id="order-1")
    send(emulator, f"{BOB},{ANN},13800138003", "SMS_100002")
    page = open_page("#requests")
    expect_count(page, "#calls > li", 2)
    assert page.locator("#calls .what").all_inner_texts() == [
        "SendSms +86 138 0013 8002 and 2 more · SMS_100002",
        "SendSms +86 138 0013 8001 · SMS_100001 · order-1",
    ]


def test_requests_are_searched(open_page: OpenPage, emulator: SmsEmulator) -> None:
    send(emulator, ANN, out_id="order-1")
    send(emulator, BOB, "SMS_100002")
    send(emulator, BOB, "SMS_100002", sign_name="nobody")
    page = open_page("#requests")
    expect_count(page, "#calls > li", 3)
    for text, count in (("+86 138 0013 8002", 2), ("order-1", 1), ("nobody", 1), ("7001", 2)):
        search(page, text)
        expect_count(page, "#calls > li", count)
    page.get_by_label("Verdict").select_option("rejected")
    expect_count(page, "#calls > li", 1)
    expect_address(page, "verdict=rejected")
    page.reload()
    expect_count(page, "#calls > li", 1)
    expect_value(page, "#request-search", "7001")
    search(page, "zzz")
    page.get_by_role("heading", name="No request matches").wait_for()
    page.get_by_role("button", name="Remove filters").click()
    expect_count(page, "#calls > li", 3)
    expect_text(page, "#calls-found", "3 requests")


def test_refused_signature_is_explained(open_page: OpenPage, emulator: SmsEmulator) -> None:
    refused(emulator)
    page = open_page("#requests")
    page.locator("#calls summary").click()
    finding = page.locator(".findings li")
    expect_text(page, ".findings li", "A space was encoded as +")
    assert "proven" in finding.inner_text()
    assert "urllib.parse.quote" in finding.inner_text()
    expected, client = page.locator(".texts pre").all()
    assert expected.locator("mark").inner_text() == "%2520"
    assert client.locator("mark").inner_text() == "%2B"
    assert expected.inner_text().startswith("POST&%2F&AccessKeyId%3Dtestid")
    assert "testsecret" not in page.locator("#requests").inner_html()
    send(emulator, ANN)  # a new call does not fold it up
    expect_count(page, "#calls > li", 2)
    assert finding.is_visible()


def test_a_refusal_of_the_sms_service_is_explained(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    send(emulator, "138", "SMS_100002")
    page = open_page("#requests")
    page.locator("#calls summary").click()
    expect_text(page, ".findings li", "A number is not one that this template may be sent to")
    assert "proven" not in page.locator(".findings li").inner_text()


@pytest.mark.parametrize(
    ("locale", "text"), [("en-US", "The documentation asks for"), ("zh-CN", "文档要求")]
)
def test_what_was_let_pass_is_noted(
    open_page: OpenPage, emulator: SmsEmulator, locale: str, text: str
) -> None:
    send(emulator, "0085251234567", "SMS_100003")
    page = open_page("#requests", locale=locale)
    page.locator("#calls summary").click()
    expect_text(page, ".notes li", text)
    assert "[object" not in page.locator("#requests").inner_text()


def test_explanation_in_chinese(open_page: OpenPage, emulator: SmsEmulator) -> None:
    refused(emulator)
    page = open_page("#requests", locale="zh-CN")
    page.locator("#calls summary").click()
    expect_text(page, ".findings li", "签名原文中空格被编码成了 +")


def test_calls_page_by_page(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for _ in range(51):
        send(emulator, ANN, "SMS_100002")
    page = open_page("#requests")
    expect_text(page, "#call-pager", "1–50 of 51")
    page.get_by_role("button", name="Older").click()
    expect_text(page, "#call-pager", "51–51 of 51")
    expect_count(page, "#calls > li", 1)
