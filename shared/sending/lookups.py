"""The look-up of a part that is in doubt: does the platform show its message?

That it shows none proves nothing: the message may become visible later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from shared.clock import parse_platform_time, platform_date
from shared.ids import WireId, read_wire_id
from shared.platform.actions import ACTIONS
from shared.platform.queries import SendDetail, all_details
from shared.platform.sms_api import SmsApi
from shared.sending.attempts import (
    ABSENT,
    CLOCK_TOLERANCE,
    FOUND,
    NONCE_LIFETIME,
    NONCE_USED,
    UNCLEAR,
    Attempts,
)
from shared.sending.intents import Part, PartOutcome

_POLL_STEP = 0.25  # seconds by which each wait between look-ups is longer than the one before
_DAY = 86400
_DAYS_SHOWN = 29  # QuerySendDetails knows 30 (document 419277), today among them


def look_up(attempts: Attempts, doubt: PartOutcome, *, first_at: float, last_at: float) -> str:
    """Ask with growing waits, for SMS_SETTLE_SECONDS at most, whether a part was accepted.

    Its attempts began from `first_at` to `last_at` (epoch seconds). Returns FOUND; ABSENT,
    which may change; or UNCLEAR when it could not be asked, or not all that was shown could be
    read.
    """
    clock = attempts.api.clock
    is_shown = ACTIONS[doubt.part.action].is_found_by_our_id
    oldest = min(first_at, last_at)  # 0 where a record does not say when
    if not is_shown or clock.now() - oldest > _DAYS_SHOWN * _DAY:
        return UNCLEAR
    search = _Search(
        part=doubt.part,
        wire_id=attempts.intent.wire_id(doubt.part),
        earliest=_sent_since(first_at, doubt.code),
        latest=last_at + NONCE_LIFETIME,
        deadline=min(attempts.deadline, clock.monotonic() + attempts.api.settings.settle_seconds),
    )
    wait = _POLL_STEP
    while True:
        seen = _look(attempts.api, search)
        if seen == FOUND or clock.monotonic() + wait >= search.deadline:
            attempts.api.log.event("info" if seen == FOUND else "warning", "look-up", seen)
            return seen
        clock.sleep(wait)
        wait += _POLL_STEP


def _look(api: SmsApi, search: _Search) -> str:
    """Look a part up once."""
    seen = ABSENT
    try:
        for detail in _details(api, search):
            if not search.is_about(detail):
                continue
            sent_at = parse_platform_time(detail.send_date)
            if sent_at is None:
                seen = UNCLEAR
            elif sent_at >= search.earliest:
                seen = FOUND
                break
    except Exception as error:  # something may have been sent: no mistake here may hide that
        api.log.event("warning", "look-up", "failed", code=type(error).__name__)
        return UNCLEAR
    return seen


def _details(api: SmsApi, search: _Search) -> Iterator[SendDetail]:
    latest = min(search.latest, api.clock.now())
    for number in search.numbers():
        for date in dates_between(search.earliest, latest):
            for detail in all_details(api, number, date, deadline=search.deadline):
                if detail.phone_number == number:
                    yield detail


class _Search(NamedTuple):
    """What is looked for: a part, sent from `earliest` to `latest` (epoch seconds)."""

    part: Part
    wire_id: WireId
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
        shown = read_wire_id(detail.out_id)
        return is_its_template and shown is not None and shown.is_of_part(self.wire_id)


def dates_between(earliest: float, latest: float) -> list[str]:
    """Return the dates in UTC+8, ``yyyyMMdd``, from one moment to another (epoch seconds)."""
    moments: list[float] = list(range(int(earliest), int(latest), _DAY))
    moments.append(latest)  # the last step may end on the day before it
    return list(dict.fromkeys(platform_date(moment) for moment in moments))


def _sent_since(first_at: float, code: str) -> float:
    """Return since when what is shown as sent may be of attempts that began at `first_at`.

    `code` says why they are in doubt. Both times are epoch seconds.
    """
    if code == NONCE_USED:  # by somebody else, so before this call
        first_at -= NONCE_LIFETIME
    return first_at - CLOCK_TOLERANCE
