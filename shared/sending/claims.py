"""Claims: a part in the store, and every arrow of its way through the send protocol.

The diagram stands in protocol.py. Each move of a record is one compare-and-set, and whoever makes a
move owns the next step.
"""

from __future__ import annotations

import contextlib
import hmac
import json
from collections.abc import Sequence
from typing import NamedTuple

from shared.errors import (
    InProgress,
    LimitReached,
    OutIdConflict,
    SendingStopped,
    SmsError,
    StoreUnavailable,
)
from shared.ids import keyed
from shared.logs import logged_template
from shared.sending.attempts import ABSENT, FOUND, NONCE_LIFETIME, Attempts, reconciled
from shared.sending.heads import Head
from shared.sending.intents import Part, PartOutcome
from shared.sending.limits import Charge, Limits, is_refused_by_us, put_within_limits
from shared.sending.message_index import note_message
from shared.sending.part_records import (
    NO_RECORD,
    PartRecord,
    number_digests,
    read_part,
    record_key,
)
from shared.sending.stop import STOP_KEY
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs, Store

# Seconds that a lease outlives its invocation, for clocks of instances differ a little.
LEASE_MARGIN = 5
# Refused before anything was processed, and for a moment only.
THROTTLED = ("Throttling", "Throttling.User", "Throttling.Api", "QPS_LIMIT_CONTROL")
# Seconds to wait after each throttled attempt before the next one.
THROTTLE_WAITS = (0.2, 0.5, 1.0, 2.0)


def send_claimed(attempts: Attempts, store: Store, limits: Limits) -> tuple[PartOutcome, ...]:
    """Send every part of an intent with a record of each in the store; see protocol.send."""
    secret = attempts.api.settings.state_secret
    lease_until = _lease_until(attempts)
    claims = [
        Claim(
            attempts=attempts.about(part),
            store=store,
            limits=limits,
            part=part,
            digest=content_digest(part, secret),
            lease_until=lease_until,
        )
        for part in attempts.intent.parts
    ]
    outcomes: list[PartOutcome] = []
    try:
        _send_in_turn(claims, outcomes)
    except StoreUnavailable as error:
        attempts.api.log.failed("store", error)
        outcomes += _not_reached(claims[len(outcomes) :], "rejected", error)
    except InProgress as error:
        outcomes += _not_reached(claims[len(outcomes) :], "unknown", error)
    except OutIdConflict as error:
        if not outcomes:
            raise
        # the records of those before had expired
        outcomes += _not_reached(claims[len(outcomes) :], "rejected", error)
    return tuple(outcomes)


def _send_in_turn(claims: Sequence[Claim], outcomes: list[PartOutcome]) -> None:
    """Add how each part ended; one part alone pays for a head only if there were more before."""
    if len(claims) == 1:
        with contextlib.suppress(_HadMoreParts):
            outcomes.append(claims[0].send())
            return
    first = claims[0]
    head = Head(
        first.attempts.api,
        first.store,
        intent=first.attempts.intent,
        digests=[claim.digest for claim in claims],
        lease_until=first.lease_until,
    )
    with head.held():
        for claim in claims:
            outcome = claim._replace(head=head).send()
            outcomes.append(outcome)
        if all(_is_not_attempted(outcome) for outcome in outcomes):
            _leave_nothing(first, head)


def _leave_nothing(first: Claim, head: Head) -> None:
    """Remove what tells that there were several parts, for none of them was attempted.

    The record of the first part is read while the head stands. A call that comes after the head is
    gone writes another text, which stays.
    """
    shown = first.read()
    if head.remove() and shown.stored is not None and shown.attempt == 0:
        first.store.delete(first.key(), shown.stored)


def _is_not_attempted(outcome: PartOutcome) -> bool:
    """Whether a limit of ours or the owner refused the part."""
    return outcome.outcome == "rejected" and is_refused_by_us(outcome.code)


def _not_reached(claims: Sequence[Claim], outcome: str, error: SmsError) -> list[PartOutcome]:
    return [
        PartOutcome(claim.part, outcome, error.code, retry_after=error.retry_after)
        for claim in claims
    ]


def _lease_until(attempts: Attempts) -> int:
    """Return when a lease of this invocation ends, in epoch seconds.

    It is asked once, at the beginning: when this machine stands still later on, its leases end all
    the same.
    """
    clock = attempts.api.clock
    left = max(attempts.deadline - clock.monotonic(), 0)
    return int(clock.now() + left) + LEASE_MARGIN


def content_digest(part: Part, state_secret: str) -> str:
    """Return a keyed digest of what a part sends to whom, whatever the out_id."""
    content = [part.action, part.parameters]
    return keyed(state_secret, "content", json.dumps(content, sort_keys=True))


class _HadMoreParts(Exception):
    """An earlier call with the out_id of a single part had several, which have to be compared."""


class Moved(NamedTuple):
    """Whether a record was replaced as asked for, and the record that is in the store now."""

    is_done: bool
    record: PartRecord


class Claim(NamedTuple):
    """A part in the store: each method is an arrow of the diagram, or leads to one."""

    attempts: Attempts
    store: Store
    limits: Limits
    part: Part
    digest: str
    lease_until: int
    head: Head | None = None

    def send(self) -> PartOutcome:
        """Claim the part and make its first attempt, or go on from where its record stands."""
        charge = self.limits.counts(self.attempts.intent, self.part)
        try:
            begun = self._begin(NO_RECORD, self._leased(self._blank()), charge)
            if begun.is_done:
                return self._attempt_in_turn(begun.record, charge)
            return self._go_on(begun.record, charge)
        except (LimitReached, SendingStopped) as error:
            self._show_parts(error)
            return PartOutcome(self.part, "rejected", error.code, retry_after=error.retry_after)

    def _go_on(self, record: PartRecord, charge: Charge) -> PartOutcome:
        """Go on from the record of an earlier call with this out_id."""
        now = int(self.attempts.api.clock.now())
        parts = len(self.attempts.intent.parts)
        if record.parts > parts and self.head is None:
            raise _HadMoreParts
        if record.state == "rejected":
            return self._next_attempt(self._corrected(record), charge)
        is_same = hmac.compare_digest(record.digest, self.digest)
        if record.is_leased(now):
            wait = record.lease_until - now
            if self.head and not (is_same and record.parts == parts):
                raise InProgress(wait)  # before any part is sent beside other content
            return self._in_progress(wait)
        if not is_same:
            raise OutIdConflict
        if record.state == "accepted":
            return self._replayed(record)
        doubt = PartOutcome(
            self.part, "unknown", record.code or "interrupted", request_id=record.request_id
        )
        return self._settle(self._with_parts(record), doubt, resend=charge)

    def _with_parts(self, record: PartRecord) -> PartRecord:
        """Return a record in doubt that says how many parts there are, which may be more now."""
        parts = len(self.attempts.intent.parts)
        if record.parts >= parts:
            return record
        moved = self._move(record, record._replace(parts=parts))
        if not moved.is_done:
            raise InProgress(1)
        return moved.record

    def _show_parts(self, refusal: SmsError) -> None:
        """Write down how many parts there are, where a limit refused the first of several.

        A call with one part looks at the record of the first part alone.
        """
        if self.head is None or self.part.number != 0:
            return
        record = self.read()
        if record.stored is not None and record.state != "rejected":
            raise InProgress(1)
        limited = self._blank()._replace(state="rejected", code=refusal.code)
        there = limited if record.stored is None else record
        shown = there._replace(
            parts=len(self.attempts.intent.parts),
            owner=self.attempts.api.token(),  # another call that leaves nothing spares it
        )
        if not self._move(record, shown).is_done:
            raise InProgress(1)

    def key(self) -> str:
        """Return the key of the part's record."""
        secret = self.attempts.api.settings.state_secret
        return record_key(self.attempts.intent.wire_id(self.part), secret)

    def read(self) -> PartRecord:
        """Return the part's record as it is now."""
        wire_id = self.attempts.intent.wire_id(self.part)
        secret = self.attempts.api.settings.state_secret
        return read_part(self.store, wire_id, state_secret=secret)

    def _attempt_in_turn(self, record: PartRecord, charge: Charge) -> PartOutcome:
        """Make the attempt that `record` stands for, unless other content runs by now."""
        if self.head and not self.head.is_still_held():
            self._finish(record, PartOutcome(self.part, "rejected", InProgress.code), charge)
            raise InProgress(1)
        return self._attempt(record, charge)

    def _attempt(self, record: PartRecord, charge: Charge) -> PartOutcome:
        """Make the attempt that `record` stands for; when it is throttled, the next one."""
        outcome = self._exchange(record)
        for wait in THROTTLE_WAITS:
            if not is_throttled(outcome) or not self._has_time_for_another(wait):
                break
            self.attempts.api.clock.sleep(wait)
            try:
                begun = self._begin(record, self._leased(record))
            except (LimitReached, SendingStopped):
                break
            if not begun.is_done:
                return self._in_progress(1)
            record = begun.record
            outcome = self._exchange(record)
        if outcome.outcome == "unknown":
            return self._settle(record, outcome)
        return self._finish(record, outcome, charge)

    def _exchange(self, record: PartRecord) -> PartOutcome:
        """Send the attempt, unless this machine stood still until others may make the next one."""
        if self.attempts.api.clock.now() > record.lease_until:
            return PartOutcome(self.part, "rejected", "out-of-time")
        return self.attempts.make(self.part, record.attempt)

    def _next_attempt(self, record: PartRecord, charge: Charge) -> PartOutcome:
        begun = self._begin(record, self._leased(record), charge)
        if not begun.is_done:
            raise InProgress(1)
        return self._attempt_in_turn(begun.record, charge)

    def _settle(
        self, record: PartRecord, doubt: PartOutcome, *, resend: Charge | None = None
    ) -> PartOutcome:
        """Find out what became of an attempt in doubt.

        With the price `resend` another attempt is made, if that is safe.
        """
        from shared.sending.lookups import look_up  # an answered send needs no look-up

        seen = look_up(self.attempts, doubt, first_at=record.first_at, last_at=record.last_at)
        if seen == FOUND:
            return self._finish(record, reconciled(self.part))
        if resend is not None and self._may_resend(record, seen):
            with contextlib.suppress(LimitReached, SendingStopped):
                return self._next_attempt(record._replace(was_in_doubt=True), resend)
        return self._finish(record, doubt)

    def _may_resend(self, record: PartRecord, seen: str) -> bool:
        """Whether a new attempt after one in doubt is asked for, and cannot be a second SMS."""
        age = self.attempts.api.clock.now() - record.last_at
        is_asked_for = self.attempts.intent.resend_unknown
        return is_asked_for and record.is_in_doubt and seen == ABSENT and age >= NONCE_LIFETIME

    def _finish(self, record: PartRecord, outcome: PartOutcome, charge: Charge = ()) -> PartOutcome:
        """Write `outcome` down, unless others found out more meanwhile, and return what is known.

        `charge` is given back when nothing was sent, and corrected by what was. A refusal after an
        attempt that was in doubt says nothing about that one, so that the part stays unknown.
        """
        correction = self.limits.correction(charge, outcome)
        if outcome.outcome == "rejected" and record.was_in_doubt:
            outcome = outcome._replace(outcome="unknown", retry_after=0)
        final = _ended(record, outcome)
        there = record
        try:
            while there.is_before(final):
                following = final._replace(others=there.others, parts=max(there.parts, final.parts))
                moved = self._move(
                    there,
                    following,
                    charge=correction.charge,
                    give_back=correction.give_back,
                    is_spent=True,
                )
                if moved.is_done:
                    self._note_message(outcome)
                    return outcome
                there = moved.record
        except StoreUnavailable as error:
            return self._unrecorded(outcome, error)
        if there.state == "accepted" and outcome.outcome != "accepted":
            return self._replayed(there)
        if there.is_in_doubt and outcome.outcome == "rejected":  # a later attempt is under way
            return outcome._replace(outcome="unknown", retry_after=0)
        return outcome

    def _note_message(self, outcome: PartOutcome) -> None:
        """Write down whose the message is that was accepted."""
        if outcome.outcome == "accepted" and outcome.biz_id:
            note_message(
                self.store,
                self.attempts.api,
                message_id=outcome.biz_id,
                wire_id=self.attempts.intent.wire_id(self.part),
            )

    def _unrecorded(self, outcome: PartOutcome, error: StoreUnavailable) -> PartOutcome:
        """Return what is known when the store failed to take it down.

        It is true all the same: a repeat finds that the lease ran out.
        """
        self.attempts.api.log.failed("store", error)
        return outcome

    def _replayed(self, record: PartRecord) -> PartOutcome:
        self.attempts.api.log.event("info", self.part.action, "accepted", code="OK", replayed=1)
        return PartOutcome(
            self.part,
            outcome="accepted",
            code="OK",
            biz_id=record.biz_id,
            request_id=record.request_id,
            replayed=True,
        )

    def _in_progress(self, retry_after: int) -> PartOutcome:
        return PartOutcome(self.part, "unknown", InProgress.code, retry_after=retry_after)

    def _has_time_for_another(self, wait: float) -> bool:
        api = self.attempts.api
        return api.clock.monotonic() + wait + api.settings.read_timeout < self.attempts.deadline

    def _blank(self) -> PartRecord:
        """Return the record of a part of which no attempt was made."""
        now = int(self.attempts.api.clock.now())
        return PartRecord(
            digest=self.digest,
            parts=len(self.attempts.intent.parts),
            action=self.part.action,
            first_at=now,
            last_at=now,
            numbers=number_digests(
                self.attempts.intent.wire_id(self.part),
                self.part.phone_numbers,
                self.attempts.api.settings.state_secret,
            ),
        )

    def _corrected(self, record: PartRecord) -> PartRecord:
        """Return the record of a part that was refused, for the content that is sent now."""
        blank = self._blank()
        if hmac.compare_digest(record.digest, self.digest):
            return record._replace(parts=blank.parts, numbers=blank.numbers)
        return record._replace(
            digest=blank.digest,
            parts=blank.parts,
            action=blank.action,
            first_at=blank.first_at,
            numbers=blank.numbers,
        )

    def _leased(self, record: PartRecord) -> PartRecord:
        """Return the record of the next attempt, leased to this invocation."""
        api = self.attempts.api
        return record._replace(
            state="sending",
            attempt=record.attempt + 1,
            last_at=int(api.clock.now()),
            lease_until=self.lease_until,
            owner=api.token(),
            code="",
            function=api.log.function,
            invocation=api.log.request_id,
            event=self.attempts.intent.event,
            template=logged_template(self.part.template_code),
        )

    def _begin(self, old: PartRecord, new: PartRecord, charge: Charge = ()) -> Moved:
        """Move to an attempt, when its second has room for a request.

        Raises LimitReached, and SendingStopped while the owner's record is there.
        """
        clock = self.attempts.api.clock
        try:
            return self._move(old, new, charge=(*charge, *self.limits.request()), unless=STOP_KEY)
        except LimitReached as error:
            wait = 1 - clock.now() % 1  # seconds until the next second of the clock
            if not self.limits.may_wait(error) or not self._has_time_for_another(wait):
                raise
        clock.sleep(wait)
        return self._begin(old, new, charge)

    def _move(
        self,
        old: PartRecord,
        new: PartRecord,
        *,
        charge: Charge = (),
        give_back: Charge = (),
        is_spent: bool = False,
        unless: str = "",
    ) -> Moved:
        """Replace `old` by `new`; raises LimitReached when `charge` is refused.

        What `is_spent` is not refused. Raises SendingStopped when there is a record under `unless`.
        """
        api = self.attempts.api
        text = record_text(new)
        change = Change(
            key=self.key(),
            old=old.stored,
            new=text,
            ttl=api.settings.intent_ttl,
            now=api.clock.moved(),
            charge=charge,
            give_back=give_back,
            unless=unless,
        )
        answer = put_within_limits(self.store, change, api, is_spent=is_spent)
        if isinstance(answer, Differs):
            return Moved(False, read_record(answer.current, NO_RECORD))
        return Moved(True, new._replace(stored=text))


def is_throttled(outcome: PartOutcome) -> bool:
    """Whether the platform refused an attempt, unprocessed, because too much came at once."""
    return outcome.outcome == "rejected" and outcome.code in THROTTLED


def _ended(record: PartRecord, outcome: PartOutcome) -> PartRecord:
    return record._replace(
        state=outcome.outcome,
        lease_until=0,
        code=outcome.code,
        biz_id=outcome.biz_id,
        request_id=outcome.request_id,
    )
