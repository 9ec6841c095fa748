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

Without a store the nonce of an attempt is all that stops a repeat; docs/send-protocol.md says what
is promised in each case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import InvalidRequest
from shared.platform.sms_api import SmsApi
from shared.sending.attempts import FOUND, Attempts, reconciled
from shared.sending.intents import Intent, Part, PartOutcome

if TYPE_CHECKING:
    from shared.state.store import Store


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
    api = api._replace(log=api.log.about(**api.log.ids(intent.space, intent.out_id)))
    attempts = Attempts(api, deadline, intent)
    has_rules = api.settings.limits.blocked_prefixes or any(part.is_abroad for part in intent.parts)
    if store is None and not has_rules:
        return _send_without_store(attempts)
    from shared.sending.limits import Limits  # a plain send without a store needs none

    limits = Limits(api)
    limits.check_destinations(intent)
    if store is None:
        return _send_without_store(attempts)
    from shared.sending.claims import send_claimed

    return send_claimed(attempts, store, limits)


def _send_without_store(attempts: Attempts) -> tuple[PartOutcome, ...]:
    if attempts.intent.resend_unknown:
        raise InvalidRequest(
            "needs shared state (SMS_STATE_URL), of which there is none; leave it out",
            field="resend_unknown",
        )
    return tuple(_send_unclaimed(attempts.about(part), part) for part in attempts.intent.parts)


def _send_unclaimed(attempts: Attempts, part: Part) -> PartOutcome:
    """Make one attempt, and look it up when it is in doubt."""
    began = attempts.api.clock.now()
    outcome = attempts.make(part, number=1)
    if outcome.outcome == "unknown":
        from shared.sending.lookups import look_up  # an answered send needs no look-up

        seen = look_up(attempts, outcome, first_at=began, last_at=began)
        if seen == FOUND:
            return reconciled(part)
    return outcome
