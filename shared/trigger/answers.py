"""From the outcome of an intent to the HTTP answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.errors import OutIdConflict
from shared.limit_rules import DEFAULT_LIMITS
from shared.platform.sms_api import explain
from shared.sending import claims
from shared.sending.attempts import QUERYABLE
from shared.sending.intents import Intent, PartOutcome
from shared.trigger.http_trigger import Response, problem
from shared.trigger.invocation import Invocation

_NOTHING_SENT = {
    "connection-failed": "The platform cannot be reached; nothing was sent.",
    "out-of-time": "The function's time was over before this was sent.",
    "store-unavailable": "The shared state cannot be used, so this call sent nothing.",
}
_CONFLICT = "This out_id was used for other content; take a new one."
_AS_IT_IS = "Repeat it as it is."
_NEW_OUT_ID = (
    "To send after all, send again with a new out_id, unless an earlier call with this one ended "
    "unknown."
)
_IN_PROGRESS = "Another call is at work on this out_id. Repeat it to learn how that ended."
_UNKNOWN = "The platform may have taken it, so it is not sent again."
_ASK = (
    "Ask POST /delivery-status with the number, the date and this out_id; only when it stays "
    "absent send with a new out_id."
)
_AWAIT = (
    "Only its receipt tells, which carries this out_id; when none comes send with a new out_id."
)
_REPEAT = "Repeat it as it is to ask again: that never sends twice."
_RESEND = (
    'When it is still unknown after 15 minutes, "resend_unknown": true makes a new attempt, unless '
    "the platform shows the message by then."
)


class _Explained(NamedTuple):
    detail: str
    status: int
    retryable: bool
    retry_after: int = 0


def send(intent: Intent, invocation: Invocation) -> Response:
    """Send what a caller asked for, and answer."""
    store = invocation.store
    intent = intent._replace(caller=invocation.caller)
    outcomes = claims.send(intent, invocation.api, invocation.deadline, store)
    return send_response(intent.out_id, outcomes, has_store=store is not None)


def send_response(
    out_id: str, outcomes: Sequence[PartOutcome], *, has_store: bool = False
) -> Response:
    """Answer a send: 200 when all was accepted, 207 when parts differ, else a problem document.

    Several parts are listed. With a store every repeat is safe, without one only when nothing at
    all was sent.
    """
    first = outcomes[0]
    if len(outcomes) == 1:
        if first.outcome == "accepted":
            return Response(200, {"out_id": out_id, **_accepted(first)})
        return _problem(out_id, first, has_store)
    parts = [_listed(outcome, has_store) for outcome in outcomes]
    if all(outcome.outcome == "accepted" for outcome in outcomes):
        return Response(200, {"out_id": out_id, "outcome": "accepted", "parts": parts})
    if len({(outcome.outcome, outcome.code) for outcome in outcomes}) == 1:
        return _problem(out_id, first, has_store, parts=parts)
    return Response(207, {"out_id": out_id, "outcome": "mixed", "parts": parts})


def _accepted(outcome: PartOutcome) -> dict[str, object]:
    answer: dict[str, object] = {"outcome": outcome.outcome}
    if outcome.biz_id:
        is_globe = outcome.part.action == "SendMessageToGlobe"
        answer["message_id" if is_globe else "biz_id"] = outcome.biz_id
    if outcome.request_id:
        answer["platform_request_id"] = outcome.request_id
    if outcome.reconciled:
        answer["reconciled"] = True
    if outcome.replayed:
        answer["replayed"] = True
    return {**answer, **_international(outcome.details)}


def _international(details: Mapping[str, Any]) -> dict[str, object]:
    answer: dict[str, object] = {}
    segments = str(details.get("Segments"))
    if segments.isascii() and segments.isdigit():
        answer["segments"] = int(segments[:9])
    number = details.get("NumberDetail")
    if isinstance(number, dict):
        names = ("Country", "Region", "Carrier")
        answer["number_detail"] = {name.lower(): str(number.get(name) or "") for name in names}
    return answer


def _listed(outcome: PartOutcome, has_store: bool) -> dict[str, object]:
    part = outcome.part
    place: dict[str, object] = {"part": part.number, "first": part.first, "last": part.last}
    if outcome.outcome == "accepted":
        return {**place, **_accepted(outcome)}
    detail = _explained(outcome, has_store).detail
    if outcome.code in _NOTHING_SENT:  # without a store a repeat would repeat the other parts, too
        detail = f"{detail} {_AS_IT_IS if has_store else _NEW_OUT_ID}"
    return {
        **place,
        "outcome": outcome.outcome,
        "code": outcome.code,
        "detail": detail,
        "platform_request_id": outcome.request_id,
    }


def _problem(out_id: str, outcome: PartOutcome, has_store: bool, **members: object) -> Response:
    explained = _explained(outcome, has_store)
    nothing_sent = outcome.code in _NOTHING_SENT
    return problem(
        explained.status,
        f"{explained.detail} {_AS_IT_IS}" if nothing_sent else explained.detail,
        outcome.code,
        retryable=explained.retryable,
        retry_after=explained.retry_after,
        outcome=outcome.outcome,
        out_id=out_id,
        platform_request_id=outcome.request_id,
        **members,
    )


def _explained(outcome: PartOutcome, has_store: bool) -> _Explained:
    if outcome.code in _NOTHING_SENT:
        return _Explained(_NOTHING_SENT[outcome.code], 503, True, outcome.retry_after or 1)
    if outcome.code == "in-progress":
        return _Explained(_IN_PROGRESS, 409, True, outcome.retry_after or 1)
    if outcome.code == OutIdConflict.code:
        return _Explained(_CONFLICT, OutIdConflict.status, False)
    if outcome.code in DEFAULT_LIMITS:
        detail = f"The limit {outcome.code} is reached, so this was not sent."
        if not outcome.retry_after:
            detail = f"This alone is more than the limit {outcome.code}: split it."
        return _Explained(detail, 429, outcome.retry_after > 0, outcome.retry_after)
    if outcome.outcome == "unknown":
        return _Explained(_unknown(outcome, has_store), 504, has_store)
    detail, status = explain(outcome.code)
    if not outcome.retry_after:
        return _Explained(detail, status, False)
    if has_store:
        return _Explained(detail, status, True, outcome.retry_after)
    return _Explained(f"{detail} {_NEW_OUT_ID}", status, False, outcome.retry_after)


def _unknown(outcome: PartOutcome, has_store: bool) -> str:
    is_queryable = outcome.part.action in QUERYABLE
    if has_store:
        return f"{_UNKNOWN} {_REPEAT} {_RESEND if is_queryable else _AWAIT}"
    return f"{_UNKNOWN} {_ASK if is_queryable else _AWAIT}"
