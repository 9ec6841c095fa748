"""An alarm: one SMS for each number that is told, however many alerts it has.

Each is an intent of its own, so that the rules about a number hold one by one. What a limit holds
back in a storm is counted in the state, and the next message to that number says how many there
were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError, InProgress, OutIdConflict, SmsError
from shared.hooks import answers
from shared.hooks.alarm_recipients import Message, messages_of
from shared.hooks.alarm_texts import Frame, Sender, alarm_intent
from shared.hooks.left_out import LeftOut
from shared.hooks.repeats import HookRecord, Repeats
from shared.ids import new_out_id
from shared.sending.limits import is_refused_by_us
from shared.sending.scenes import instance_scenes
from shared.trigger.answers import send_response
from shared.trigger.bulk_sends import Job, Outcomes, send_all, wants_repeat
from shared.trigger.http_trigger import Response, problem

if TYPE_CHECKING:
    from shared.hooks.contract import Alarm
    from shared.hooks.products import Product
    from shared.sending.intents import Intent, PartOutcome
    from shared.trigger.invocation import Invocation

_THREADS = 8
_REPEAT = "Not every message of this alarm is settled. Send it again as it is: none is sent twice."


def send_alarm(product: Product, alarm: Alarm, invocation: Invocation) -> Response:
    """Tell everybody whom an alarm concerns, and answer its product.

    Raises ConfigurationError where nobody is to be told.
    """
    messages = messages_of(alarm, product, instance_scenes())
    if not messages:
        return Response(200, {"outcome": "nothing-to-tell"})
    return _Telling(product, alarm, invocation).tell(messages)


class _Telling:
    """One alarm being sent, and how its messages ended."""

    def __init__(self, product: Product, alarm: Alarm, invocation: Invocation) -> None:
        self._product = product
        self._alarm = alarm
        self._invocation = invocation
        self._repeats = Repeats(product, invocation.api, invocation.store)
        self._left_out = LeftOut(invocation.api, invocation.store)
        self._messages: Sequence[Message] = ()
        self._records: dict[int, HookRecord] = {}
        self._counts = {"sent": 0, "left_out": 0, "refused": 0, "open": 0}
        self._refusal: Response | None = None
        self._has_unknown = False

    def tell(self, messages: Sequence[Message]) -> Response:
        """Send all messages, and answer."""
        self._messages = messages
        send_all(
            self._jobs(),
            self._invocation.api,
            deadline=self._invocation.deadline,
            store=self._invocation.store,
            threads=min(_THREADS, len(messages)),
            on_outcome=self._note,
        )
        is_whole = self._counts["sent"] == len(messages)
        self._invocation.api.log.event(
            "info" if is_whole else "warning",
            "hook",
            self._outcome(),
            product=self._product.name,
            **self._counts,
        )
        return self._answer()

    def _jobs(self) -> Iterator[Job]:
        for place, message in enumerate(self._messages):
            intent = self._intent(place, message)
            if intent:
                yield Job(place, intent)

    def _intent(self, place: int, message: Message) -> Intent | None:
        """Return what is sent to one number, None where that cannot be said; it is counted then."""
        try:
            record = self._record(message)
            self._records[place] = record
            frame = Frame(self._alarm.receiver, self._alarm.more, record.left_out)
            sign_name = self._invocation.api.settings.sign_name
            sender = Sender(record.out_id, self._product.space, sign_name)
            return alarm_intent(message, frame, sender)
        except SmsError as error:
            self._note_error(error, place)
            return None

    def _record(self, message: Message) -> HookRecord:
        """Return what is known of a message; a repeat says what the first request said."""
        identity = message.identity(self._alarm.group)
        if self._invocation.store is None:
            return HookRecord(out_id=self._repeats.out_id(identity, ""))
        fresh = HookRecord(out_id=new_out_id())
        if not self._left_out.count(message.number):
            return self._repeats.record(identity, fresh)
        known = self._repeats.known(identity)
        if known is not None:
            return known
        fresh = fresh._replace(left_out=self._left_out.take(message.number))
        record = self._repeats.record(identity, fresh)
        if record.out_id != fresh.out_id:  # the same alarm, at the same time
            self._left_out.add(message.number, fresh.left_out)
        return record

    def _note(self, job: Job, outcomes: Outcomes | SmsError) -> None:
        """Count how a message ended, and what a limit held back."""
        if isinstance(outcomes, OutIdConflict):  # the same alarm, whose text says a newer value
            self._counts["sent"] += 1
            return
        if isinstance(outcomes, SmsError):
            self._note_error(outcomes, job.place)
            return
        (outcome,) = outcomes
        try:
            if outcome.outcome == "accepted":
                self._counts["sent"] += 1
                if not outcome.replayed:
                    self._told(job.place)
            else:
                self._note_unsent(job, outcome)
        except SmsError as error:  # the message ended all the same
            self._invocation.api.log.failed("store", error)

    def _note_unsent(self, job: Job, outcome: PartOutcome) -> None:
        """Count a message that was not sent, or may not have been.

        What a limit held back, ours or the platform's, is also counted for the next message; a
        repeat that sends it after all takes it away again.
        """
        is_ours = is_refused_by_us(outcome.code)
        is_platforms = outcome.retry_after > 0
        is_limit = is_ours or is_platforms
        # Without a store a repeat has the same nonce, which the platform takes once: it would not
        # be sent when the wait is over either.
        is_limit_to_stay = is_ours or (is_platforms and self._invocation.store is None)
        is_open = wants_repeat(outcome) and not is_limit_to_stay
        if outcome.outcome == "unknown":
            self._has_unknown = True
        else:
            self._refusal = send_response(job.intent.out_id, (outcome,), has_store=True)
        self._counts["open" if is_open else "left_out" if is_limit else "refused"] += 1
        # What is in progress is the same message, sent by another call at the same time.
        if outcome.outcome == "rejected" and outcome.code != InProgress.code:
            self._put_back(job.place, is_left_out=is_open or is_limit)

    def _note_error(self, error: SmsError, place: int) -> None:
        if isinstance(error, ConfigurationError):
            self._invocation.api.log.misconfigured(error)
        else:
            self._invocation.api.log.failed("hook", error)
        self._counts["open" if error.retryable else "refused"] += 1
        self._refusal = problem(error.status, str(error), error.code, retryable=error.retryable)
        if place in self._records:
            with suppress(SmsError):  # the state, whose failure is told already
                self._put_back(place, is_left_out=False)

    def _told(self, place: int) -> None:
        """Take away what was put back when the message was not sent before, and now is."""
        record = self._records[place]
        said = record.left_out if record.were_put_back else 0
        self._left_out.add(self._messages[place].number, -said - int(record.was_left_out))

    def _put_back(self, place: int, *, is_left_out: bool) -> None:
        """Count, once each, what an unsent message would have told, and itself if `is_left_out`."""
        record, message = self._records[place], self._messages[place]
        marked = record._replace(
            were_put_back=record.were_put_back or record.left_out > 0,
            was_left_out=record.was_left_out or is_left_out,
        )
        if marked == record or self._invocation.store is None:
            return
        found = self._repeats.put(message.identity(self._alarm.group), record, marked)
        if found.stored is not None and found.out_id == record.out_id:
            put_back = record.left_out if marked.were_put_back > record.were_put_back else 0
            itself = int(marked.was_left_out > record.was_left_out)
            self._left_out.add(message.number, put_back + itself)

    def _answer(self) -> Response:
        counts = self._counts
        if counts["open"] and self._product.repeats:
            return problem(503, _REPEAT, "not-settled", retryable=True)
        is_anybody_told = counts["sent"] or counts["left_out"] or self._has_unknown
        if counts["open"] and not is_anybody_told and self._refusal:
            # Who does not repeat can at least say so: to a person who tests, or in its own log.
            return answers.refused(self._product, self._refusal)
        if not (counts["sent"] or counts["left_out"] or counts["open"]) and self._refusal:
            return answers.refused(self._product, _final(self._refusal))
        return Response(200, {"outcome": self._outcome(), **counts})

    def _outcome(self) -> str:
        """Return how the alarm ended in one word, the best first: somebody was told, or nobody."""
        if self._counts["sent"]:
            return "told"
        if self._has_unknown:
            return "unknown"
        if self._counts["left_out"]:
            return "held-back"
        return "open" if self._counts["open"] else "refused"


def _final(refusal: Response) -> Response:
    """Return a refusal that no product repeats: for 5xx it would send the alarm again and again.

    A mistake in the settings stays 500, as everywhere: a repeat sends nothing until it is mended,
    and then brings the alarm.
    """
    if refusal.status < 500 or not isinstance(refusal.body, dict):
        return refusal
    if refusal.body["code"] == ConfigurationError.code:
        return refusal
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    body = {**refusal.body, "status": status.value, "title": status.phrase}
    return Response(status.value, body)
