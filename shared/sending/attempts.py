"""One attempt to send a part, and the look-up of one that is in doubt."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from shared.clock import parse_platform_time, platform_date
from shared.logs import safe_message_id
from shared.platform.sms_api import ACCEPTED, IN_DOUBT, REJECTED, Result, SmsApi
from shared.sending.intents import Part, PartOutcome

NONCE_LIFETIME = 15 * 60
QUERYABLE = ("SendSms", "SendBatchSms")
_NONCE_LABEL = "fc-sms send nonce 1"
_NONCE_USED = "SignatureNonceUsed"
_CLOCK_TOLERANCE = NONCE_LIFETIME  # a request signed further off would have been refused
_POLL_STEP = 0.25
_DAY = 86400
_DAYS_SHOWN = 29  # QuerySendDetails knows 30 (document 419277), today among them


def attempt_nonce(out_id: str, part: int, attempt: int) -> str:
    """Return the SignatureNonce of an attempt: 32 hex digits, the same wherever it is made."""
    text = f"{_NONCE_LABEL}\n{out_id}\n{part}\n{attempt}"
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


class Attempts(NamedTuple):
    """What is asked of the platform in one invocation; it knows nothing of records."""

    api: SmsApi
    deadline: float

    def attempt(self, out_id: str, part: Part, number: int) -> PartOutcome:
        """Make attempt `number` of `part`: sign once, send once; unknown is in doubt.

        With SMS_NONCE_REPLAY a request without an answer is sent again as it is, and what comes
        back counts if it could not have come had the platform known the nonce. A limit could, that
        the first copy used up.
        """
        nonce = attempt_nonce(out_id, part.number, number)
        signed = self.api.sign(part.action, part.parameters, nonce)
        result = self.api.exchange(signed, self.deadline, part.phone_numbers)
        if result.code == "answer-lost" and self.api.settings.nonce_replay:
            again = self.api.exchange(signed, self.deadline, part.phone_numbers)
            is_refusal = again.verdict == REJECTED and again.code.startswith("isv.")
            if again.verdict == ACCEPTED or (is_refusal and not again.retry_after):
                result = again
        return _outcome(part, result)

    def look_up(self, doubt: PartOutcome, first_at: float, last_at: float) -> str:
        """Ask with growing waits, for SMS_SETTLE_SECONDS at most, whether a part was accepted.

        For `first_at` and `last_at` see Record. Returns ``found``; ``absent``, which may change; or
        ``unclear`` when it could not be asked.
        """
        clock = self.api.clock
        if doubt.part.action not in QUERYABLE or clock.now() - first_at > _DAYS_SHOWN * _DAY:
            return "unclear"
        if doubt.code == _NONCE_USED:  # by somebody else, so before this call
            first_at -= NONCE_LIFETIME
        end = min(self.deadline, clock.monotonic() + self.api.settings.settle_seconds)
        wait = _POLL_STEP
        while True:
            seen = self._look(doubt.part, first_at, last_at, end)
            if seen == "found" or clock.monotonic() + wait >= end:
                return seen
            clock.sleep(wait)
            wait += _POLL_STEP

    def _look(self, part: Part, first_at: float, last_at: float, deadline: float) -> str:
        """Look `part` up once. It is accepted whole: when the first, the middle or the last number
        has the message, all have.
        """
        from shared.platform.queries import all_details

        numbers = part.phone_numbers
        since = first_at - _CLOCK_TOLERANCE
        until = min(last_at + NONCE_LIFETIME, self.api.clock.now())
        days = (*range(int(since), int(until), _DAY), until)
        try:
            found = any(
                detail.out_id == part.out_id
                and detail.phone_number == number
                and detail.template_code == part.template_code
                and parse_platform_time(detail.send_date) >= since  # type: ignore[operator]
                for number in dict.fromkeys((numbers[0], numbers[len(numbers) // 2], numbers[-1]))
                for date in dict.fromkeys(map(platform_date, days))
                for detail in all_details(self.api, number, date, deadline)
            )
        except Exception as error:  # something was sent: this must not hide it; or no date is read
            self.api.log.event("warning", "look-up", "failed", code=type(error).__name__)
            return "unclear"
        if found:
            self.api.log.event("info", part.action, "accepted", code="OK", reconciled=1)
        return "found" if found else "absent"


def _outcome(part: Part, result: Result) -> PartOutcome:
    """Return what a result stands for; nothing written is rejected."""
    if result.verdict == ACCEPTED:
        if part.action == "SendSmsVerifyCode" and result.body.get("Success") is not True:
            return PartOutcome(part, "unknown", "no-success", request_id=result.request_id)
        biz_id = safe_message_id(result.body.get("BizId") or result.body.get("MessageId"))
        return PartOutcome(part, "accepted", "OK", biz_id, result.request_id, details=result.body)
    outcome = "unknown" if result.verdict == IN_DOUBT else "rejected"
    return PartOutcome(part, outcome, result.code, "", result.request_id, result.retry_after)


def reconciled(part: Part) -> PartOutcome:
    """Return the outcome of a part that a look-up found."""
    return PartOutcome(part, "accepted", "OK", reconciled=True)
