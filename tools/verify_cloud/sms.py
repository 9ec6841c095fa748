"""The SMS: never more than three requests that may send one, and a yes before each."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from shared.clock import parse_platform_time, platform_date
from shared.errors import AnswerLost, ConnectionFailed, PlatformRefused
from shared.platform.queries import SendDetail, all_details
from shared.platform.sms_api import ACCEPTED, Result, Signed
from shared.sending.attempts import NONCE_LIFETIME
from tools.verify_cloud.calls import CALL_SECONDS, Caller
from tools.verify_cloud.findings import (
    CHANGED,
    FIRST,
    IDENTICAL,
    NOT_MEASURED,
    NOT_REFUSED,
    REFUSED,
    SmsRequest,
    Visibility,
)
from tools.verify_cloud.nonces import EARLIER, NONCE_USED, SEND, new_nonce
from tools.verify_cloud.questions import Message, Stopped, confirm
from tools.verify_cloud.report import Report

MOST_SMS = 3
FIRST_WAIT, LONGEST_WAIT, GROWTH = 0.25, 15, 1.4
_TIME = re.compile(r"[0-9 :/TZ+.-]{1,40}")
_ABOUT = {
    FIRST: "your message. It will be sent.",
    IDENTICAL: "the same request byte for byte. If it is refused, nothing is sent.",
    CHANGED: "the same nonce with a new timestamp. If it is refused, nothing is sent.",
}


class Ceiling:
    """Counts the requests that may send an SMS, before each of them."""

    def __init__(self) -> None:
        self.used = 0

    def take(self) -> int:
        """Return the number of the next one; raises Stopped when there were three."""
        if self.used >= MOST_SMS:
            raise Stopped(f"{MOST_SMS} SMS were requested; there will be no other")
        self.used += 1
        return self.used


@dataclass(frozen=True, slots=True)
class Sent:
    """The first SMS: when its request began (epoch seconds), ended (monotonic), and the result."""

    began: float
    ended: float
    result: Result


class Sender:
    """Sends the message and its repeats, and looks for it; each request is in the report."""

    def __init__(self, caller: Caller, message: Message, report: Report, out_id: str) -> None:
        self._caller = caller
        self._message = message
        self._report = report
        self._out_id = out_id
        self._ceiling = Ceiling()
        self._nonce = new_nonce()
        self._first: Signed | None = None
        self._earlier: set[tuple[str, str]] = set()

    def send(self) -> Sent:
        """Send the message."""
        self._earlier = {(each.out_id, each.send_date) for each in self._look(time.time()) or ()}
        result, began = self._request(FIRST)
        return Sent(began, time.monotonic(), result)

    def repeat(self, what: str) -> str:
        """Present the nonce of the message again, `what` says how; return what became of it."""
        self._request(what)
        return self._report.findings.sms_requests[-1].verdict

    def watch(self, sent: Sent, limit: float) -> Visibility:
        """Look for the message with growing waits until it is seen, for `limit` seconds."""
        absent_at, wait = 0.0, FIRST_WAIT
        while True:
            asked = time.monotonic() - sent.ended
            details = self._look(sent.began)
            ours = self._ours(details or [])
            if ours:
                return self._seen(ours, sent, absent_at)
            absent_at = asked if details is not None else absent_at
            if asked + wait > limit:
                return Visibility(round(absent_at, 2))
            time.sleep(wait)
            wait = min(wait * GROWTH, LONGEST_WAIT)

    def _request(self, what: str) -> tuple[Result, float]:
        number = self._ceiling.take()
        confirm(f"\nSMS {number} of at most {MOST_SMS}: {_ABOUT[what]}")
        signed = self._first
        if signed is None or what != IDENTICAL:
            parameters = self._message.parameters(self._out_id)
            seconds_ago = EARLIER if what == FIRST else 0
            signed = self._caller.sign(SEND, parameters, self._nonce, seconds_ago)
        self._first = self._first or signed
        method = self._caller.settings.signature_method
        requests = self._report.findings.sms_requests
        requests.append(SmsRequest(what, method, "no answer", ""))
        self._report.save()
        began = time.time()
        result = self._caller.exchange(signed)
        requests[-1] = SmsRequest(what, method, _verdict(what, result), result.code)
        self._report.save()
        print(f"   -> {requests[-1].verdict} ({result.code})")
        return result, began

    def _look(self, since: float) -> list[SendDetail] | None:
        """Return all messages to the number since that day; None when it could not be asked."""
        dates = dict.fromkeys(map(platform_date, (since, time.time())))
        number = self._message.phone_number
        try:
            with self._caller.connection() as api:
                deadline = time.monotonic() + CALL_SECONDS
                return [
                    detail
                    for date in dates
                    for detail in all_details(api, number, date, deadline=deadline)
                ]
        except (AnswerLost, ConnectionFailed, PlatformRefused):
            return None

    def _ours(self, details: list[SendDetail]) -> SendDetail | None:
        """Return our message; one that has lost its OutId is known by being new."""
        stem = self._out_id.partition("~")[0]
        new = [
            each
            for each in details
            if each.template_code == self._message.template_code
            and (each.out_id, each.send_date) not in self._earlier
        ]
        return next((each for each in new if stem in each.out_id), new[0] if new else None)

    def _seen(self, ours: SendDetail, sent: Sent, absent_at: float) -> Visibility:
        seen_at = time.monotonic() - sent.ended
        send_date = parse_platform_time(ours.send_date)
        after = None if send_date is None else round(send_date - sent.began, 1)
        is_time = _TIME.fullmatch(ours.send_date)
        return Visibility(
            absent_at=round(absent_at, 2),
            seen_at=round(seen_at, 2),
            out_id=_compared(self._out_id, ours.out_id),
            send_date_form=re.sub("[0-9]", "9", ours.send_date) if is_time else "unreadable",
            send_date_after_request=after,
            found_by_fc_sms=after is not None
            and after >= -NONCE_LIFETIME  # as far as clocks may differ, for the send protocol
            and ours.out_id == self._out_id
            and ours.phone_number == self._message.phone_number
            and ours.template_code == self._message.template_code,
        )


def _verdict(what: str, result: Result) -> str:
    if what == FIRST:
        return result.verdict
    if result.code == NONCE_USED:
        return REFUSED
    is_past_the_check = result.verdict == ACCEPTED or result.code.startswith("isv.")
    return NOT_REFUSED if is_past_the_check else NOT_MEASURED


def _compared(sent: str, shown: str) -> str:
    if shown == sent:
        return "as sent"
    if not shown:
        return "missing"
    return "without its suffix" if shown == sent.partition("~")[0] else "changed"
