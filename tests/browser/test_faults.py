"""The faults view, by clicking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_count, expect_focus, expect_text, expect_value
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN = "13800138001"


def add_fault(page: Page, kind: str, **fields: str) -> None:
    page.locator("#fault-form [name=kind]").select_option(kind)
    for name, value in fields.items():
        field = page.locator(f"#fault-form [name={name}]")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Add rule").click()


def test_answer_that_is_lost_after_acceptance(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#faults")
    page.get_by_role("heading", name="No faults").wait_for()
    add_fault(page, "reset", when="after", action="SendSms", phone_number="+86 13800138001")
    expect_text(
        page,
        "#rules li",
        "When SendSms is called, for +86 138 0013 8001, the connection is reset after processing,"
        " once.",
    )
    expect_text(page, "#rules li", "fired 0 of 0")
    with pytest.raises(ConnectionResetError):
        send(emulator, ANN)
    assert len(emulator.messages()) == 1
    expect_text(page, "#rules li", "fired 1 of 1")
    page.locator("#view-requests").click()
    expect_text(page, "#calls summary .code", "connection reset, after processing")
    page.locator("#calls summary").click()
    expect_text(page, "#calls dd", "connection reset, after processing")


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
        page.wait_for_function(
            "name => document.activeElement.getAttribute('aria-label') === name", arg=focused
        )
        assert page.evaluate("document.activeElement !== document.body")


def test_rules_of_others_appear_by_themselves(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page("#faults")
    page.get_by_role("heading", name="No faults").wait_for()
    emulator.add_fault(kind="throttle")
    expect_text(
        page, "#rules li", "When any operation is called, the call is throttled, each time."
    )
    emulator.set_faults({"kind": "drip", "seconds": 1})
    expect_text(page, "#rules li", "the answer takes 1 s to come")
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
    page.wait_for_function(
        """() => document.getElementById("rules-json").value.includes('"id": "2"')"""
    )
    editor.fill("{half written")
    page.locator("#view-faults").focus()
    emulator.add_fault(kind="throttle")  # something changes meanwhile
    expect_count(page, "#rules > li", 3)
    assert editor.input_value() == "{half written"
    expect_text(
        page, "#rules li", "in turn: nothing, then the connection is reset after processing"
    )
    expect_text(page, "#rules li", "queries find it 5 s later")
    page.get_by_role("button", name="Remove all").click()
    page.get_by_role("heading", name="No faults").wait_for()
    assert emulator.call("GET", "/api/faults")["rules"] == []


def test_a_rule_is_edited_in_the_form(open_page: OpenPage, emulator: SmsEmulator) -> None:
    emulator.set_faults(
        {"id": "a", "kind": "http", "status": 502, "when": "after", "match": {"action": "SendSms"}},
        {"id": "b", "kind": "reset"},
    )
    page = open_page("#faults")
    page.get_by_role("button", name="Edit rule a").click()
    page.get_by_role("heading", name="Change rule a").wait_for()
    expect_focus(page, "#fault-form [name=kind]")
    expect_value(page, "#fault-form [name=status]", "502")
    expect_value(page, "#fault-form [name=times]", "")
    page.locator("#fault-form [name=kind]").select_option("stall")
    page.locator("#fault-form [name=seconds]").fill("3")
    page.locator("#fault-form [name=phone_number]").fill("+86 138 0013 8001")
    sentence = (
        "When SendSms is called, for +86 138 0013 8001, there is no answer for 3 s after"
        " processing, each time."
    )
    expect_text(page, "#fault-sentence", sentence)
    page.get_by_role("button", name="Save").click()
    expect_text(page, "#rules li:first-child", sentence)
    assert [rule["id"] for rule in emulator.faults()] == ["a", "b"]
    assert emulator.faults()[0]["match"] == {"action": "SendSms", "phone_number": ANN}
    page.get_by_role("heading", name="New rule").wait_for()
    page.get_by_role("button", name="Edit rule b").click()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="New rule").wait_for()


def test_a_rule_that_the_form_cannot_say_is_edited_as_json(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    emulator.set_faults({"id": "a", "schedule": ["none", "reset"], "probability": 0.5})
    page = open_page("#faults")
    expect_text(page, "#rules li", "with 50 % probability")
    page.get_by_role("button", name="Edit rule a").click()
    editor = page.get_by_role("textbox", name="This rule as JSON")
    editor.fill('{"kind": "nonsense"}')
    page.locator("#rule-editor").get_by_role("button", name="Save").click()
    expect_text(page, "#rule-problem", "kind: must be one of")
    editor.fill('{"kind": "reset", "skip": 2}')
    page.locator("#rule-editor").get_by_role("button", name="Save").click()
    expect_text(
        page,
        "#rules li",
        "When any operation is called, the connection is reset before processing, after the"
        " first 2, each time.",
    )


# What each rule reads as in English and in Chinese.
SENTENCES: list[tuple[dict[str, object], str, str]] = [
    (
        {"kind": "error", "code": "isp.SYSTEM_ERROR", "times": 3, "match": {"action": "Query*"}},
        "When Query* is called, it is refused with isp.SYSTEM_ERROR before processing, 3 times.",
        "调用 Query* 时，处理之前返回 isp.SYSTEM_ERROR，共 3 次。",
    ),
    (
        {"kind": "garbage", "match": {"action": ["SendSms", "SendBatchSms"], "out_id": "7*"}},
        (
            "When SendSms or SendBatchSms is called, with out_id 7*, the answer is garbage before"
            " processing, each time."
        ),
        "调用 SendSms 或 SendBatchSms，out_id 为 7* 时，处理之前返回乱码响应，每次都如此。",
    ),
    (
        {"kind": "stall", "when": "after", "accept_delay_seconds": 3, "match": {"action": "*"}},
        (
            "When any operation is called, there is no answer after processing and the message is"
            " accepted 3 s later, each time."
        ),
        "调用任意操作时，处理之后没有响应；短信在 3 秒后才受理，每次都如此。",
    ),
    (
        {"kind": "reset", "times": 1, "match": {"out_id": list("abcdefg")}},
        (
            "When any operation is called, with out_id a or b or c or d or e or 2 others, the"
            " connection is reset before processing, once."
        ),
        (
            "调用任意操作，out_id 为 a 或 b 或 c 或 d 或 e 或 另外 2 个时，"
            "处理之前连接被重置，仅 1 次。"
        ),
    ),
    (
        {"visibility_delay_seconds": "never", "node": 1},
        "When any operation is called, queries never find it and node 1, each time.",
        "调用任意操作时，永远查不到；node 1，每次都如此。",
    ),
]


def test_rules_read_as_sentences(open_page: OpenPage, emulator: SmsEmulator) -> None:
    emulator.set_faults(*(rule for rule, _, _ in SENTENCES))
    for locale, place in (("en-US", 1), ("zh-CN", 2)):
        page = open_page("#faults", locale=locale)
        expect_count(page, "#rules > li", len(SENTENCES))
        assert page.locator("#rules p").all_inner_texts() == [row[place] for row in SENTENCES]
