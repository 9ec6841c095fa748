"""A real browser on the page of a real emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.browser.chromium import chromium, what_is_missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OpenPage = Callable[..., "Page"]
ZONE = "Europe/Berlin"  # not the platform's, so that both times are seen


# Not for the whole session: Playwright's event loop would be in the way of other tests'.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    if missing := what_is_missing():
        pytest.skip(missing)
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def running() -> Iterator[SmsEmulator]:
    """An emulator for all tests of a file."""
    with SmsEmulator() as started:
        yield started


@pytest.fixture
def emulator(running: SmsEmulator) -> SmsEmulator:
    """An emulator with nothing in it, without limits, whose receipts come at once."""
    running.reset()
    running.settings(limits=False, delivery_delay_seconds=0)
    return running


@pytest.fixture
def open_page(browser: Browser, emulator: SmsEmulator) -> Iterator[OpenPage]:
    """Open the page at a place such as `#requests`; at the end nothing may have gone wrong in it.

    Options are those of a browser context.
    """
    contexts, problems = [], []

    def watched(page: Page) -> None:
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _note_foreign(request.url))
        page.on(
            "console",
            lambda line: problems.append(line.text) if _is_problem(line.type, line.text) else None,
        )

    def _note_foreign(url: str) -> None:
        if not url.startswith(emulator.url) and not url.startswith("blob:"):
            problems.append(f"request to {url}")

    def open_at(place: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-US", "timezone_id": ZONE, **options})
        context.set_default_timeout(30_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=emulator.url)
        contexts.append(context)
        page = context.new_page()
        watched(page)
        page.goto(f"{emulator.url}/inbox{place}")
        page.locator("main > section:visible").wait_for()
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert problems == []


def _is_problem(kind: str, text: str) -> bool:
    # A refused call of the JSON API is what some tests are about.
    return kind in {"error", "warning"} and "status of 4" not in text
