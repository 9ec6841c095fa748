"""One-time codes: one contract, and the back ends own_codes and pnvs behind it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared.answers import send_response
from shared.errors import ConfigurationError
from shared.http_trigger import Response
from shared.messages import letters

if TYPE_CHECKING:
    from shared.code_requests import CodeCheck, CodeRequest, Created
    from shared.http_trigger import Invocation
    from shared.own_codes import OwnCodes
    from shared.pnvs import PnvsCodes
    from shared.settings import CodeSettings

_WAIT = (
    "The SMS may be on its way, and its code is valid: wait for it. When it does not come, ask for "
    "another code with a new out_id after resend_in seconds."
)


def create(request: CodeRequest, invocation: Invocation, settings: CodeSettings) -> Created:
    """Send a code, unless that was done for this out_id before.

    Raises LimitReached, OutIdConflict, ConfigurationError, InvalidRequest and StoreUnavailable; all
    before anything is sent.
    """
    created = _back_end(invocation, settings).create(request)
    outcome, log = created.outcome, invocation.api.log
    client = hashlib.blake2b(request.client_ip.encode(), digest_size=8, key=log.hash_key)
    log.event(
        "info",
        "create-code",
        outcome.outcome if outcome else "closed",
        code=outcome.code if outcome else "",
        client_hash=letters(client.hexdigest()) if request.client_ip else "",
        **log.numbers((request.recipient.digits,)),
    )
    return created


def check(check: CodeCheck, invocation: Invocation, settings: CodeSettings) -> bool:
    """Tell whether a code is right and valid, and use it up.

    Raises ConfigurationError and StoreUnavailable; with PNVS PlatformRefused, ConnectionFailed and
    AnswerLost.
    """
    verdict = _back_end(invocation, settings).check(check)
    log = invocation.api.log
    log.event("info", "check-code", verdict, **log.numbers((check.recipient.digits,)))
    return verdict == "verified"


def created_response(created: Created, out_id: str, *, has_store: bool) -> Response:
    """Answer ``POST /codes``; a code that may be on its way is a problem that names its id."""
    about = {
        "verification_id": created.verification_id,
        "expires_in": created.expires_in,
        "resend_in": created.resend_in,
    }
    outcome = created.outcome
    if outcome is None or outcome.outcome == "accepted":
        return Response(200, {"out_id": out_id, **about})
    answer = send_response(out_id, (outcome,), has_store=has_store)
    if outcome.outcome == "rejected" or not isinstance(answer.body, dict):
        return answer
    detail = answer.body["detail"] if outcome.code == "in-progress" else _WAIT
    return answer._replace(body={**answer.body, "detail": detail, **about})


def _back_end(invocation: Invocation, settings: CodeSettings) -> OwnCodes | PnvsCodes:
    store = invocation.store
    if settings.backend == "pnvs":
        from shared.pnvs import PnvsCodes

        return PnvsCodes(invocation.api, store, settings, invocation.deadline)
    if store is None:
        raise ConfigurationError(
            "SMS_STATE_URL is not set, and a code that one instance keeps for itself is of no use; "
            "set it, or SMS_CODE_BACKEND=pnvs"
        )
    from shared.own_codes import OwnCodes

    return OwnCodes(invocation.api, store, settings, invocation.deadline)
