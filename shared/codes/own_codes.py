"""Verification codes made and checked here, with a record of each verification in the store.

    (none) ── POST /codes ──> valid ── the right code ──> used
                               │  └── wrong, last try ──> spent
         the SMS was rejected  │ ^
                               v │ POST /codes with the same out_id
                            withdrawn

A code is a keyed hash of the seed in its record, of verification, number and purpose: each attempt
to send it carries the same one, and the store alone does not tell it. Every change writes a fresh
mark, so that only one of two invocations makes it.

Sources: NIST SP 800-63B (lifetime, tries, single use) and document 44335 (limits).
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import ids
from shared.codes.code_requests import (
    RESEND_SECONDS,
    CodeCheck,
    CodeRequest,
    Created,
    keyed_letters,
    seconds_left,
)
from shared.errors import (
    InProgress,
    OutIdConflict,
    SmsError,
    StoreUnavailable,
)
from shared.sending.code_messages import CodeMessage, Recipient, code_intent
from shared.sending.intents import Intent, PartOutcome
from shared.sending.limits import Limits, is_refused_by_us
from shared.sending.protocol import send
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.settings import CodeSettings
    from shared.state.store import Store

VALID, USED, SPENT, WITHDRAWN = "valid", "used", "spent", "withdrawn"
_UNKNOWN = "unknown"
_LEASE_MARGIN = 5  # seconds that a lease outlives its invocation, for clocks differ
_ROUNDS = 30  # more than the changes that a record sees in its life
# What is written, in vain, over a verification that does not exist.
_NO_TEXT = "no verification"


class Verification(NamedTuple):
    """What the store keeps of a verification, with times in epoch seconds.

    `space`, `number` and `purpose` are keyed digests. Until `lease_until` the invocation `sender`
    is at work on sending the code. For `others` and `stored` see state/records.py.
    """

    state: str = _UNKNOWN
    seed: str = ""
    space: str = ""
    number: str = ""
    purpose: str = ""
    length: int = 6
    tries: int = 0
    sent_at: int = 0
    expires_at: int = 0
    lease_until: int = 0
    sender: str = ""
    mark: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None

    @property
    def bound_to(self) -> tuple[str, str, str]:
        """What every check has to name as it was when the code was asked for."""
        return self.space, self.number, self.purpose

    def standing(self, now: float) -> str:
        """Return ``valid``, or else why no code passes."""
        return "expired" if self.state == VALID and now >= self.expires_at else self.state


_NO_VERIFICATION = Verification()


class _Moved(NamedTuple):
    """Whether a record was replaced as asked for, and the record that is in the store now."""

    is_done: bool
    record: Verification


class _Claimed(NamedTuple):
    """A verification, and whether this invocation may send its code: `is_repeat`, once more."""

    record: Verification
    is_ours: bool
    is_repeat: bool = False


class OwnCodes(NamedTuple):
    """The own back end; `deadline` is in monotonic seconds."""

    api: SmsApi
    store: Store
    settings: CodeSettings
    deadline: float

    def create(self, request: CodeRequest) -> Created:
        """Send a code; see verification.create."""
        self.api.credentials()
        fresh = self._fresh(request)
        # What cannot be sent, or not there, is not recorded.
        Limits(self.api).check_destinations(self._intent(request, fresh))
        claimed = self._claim(request, fresh)
        record = claimed.record
        if claimed.is_ours:
            return self._send(request, record, is_repeat=claimed.is_repeat)
        now = self.api.clock.now()
        if record.standing(now) != VALID:
            return self._created(request, record, None)
        part = self._intent(request, record).parts[0]
        wait = max(math.ceil(record.lease_until - now), 1)
        busy = PartOutcome(part, "unknown", InProgress.code, retry_after=wait)
        return self._created(request, record, busy)

    def check(self, typed: CodeCheck) -> str:
        """Use a code up; return ``verified``, or else why not, for the log only.

        Whatever comes of it, the store is read and written once, if no other check comes between:
        the time that it takes tells nothing.
        """
        key = _key(typed.verification_id)
        for _ in range(_ROUNDS):
            record = read_record(self.store.get(key), _NO_VERIFICATION)
            verdict, tried = self._try(typed, record)
            old = _NO_TEXT if record.stored is None else record.stored
            new = old if tried is record else record_text(tried)
            answer = self.store.put(self._change(key, old=old, new=new))
            if record.stored is None or not isinstance(answer, Differs):
                return verdict
        raise _contended()

    def verification_id(self, request: CodeRequest) -> str:
        """Return the id of the verification that belongs to the out_id of `request`."""
        return keyed_letters(
            self.api.settings.state_secret, "verification", request.space, request.out_id
        )

    def code(self, verification_id: str, recipient: Recipient, record: Verification) -> str:
        """Return the code that a record stands for: that of a test number is fixed.

        Raises what fixed_codes.fixed_code does.
        """
        if fixed := self._fixed_code(recipient):
            return fixed
        bound_to = (verification_id, recipient.e164, record.purpose, str(record.length))
        return derive_code(
            self.api.settings.state_secret,
            seed=record.seed,
            bound_to=bound_to,
            length=record.length,
        )

    def _try(self, typed: CodeCheck, record: Verification) -> tuple[str, Verification]:
        """Return what a check says, and the record after it: the same one if it changes nothing."""
        number, purpose = self._bound_to(typed.recipient, typed.purpose)
        expected = self.code(typed.verification_id, typed.recipient, record)
        # All is compared, so that the time tells nothing.
        is_code = hmac.compare_digest(expected.encode(), typed.code.encode())
        is_number = hmac.compare_digest(number, record.number)
        is_purpose = hmac.compare_digest(purpose, record.purpose)
        is_own = hmac.compare_digest(self._keyed("code space", typed.space), record.space)
        standing = record.standing(self.api.clock.now())
        if standing != VALID:
            return standing, record
        if not is_own:
            return _UNKNOWN, record
        if is_code and is_number and is_purpose:
            return "verified", record._replace(state=USED, seed="", mark=self._mark())
        left = record.tries - 1
        tried = record._replace(tries=left, mark=self._mark())
        if left > 0:
            return "wrong", tried
        return "wrong", tried._replace(state=SPENT, seed="")

    def _fresh(self, request: CodeRequest) -> Verification:
        """Return the record of a code that this invocation is the first to send."""
        number, purpose = self._bound_to(request.recipient, request.purpose)
        unsent = Verification(
            state=WITHDRAWN,
            seed=self._mark(),
            space=self._keyed("code space", request.space),
            number=number,
            purpose=purpose,
            length=self.settings.length,
            tries=self.settings.tries,
        )
        return self._leased(unsent, sender=self._mark())

    def _leased(self, record: Verification, sender: str) -> Verification:
        """Return a record whose code `sender` is at work on sending."""
        now = self.api.clock.now()
        left = max(self.deadline - self.api.clock.monotonic(), 0)
        if record.state == WITHDRAWN:
            sent_at = math.ceil(now)
            expires_at = sent_at + self.settings.lifetime
            record = record._replace(state=VALID, sent_at=sent_at, expires_at=expires_at)
        until = int(now + left) + _LEASE_MARGIN
        return record._replace(lease_until=until, sender=sender, mark=self._mark())

    def _claim(self, request: CodeRequest, fresh: Verification) -> _Claimed:
        key = _key(self.verification_id(request))
        record = _NO_VERIFICATION
        for _ in range(_ROUNDS):
            following = self._following(record, fresh)
            if following is None:
                return _Claimed(record, is_ours=False)
            moved = self._move(key, record, following)
            if moved.is_done:
                return _Claimed(moved.record, is_ours=True, is_repeat=record.state == VALID)
            record = moved.record
        raise _contended()

    def _following(self, record: Verification, fresh: Verification) -> Verification | None:
        """Return what a record becomes when this invocation sends its code, None if it may not."""
        if record.stored is None:
            return fresh
        now = self.api.clock.now()
        if record.bound_to != fresh.bound_to:
            return self._corrected(record, fresh)
        is_over = record.state != WITHDRAWN and record.standing(now) != VALID
        if is_over or record.lease_until > now:
            return None
        return self._leased(record, sender=fresh.sender)

    def _corrected(self, record: Verification, fresh: Verification) -> Verification | None:
        """Return what a record becomes for another number or purpose, None while it is sent.

        Only one that was withdrawn takes another one, with a new seed: its code was never sent.
        """
        if record.lease_until > self.api.clock.now():
            return None
        if record.state != WITHDRAWN:
            raise OutIdConflict
        return fresh._replace(others=record.others)

    def _send(self, request: CodeRequest, record: Verification, *, is_repeat: bool) -> Created:
        intent = self._intent(request, record)
        try:
            (outcome,) = send(intent, self.api, self.deadline, store=self.store)
        except SmsError:  # nothing was sent, now; before, it may have been
            if is_repeat:
                self._release(request, record, withdraw=False)
            else:
                self._remove(request, record)
            raise
        if is_refused_by_us(outcome.code) and not is_repeat:  # what we refuse leaves nothing behind
            self._remove(request, record)
            return self._created(request, record._replace(state=WITHDRAWN), outcome)
        is_known = not is_repeat or outcome.code != StoreUnavailable.code
        is_rejected = outcome.outcome == "rejected" and is_known
        released = self._release(request, record, withdraw=is_rejected)
        return self._created(request, released, outcome)

    def _remove(self, request: CodeRequest, record: Verification) -> None:
        """Remove the record of a code that was never sent, unless others changed it."""
        try:
            self.store.delete(_key(self.verification_id(request)), record.stored or "")
        except StoreUnavailable as error:
            self.api.log.failed("store", error)

    def _release(
        self, request: CodeRequest, record: Verification, *, withdraw: bool
    ) -> Verification:
        """End the lease; return the record that is in the store then."""
        key, sender = _key(self.verification_id(request)), record.sender
        try:
            for _ in range(_ROUNDS):
                final = record._replace(lease_until=0, mark=self._mark())
                if withdraw and record.state == VALID:
                    final = final._replace(state=WITHDRAWN)
                moved = self._move(key, record, final)
                record = moved.record
                if moved.is_done or record.sender != sender:
                    return record
        except StoreUnavailable as error:
            self.api.log.failed("store", error)
        return record

    def _move(self, key: str, old: Verification, new: Verification) -> _Moved:
        text = record_text(new)
        answer = self.store.put(self._change(key, old=old.stored, new=text))
        if isinstance(answer, Differs):
            return _Moved(False, read_record(answer.current, _NO_VERIFICATION))
        return _Moved(True, new._replace(stored=text))

    def _change(self, key: str, *, old: str | None, new: str) -> Change:
        ttl, now = self.api.settings.intent_ttl, self.api.clock.moved()
        return Change(key=key, old=old, new=new, ttl=ttl, now=now)

    def _created(
        self, request: CodeRequest, record: Verification, outcome: PartOutcome | None
    ) -> Created:
        now = self.api.clock.now()
        expires_in = 0
        if record.standing(now) == VALID:
            expires_in = seconds_left(record.expires_at, now, self.settings.lifetime)
        return Created(
            verification_id=self.verification_id(request),
            expires_in=expires_in,
            resend_in=seconds_left(record.sent_at + RESEND_SECONDS, now, RESEND_SECONDS),
            outcome=outcome,
        )

    def _intent(self, request: CodeRequest, record: Verification) -> Intent:
        message = CodeMessage(
            recipient=request.recipient,
            code=self.code(self.verification_id(request), request.recipient, record),
            out_id=request.out_id,
            space=request.space,
            client_ip=request.client_ip,
            is_for_test=bool(self._fixed_code(request.recipient)),
        )
        return code_intent(message, self.settings)

    def _fixed_code(self, recipient: Recipient) -> str:
        return self.settings.fixed_code(recipient.e164, self.api.clock.now())

    def _bound_to(self, recipient: Recipient, purpose: str) -> tuple[str, str]:
        return self._keyed("code number", recipient.e164), self._keyed("code purpose", purpose)

    def _keyed(self, label: str, text: str) -> str:
        return keyed_letters(self.api.settings.state_secret, label, text)

    def _mark(self) -> str:
        return ids.letters(self.api.token())


def derive_code(secret: str, *, seed: str, bound_to: tuple[str, ...], length: int) -> str:
    """Return the code of a verification: each of its digits is as likely as any other.

    A byte of 250 and more is passed over, for 256 is no multiple of 10.
    """
    message = "\n".join(("fc-sms code", seed, *bound_to))
    code, block = "", 0
    while len(code) < length:
        digest = hmac.digest(secret.encode(), f"{block}\n{message}".encode(), "sha256")
        code += "".join(str(byte % 10) for byte in digest if byte < 250)
        block += 1
    return code[:length]


def verification_key(state_secret: str, space: str, out_id: str) -> str:
    """Return the key of the verification that was asked for with an out_id."""
    return _key(keyed_letters(state_secret, "verification", space, out_id))


def _key(verification_id: str) -> str:
    return f"verification:{verification_id}"


def _contended() -> StoreUnavailable:
    return StoreUnavailable("the verification is being changed by others; try again")
