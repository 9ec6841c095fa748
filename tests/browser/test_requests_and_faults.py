"""The requests tab and the faults tab, by clicking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_count, expect_text
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN = "13800138001"


def refused(emulator: SmsEmulator) -> None:
    """A call that was signed with a form encoder."""
    assert send(emulator, ANN, encode=quote_plus) == "SignatureDoesNotMatch"


def test_every_call_is_listed(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#requests")
    page.get_by_role("heading", name="No call yet").wait_for()
    send(emulator, ANN)
    send(emulator, ANN, sign_name="nobody")
    refused(emulator)
    expect_count(page, "#calls > li", 3)
    newest, middle, oldest = page.locator("#calls summary").all()
    assert "refused by gateway" in newest.inner_text()
    assert "isv.SMS_SIGNATURE_ILLEGAL" in middle.inner_text()
    assert "accepted" in oldest.inner_text()
    assert " ms" in oldest.inner_text()
    oldest.click()
    record = emulator.requests()[0]
    expect_text(page, "#calls dd", record.request_id)
    details = page.locator("#calls [open] dl")
    assert "Signature\n***" in details.inner_text()
    page.get_by_label("Verdict").select_option("rejected")
    expect_count(page, "#calls > li", 1)
    page.get_by_label("Verdict").select_option("faulted")
    page.get_by_role("heading", name="No call with this verdict").wait_for()
    page.get_by_role("button", name="Clear requests").click()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_label("Verdict").select_option("")
    page.get_by_role("heading", name="No call yet").wait_for()
    assert emulator.requests() == []


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


def add_fault(page: Page, kind: str, **fields: str) -> None:
    page.get_by_label("What happens").select_option(kind)
    for name, value in fields.items():
        field = page.locator(f"#fault-form [name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Add fault").click()


def test_answer_that_is_lost_after_acceptance(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#faults")
    page.get_by_role("heading", name="No faults").wait_for()
    add_fault(page, "reset", when="after", action="SendSms", phone_number="+86 13800138001")
    expect_text(page, "#rules li", "connection reset")
    expect_text(page, "#rules li", "fired 0 of 0")
    with pytest.raises(ConnectionResetError):
        send(emulator, ANN)
    assert len(emulator.messages()) == 1
    expect_text(page, "#rules li", "fired 1 of 1")
    page.locator("#view-requests").click()
    expect_text(page, "#calls summary .code", "reset after")
    page.locator("#calls summary").click()
    expect_text(page, "#calls dd", "reset after")


KINDS: list[tuple[str, dict[str, str], dict[str, object]]] = [
    ("stall", {"seconds": "0.5", "times": ""}, {"seconds": 0.5, "when": "after"}),
    ("http", {"status": "502", "when": "before", "times": "1"}, {"status": 502, "times": 1}),
    ("throttle", {"times": "3"}, {"times": 3}),
    ("error", {"code": "isv.AMOUNT_NOT_ENOUGH"}, {"code": "isv.AMOUNT_NOT_ENOUGH"}),
    ("truncate", {"action": "Send*"}, {"match": {"action": "Send*"}}),
    ("garbage", {"phone_number": ANN}, {"match": {"action": "Send*", "phone_number": ANN}}),
    ("drip", {"seconds": "1"}, {"seconds": 1}),
]


def test_every_kind_can_be_added(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#faults")
    for count, (kind, fields, rule) in enumerate(KINDS, 1):
        add_fault(page, kind, **fields)
        expect_count(page, "#rules > li", count)
        added = emulator.call("GET", "/api/faults")["rules"][-1]
        assert added["kind"] == kind
        assert rule.items() <= added.items()
        assert ("times" in added) == (count > 1)
    page.get_by_role("button", name="Remove rule").first.click()
    expect_count(page, "#rules > li", len(KINDS) - 1)


def test_removing_rules_by_keyboard(open_page: OpenPage, emulator: SmsEmulator) -> None:
    """The focus goes on to the next rule, at last to the form."""
    emulator.set_faults({"id": "a", "kind": "reset"}, {"id": "b", "kind": "reset"})
    page = open_page("#faults")
    page.get_by_role("button", name="Remove rule a").focus()
    for left, focused in ((1, "Remove rule b"), (0, None)):
        page.keyboard.press("Enter")
        expect_count(page, "#rules > li", left)
        label = "document.activeElement.getAttribute('aria-label')"
        page.wait_for_function(f"{label} === {json.dumps(focused)}")
        assert page.evaluate("document.activeElement !== document.body")


def test_rules_of_others_appear_by_themselves(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#faults")
    page.get_by_role("heading", name="No faults").wait_for()
    emulator.add_fault(kind="throttle")
    expect_text(page, "#rules li", "throttling")
    emulator.set_faults({"kind": "drip", "seconds": 1})
    expect_text(page, "#rules li", "slow answer")
    emulator.call("DELETE", "/api/faults/1")
    page.get_by_role("heading", name="No faults").wait_for()
    emulator.add_fault(kind="throttle")
    expect_count(page, "#rules > li", 1)
    emulator.clear_faults()
    expect_count(page, "#rules > li", 0)


def test_all_rules_as_json(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#faults")
    page.get_by_text("All rules as JSON").click()
    editor = page.get_by_role("textbox", name="All rules as JSON")
    editor.fill('{"rules": [{"kind": "nonsense"}]}')
    page.get_by_role("button", name="Replace all rules").click()
    expect_text(page, "#problem", "rules[0].kind")
    editor.fill("{")
    page.get_by_role("button", name="Replace all rules").click()
    expect_text(page, "#problem", "JSON")
    editor.fill(
        '{"rules": [{"schedule": ["none", "reset after"]}, {"visibility_delay_seconds": 5}]}'
    )
    page.get_by_role("button", name="Replace all rules").click()
    expect_count(page, "#rules > li", 2)
    assert page.locator("#problem").is_hidden()
    page.wait_for_function("document.getElementById('rules-json').value.includes('\"id\": \"2\"')")
    editor.fill("{half written")
    page.locator("#view-faults").focus()
    emulator.add_fault(kind="throttle")  # something changes meanwhile
    expect_count(page, "#rules > li", 3)
    assert editor.input_value() == "{half written"
    expect_text(page, "#rules li", 'schedule ["none","reset after"]')
    expect_text(page, "#rules li", "visibility_delay_seconds 5")
    page.get_by_role("button", name="Remove all").click()
    page.get_by_role("heading", name="No faults").wait_for()
    assert emulator.call("GET", "/api/faults")["rules"] == []
