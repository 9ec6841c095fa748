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
out_id, part and attempt number alone, so that whoever repeats the attempt presents the same one,
which the platform refuses for 15 minutes. Without a store that is all that stops a repeat;
docs/send-protocol.md says what is promised in each case.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.clock import parse_platform_time, platform_date
from shared.errors import InvalidRequest, OutIdConflict, StoreUnavailable
from shared.messages import Intent, Part, compact_json
from shared.sms_api import ACCEPTED, IN_DOUBT, REJECTED, Result, SmsApi

if TYPE_CHECKING:
    from shared.store import Store

NONCE_LIFETIME = 15 * 60
QUERYABLE = ("SendSms", "SendBatchSms")
_NONCE_LABEL = "fc-sms send nonce 1"
_NONCE_USED = "SignatureNonceUsed"
_ID_PARAMETERS = ("OutId", "TaskId")
_CLOCK_TOLERANCE = 60
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

    `replayed` is set when an earlier call had it accepted already, `reconciled` when it was found
    by a query after its answer was lost; such a part has no `biz_id`. That is the platform's id of
    the send, MessageId for SendMessageToGlobe; `details` is its whole answer, if there is one.
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

    `first_at` is when its first attempt began, `last_at` its latest; until `lease_until` the
    invocation that wrote `sending` is at work on it. `owner` makes every claim a text of its own.
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

    @classmethod
    def read(cls, text: str) -> Record:
        """Read a record from the form `text` gives it."""
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

    `deadline` is in the clock's monotonic seconds: no wait outlives it, and a part whose turn comes
    later is not sent; nor are those whose turn comes when the store has failed. Raises
    ConfigurationError when there are no credentials, InvalidRequest when resend_unknown is asked
    for without a store, OutIdConflict when the out_id was used for other content; all before
    anything is sent.
    """
    api.credentials()
    platform = _Platform(api, deadline)
    if store is None:
        if intent.resend_unknown:
            raise InvalidRequest("needs shared state (SMS_STATE_URL)", field="resend_unknown")
        return tuple(_send_unclaimed(platform, intent.out_id, part) for part in intent.parts)
    digest = content_digest(intent, api.settings.state_secret)
    outcomes: list[PartOutcome] = []
    try:
        for part in intent.parts:
            claim = _Claim(platform, store, intent.out_id, part, digest)
            outcomes.append(claim.send(intent.resend_unknown))
    except StoreUnavailable as error:
        _log_store_failure(api, error)
        outcomes += _unsent(intent.parts[len(outcomes) :], error.code, error.retry_after)
    except OutIdConflict as error:
        if not outcomes:
            raise
        outcomes += _unsent(intent.parts[len(outcomes) :], error.code, 0)  # the first had expired
    return tuple(outcomes)


def record_key(out_id: str, part: int, state_secret: str) -> str:
    """Return the key of a part's record; it tells nothing about the out_id."""
    return f"part:{_keyed('part', out_id, state_secret)}:{part}"


def attempt_nonce(out_id: str, part: int, attempt: int) -> str:
    """Return the SignatureNonce of an attempt: 32 hex digits, the same wherever it is made."""
    text = f"{_NONCE_LABEL}\n{out_id}\n{part}\n{attempt}"
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def content_digest(intent: Intent, state_secret: str) -> str:
    """Return a keyed digest of what `intent` sends to whom, whatever its out_id."""
    content = [
        {name: value for name, value in part.parameters.items() if name not in _ID_PARAMETERS}
        for part in intent.parts
    ]
    return _keyed("content", json.dumps(content, sort_keys=True), state_secret)


def _keyed(label: str, text: str, secret: str) -> str:
    message = f"fc-sms {label}\n{text}".encode()
    return hmac.digest(secret.encode(), message, "sha256").hex()[:32]


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
        back counts if it could not have come had the platform known the nonce. A limit could: the
        first copy may have used it up.
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

        Its attempts began from `first_at` to `last_at` (epoch seconds). Returns ``found``;
        ``absent``, which may change; or ``unclear`` when it could not be asked.
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
        """Look `part` up once. A request is accepted whole, so of many numbers three are enough:
        when the first, the middle or the last has the message, all have.
        """
        from shared.delivery_status import all_details

        numbers = part.phone_numbers
        since = first_at - _CLOCK_TOLERANCE
        until = min(last_at + NONCE_LIFETIME, self.api.clock.now())
        days = (*range(int(since), int(until), _DAY), until)
        try:
            found = any(
                detail.out_id == part.out_id
                and detail.phone_number == number
                and detail.template_code == part.template_code
                and (parse_platform_time(detail.send_date) or 0) >= since
                for number in dict.fromkeys((numbers[0], numbers[len(numbers) // 2], numbers[-1]))
                for date in dict.fromkeys(map(platform_date, days))
                for detail in all_details(self.api, number, date, deadline)
            )
        except Exception as error:  # something was sent: this must not hide it
            self.api.log.event("warning", "look-up", "failed", code=type(error).__name__)
            return "unclear"
        if found:
            self.api.log.event("info", part.action, "accepted", code="OK", reconciled=1)
        return "found" if found else "absent"


class _Claim(NamedTuple):
    """A part in the store: each method is an arrow of the diagram, or leads to one."""

    platform: _Platform
    store: Store
    out_id: str
    part: Part
    digest: str

    def send(self, resend: bool) -> PartOutcome:
        """Claim the part and make its first attempt, or go on from where its record stands."""
        now = int(self.platform.api.clock.now())
        first = self._leased(Record("", self.digest, 0, now, now, now, ""))
        existing = self._move(_NO_RECORD, first)
        if existing is None:
            return self._attempt(first)
        if not hmac.compare_digest(existing.digest, self.digest):
            raise OutIdConflict("this out_id was used for other content; take a new one")
        if existing.state == "accepted":
            return self._replayed(existing)
        if existing.state == "rejected":
            return self._next_attempt(existing)
        if existing.state == "sending" and existing.lease_until > now:
            return self._in_progress(existing.lease_until - now)
        code, request_id = existing.code or "interrupted", existing.request_id
        doubt = PartOutcome(self.part, "unknown", code, request_id=request_id)
        return self._settle(existing, doubt, resend)

    def _attempt(self, record: Record) -> PartOutcome:
        """Make the attempt that `record` stands for; when it is throttled, the next one."""
        outcome = self.platform.attempt(self.out_id, self.part, record.attempt)
        for wait in _THROTTLE_WAITS:
            is_throttled = outcome.outcome == "rejected" and outcome.code in _THROTTLED
            if not is_throttled or not self._has_time_for_another(wait):
                break
            self.platform.api.clock.sleep(wait)
            following = self._leased(record)
            if self._move(record, following) is not None:
                return self._in_progress(1)
            record = following
            outcome = self.platform.attempt(self.out_id, self.part, record.attempt)
        if outcome.outcome == "unknown":
            return self._settle(record, outcome, resend=False)
        return self._finish(record, outcome)

    def _next_attempt(self, record: Record) -> PartOutcome:
        following = self._leased(record)
        if self._move(record, following) is not None:
            return self._in_progress(1)
        return self._attempt(following)

    def _settle(self, record: Record, doubt: PartOutcome, resend: bool) -> PartOutcome:
        """Find out what became of an attempt in doubt; make another only when that is safe."""
        seen = self.platform.look_up(doubt, record.first_at, record.last_at)
        if seen == "found":
            return self._finish(record, _reconciled(self.part))
        age = self.platform.api.clock.now() - record.last_at
        if resend and seen == "absent" and age >= NONCE_LIFETIME:
            return self._next_attempt(record)
        return self._finish(record, doubt)

    def _finish(self, record: Record, outcome: PartOutcome) -> PartOutcome:
        """Write `outcome` down, unless others found out more meanwhile, and return what is known.

        When the store fails the outcome is still true: a repeat finds that the lease ran out.
        """
        final = record._replace(
            state=outcome.outcome,
            lease_until=0,
            code=outcome.code,
            biz_id=outcome.biz_id,
            request_id=outcome.request_id,
        )
        existing: Record | None = record
        try:
            while existing and existing.is_before(final):
                existing = self._move(existing, final)
        except StoreUnavailable as error:
            _log_store_failure(self.platform.api, error)
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

    def _move(self, old: Record, new: Record) -> Record | None:
        """Replace `old` by `new`; return None when that was done, else the record that is there.

        _NO_RECORD stands for none, before and after.
        """
        api = self.platform.api
        existing = self.store.put(
            record_key(self.out_id, self.part.number, api.settings.state_secret),
            old.text() if old.state else None,
            new.text(),
            api.settings.intent_ttl,
            api.clock.now(),
        )
        if existing is None:
            return None
        return Record.read(str(existing)) if existing else _NO_RECORD


def _outcome(part: Part, result: Result) -> PartOutcome:
    """Return what the result of one exchange stands for; nothing written is rejected."""
    if result.verdict == ACCEPTED:
        biz_id = str(result.body.get("BizId") or result.body.get("MessageId") or "")
        return PartOutcome(part, "accepted", "OK", biz_id, result.request_id, details=result.body)
    outcome = "unknown" if result.verdict == IN_DOUBT else "rejected"
    return PartOutcome(part, outcome, result.code, "", result.request_id, result.retry_after)


def _reconciled(part: Part) -> PartOutcome:
    return PartOutcome(part, "accepted", "OK", reconciled=True)


def _unsent(parts: tuple[Part, ...], code: str, retry_after: int) -> list[PartOutcome]:
    return [PartOutcome(part, "rejected", code, retry_after=retry_after) for part in parts]


def _log_store_failure(api: SmsApi, error: StoreUnavailable) -> None:
    api.log.event("error", "store", "failed", code=error.code, detail=error.detail)
