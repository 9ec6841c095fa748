"""One attempt to send a part, and the look-up of one that is in doubt.

An attempt is signed once and, once a byte of it was written, not sent again. Its nonce follows from
out_id, part and attempt number: whoever repeats the attempt presents the same one, which the
platform refuses for 15 minutes. Nothing here knows of records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from shared.clock import parse_platform_time, platform_date
from shared.logs import safe_message_id
from shared.platform.actions import ACTIONS
from shared.platform.sms_api import ACCEPTED, IN_DOUBT, REJECTED, Result, SmsApi
from shared.sending.intents import Intent, Part, PartOutcome

if TYPE_CHECKING:
    from shared.platform.queries import SendDetail

NONCE_LIFETIME = 15 * 60  # seconds for which the platform remembers a nonce
FOUND, ABSENT, UNCLEAR = "found", "absent", "unclear"
_NONCE_LABEL = "fc-sms send nonce 1"
_NONCE_USED = "SignatureNonceUsed"
# A message may look as if it was sent before its first attempt, for clocks differ; but by no more
# than this: the platform refuses a request that was signed further off.
CLOCK_TOLERANCE = NONCE_LIFETIME
_POLL_STEP = 0.25  # seconds by which each wait between look-ups is longer than the one before
_DAY = 86400
_DAYS_SHOWN = 29  # QuerySendDetails knows 30 (document 419277), today among them


class Attempts(NamedTuple):
    """What one invocation asks of the platform for an intent.

    `deadline` is in monotonic seconds.
    """

    api: SmsApi
    deadline: float
    intent: Intent

    def make(self, part: Part, number: int) -> PartOutcome:
        """Make attempt `number`, from 1, of a part; an outcome that is unknown is in doubt."""
        wire_id = self.intent.wire_id(part)
        parameters = {**part.parameters, ACTIONS[part.action].id_parameter: wire_id}
        nonce = attempt_nonce(self.intent.out_id, part.number, number)
        signed = self.api.sign(part.action, parameters, nonce)
        result = self.api.exchange(signed, deadline=self.deadline, phone_numbers=part.phone_numbers)
        if result.code == "answer-lost" and self.api.settings.nonce_replay:
            again = self.api.exchange(
                signed, deadline=self.deadline, phone_numbers=part.phone_numbers
            )
            if _settles_the_first(again):
                result = again
        return _outcome(part, result)

    def look_up(self, doubt: PartOutcome, *, first_at: float, last_at: float) -> str:
        """Ask with growing waits, for SMS_SETTLE_SECONDS at most, whether a part was accepted.

        Its attempts began from `first_at` to `last_at` (epoch seconds). Returns FOUND; ABSENT,
        which may change; or UNCLEAR when it could not be asked, or not all that was shown could be
        read.
        """
        clock = self.api.clock
        is_shown = ACTIONS[doubt.part.action].is_found_by_our_id
        oldest = min(first_at, last_at)  # 0 where a record does not say when
        if not is_shown or clock.now() - oldest > _DAYS_SHOWN * _DAY:
            return UNCLEAR
        search = _Search(
            part=doubt.part,
            wire_id=self.intent.wire_id(doubt.part),
            earliest=_sent_since(first_at, doubt.code),
            latest=last_at + NONCE_LIFETIME,
            deadline=min(self.deadline, clock.monotonic() + self.api.settings.settle_seconds),
        )
        wait = _POLL_STEP
        while True:
            seen = self._look(search)
            if seen == FOUND or clock.monotonic() + wait >= search.deadline:
                return seen
            clock.sleep(wait)
            wait += _POLL_STEP

    def _look(self, search: _Search) -> str:
        """Look a part up once."""
        seen = ABSENT
        try:
            for detail in self._details(search):
                if not search.is_about(detail):
                    continue
                sent_at = parse_platform_time(detail.send_date)
                if sent_at is None:
                    seen = UNCLEAR
                elif sent_at >= search.earliest:
                    seen = FOUND
                    break
        except Exception as error:  # something may have been sent: no mistake here may hide that
            self.api.log.event("warning", "look-up", "failed", code=type(error).__name__)
            return UNCLEAR
        if seen == FOUND:
            self.api.log.event("info", search.part.action, "accepted", code="OK", reconciled=1)
        return seen

    def _details(self, search: _Search) -> Iterator[SendDetail]:
        from shared.platform.queries import all_details  # a send that is answered needs no look-up

        latest = min(search.latest, self.api.clock.now())
        for number in search.numbers():
            for date in dates_between(search.earliest, latest):
                for detail in all_details(self.api, number, date, deadline=search.deadline):
                    if detail.phone_number == number:
                        yield detail


class _Search(NamedTuple):
    """What is looked for: a part, sent from `earliest` to `latest` (epoch seconds)."""

    part: Part
    wire_id: str
    earliest: float
    latest: float
    deadline: float

    def numbers(self) -> list[str]:
        """Return the numbers to ask for: at most three, as a part is accepted whole."""
        every = self.part.phone_numbers
        return list(dict.fromkeys((every[0], every[len(every) // 2], every[-1])))

    def is_about(self, detail: SendDetail) -> bool:
        """Whether a message to one of its numbers, as the platform shows it, is of the part."""
        is_its_template = detail.template_code == self.part.template_code
        return is_its_template and detail.out_id == self.wire_id


def attempt_nonce(out_id: str, part: int, attempt: int) -> str:
    """Return the SignatureNonce of an attempt: 32 hex digits, the same wherever it is made."""
    text = f"{_NONCE_LABEL}\n{out_id}\n{part}\n{attempt}"
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def dates_between(earliest: float, latest: float) -> list[str]:
    """Return the dates in UTC+8, ``yyyyMMdd``, from one moment to another (epoch seconds)."""
    moments = [*range(int(earliest), int(latest), _DAY), latest]
    return list(dict.fromkeys(platform_date(moment) for moment in moments))


def _sent_since(first_at: float, code: str) -> float:
    """Return since when what is shown as sent may be of attempts that began at `first_at`.

    `code` says why they are in doubt. Both times are epoch seconds.
    """
    if code == _NONCE_USED:  # by somebody else, so before this call
        first_at -= NONCE_LIFETIME
    return first_at - CLOCK_TOLERANCE


def reconciled(part: Part) -> PartOutcome:
    """Return the outcome of a part that a look-up found."""
    return PartOutcome(part, "accepted", "OK", reconciled=True)


def _settles_the_first(again: Result) -> bool:
    """Whether the answer to a request that was sent again as it is tells about the first copy.

    It does if it could not have come had the platform known the nonce. A limit could: the first
    copy may have used it up.
    """
    is_refusal = again.verdict == REJECTED and again.code.startswith("isv.")
    return again.verdict == ACCEPTED or (is_refusal and not again.retry_after)


def _outcome(part: Part, result: Result) -> PartOutcome:
    """Return what a result stands for; where nothing was written it is rejected."""
    action = ACTIONS[part.action]
    request_id = result.request_id
    if result.verdict == ACCEPTED:
        if action.confirmed_by and result.body.get(action.confirmed_by) is not True:
            return PartOutcome(part, "unknown", "no-success", request_id=request_id)
        return PartOutcome(
            part,
            outcome="accepted",
            code="OK",
            biz_id=safe_message_id(result.body.get(action.message_id)),
            request_id=request_id,
            details=result.body,
        )
    return PartOutcome(
        part,
        outcome="unknown" if result.verdict == IN_DOUBT else "rejected",
        code=result.code,
        request_id=request_id,
        retry_after=result.retry_after,
    )
