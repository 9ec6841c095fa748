"""The send protocol: one intent, at most one SMS.

    claim-free core:   attempt ──> accepted
                          │  └───> rejected   (a refusal, or no byte was written)
                          └ in doubt ──> looked up ──> accepted (found) | unknown (not found)

Each part is signed and sent once. A request of which a byte was written is never sent again: when
its answer is lost, QuerySendDetails is asked once for the OutId, and what it does not show stays
unknown. The nonce follows from out_id, part and attempt alone, so that whoever repeats an intent
presents the same nonce, which the platform refuses within 15 minutes (SignatureNonceUsed).
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from shared.clock import parse_platform_time, platform_date
from shared.delivery_status import all_details
from shared.messages import Intent, Part
from shared.sms_api import ACCEPTED, IN_DOUBT, SmsApi

_NONCE_LABEL = "fc-sms send nonce 1"
_NONCE_LIFETIME = 15 * 60
_CLOCK_TOLERANCE = 60
_SETTLING_SECONDS = 1.0


class PartOutcome(NamedTuple):
    """How one part ended: outcome is accepted, rejected or unknown; `code` says why.

    `reconciled` is set when the part was found by a query after its answer was lost; such a part
    has no `biz_id`.
    """

    part: Part
    outcome: str
    code: str
    biz_id: str = ""
    request_id: str = ""
    retry_after: int = 0
    reconciled: bool = False


def send(intent: Intent, api: SmsApi, deadline: float) -> tuple[PartOutcome, ...]:
    """Send every part of `intent` and return how each ended; no refusal stops the parts after it.

    `deadline` is in the clock's monotonic seconds: no wait outlives it, and a part whose turn
    comes later is not sent. Raises ConfigurationError, before anything is sent, when there are no
    credentials.
    """
    return tuple(_send_part(intent.out_id, part, api, deadline) for part in intent.parts)


def attempt_nonce(out_id: str, part: int, attempt: int) -> str:
    """Return the SignatureNonce of an attempt: 32 hex digits, the same wherever it is made."""
    text = f"{_NONCE_LABEL}\n{out_id}\n{part}\n{attempt}"
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def _send_part(out_id: str, part: Part, api: SmsApi, deadline: float) -> PartOutcome:
    first_attempt = api.clock.now()
    result = api.call(
        part.action,
        part.parameters,
        deadline=deadline,
        nonce=attempt_nonce(out_id, part.number, 1),
        phone_numbers=part.phone_numbers,
    )
    if result.verdict == ACCEPTED:
        biz_id = str(result.body.get("BizId", ""))
        return PartOutcome(part, "accepted", result.code, biz_id, result.request_id)
    if result.verdict != IN_DOUBT:
        return PartOutcome(part, "rejected", result.code, "", result.request_id, result.retry_after)
    api.clock.sleep(min(_SETTLING_SECONDS, max(deadline - api.clock.monotonic(), 0)))
    age = _NONCE_LIFETIME if result.code == "SignatureNonceUsed" else 0
    if _is_found(part, first_attempt - age - _CLOCK_TOLERANCE, api, deadline):
        api.log.event("info", part.action, "accepted", code=result.code, reconciled=1)
        return PartOutcome(part, "accepted", "OK", request_id=result.request_id, reconciled=True)
    return PartOutcome(part, "unknown", result.code, "", result.request_id)


def _is_found(part: Part, since: float, api: SmsApi, deadline: float) -> bool:
    """Ask the platform whether it took `part` since then (epoch seconds).

    A request is accepted whole, so of many numbers the first, middle and last are enough: when
    any of them has the message, all have. A query that fails proves nothing.
    """
    numbers = part.phone_numbers
    dates = dict.fromkeys((platform_date(since), platform_date(api.clock.now())))
    try:
        return any(
            detail.out_id == part.out_id
            and detail.phone_number == number
            and detail.template_code == part.template_code
            and (parse_platform_time(detail.send_date) or 0) >= since
            for number in dict.fromkeys((numbers[0], numbers[len(numbers) // 2], numbers[-1]))
            for date in dates
            for detail in all_details(api, number, date, deadline)
        )
    except Exception as error:  # something was sent: this must not hide it
        api.log.event("warning", "look-up", "failed", code=type(error).__name__)
        return False
