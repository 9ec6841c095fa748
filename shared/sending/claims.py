"""The send protocol: one intent, at most one SMS.

A part is one request to the platform. With a store it has a record that moves along these arrows
only, each move by compare-and-set, and whoever makes a move owns the next step:

    (none) ── claim ──> sending ── explicit answer ──> accepted | rejected
                           │
                        in doubt (also: its lease ran out)
                           v
                        unknown ── found in QuerySendDetails, or its receipt came ──> accepted
                           └── 15 minutes old, not found, resend_unknown ──> sending (next attempt)
    rejected ── the caller repeats ──> sending (next attempt)

An attempt is signed once and, once a byte of it was written, not sent again. Its nonce follows from
out_id, part and attempt number: whoever repeats the attempt presents the same one, which the
platform refuses for 15 minutes. Without a store that is all that stops a repeat;
docs/send-protocol.md says what is promised in each case.
"""

from __future__ import annotations

import contextlib
import hmac
import json
from typing import TYPE_CHECKING, NamedTuple

from shared.errors import InvalidRequest, LimitReached, OutIdConflict, StoreUnavailable
from shared.ids import keyed
from shared.platform.sms_api import SmsApi
from shared.sending.attempts import NONCE_LIFETIME, Attempts, reconciled
from shared.sending.intents import Intent, Part, PartOutcome
from shared.sending.part_records import NO_RECORD, Record, record_key

if TYPE_CHECKING:
    from shared.sending.limits import Charge, Limits
    from shared.state.store import Store

_ID_PARAMETERS = ("OutId", "TaskId")
_LEASE_MARGIN = 5
# Refused before anything was processed, and for a moment only.
_THROTTLED = ("Throttling", "Throttling.User", "Throttling.Api", "QPS_LIMIT_CONTROL")
_THROTTLE_WAITS = (0.2, 0.5, 1.0, 2.0)


def send(
    intent: Intent, api: SmsApi, deadline: float, store: Store | None = None
) -> tuple[PartOutcome, ...]:
    """Send every part of `intent` and return how each ended; no refusal stops the parts after it.

    `deadline` is in monotonic seconds: no wait outlives it, and a part whose turn comes later is
    not sent; nor is one whose turn comes when the store has failed. Raises, before anything is
    sent, ConfigurationError without credentials, InvalidRequest for resend_unknown without a store
    or a place that is closed, OutIdConflict when the out_id was used for other content.
    """
    api.credentials()
    has_rules = api.settings.limits.blocked_prefixes or any(part.is_abroad for part in intent.parts)
    if store or has_rules:
        from shared.sending.limits import Limits

        limits = Limits(api)
        limits.check_destinations(intent)
    platform = Attempts(api, deadline)
    if store is None:
        if intent.resend_unknown:
            raise InvalidRequest("needs shared state (SMS_STATE_URL)", field="resend_unknown")
        return tuple(_send_unclaimed(platform, intent.out_id, part) for part in intent.parts)
    digest = content_digest(intent, api.settings.state_secret)
    outcomes: list[PartOutcome] = []
    try:
        for part in intent.parts:
            claim = _Claim(platform, store, limits, intent, part, digest)
            outcomes.append(claim.send())
    except StoreUnavailable as error:
        api.log.failed("store", error)
        outcomes += _unsent(intent.parts[len(outcomes) :], error.code, error.retry_after)
    except OutIdConflict as error:
        if not outcomes:
            raise
        outcomes += _unsent(intent.parts[len(outcomes) :], error.code)  # the first had expired
    return tuple(outcomes)


def content_digest(intent: Intent, state_secret: str) -> str:
    """Return a keyed digest of what is sent to whom, whatever the out_id."""
    content = [
        {name: value for name, value in part.parameters.items() if name not in _ID_PARAMETERS}
        for part in intent.parts
    ]
    return keyed(state_secret, "content", json.dumps(content, sort_keys=True))


def _send_unclaimed(platform: Attempts, out_id: str, part: Part) -> PartOutcome:
    """Send a part without a store: one attempt, looked up when it is in doubt."""
    began = platform.api.clock.now()
    outcome = platform.attempt(out_id, part, 1)
    if outcome.outcome == "unknown" and platform.look_up(outcome, began, began) == "found":
        return reconciled(part)
    return outcome


class _Claim(NamedTuple):
    """A part in the store: each method is an arrow of the diagram, or leads to one."""

    platform: Attempts
    store: Store
    limits: Limits
    intent: Intent
    part: Part
    digest: str

    def send(self) -> PartOutcome:
        """Claim the part and make its first attempt, or go on from where its record stands."""
        try:
            return self._claim()
        except LimitReached as error:
            return PartOutcome(self.part, "rejected", error.code, retry_after=error.retry_after)

    def _claim(self) -> PartOutcome:
        now = int(self.platform.api.clock.now())
        new = Record("", self.digest, 0, now, now, now, "", action=self.part.action)
        first = self._leased(new)
        charge = self.limits.counts(self.intent, self.part)
        existing = self._begin(NO_RECORD, first, charge)
        if existing is None:
            return self._attempt(first, charge)
        if not hmac.compare_digest(existing.digest, self.digest):
            raise OutIdConflict
        if existing.state == "accepted":
            return self._replayed(existing)
        if existing.state == "rejected":
            return self._next_attempt(existing, charge)
        if existing.state == "sending" and existing.lease_until > now:
            return self._in_progress(existing.lease_until - now)
        code, request_id = existing.code or "interrupted", existing.request_id
        doubt = PartOutcome(self.part, "unknown", code, request_id=request_id)
        return self._settle(existing, doubt, charge if self.intent.resend_unknown else None)

    def _attempt(self, record: Record, charge: Charge) -> PartOutcome:
        """Make the attempt that `record` stands for; when it is throttled, the next one."""
        outcome = self._exchange(record)
        for wait in _THROTTLE_WAITS:
            is_throttled = outcome.outcome == "rejected" and outcome.code in _THROTTLED
            if not is_throttled or not self._has_time_for_another(wait):
                break
            self.platform.api.clock.sleep(wait)
            following = self._leased(record)
            try:
                if self._begin(record, following, ()) is not None:
                    return self._in_progress(1)
            except LimitReached:
                break
            record = following
            outcome = self._exchange(record)
        if outcome.outcome == "unknown":
            return self._settle(record, outcome)
        return self._finish(record, outcome, charge)

    def _exchange(self, record: Record) -> PartOutcome:
        """Send the attempt, unless this machine stood still until others may make the next one."""
        if self.platform.api.clock.now() > record.lease_until:
            return PartOutcome(self.part, "rejected", "out-of-time")
        return self.platform.attempt(self.intent.out_id, self.part, record.attempt)

    def _next_attempt(self, record: Record, charge: Charge) -> PartOutcome:
        following = self._leased(record)
        if self._begin(record, following, charge) is not None:
            return self._in_progress(1)
        return self._attempt(following, charge)

    def _settle(
        self, record: Record, doubt: PartOutcome, resend: Charge | None = None
    ) -> PartOutcome:
        """Find out what became of an attempt in doubt; make another, at the price `resend`, only
        when that is safe.
        """
        seen = self.platform.look_up(doubt, record.first_at, record.last_at)
        if seen == "found":
            return self._finish(record, reconciled(self.part))
        age = self.platform.api.clock.now() - record.last_at
        if resend is not None and seen == "absent" and age >= NONCE_LIFETIME:
            with contextlib.suppress(LimitReached):
                return self._next_attempt(record, resend)
        return self._finish(record, doubt)

    def _finish(self, record: Record, outcome: PartOutcome, charge: Charge = ()) -> PartOutcome:
        """Write `outcome` down, unless others found out more meanwhile, and return what is known.

        `charge` is given back when nothing was sent. When the store fails the outcome is still
        true: a repeat finds that the lease ran out.
        """
        final = record._replace(
            state=outcome.outcome,
            lease_until=0,
            code=outcome.code,
            biz_id=outcome.biz_id,
            request_id=outcome.request_id,
        )
        refund = charge if outcome.outcome == "rejected" else ()
        existing: Record | None = record
        try:
            while existing and existing.is_before(final):
                existing = self._move(existing, final, give_back=refund)
        except StoreUnavailable as error:
            self.platform.api.log.failed("store", error)
            return outcome
        if existing and existing.state == "accepted" != outcome.outcome:
            return self._replayed(existing)
        return outcome

    def _replayed(self, record: Record) -> PartOutcome:
        self.platform.api.log.event("info", self.part.action, "accepted", code="OK", replayed=1)
        return PartOutcome(
            self.part, "accepted", "OK", record.biz_id, record.request_id, replayed=True
        )

    def _in_progress(self, retry_after: int) -> PartOutcome:
        return PartOutcome(self.part, "unknown", "in-progress", retry_after=retry_after)

    def _has_time_for_another(self, wait: float) -> bool:
        api = self.platform.api
        return api.clock.monotonic() + wait + api.settings.read_timeout < self.platform.deadline

    def _leased(self, record: Record) -> Record:
        """Return the record of the next attempt, leased to this invocation."""
        clock = self.platform.api.clock
        now = clock.now()
        left = max(self.platform.deadline - clock.monotonic(), 0)
        return record._replace(
            state="sending",
            attempt=record.attempt + 1,
            last_at=int(now),
            lease_until=int(now + left) + _LEASE_MARGIN,
            owner=self.platform.api.token(),
            code="",
        )

    def _begin(self, old: Record, new: Record, charge: Charge) -> Record | None:
        """Move to an attempt, when its second has room for a request; raises LimitReached."""
        clock = self.platform.api.clock
        try:
            return self._move(old, new, (*charge, *self.limits.request()))
        except LimitReached as error:
            wait = 1 - clock.now() % 1
            if not self.limits.may_wait(error) or not self._has_time_for_another(wait):
                raise
        clock.sleep(wait)
        return self._begin(old, new, charge)

    def _move(
        self, old: Record, new: Record, charge: Charge = (), give_back: Charge = ()
    ) -> Record | None:
        """Replace `old` by `new`; return None when that was done, else the record that is there:
        NO_RECORD for none, as in `old`. Raises LimitReached.
        """
        secret = self.platform.api.settings.state_secret
        key = record_key(self.intent.out_id, self.part.number, secret)
        old_text = old.text() if old.state else None
        there = self.limits.put(self.store, key, old_text, new.text(), charge, give_back)
        if there is None:
            return None
        return Record.read(there) if there else NO_RECORD


def _unsent(parts: tuple[Part, ...], code: str, retry_after: int = 0) -> list[PartOutcome]:
    return [PartOutcome(part, "rejected", code, retry_after=retry_after) for part in parts]
