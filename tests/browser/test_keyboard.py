"""The page without a mouse: where Tab stops, what arrows, Enter, Escape and / do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_count, expect_focus, expect_text, expect_value
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

ANN, BOB, EVE = "13800138001", "13800138002", "13800138003"
FOCUS = "document.activeElement"
IS_ALL_READ = """async () => (
    await (await fetch("/api/conversations?limit=0")).json()).unread === 0"""


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused_text(page: Page) -> str:
    return str(page.evaluate(f"{FOCUS}.textContent"))


def test_few_tabs_from_the_conversations_to_the_reply(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    for number in (*(f"1390013{place:04d}" for place in range(60)), *[ANN] * 50):
        send(emulator, number)
    page = open_page()
    expect_count(page, "#messages .badge", 50)
    page.locator("#conversations a").first.focus()
    stops = []
    while not page.evaluate(f"{FOCUS}.name === 'content'"):
        press(page, "Tab")
        stops.append(page.evaluate(f"{FOCUS}.id || {FOCUS}.textContent"))
        assert len(stops) < 10, stops
    print(f"{len(stops)} tabs: {stops}")


def test_skip_link_and_visible_focus(open_page: OpenPage, emulator: SmsEmulator) -> None:
    send(emulator, ANN)
    page = open_page()
    page.wait_for_function(IS_ALL_READ)  # else the button for that is a stop, too
    page.reload()
    expect_count(page, "#messages .badge", 1)
    press(page, "Tab")
    assert page.evaluate(f"{FOCUS}.className") == "skip"
    assert page.evaluate(f"{FOCUS}.getBoundingClientRect().left") >= 0
    press(page, "Enter")
    expect_focus(page, "#main")
    names = []
    for _ in range(9):
        press(page, "Tab")
        names.append(page.evaluate(f"{FOCUS}.id || {FOCUS}.textContent.trim()"))
        assert page.evaluate(f"getComputedStyle({FOCUS}).outlineStyle") == "solid", names
    assert names[:4] == ["search", "New", "filters-summary", "More"]
    assert names[5:] == ["fate", "Delivered", "Copy", names[8]]


def test_arrows_enter_and_escape_in_the_inbox(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for number in (EVE, BOB, ANN, ANN):
        send(emulator, number)
    page = open_page()
    expect_count(page, "#conversations > li", 3)
    page.get_by_role("searchbox").focus()
    press(page, "ArrowDown")
    assert "8001" in focused_text(page)
    press(page, "ArrowDown", "ArrowDown", "ArrowDown")
    assert "8003" in focused_text(page)  # the last one
    press(page, "Home", "ArrowDown", "Enter")
    expect_focus(page, "#reply input")
    expect_text(page, "#thread-number", "+86 138 0013 8002")
    page.keyboard.type("yes / no")  # a / is text where one types
    press(page, "Enter")
    expect_text(page, ".up .bubble", "yes / no")
    expect_focus(page, "#reply input")
    press(page, "Escape")
    expect_focus(page, "#conversations a")
    assert "8002" in focused_text(page)
    send(emulator, BOB, "SMS_100002")  # the conversation changes, the focus stays on it
    expect_count(page, "#messages .badge", 2)
    expect_focus(page, "#conversations a")
    press(page, "Enter")
    expect_focus(page, "#reply input")
    press(page, "Shift+Tab")
    expect_focus(page, ".badge")
    press(page, "Enter")
    expect_count(page, ".about", 1)
    press(page, "Escape")
    expect_count(page, ".about", 0)
    expect_focus(page, ".badge")
    before = page.evaluate(f"{FOCUS}.closest('li').dataset.key")
    press(page, "ArrowUp")
    assert page.evaluate(f"{FOCUS}.closest('li').dataset.key") != before


def test_a_reply_that_is_taken_late_leaves_the_focus_and_what_is_typed(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    send(emulator, ANN)
    page = open_page(f"#inbox/{ANN}")
    replies: list[Route] = []
    page.route("**/api/replies", lambda route: replies.append(route))
    page.locator("#reply input").focus()
    with page.expect_request("**/api/replies"):
        page.keyboard.type("yes")
        press(page, "Enter")
    page.keyboard.type(" please")
    press(page, "Escape")
    expect_focus(page, "#conversations a")
    with page.expect_response("**/api/replies"):
        replies[0].continue_()
    expect_text(page, ".up .bubble", "yes")
    expect_focus(page, "#conversations a")
    expect_value(page, "#reply input", "yes please")


def test_a_conversation_that_moves_up_keeps_the_focus(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    for number in (BOB, ANN):
        send(emulator, number)
    page = open_page()
    expect_count(page, "#conversations > li", 2)
    page.locator("#conversations a").last.focus()
    send(emulator, BOB)
    expect_text(page, "#conversations > li:first-child", "8002")
    expect_focus(page, "#conversations > li:first-child a")


def test_escape_leads_to_the_list_also_before_it_is_shown_again(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    send(emulator, ANN)
    page = open_page()
    expect_count(page, "#conversations > li", 1)
    page.get_by_role("searchbox").fill("nobody")
    expect_count(page, "#conversations > li", 0)
    press(page, "Escape", "Escape")
    expect_focus(page, "#conversations a")


def test_on_a_phone_the_focus_goes_with_the_view(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    for number in (BOB, ANN):
        send(emulator, number)
    page = open_page(viewport={"width": 390, "height": 844})
    page.locator("#conversations a").last.click()
    expect_focus(page, "#thread-number")
    press(page, "Escape")
    expect_focus(page, "#conversations a")
    assert "8002" in focused_text(page)
    press(page, "ArrowUp", "Enter")
    expect_focus(page, "#reply input")


def test_slash_leads_to_the_search_box(open_page: OpenPage, emulator: SmsEmulator) -> None:
    send(emulator, ANN)
    page = open_page()
    expect_count(page, "#messages .badge", 1)
    press(page, "/")
    expect_focus(page, "#search")
    page.keyboard.type("zz/")
    expect_value(page, "#search", "zz/")
    press(page, "Escape")
    expect_value(page, "#search", "")
    press(page, "Escape")
    expect_focus(page, "#conversations a")
    page.locator("#view-requests").click()
    expect_count(page, "#calls > li", 1)
    press(page, "/")
    expect_focus(page, "#request-search")
    page.locator("#view-settings").click()
    page.locator("#settings").wait_for()
    press(page, "/")  # there is nothing to search here: to the inbox
    expect_focus(page, "#search")


def test_slash_can_be_switched_off(open_page: OpenPage, emulator: SmsEmulator) -> None:
    send(emulator, ANN)
    page = open_page("#settings")
    page.get_by_label("/ leads to the search box").uncheck()
    page.locator("#view-inbox").click()
    expect_count(page, "#messages .badge", 1)
    page.locator("#conversations a").focus()
    press(page, "/")
    expect_focus(page, "#conversations a")
    page.reload()
    page.locator("#conversations a").focus()
    press(page, "/", "ArrowDown")
    expect_focus(page, "#conversations a")
    page.locator("#view-settings").click()
    page.get_by_label("/ leads to the search box").check()
    page.locator("#view-requests").click()
    expect_count(page, "#calls > li", 1)
    press(page, "/")
    expect_focus(page, "#request-search")


def test_arrows_and_escape_in_the_requests(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for number in (EVE, BOB, ANN):
        send(emulator, number)
    page = open_page("#requests")
    expect_count(page, "#calls > li", 3)
    page.get_by_role("searchbox").focus()
    press(page, "Enter", "ArrowDown", "Enter")
    expect_text(page, "#calls [open] .what", "+86 138 0013 8002")
    press(page, "Tab", "Escape")  # from the link inside
    expect_focus(page, "summary")
    expect_count(page, "#calls [open]", 0)
    press(page, "Escape")
    expect_focus(page, "#request-search")
