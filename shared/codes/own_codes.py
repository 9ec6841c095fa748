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
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import ids
from shared.codes.code_requests import (
    RESEND_SECONDS,
    CodeCheck,
    CodeRequest,
    Created,
    Recipient,
    keyed_letters,
    seconds_left,
)
from shared.errors import (
    ConfigurationError,
    InvalidRequest,
    OutIdConflict,
    SmsError,
    StoreUnavailable,
)
from shared.sending import mainland
from shared.sending.claims import send
from shared.sending.intents import Defaults, Intent, PartOutcome

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.settings import CodeSettings
    from shared.state.store import Store

VALID, USED, SPENT, WITHDRAWN = "valid", "used", "spent", "withdrawn"
_LEASE_MARGIN = 5
_ROUNDS = 30  # more than the changes that a record sees in its life


class Record(NamedTuple):
    """What the store keeps of a verification, with times in epoch seconds.

    Until `lease_until` the invocation `sender` is at work on sending the code.
    """

    state: str
    seed: str
    number: str
    purpose: str
    length: int
    tries: int
    sent_at: int
    expires_at: int
    lease_until: int
    sender: str
    mark: str

    @classmethod
    def read(cls, text: str) -> Record:
        """Read what `text` made of a record."""
        return cls(*json.loads(text))

    def text(self) -> str:
        """Return the record as the store keeps it."""
        return ids.compact_json(self)

    def standing(self, now: float) -> str:
        """Return ``valid``, or else why no code passes."""
        return "expired" if self.state == VALID and now >= self.expires_at else self.state


_NOBODY = Record("unknown", "", "", "", 6, 0, 0, 0, 0, "", "")


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
        self._intent(request, fresh)  # what cannot be sent is not recorded
        record, found = self._claim(request, fresh)
        standing = record.standing(self.api.clock.now())
        if found and standing != VALID:
            return self._created(request, record, None)
        intent = self._intent(request, record)
        if record.sender != fresh.sender:
            wait = math.ceil(record.lease_until - self.api.clock.now())
            busy = PartOutcome(intent.parts[0], "unknown", "in-progress", retry_after=max(wait, 1))
            return self._created(request, record, busy)
        return self._send(request, record, intent, is_repeat=found)

    def check(self, check: CodeCheck) -> str:
        """Use a code up; return ``verified``, or else why not, for the log only.

        Whatever comes of it, the store is read and written once, if no other check comes between.
        """
        key = _key(check.verification_id)
        for _ in range(_ROUNDS):
            text = self.store.get(key)
            record = Record.read(text) if text else _NOBODY
            verdict, tried = self._try(check, record)
            if self._put(key, record, tried) is None or text is None:
                return verdict
        raise _contended()

    def verification_id(self, request: CodeRequest) -> str:
        """Return the id of the verification that belongs to the out_id of `request`."""
        return self._keyed("verification", request.out_id)

    def code(self, verification_id: str, recipient: Recipient, record: Record) -> str:
        """Return the code that a record stands for."""
        parts = (verification_id, recipient.e164, record.purpose, str(record.length))
        return derive_code(self.api.settings.state_secret, record.seed, parts, record.length)

    def _try(self, check: CodeCheck, record: Record) -> tuple[str, Record]:
        number, purpose = self._bound_to(check.recipient, check.purpose)
        expected = self.code(check.verification_id, check.recipient, record)
        is_right = (
            hmac.compare_digest(expected.encode(), check.code.encode())
            & hmac.compare_digest(number, record.number)
            & (not check.purpose or hmac.compare_digest(purpose, record.purpose))
        )
        standing = record.standing(self.api.clock.now())
        if standing != VALID:
            return standing, record
        if is_right:
            return "verified", record._replace(state=USED, seed="", mark=self._mark())
        left = record.tries - 1
        tried = record._replace(tries=left, mark=self._mark())
        return "wrong", tried if left else tried._replace(state=SPENT, seed="")

    def _fresh(self, request: CodeRequest) -> Record:
        bound_to = self._bound_to(request.recipient, request.purpose)
        length, tries = self.settings.length, self.settings.tries
        unsent = Record(WITHDRAWN, self._mark(), *bound_to, length, tries, 0, 0, 0, "", "")
        return self._leased(unsent, self._mark())

    def _leased(self, record: Record, sender: str) -> Record:
        now = self.api.clock.now()
        left = max(self.deadline - self.api.clock.monotonic(), 0)
        if record.state == WITHDRAWN:
            sent_at = math.ceil(now)
            expires_at = sent_at + self.settings.lifetime
            record = record._replace(state=VALID, sent_at=sent_at, expires_at=expires_at)
        until = int(now + left) + _LEASE_MARGIN
        return record._replace(lease_until=until, sender=sender, mark=self._mark())

    def _claim(self, request: CodeRequest, fresh: Record) -> tuple[Record, bool]:
        key = _key(self.verification_id(request))
        old, new, was_valid = None, fresh, False
        for _ in range(_ROUNDS):
            answer = self._put(key, old, new)
            if answer is None:
                return new, was_valid
            old, new, was_valid = answer, fresh, False
            if old == _NOBODY:
                old = None
                continue
            if (old.number, old.purpose) != (fresh.number, fresh.purpose):
                raise OutIdConflict
            now = self.api.clock.now()
            is_over = old.state != WITHDRAWN and old.standing(now) != VALID
            if is_over or old.lease_until > now:
                return old, True
            new = self._leased(old, fresh.sender)
            was_valid = old.state != WITHDRAWN
        raise _contended()

    def _send(
        self, request: CodeRequest, record: Record, intent: Intent, *, is_repeat: bool
    ) -> Created:
        try:
            (outcome,) = send(intent, self.api, self.deadline, self.store)
        except SmsError:  # nothing was sent, now; before, it may have been
            self._release(request, record, withdraw=not is_repeat)
            raise
        is_known = not is_repeat or outcome.code != StoreUnavailable.code
        is_rejected = outcome.outcome == "rejected" and is_known
        return self._created(request, self._release(request, record, withdraw=is_rejected), outcome)

    def _release(self, request: CodeRequest, record: Record, *, withdraw: bool) -> Record:
        key, sender = _key(self.verification_id(request)), record.sender
        try:
            for _ in range(_ROUNDS):
                final = record._replace(lease_until=0, mark=self._mark())
                if withdraw and record.state == VALID:
                    final = final._replace(state=WITHDRAWN)
                answer = self._put(key, record, final)
                if answer is None:
                    return final
                record = answer
                if record.sender != sender:
                    return record
        except StoreUnavailable as error:
            self.api.log.failed("store", error)
        return record

    def _put(self, key: str, old: Record | None, new: Record) -> Record | None:
        texts, now = (old.text() if old else None, new.text()), self.api.clock.now()
        answer = self.store.put(key, *texts, self.api.settings.intent_ttl, now)
        if isinstance(answer, str):
            return Record.read(answer) if answer else _NOBODY
        return None

    def _created(
        self, request: CodeRequest, record: Record, outcome: PartOutcome | None
    ) -> Created:
        now = self.api.clock.now()
        is_valid = record.standing(now) == VALID
        return Created(
            self.verification_id(request),
            seconds_left(record.expires_at, now, self.settings.lifetime) if is_valid else 0,
            seconds_left(record.sent_at + RESEND_SECONDS, now, RESEND_SECONDS),
            outcome,
        )

    def _intent(self, request: CodeRequest, record: Record) -> Intent:
        code = self.code(self.verification_id(request), request.recipient, record)
        body = self._message(request.recipient, code)
        try:
            if request.recipient.is_mainland:
                read_intent = mainland.read_intent
            else:
                from shared.sending.international import read_intent
            intent = read_intent(
                {**body, "out_id": request.out_id}, "", Defaults(self.settings.sign_name)
            )
            return intent._replace(client_ip=request.client_ip, caller=request.caller, is_code=True)
        except InvalidRequest as error:
            if error.field.startswith("phone_number"):
                raise InvalidRequest(error.detail, field="phone_number") from None
            raise ConfigurationError(f"no code can be sent as it is set up: {error}") from None

    def _message(self, recipient: Recipient, code: str) -> dict[str, Any]:
        settings = self.settings
        if recipient.is_mainland and not settings.template:
            raise ConfigurationError("SMS_CODE_TEMPLATE is not set: the template of codes")
        template = settings.template if recipient.is_mainland else settings.international_template
        if template:
            param = {settings.variable: code}
            number = recipient.digits if recipient.is_mainland else recipient.e164
            return {"phone_numbers": number, "template_code": template, "template_param": param}
        if not settings.message:
            raise InvalidRequest(
                "is abroad, where no codes are sent to: neither SMS_CODE_MESSAGE nor "
                "SMS_CODE_INTERNATIONAL_TEMPLATE is set",
                field="phone_number",
            )
        text = settings.message.replace("{code}", code)
        body = {"phone_numbers": recipient.e164, "message": text, "type": "OTP"}
        return {**body, "sender_id": settings.sender_id} if settings.sender_id else body

    def _bound_to(self, recipient: Recipient, purpose: str) -> tuple[str, str]:
        return self._keyed("code number", recipient.e164), self._keyed("code purpose", purpose)

    def _keyed(self, label: str, text: str) -> str:
        return keyed_letters(self.api.settings.state_secret, label, text)

    def _mark(self) -> str:
        return ids.letters(self.api.token())


def derive_code(secret: str, seed: str, bound_to: tuple[str, ...], length: int) -> str:
    """Return the code of a verification: each of its digits is as likely as any other."""
    message = "\n".join(("fc-sms code", seed, *bound_to))
    code, block = "", 0
    while len(code) < length:
        digest = hmac.digest(secret.encode(), f"{block}\n{message}".encode(), "sha256")
        code += "".join(str(byte % 10) for byte in digest if byte < 250)
        block += 1
    return code[:length]


def _key(verification_id: str) -> str:
    return f"verification:{verification_id}"


def _contended() -> StoreUnavailable:
    return StoreUnavailable("the verification is being changed by others; try again")
