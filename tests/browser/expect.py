"""Waits for what a page is to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def expect_text(page: Page, selector: str, text: str) -> None:
    """Wait until an element that matches shows a text."""
    page.locator(selector).filter(has_text=text).first.wait_for()


def expect_count(page: Page, selector: str, count: int) -> None:
    """Wait until so many elements match."""
    page.wait_for_function(
        "([css, count]) => document.querySelectorAll(css).length === count", arg=[selector, count]
    )


def expect_value(page: Page, selector: str, value: str) -> None:
    """Wait until a field holds a value."""
    page.wait_for_function(
        "([css, value]) => document.querySelector(css)?.value === value", arg=[selector, value]
    )


def expect_title(page: Page, title: str) -> None:
    """Wait until the page has this title."""
    page.wait_for_function("title => document.title === title", arg=title)


def expect_focus(page: Page, selector: str) -> None:
    """Wait until the focus is on an element that matches."""
    page.wait_for_function("css => document.activeElement.matches(css)", arg=selector)


def expect_address(page: Page, part: str) -> None:
    """Wait until the address says this behind its #."""
    page.wait_for_function("part => location.hash.includes(part)", arg=part)
