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
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.clock import parse_platform_time, platform_date
from shared.errors import InvalidRequest, LimitReached, OutIdConflict, StoreUnavailable
from shared.logs import safe_message_id
from shared.messages import MAX_GLOBE, Intent, Part, compact_json, keyed, split_wire_id
from shared.sms_api import ACCEPTED, IN_DOUBT, REJECTED, Result, SmsApi

if TYPE_CHECKING:
    from shared.limits import Charge, Limits
    from shared.store import Store

NONCE_LIFETIME = 15 * 60
QUERYABLE = ("SendSms", "SendBatchSms")
_NONCE_LABEL = "fc-sms send nonce 1"
_NONCE_USED = "SignatureNonceUsed"
_ID_PARAMETERS = ("OutId", "TaskId")
_CLOCK_TOLERANCE = NONCE_LIFETIME  # a request signed further off would have been refused
_LEASE_MARGIN = 5
_POLL_STEP = 0.25
_DAY = 86400
_DAYS_SHOWN = 29  # QuerySendDetails knows 30 (document 419277), today among them
# Refused before anything was processed, and for a moment only.
_THROTTLED = ("Throttling", "Throttling.User", "Throttling.Api", "QPS_LIMIT_CONTROL")
_THROTTLE_WAITS = (0.2, 0.5, 1.0, 2.0)
_STATES = ("", "sending", "unknown", "rejected")


class PartOutcome(NamedTuple):
    """How one part ended: outcome is accepted, rejected or unknown; `code` says why.

    `replayed`: an earlier call had it accepted; `reconciled`: a query found it after its answer was
    lost, so that there is no `biz_id`. That is the platform's id of the send, MessageId for
    SendMessageToGlobe; `details` is its whole answer.
    """

    part: Part
    outcome: str
    code: str
    biz_id: str = ""
    request_id: str = ""
    retry_after: int = 0
    reconciled: bool = False
    replayed: bool = False
    details: Mapping[str, Any] = {}


class Record(NamedTuple):
    """What the store keeps of a part; times are epoch seconds, `digest` is keyed.

    Its attempts began from `first_at` to `last_at`; until `lease_until` the invocation that wrote
    `sending` is at work. `owner` makes every claim a text of its own.
    """

    state: str
    digest: str
    attempt: int
    first_at: int
    last_at: int
    lease_until: int
    owner: str
    code: str = ""
    biz_id: str = ""
    request_id: str = ""
    action: str = ""

    @classmethod
    def read(cls, text: str) -> Record:
        """Undo `text`."""
        return cls(*json.loads(text))

    def text(self) -> str:
        """Return the record as the store keeps it."""
        return compact_json(self)

    def is_before(self, other: Record) -> bool:
        """Whether `other` is a step forward: a later attempt or state; accepted is the last."""
        return self._place() < other._place()

    def _place(self) -> tuple[bool, int, int]:
        if self.state == "accepted":
            return True, 0, 0
        return False, self.attempt, _STATES.index(self.state)


_NO_RECORD = Record("", "", 0, 0, 0, 0, "")


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
        from shared.limits import Limits

        limits = Limits(api)
        limits.check_destinations(intent)
    platform = _Platform(api, deadline)
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


def settle(store: Store, api: SmsApi, wire_id: str, message_id: str) -> bool:
    """Take the arrow of a receipt for the part with this id on the wire; return whether that was
    news. `message_id` is the BizId or MessageId in it, or empty.
    """
    out_id, part = split_wire_id(wire_id)
    key = record_key(out_id, part, api.settings.state_secret)
    text = store.get(key)
    while text:
        record = Record.read(text)
        if record.state == "accepted":
            return False
        found = record._replace(
            state="accepted", lease_until=0, code="OK", biz_id=message_id or record.biz_id
        )
        there = store.put(key, text, found.text(), api.settings.intent_ttl, api.clock.now())
        if not isinstance(there, str):
            return True
        text = there
    return False


def message_ids(store: Store, out_id: str, state_secret: str) -> dict[int, str]:
    """Return the MessageId, or nothing, of each part of an intent for SendMessageToGlobe."""
    found = {}
    for part in range(MAX_GLOBE):
        text = store.get(record_key(out_id, part, state_secret))
        record = Record.read(text) if text else _NO_RECORD
        if record.action == "SendMessageToGlobe":
            found[part] = record.biz_id
        elif text:
            break
    return found


def record_key(out_id: str, part: int, state_secret: str) -> str:
    """Return the key of a part's record; it tells nothing about the out_id."""
    return f"part:{keyed(state_secret, 'part', out_id)}:{part}"


def attempt_nonce(out_id: str, part: int, attempt: int) -> str:
    """Return the SignatureNonce of an attempt: 32 hex digits, the same wherever it is made."""
    text = f"{_NONCE_LABEL}\n{out_id}\n{part}\n{attempt}"
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def content_digest(intent: Intent, state_secret: str) -> str:
    """Return a keyed digest of what is sent to whom, whatever the out_id."""
    content = [
        {name: value for name, value in part.parameters.items() if name not in _ID_PARAMETERS}
        for part in intent.parts
    ]
    return keyed(state_secret, "content", json.dumps(content, sort_keys=True))


def _send_unclaimed(platform: _Platform, out_id: str, part: Part) -> PartOutcome:
    """Send a part without a store: one attempt, looked up when it is in doubt."""
    began = platform.api.clock.now()
    outcome = platform.attempt(out_id, part, 1)
    if outcome.outcome == "unknown" and platform.look_up(outcome, began, began) == "found":
        return _reconciled(part)
    return outcome


class _Platform(NamedTuple):
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
        from shared.send_details import all_details

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


class _Claim(NamedTuple):
    """A part in the store: each method is an arrow of the diagram, or leads to one."""

    platform: _Platform
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
        existing = self._begin(_NO_RECORD, first, charge)
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
            return self._finish(record, _reconciled(self.part))
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
        _NO_RECORD for none, as in `old`. Raises LimitReached.
        """
        secret = self.platform.api.settings.state_secret
        key = record_key(self.intent.out_id, self.part.number, secret)
        old_text = old.text() if old.state else None
        there = self.limits.put(self.store, key, old_text, new.text(), charge, give_back)
        if there is None:
            return None
        return Record.read(there) if there else _NO_RECORD


def _outcome(part: Part, result: Result) -> PartOutcome:
    """Return what a result stands for; nothing written is rejected."""
    if result.verdict == ACCEPTED:
        if part.action == "SendSmsVerifyCode" and result.body.get("Success") is not True:
            return PartOutcome(part, "unknown", "no-success", request_id=result.request_id)
        biz_id = safe_message_id(result.body.get("BizId") or result.body.get("MessageId"))
        return PartOutcome(part, "accepted", "OK", biz_id, result.request_id, details=result.body)
    outcome = "unknown" if result.verdict == IN_DOUBT else "rejected"
    return PartOutcome(part, outcome, result.code, "", result.request_id, result.retry_after)


def _reconciled(part: Part) -> PartOutcome:
    return PartOutcome(part, "accepted", "OK", reconciled=True)


def _unsent(parts: tuple[Part, ...], code: str, retry_after: int = 0) -> list[PartOutcome]:
    return [PartOutcome(part, "rejected", code, retry_after=retry_after) for part in parts]
