"""One attempt to send a part; lookups.py has the look-up of one that is in doubt.

An attempt is signed once and, once a byte of it was written, not sent again. Its nonce follows from
out_id, part and attempt number: whoever repeats the attempt presents the same one, which the
platform refuses for 15 minutes. Nothing here knows of records.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from shared.logs import logged_template, safe_message_id
from shared.platform.actions import ACTIONS
from shared.platform.sms_api import ACCEPTED, IN_DOUBT, REJECTED, Result, Signed, SmsApi
from shared.sending.intents import Intent, Part, PartOutcome

# What a look-up says of a part in doubt (lookups.py).
FOUND, ABSENT, UNCLEAR = "found", "absent", "unclear"
NONCE_LIFETIME = 15 * 60  # seconds for which the platform remembers a nonce
# A message may look as if it was sent before its first attempt, for clocks differ; but by no more
# than this: the platform refuses a request that was signed further off.
CLOCK_TOLERANCE = 15 * 60
NONCE_USED = "SignatureNonceUsed"  # how it refuses one that it remembers
_NONCE_LABEL = "fc-sms send nonce 2"


class Attempts(NamedTuple):
    """What one invocation asks of the platform for an intent.

    `deadline` is in monotonic seconds.
    """

    api: SmsApi
    deadline: float
    intent: Intent

    def about(self, part: Part) -> Attempts:
        """Return these with a log whose lines say that they are about `part`."""
        log = self.api.log.about(
            part=self.intent.wire_id(part).part,
            template=logged_template(part.template_code),
        )
        return self._replace(api=self.api._replace(log=log))

    def make(self, part: Part, number: int) -> PartOutcome:
        """Make attempt `number`, from 1, of a part; an outcome that is unknown is in doubt."""
        if self.intent.is_for_test:
            self.api.log.event("warning", part.action, "accepted", test_number=1)
            return PartOutcome(part, "accepted", "OK")
        wire_id = self.intent.wire_id(part).text()
        parameters = {**part.parameters, ACTIONS[part.action].id_parameter: wire_id}
        nonce = attempt_nonce(self.intent, part.number, attempt=number)
        signed = self.api.sign(part.action, parameters, nonce)
        result = self._exchange(signed, part)
        if result.code == "answer-lost" and self.api.settings.nonce_replay:
            again = self._exchange(signed, part)
            if _settles_the_first(again):
                result = again
        return _outcome(part, result)

    def _exchange(self, signed: Signed, part: Part) -> Result:
        return self.api.exchange(
            signed,
            deadline=self.deadline,
            phone_numbers=part.phone_numbers,
            explain=lambda code: _remedy(code, part),
        )


def attempt_nonce(intent: Intent, part: int, *, attempt: int) -> str:
    """Return the SignatureNonce of an attempt: 32 hex digits, the same wherever it is made.

    It says nothing about what is sent, so that a repeat with other content is noticed as well.
    """
    text = f"{_NONCE_LABEL}\n{intent.space}\n{intent.out_id}\n{part}\n{attempt}"
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def _remedy(code: str, part: Part) -> str:
    """Return what to do where a template or signature was refused, and which; "" for the rest."""
    from shared.platform.refusals import explain, named  # with a table that only a refusal needs

    about = named(code, template_code=part.template_code, sign_name=part.sign_name)
    return f"{explain(code)[0]} {about}" if about else ""


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
