"""From the outcome of an intent to the HTTP answer."""

from __future__ import annotations

from collections.abc import Sequence

from shared.http_trigger import Response, problem
from shared.sending import PartOutcome
from shared.sms_api import explain

_OURS = {
    "connection-failed": "The platform cannot be reached; nothing was sent.",
    "out-of-time": "The function's time was over before this was sent.",
}
_NEW_OUT_ID = "To send after all, send again with a new out_id."
_HOW_TO_FIND_OUT = (
    "The platform may have taken it, so it is not sent again. Ask POST /delivery-status with the "
    "number, the date and this out_id; only when it stays absent send with a new out_id."
)


def send_response(out_id: str, outcomes: Sequence[PartOutcome]) -> Response:
    """Answer a send: 200 when all was accepted, 207 when parts differ, else a problem document.

    Several parts are listed, each with the range of the caller's numbers it covers.
    """
    first = outcomes[0]
    if len(outcomes) == 1:
        if first.outcome == "accepted":
            return Response(200, {"out_id": out_id, **_accepted(first)})
        return _problem(out_id, first)
    parts = [_listed(outcome) for outcome in outcomes]
    if all(outcome.outcome == "accepted" for outcome in outcomes):
        return Response(200, {"out_id": out_id, "outcome": "accepted", "parts": parts})
    if len({(outcome.outcome, outcome.code) for outcome in outcomes}) == 1:
        return _problem(out_id, first, parts=parts)
    return Response(207, {"out_id": out_id, "outcome": "mixed", "parts": parts})


def _accepted(outcome: PartOutcome) -> dict[str, object]:
    if outcome.reconciled:
        return {"outcome": outcome.outcome, "reconciled": True}
    return {
        "outcome": outcome.outcome,
        "biz_id": outcome.biz_id,
        "platform_request_id": outcome.request_id,
    }


def _listed(outcome: PartOutcome) -> dict[str, object]:
    part = outcome.part
    place: dict[str, object] = {"part": part.number, "first": part.first, "last": part.last}
    if outcome.outcome == "accepted":
        return {**place, **_accepted(outcome)}
    detail, _ = _explained(outcome)
    if outcome.code in _OURS:
        detail = f"{detail} {_NEW_OUT_ID}"  # repeating the whole would repeat its other parts
    return {
        **place,
        "outcome": outcome.outcome,
        "code": outcome.code,
        "detail": detail,
        "platform_request_id": outcome.request_id,
    }


def _problem(out_id: str, outcome: PartOutcome, **members: object) -> Response:
    detail, status = _explained(outcome)
    retryable = outcome.code in _OURS
    return problem(
        status,
        f"{detail} Repeat it as it is." if retryable else detail,
        outcome.code,
        retryable=retryable,
        retry_after=outcome.retry_after or (1 if retryable else 0),
        outcome=outcome.outcome,
        out_id=out_id,
        platform_request_id=outcome.request_id,
        **members,
    )


def _explained(outcome: PartOutcome) -> tuple[str, int]:
    """Return what happened and what to do, and the HTTP status for it."""
    if outcome.code in _OURS:
        return _OURS[outcome.code], 503
    if outcome.outcome == "unknown":
        return _HOW_TO_FIND_OUT, 504
    detail, status = explain(outcome.code)
    return (f"{detail} {_NEW_OUT_ID}" if outcome.retry_after else detail), status
