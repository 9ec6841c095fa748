"""From the outcome of an intent to the HTTP answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.errors import InProgress, OutIdConflict
from shared.limit_rules import RULE_OF
from shared.platform.actions import ACTIONS
from shared.sending import protocol
from shared.sending.attempts import NONCE_USED
from shared.sending.intents import Intent, Part, PartOutcome
from shared.trigger.http_trigger import Response, problem
from shared.trigger.invocation import Invocation

# Every text that tells how a part of a send ended stands here, whole; what the platform's codes
# mean stands in platform/error_codes.py, and the text of each 409 in errors.py.


class _NothingSent(NamedTuple):
    """What to do when surely nothing was sent.

    `repeat` the call; or, where a repeat would send the other parts of it again, `send_anew`.
    """

    repeat: str
    send_anew: str


_NOTHING_SENT = {
    "connection-failed": _NothingSent(
        repeat="The platform cannot be reached; nothing was sent. Repeat it as it is.",
        send_anew=(
            "The platform cannot be reached; nothing was sent. To send after all, send again with "
            "a new out_id, unless an earlier call with this out_id ended unknown."
        ),
    ),
    "out-of-time": _NothingSent(
        repeat="The function's time was over before this was sent. Repeat it as it is.",
        send_anew=(
            "The function's time was over before this was sent. To send after all, send again with "
            "a new out_id, unless an earlier call with this out_id ended unknown."
        ),
    ),
    "sending-stopped": _NothingSent(
        repeat="The owner has stopped sending, so this was not sent. Repeat it as it is, later.",
        send_anew=(
            "The owner has stopped sending, so this was not sent. To send after all, send again "
            "later with a new out_id, unless an earlier call with this out_id ended unknown."
        ),
    ),
    "store-unavailable": _NothingSent(
        repeat="The shared state cannot be used, so this call sent nothing. Repeat it as it is.",
        send_anew=(
            "The shared state cannot be used, so this call sent nothing. To send after all, send "
            "again with a new out_id, unless an earlier call with this out_id ended unknown."
        ),
    ),
}
# Behind what a code of the platform means, where only waiting helps and there is no store.
_LATER_WITHOUT_STORE = (
    "To send after all, send again with a new out_id, unless an earlier call with this out_id "
    "ended unknown."
)
# The answer was lost: with a store or without, and of what QuerySendDetails shows or does not show.
_UNKNOWN_WITH_STORE = (
    "The platform may have taken it, so it is not sent again. Repeat it as it is to ask again: "
    "that never sends twice. When it is still unknown after 15 minutes, "
    '"resend_unknown": true makes a new attempt, unless the platform shows the message by then.'
)
_UNKNOWN_WITH_STORE_UNSHOWN = (
    "The platform may have taken it, so it is not sent again. Repeat it as it is to ask again: "
    "that never sends twice. Only its receipt, which carries this out_id, tells whether it was "
    "sent. When none comes, send with a new out_id."
)
_UNKNOWN_WITHOUT_STORE = (
    "The platform may have taken it, so it is not sent again. Ask POST /delivery-status with the "
    "number, the date and this out_id; only when it stays absent send with a new out_id."
)
# The platform remembers a nonce for 15 minutes, and without a store a repeat has the same.
_UNKNOWN_AFTER_A_CALL_BEFORE = (
    "The platform saw this out_id in the last 15 minutes, in a call before this one. If that call "
    "was answered with a refusal, nothing was sent: send with a new out_id. If its answer "
    "was lost, the platform may have taken it: ask POST /delivery-status with the number, the date "
    "and this out_id, and only when it stays absent send with a new out_id."
)
_UNKNOWN_AFTER_A_CALL_BEFORE_UNSHOWN = (
    "The platform saw this out_id in the last 15 minutes, in a call before this one. If that call "
    "was answered with a refusal, nothing was sent: send with a new out_id. If its answer "
    "was lost, the platform may have taken it: only its receipt, which carries this out_id, tells "
    "whether it was sent. When none comes, send with a new out_id."
)
_UNKNOWN_WITHOUT_STORE_UNSHOWN = (
    "The platform may have taken it, so it is not sent again. Only its receipt, which carries this "
    "out_id, tells whether it was sent. When none comes, send with a new out_id."
)


_IN_PROGRESS = "A call is at work on it. Ask again to learn how that ended."
_WAITING = "The platform took it, and no receipt has come yet."


class _Explained(NamedTuple):
    """What a caller is told of a part that was not accepted."""

    detail: str
    status: int
    retryable: bool = False
    retry_after: int = 0


def send(intent: Intent, invocation: Invocation) -> Response:
    """Send what a caller asked for, and answer."""
    store = invocation.store
    outcomes = protocol.send(intent, invocation.api, invocation.deadline, store=store)
    return send_response(intent.out_id, outcomes, has_store=store is not None)


def explain_part(standing: str, code: str, action: str, *, template_code: str) -> str:
    """Return what the record of a part means, and what to do, in sentences.

    `standing` is that of PartRecord.standing; all others are the record's.
    """
    if standing == "in-progress":
        return _IN_PROGRESS
    if standing == "accepted":
        return _WAITING
    blank = Part(
        number=0,
        first=0,
        last=0,
        action=action if action in ACTIONS else "SendSms",
        phone_numbers=(),
        template_code=template_code,
        parameters={},
    )
    outcome = PartOutcome(blank, standing, code, retry_after=1)
    return _explained(outcome, has_store=True, repeats_others=False).detail


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
        return _problem(out_id, first, has_store=has_store)
    parts = [_listed(outcome, has_store=has_store) for outcome in outcomes]
    if all(outcome.outcome == "accepted" for outcome in outcomes):
        return Response(200, {"out_id": out_id, "outcome": "accepted", "parts": parts})
    if len({(outcome.outcome, outcome.code) for outcome in outcomes}) == 1:
        return _problem(out_id, first, has_store=has_store, parts=parts)
    return Response(207, {"out_id": out_id, "outcome": "mixed", "parts": parts})


def _accepted(outcome: PartOutcome) -> dict[str, object]:
    answer: dict[str, object] = {"outcome": outcome.outcome}
    if outcome.biz_id:
        answer[ACTIONS[outcome.part.action].name_of_id] = outcome.biz_id
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
        answer["segments"] = int(segments[:9])  # more digits are no number of segments
    number = details.get("NumberDetail")
    if isinstance(number, dict):
        names = ("Country", "Region", "Carrier")
        answer["number_detail"] = {name.lower(): str(number.get(name) or "") for name in names}
    return answer


def _listed(outcome: PartOutcome, *, has_store: bool) -> dict[str, object]:
    """Return one of several parts."""
    part = outcome.part
    place: dict[str, object] = {"part": part.number, "first": part.first, "last": part.last}
    if outcome.outcome == "accepted":
        return {**place, **_accepted(outcome)}
    explained = _explained(outcome, has_store=has_store, repeats_others=not has_store)
    return {
        **place,
        "outcome": outcome.outcome,
        "code": outcome.code,
        "detail": explained.detail,
        "platform_request_id": outcome.request_id,
    }


def _problem(out_id: str, outcome: PartOutcome, *, has_store: bool, **members: object) -> Response:
    explained = _explained(outcome, has_store=has_store, repeats_others=False)
    return problem(
        explained.status,
        explained.detail,
        outcome.code,
        retryable=explained.retryable,
        retry_after=explained.retry_after,
        outcome=outcome.outcome,
        out_id=out_id,
        platform_request_id=outcome.request_id,
        **members,
    )


def _explained(outcome: PartOutcome, *, has_store: bool, repeats_others: bool) -> _Explained:
    """Explain a part that was not accepted.

    `repeats_others`: a repeat of the call would send its other parts again.
    """
    code, retry_after = outcome.code, outcome.retry_after
    if code == InProgress.code:
        retry_after = retry_after or InProgress.retry_after
        return _Explained(
            InProgress.text, InProgress.status, retryable=True, retry_after=retry_after
        )
    if outcome.outcome == "unknown":  # whatever the last attempt ended with
        return _Explained(_unknown(outcome, has_store), 504, retryable=has_store)
    if code in _NOTHING_SENT:
        text = _NOTHING_SENT[code]
        detail = text.send_anew if repeats_others else text.repeat
        return _Explained(detail, 503, retryable=True, retry_after=retry_after or 1)
    if code == OutIdConflict.code:
        return _Explained(OutIdConflict.text, OutIdConflict.status)
    if code in RULE_OF:
        return _limit_reached(code, retry_after)
    return _refused(outcome, has_store=has_store)


def _limit_reached(rule: str, retry_after: int) -> _Explained:
    if not retry_after:
        return _Explained(f"This alone is more than the limit {rule}: split it.", 429)
    detail = f"The limit {rule} is reached, so this was not sent."
    detail += f" Repeat it as it is in {retry_after} s."
    return _Explained(detail, 429, retryable=True, retry_after=retry_after)


def _unknown(outcome: PartOutcome, has_store: bool) -> str:
    is_shown = ACTIONS[outcome.part.action].is_found_by_our_id
    if has_store:
        return _UNKNOWN_WITH_STORE if is_shown else _UNKNOWN_WITH_STORE_UNSHOWN
    if outcome.code == NONCE_USED:
        return _UNKNOWN_AFTER_A_CALL_BEFORE if is_shown else _UNKNOWN_AFTER_A_CALL_BEFORE_UNSHOWN
    return _UNKNOWN_WITHOUT_STORE if is_shown else _UNKNOWN_WITHOUT_STORE_UNSHOWN


def _refused(outcome: PartOutcome, *, has_store: bool) -> _Explained:
    """Explain a refusal of the platform, as platform/error_codes.py has it."""
    from shared.platform.refusals import explain, named  # with a table that only a refusal needs

    part, retry_after = outcome.part, outcome.retry_after
    meaning, status = explain(outcome.code)
    about = named(outcome.code, template_code=part.template_code, sign_name=part.sign_name)
    detail = f"{meaning} {about}".rstrip()
    if not retry_after:
        return _Explained(detail, status)
    if has_store:
        return _Explained(detail, status, retryable=True, retry_after=retry_after)
    return _Explained(f"{detail} {_LATER_WITHOUT_STORE}", status, retry_after=retry_after)
