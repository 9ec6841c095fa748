"""A client of fc-sms with requests: send with an out_id, repeat after a 504, check a code."""

from __future__ import annotations

import os
import time
from typing import Any

import requests

SMS_URL = os.environ["SMS_URL"]  # of the function send_sms, without a / at the end
CODES_URL = os.environ["CODES_URL"]  # of the function verify_code
HEADERS = {"Authorization": f"Bearer {os.environ['SMS_KEY']}"}
TRIES = 5
WAIT_SECONDS = 2


class Refused(Exception):
    """The answer is a problem document; `code` is for programs, the text for people."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('code')}: {problem.get('detail')}")
        self.code = problem.get("code")


def call(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST `body`, and repeat the same body while its outcome is open.

    Such a repeat never sends twice, because the body has an `out_id`. Without shared state the
    answer is not `retryable`, and this raises Refused.
    """
    for tries_left in reversed(range(TRIES)):
        wait = WAIT_SECONDS
        try:
            # The function takes up to 30 seconds: a shorter time would give up on an answer.
            answer = requests.post(url, json=body, headers=HEADERS, timeout=35)
        except (requests.ConnectionError, requests.Timeout):
            if not tries_left:
                raise
            print("no answer: the same call again")
        else:
            result: dict[str, Any] = answer.json()
            if answer.ok:
                return result
            is_open = answer.status_code in (503, 504) and result.get("retryable")
            if not is_open or not tries_left:
                raise Refused(result)
            wait = int(answer.headers.get("Retry-After", WAIT_SECONDS))
            print(f"{answer.status_code} {result['code']}: the same call again")
        time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def main() -> None:
    """Send an SMS and a code to NUMBER, and check the code that is typed."""
    number = os.environ["NUMBER"]
    # Keep the out_id with the order, before the first call: a program that ends can then go on.
    order = f"order-{time.time_ns()}"
    sms = {
        "phone_numbers": number,
        "template_code": "SMS_100002",
        "template_param": {"name": "Li", "order": "17"},
        "out_id": order,
    }
    print("sent:", call(f"{SMS_URL}/sms", sms)["outcome"])

    wanted = {"phone_number": number, "purpose": "login", "out_id": f"login-{time.time_ns()}"}
    created = call(f"{CODES_URL}/codes", wanted)
    typed = {
        "verification_id": created["verification_id"],
        "phone_number": number,
        "purpose": "login",
        "code": input("code: "),
    }
    # A wrong code takes one of its tries.
    print("verified:", call(f"{CODES_URL}/codes/check", typed)["verified"])


if __name__ == "__main__":
    main()
