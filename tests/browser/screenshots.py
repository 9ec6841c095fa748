"""Makes the pictures of the documentation: `python -m tests.browser.screenshots`.

Fonts as in the kept pictures: Debian's fonts-inter and fonts-wqy-microhei.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from tests.browser.chromium import chromium, what_is_missing
from tests.browser.sender import send

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[2] / "docs" / "images"
ANN, BOB, KIM, EVE = "13800138000", "13900139000", "85251234567", "13700137000"
DESKTOP = {
    "viewport": {"width": 1240, "height": 780},
    "locale": "en-US",
    "timezone_id": "Europe/Berlin",
}
CHINESE = {**DESKTOP, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}
PHONE = {
    **CHINESE,
    "viewport": {"width": 390, "height": 780},
    "color_scheme": "dark",
    "device_scale_factor": 1.5,
}


def main() -> int:
    """Make all pictures; returns the exit code."""
    if missing := what_is_missing():
        print(missing, file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for template, views in VIEWS.items():
            with SmsEmulator() as emulator:
                fill(emulator, template)
                for view in views:
                    show(browser, emulator, view)
    return 0


View = tuple[str, str, str, list[str], dict[str, Any]]
VIEWS: dict[str, list[View]] = {
    "SMS_100006": [
        ("inbox", f"#inbox/{ANN}", ".about", [".badge >> nth=-1"], DESKTOP),
        ("explained-signature", "#requests", ".texts", ["#calls summary"], DESKTOP),
        ("faults", "#faults", "#rules li", [], DESKTOP),
    ],
    "SMS_100001": [
        ("inbox-zh", f"#inbox/{ANN}", ".about", [".badge >> nth=-1"], CHINESE),
        ("inbox-phone-zh", f"#inbox/{ANN}", ".up", [], PHONE),
        ("explained-signature-zh", "#requests", ".texts", ["#calls summary"], CHINESE),
        ("faults-zh", "#faults", "#rules li", [], CHINESE),
    ],
}
"""The pictures of each language, by the template of the codes that they show."""


def show(browser: Browser, emulator: SmsEmulator, view: View) -> None:
    """Make one picture."""
    name, place, ready, clicks, options = view
    context = browser.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    page.goto(f"{emulator.url}/inbox{place}")
    for click in clicks:
        page.locator(click).first.click()
    page.locator(ready).first.wait_for()
    page.wait_for_timeout(600)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size // 1024} KB")
    context.close()


def fill(emulator: SmsEmulator, code_template: str) -> None:
    """Some life: codes, orders, a reply, failures, a wrong signature, faults."""
    emulator.settings(limits=False, delivery_delay_seconds=2)
    emulator.clock.set(datetime(2026, 3, 2, 15, 41, 7, tzinfo=CHINA))
    emulator.set_fate(BOB, "MK:0023")
    emulator.set_fate(EVE, "silent")
    rules: list[dict[str, Any]] = [
        {"kind": "reset", "when": "after", "times": 1, "match": {"action": "SendSms"}},
        {"kind": "stall", "seconds": 30, "when": "after", "match": {"phone_number": "13600136000"}},
        {"kind": "http", "status": 503, "when": "before", "match": {"action": "Query*"}},
        {"schedule": ["none", "reset after"], "match": {"out_id": "order-7*"}},
    ]
    emulator.call("PUT", "/api/faults", {"rules": rules})
    with suppress(ConnectionResetError):
        send(emulator, EVE, "SMS_100002", {"name": "Eve", "order": "6988"})
    emulator.clock.advance(61)
    code = {"code": "730164"}
    send(emulator, BOB, code_template, code, sign_name="fc-sms", out_id="login-7f3a")
    emulator.clock.advance(95)
    send(emulator, BOB, "SMS_100002", {"name": "Bob", "order": "7001"}, out_id="bill-7001")
    emulator.clock.advance(240)
    send(emulator, KIM, "SMS_100003", sign_name="fc-sms", out_id="login-81c0")
    emulator.clock.advance(33)
    send(emulator, ANN, "SMS_100002", {"name": "Ann", "order": "7002"}, out_id="bill-7002")
    emulator.clock.advance(52)
    emulator.reply(ANN, "谢谢，放门口就好")
    emulator.clock.advance(410)
    code = {"code": "482913"}
    send(emulator, ANN, code_template, code, sign_name="fc-sms", out_id="login-2b9e")
    emulator.clock.advance(4)
    send(emulator, ANN, values={"code": "602 17"}, encode=quote_plus)


if __name__ == "__main__":
    sys.exit(main())
