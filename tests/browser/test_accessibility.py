"""axe finds no violation on any view, at any size, in both languages and both colour schemes.

Beside axe's own rules those count that are experimental, such as label-content-name-mismatch
(WCAG 2.5.3), and its best practices.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
from axe_playwright_python.sync_playwright import Axe

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from tests.browser.conftest import OpenPage
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANN, BOB = "13800138001", "13800138002"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental")
OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    "resultTypes": ["violations", "incomplete"],
}
# What axe cannot decide, and why it is right.
UNDECIDED = {
    "hidden-content": "each view hides the others, which have their own turn",
    "color-contrast": "text at the edge of what scrolls or under a dialog; a test computes the"
    " contrast of each pair of colours (test_page_contrast.py of the emulator)",
}
SIZES = {"phone": (390, 844), "tablet": (768, 1024), "desktop": (1440, 900), "zoomed": (320, 256)}


@pytest.fixture
def lively(emulator: SmsEmulator) -> SmsEmulator:
    """Something of everything that can be shown."""
    emulator.clock.set(datetime(2026, 3, 2, 9, 41, tzinfo=CHINA))
    emulator.set_fate(BOB, "MK:0023")
    send(emulator, BOB, "SMS_100002")
    send(emulator, ANN, out_id="order-1")
    emulator.reply(ANN, "yes")
    send(emulator, ANN, encode=quote_plus)
    emulator.set_faults({"kind": "reset", "match": {"phone_number": ANN}}, {"schedule": ["none"]})
    return emulator


def show(page: Page, emulator: SmsEmulator, place: str) -> None:
    page.goto("about:blank")
    page.goto(f"{emulator.url}/inbox{place}")
    page.locator("main > section:visible").wait_for()


def views(page: Page, emulator: SmsEmulator) -> Iterator[str]:
    """Show each view with all that unfolds in it."""
    show(page, emulator, "#inbox")
    page.locator("#conversations a, #messages .badge").first.wait_for()
    yield "inbox"
    show(page, emulator, f"#inbox/{ANN}?search=order-1")
    page.locator(".badge").first.click()
    page.locator(".about").wait_for()
    yield "conversation"
    show(page, emulator, "#inbox?search=zzz")
    page.locator("#no-match").wait_for()
    for fold in page.locator("#filters-summary, #more summary").all():
        fold.click()
    yield "no match, with filters and menu"
    page.locator("[data-compose]:visible").first.click()
    page.locator("#composer").wait_for()
    yield "new message"
    show(page, emulator, "#requests")
    page.locator("#calls summary").first.click()
    page.locator(".texts").wait_for()
    yield "requests"
    show(page, emulator, "#faults")
    page.locator("#rules > li").first.wait_for()
    page.locator("#rules-editor summary").click()
    yield "faults"
    page.locator("#rules button").nth(2).click()
    page.locator("#rule-editor").wait_for()
    yield "rule as JSON"
    show(page, emulator, "#settings")
    page.locator("#templates > li").first.wait_for()
    yield "settings"
    page.locator("#add-template").click()
    yield "template"


def findings(page: Page) -> tuple[list[str], set[str]]:
    """What axe finds wrong, and the rules it could not decide."""
    results: dict[str, Any] = Axe().run(page, options=OPTIONS).response
    wrong = [
        f"{found['id']}: {node['html'][:120]}"
        for found in results["violations"]
        for node in found["nodes"]
    ]
    return wrong, {found["id"] for found in results["incomplete"]}


@pytest.mark.parametrize(
    ("size", "locale", "scheme"),
    [
        ("phone", "en-US", "light"),
        ("tablet", "zh-CN", "dark"),
        ("desktop", "en-US", "dark"),
        ("desktop", "zh-CN", "light"),
        ("zoomed", "en-US", "light"),
    ],
)
def test_axe_finds_no_violation(
    open_page: OpenPage, lively: SmsEmulator, size: str, locale: str, scheme: str
) -> None:
    width, height = SIZES[size]
    page = open_page(
        locale=locale,
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    for view in views(page, lively):
        wrong, undecided = findings(page)
        assert wrong == [], view
        assert undecided <= UNDECIDED.keys(), view


def test_axe_finds_no_violation_in_what_is_empty(
    open_page: OpenPage, emulator: SmsEmulator
) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    for place in ("#inbox", "#requests", "#faults"):
        show(page, emulator, place)
        wrong, undecided = findings(page)
        assert wrong == [], place
        assert undecided <= UNDECIDED.keys(), place
