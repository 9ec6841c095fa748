"""Languages, colours, keyboard, small screens, lost connections: the page's manners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.conftest import OpenPage
from tests.browser.expect import expect_text
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ANN, BOB = "13800138001", "13800138002"
NAME = "+86 138 0013 8001"
VIEWS = ("#inbox", f"#inbox/{ANN}", "#requests", "#faults", "#settings")
CONNECTIONS = 6  # that a browser opens to one server at most


def test_languages(open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN")
    page.get_by_role("heading", name="还没有短信").wait_for()
    page.get_by_role("link", name="English").click()
    page.get_by_role("heading", name="No message yet").wait_for()
    page.goto(page.url.partition("?")[0])
    page.get_by_role("heading", name="No message yet").wait_for()  # the choice is remembered
    page.get_by_role("link", name="中文").click()
    page.get_by_role("heading", name="还没有短信").wait_for()


@pytest.mark.parametrize(("scheme", "colour"), [("light", "244, 246, 247"), ("dark", "15, 18, 21")])
def test_colour_schemes(open_page: OpenPage, scheme: str, colour: str) -> None:
    page = open_page(color_scheme=scheme)
    shown = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert shown == f"rgb({colour})"


def test_small_screens(open_page: OpenPage, emulator: SmsEmulator) -> None:
    page = open_page(viewport={"width": 360, "height": 640})
    for command in page.locator("#first .command").all():
        box = command.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360
    send(emulator, ANN, out_id="x" * 200)
    send(emulator, ANN, encode=str)
    emulator.add_fault(kind="stall", seconds=30, when="after", times=1)
    page.locator("#conversations a").wait_for()
    assert page.locator("#thread").is_hidden()
    page.get_by_role("link", name=NAME).click()
    page.locator("#messages .badge").wait_for()
    assert page.locator(".side").is_hidden()
    page.get_by_role("link", name="All conversations").click()
    page.locator(".side").wait_for()
    assert page.locator("#thread").is_hidden()
    for view in VIEWS:
        load(page, emulator, view)
        for fold in page.locator("summary:visible, .badge:visible").all():
            fold.click()
        page.wait_for_timeout(100)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, (view, widest(page))
    rule = page.locator("#rules p")
    load(page, emulator, "#faults")
    box = rule.bounding_box()
    assert box is not None
    assert box["width"] > 250


def test_the_heading_of_an_empty_inbox_is_whole(open_page: OpenPage, emulator: SmsEmulator) -> None:
    for size in ((390, 844), (390, 500), (1440, 500)):
        page = open_page(viewport={"width": size[0], "height": size[1]})
        heading = page.get_by_role("heading", name="No message yet").bounding_box()
        top = page.locator(".top").bounding_box()
        assert heading is not None
        assert top is not None
        assert heading["y"] >= top["y"] + top["height"], size


def test_nothing_covers_the_reply_box_at_400_percent(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    """A window of 1280 x 1024 at 400 % has room for 320 x 256."""
    for _ in range(5):
        send(emulator, ANN)
    page = open_page(f"#inbox/{ANN}", viewport={"width": 320, "height": 256})
    reply = page.get_by_label("Reply as this phone")
    reply.scroll_into_view_if_needed()
    assert reply.evaluate(
        """field => {
            const box = field.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            const inside = box.top >= 0 && box.bottom <= innerHeight;
            return inside && document.elementFromPoint(x, y) === field;
        }"""
    )
    reply.fill("yes")
    page.locator("#reply button").click()
    expect_text(page, ".up .bubble", "yes")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def load(page: Page, emulator: SmsEmulator, view: str) -> None:
    """Load the page anew, so that what is seen is the view asked for."""
    page.goto("about:blank")
    page.goto(f"{emulator.url}/inbox{view}")
    page.locator("main > section:visible").wait_for()


def widest(page: Page) -> list[str]:
    """What sticks out to the right."""
    found: list[str] = page.locator("body *:visible").evaluate_all(
        """all => all.filter(one => one.getBoundingClientRect().right > 361)
            .map(one => one.outerHTML.slice(0, 60))"""
    )
    return found


def test_everything_to_be_used_has_a_name(open_page: OpenPage, emulator: SmsEmulator) -> None:
    send(emulator, ANN)
    page = open_page()
    for view in VIEWS:
        load(page, emulator, view)
        assert nameless(page) == []
    assert (
        page.locator("[id]").evaluate_all(
            "all => all.map(one => one.id).filter((id, at, ids) => ids.indexOf(id) !== at)"
        )
        == []
    )


def nameless(page: Page) -> list[str]:
    """Controls in view that assistive technology could not announce."""
    found: list[str] = page.locator("a, button, input, select, textarea, summary").evaluate_all(
        """all => all.filter(one => !(one.closest("[hidden]") || one.getAttribute("aria-label")
            || one.getAttribute("aria-labelledby") || one.textContent.trim()
            && one.tagName !== "SELECT" || one.labels?.length)).map(one => one.outerHTML)"""
    )
    return found


def test_lost_connection_is_shown_and_mended(browser: Browser) -> None:
    """The emulator ends, and comes back on the same port with other messages."""
    with SmsEmulator() as first:
        send(first, ANN)
        page = browser.new_context(locale="en-US").new_page()
        page.goto(f"{first.url}/inbox#inbox/{ANN}")
        page.locator("#messages .badge").wait_for()
        port = int(first.url.rpartition(":")[2])
    expect_text(page, "#live", "Connection lost, trying again")
    reply = page.get_by_label("Reply as this phone")
    reply.fill("yes")
    reply.press("Enter")
    expect_text(page, "#problem", "The emulator does not answer; is it running?")
    assert reply.input_value() == "yes"
    with SmsEmulator(port=port) as second:
        send(second, BOB)
        page.get_by_role("link", name="+86 138 0013 8002").wait_for()
        expect_text(page, "#live", "Live")
        page.context.close()


def test_many_tabs(open_page: OpenPage, emulator: SmsEmulator) -> None:
    """Tabs that nobody sees leave the browser's few connections to the one that is seen."""
    context = open_page().context
    for _ in range(CONNECTIONS):
        hide(context.pages[-1], hidden=True)
        newest = context.new_page()
        newest.goto(f"{emulator.url}/inbox")
        newest.get_by_role("heading", name="No message yet").wait_for()
    send(emulator, ANN)
    newest.get_by_role("link", name=NAME).wait_for()
    first = context.pages[0]
    assert first.locator("#conversations a").count() == 0
    hide(newest, hidden=True)
    hide(first, hidden=False)
    first.get_by_role("link", name=NAME).wait_for()


def hide(page: Page, *, hidden: bool) -> None:
    """Tell a page that its tab was hidden or shown, which headless tabs never are."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_the_top_of_the_page_is_in_view_in_every_view(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    for view in ("#settings", "#faults", "#requests"):
        page = open_page(view)
        expect_text(page, f"{view}", "")
        assert page.locator(".top").evaluate("top => top.getBoundingClientRect().top") == 0


def test_address_that_leads_nowhere(open_page: OpenPage) -> None:
    page = open_page()
    for place in ("toString", "inbox/%", "inbox/1", "nowhere/x"):
        page.locator("#view-faults").click()
        page.locator("#faults").wait_for()
        page.evaluate("place => { location.hash = place; }", place)
        page.get_by_role("heading", name="No message yet").wait_for()
        assert page.locator("#problem").is_hidden()
