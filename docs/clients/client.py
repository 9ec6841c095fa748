"""A client of fc-sms with requests: send with an out_id, repeat after a 504, check a code."""

from __future__ import annotations

import os
import time
from typing import Any

import requests

SMS_URL = os.environ["SMS_URL"].rstrip("/")  # of the function send_sms
CODES_URL = os.environ["CODES_URL"].rstrip("/")  # of the function verify_code
HEADERS = {"Authorization": f"Bearer {os.environ['SMS_KEY']}"}
TRIES = 5
WAIT_SECONDS = 2
NO_ANSWER = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class Refused(Exception):
    """What was asked is refused; `code` is for programs, the text for people."""

    def __init__(self, answer: requests.Response) -> None:
        problem = read(answer)
        self.code = problem.get("code")
        super().__init__(f"{answer.status_code} {self.code}: {problem.get('detail', answer.text)}")


def read(answer: requests.Response) -> dict[str, Any]:
    """Return the JSON object of an answer; it is empty for another body, such as a gateway's."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def is_open(answer: requests.Response) -> bool:
    """Whether the same call, made again, may tell the outcome."""
    result = read(answer)
    if "retryable" in result:  # fc-sms answers; a limit, 429, is waited for by its caller
        return bool(result["retryable"]) and answer.status_code in (409, 503, 504)
    return answer.status_code in (429, 502, 503, 504)  # Function Compute or a gateway answers


def call(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST `body`, and repeat the same body while its outcome is open.

    With shared state such a repeat never sends twice, because the body has an `out_id`. Without it
    an outcome that fc-sms does not know is not `retryable`, and this raises Refused; but where
    fc-sms did not answer, only the platform's own check stops a second SMS.
    """
    for tries_left in reversed(range(TRIES)):
        wait = WAIT_SECONDS
        try:
            # The function takes up to 30 seconds: a shorter time would give up on an answer.
            answer = requests.post(url, json=body, headers=HEADERS, timeout=35)
        except NO_ANSWER:
            if not tries_left:
                raise
            print("no answer: the same call again")
        else:
            if answer.ok:
                return read(answer)
            if not tries_left or not is_open(answer):
                raise Refused(answer)
            wait = int(answer.headers.get("Retry-After", WAIT_SECONDS))
            print(f"{answer.status_code} {read(answer).get('code', '')}: the same call again")
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
    # A wrong code takes one of its tries. When the answer to a right one is lost, the repeat says
    # false: its code is used up, and the person needs another.
    print("verified:", call(f"{CODES_URL}/codes/check", typed)["verified"])


if __name__ == "__main__":
    main()
