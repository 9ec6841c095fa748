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
