"""Claims: a part in the store, and every arrow of its way through the send protocol.

The diagram stands in protocol.py. Each move of a record is one compare-and-set, and whoever makes a
move owns the next step.
"""

from __future__ import annotations

import contextlib
import hmac
import json
from typing import NamedTuple

from shared.errors import InProgress, LimitReached, OutIdConflict, StoreUnavailable
from shared.ids import keyed
from shared.sending.attempts import ABSENT, FOUND, NONCE_LIFETIME, Attempts, reconciled
from shared.sending.intents import Intent, Part, PartOutcome
from shared.sending.limits import Charge, Limits, put_within_limits
from shared.sending.part_records import NO_RECORD, PartRecord, record_key
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
    parts = attempts.intent.parts
    digest = content_digest(attempts.intent, attempts.api.settings.state_secret)
    outcomes: list[PartOutcome] = []
    try:
        for part in parts:
            claim = Claim(attempts=attempts, store=store, limits=limits, part=part, digest=digest)
            outcomes.append(claim.send())
    except StoreUnavailable as error:
        attempts.api.log.failed("store", error)
        outcomes += _unsent(parts[len(outcomes) :], error.code, error.retry_after)
    except OutIdConflict as error:
        if not outcomes:
            raise
        outcomes += _unsent(parts[len(outcomes) :], error.code)  # the first had expired
    return tuple(outcomes)


def content_digest(intent: Intent, state_secret: str) -> str:
    """Return a keyed digest of what is sent to whom, whatever the out_id."""
    content = [part.parameters for part in intent.parts]
    return keyed(state_secret, "content", json.dumps(content, sort_keys=True))


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

    def send(self) -> PartOutcome:
        """Claim the part and make its first attempt, or go on from where its record stands."""
        charge = self.limits.counts(self.attempts.intent, self.part)
        try:
            begun = self._begin(NO_RECORD, self._leased(self._blank()), charge)
            if begun.is_done:
                return self._attempt(begun.record, charge)
            return self._go_on(begun.record, charge)
        except LimitReached as error:
            return PartOutcome(self.part, "rejected", error.code, retry_after=error.retry_after)

    def _go_on(self, record: PartRecord, charge: Charge) -> PartOutcome:
        """Go on from the record of an earlier call with this out_id."""
        now = int(self.attempts.api.clock.now())
        if not hmac.compare_digest(record.digest, self.digest):
            raise OutIdConflict
        if record.state == "accepted":
            return self._replayed(record)
        if record.state == "rejected":
            return self._next_attempt(record, charge)
        if record.is_leased(now):
            return self._in_progress(record.lease_until - now)
        doubt = PartOutcome(
            self.part, "unknown", record.code or "interrupted", request_id=record.request_id
        )
        return self._settle(record, doubt, resend=charge)

    def _attempt(self, record: PartRecord, charge: Charge) -> PartOutcome:
        """Make the attempt that `record` stands for; when it is throttled, the next one."""
        outcome = self._exchange(record)
        for wait in THROTTLE_WAITS:
            if not is_throttled(outcome) or not self._has_time_for_another(wait):
                break
            self.attempts.api.clock.sleep(wait)
            try:
                begun = self._begin(record, self._leased(record))
            except LimitReached:
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
            return self._in_progress(1)
        return self._attempt(begun.record, charge)

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
            with contextlib.suppress(LimitReached):
                return self._next_attempt(record, resend)
        return self._finish(record, doubt)

    def _may_resend(self, record: PartRecord, seen: str) -> bool:
        """Whether a new attempt after one in doubt is asked for, and cannot be a second SMS."""
        age = self.attempts.api.clock.now() - record.last_at
        is_asked_for = self.attempts.intent.resend_unknown
        return is_asked_for and record.is_in_doubt and seen == ABSENT and age >= NONCE_LIFETIME

    def _finish(self, record: PartRecord, outcome: PartOutcome, charge: Charge = ()) -> PartOutcome:
        """Write `outcome` down, unless others found out more meanwhile, and return what is known.

        `charge` is given back when nothing was sent.
        """
        refund = charge if outcome.outcome == "rejected" else ()
        final = _ended(record, outcome)
        there = record
        try:
            while there.is_before(final):
                moved = self._move(there, final._replace(others=there.others), give_back=refund)
                if moved.is_done:
                    return outcome
                there = moved.record
        except StoreUnavailable as error:
            return self._unrecorded(outcome, error)
        if there.state == "accepted" and outcome.outcome != "accepted":
            return self._replayed(there)
        return outcome

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
        return PartRecord(digest=self.digest, action=self.part.action, first_at=now, last_at=now)

    def _leased(self, record: PartRecord) -> PartRecord:
        """Return the record of the next attempt, leased to this invocation."""
        clock = self.attempts.api.clock
        now = clock.now()
        left = max(self.attempts.deadline - clock.monotonic(), 0)
        return record._replace(
            state="sending",
            attempt=record.attempt + 1,
            last_at=int(now),
            lease_until=int(now + left) + LEASE_MARGIN,
            owner=self.attempts.api.token(),
            code="",
        )

    def _begin(self, old: PartRecord, new: PartRecord, charge: Charge = ()) -> Moved:
        """Move to an attempt, when its second has room for a request; raises LimitReached."""
        clock = self.attempts.api.clock
        try:
            return self._move(old, new, charge=(*charge, *self.limits.request()))
        except LimitReached as error:
            wait = 1 - clock.now() % 1  # seconds until the next second of the clock
            if not self.limits.may_wait(error) or not self._has_time_for_another(wait):
                raise
        clock.sleep(wait)
        return self._begin(old, new, charge)

    def _move(
        self, old: PartRecord, new: PartRecord, *, charge: Charge = (), give_back: Charge = ()
    ) -> Moved:
        """Replace `old` by `new`; raises LimitReached when `charge` is refused."""
        api = self.attempts.api
        text = record_text(new)
        change = Change(
            key=record_key(
                self.attempts.intent.out_id, self.part.number, api.settings.state_secret
            ),
            old=old.stored,
            new=text,
            ttl=api.settings.intent_ttl,
            now=api.clock.now(),
            charge=charge,
            give_back=give_back,
        )
        answer = put_within_limits(self.store, change, api)
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


def _unsent(parts: tuple[Part, ...], code: str, retry_after: int = 0) -> list[PartOutcome]:
    return [PartOutcome(part, "rejected", code, retry_after=retry_after) for part in parts]
