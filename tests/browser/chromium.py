"""The browser of the tests: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def what_is_missing() -> str:
    """What has to be installed before a browser can be started; empty if nothing."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is missing: pip install -r requirements-dev.txt"
    if _path() is None:
        return "Chromium is missing: apt-get install chromium"
    return ""


@contextmanager
def chromium(*options: str) -> Iterator[Browser]:
    """Run a browser with these command line options while the block does."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_path(), args=options)
        try:
            yield browser
        finally:
            browser.close()


def _path() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)
