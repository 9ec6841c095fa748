"""One-time codes: one contract, and the back ends behind it, own_codes and the platform's (PNVS).

A verification of PNVS has a scheme of its own, whose name follows from its id, number and purpose:
under another name no code passes. Without a store the nonce is all that stops a repeat. Sources:
SendSmsVerifyCode and CheckSmsVerifyCode of PNVS; a wrong or expired code was seen to be answered
with isv.ValidateFail, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.codes.code_requests import CodeCheck, CodeRequest, Created
from shared.codes.pnvs_codes import PnvsCodes
from shared.errors import ConfigurationError, StoreUnavailable
from shared.ids import letters
from shared.trigger.answers import send_response
from shared.trigger.http_trigger import Response

if TYPE_CHECKING:
    from shared.codes.confirmations import Confirmations
    from shared.codes.own_codes import OwnCodes
    from shared.logs import Log
    from shared.settings import CodeSettings
    from shared.trigger.invocation import Invocation

_WAIT = (
    "The SMS may be on its way, and its code is valid: wait for it. When it does not come, ask for "
    "another code with a new out_id after resend_in seconds."
)


def create(request: CodeRequest, invocation: Invocation, settings: CodeSettings) -> Created:
    """Send a code, unless that was done for this out_id before.

    Raises LimitReached, OutIdConflict, ConfigurationError, InvalidRequest and StoreUnavailable, all
    before anything is sent.
    """
    back_end = _back_end(invocation, settings)
    confirmations, verification_id = _confirmations(invocation), back_end.verification_id(request)
    if confirmations:
        confirmations.admit(request, verification_id)
    created = back_end.create(request)
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
    if confirmations and outcome and outcome.outcome != "rejected":
        with _logged(log):
            confirmations.sent(request, verification_id)
    return created


def check(check: CodeCheck, invocation: Invocation, settings: CodeSettings) -> bool:
    """Tell whether a code is right and valid, and use it up.

    Raises ConfigurationError and StoreUnavailable; with PNVS what SmsApi.query does.
    """
    verdict = _back_end(invocation, settings).check(check)
    log = invocation.api.log
    log.event("info", "check-code", verdict, **log.numbers((check.recipient.digits,)))
    confirmations = _confirmations(invocation)
    if confirmations and verdict == "verified":
        with _logged(log):
            confirmations.confirmed(check.verification_id)
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


def _confirmations(invocation: Invocation) -> Confirmations | None:
    store = invocation.store
    if store is None:
        return None
    from shared.codes.confirmations import Confirmations
    from shared.sending.limits import Limits

    return Confirmations(Limits(invocation.api), store)


@contextmanager
def _logged(log: Log) -> Iterator[None]:
    """Log a store that fails when the rest is done, and must not be undone for that."""
    try:
        yield
    except StoreUnavailable as error:
        log.failed("store", error)


def _back_end(invocation: Invocation, settings: CodeSettings) -> OwnCodes | PnvsCodes:
    store = invocation.store
    if settings.backend == "pnvs":
        return PnvsCodes(invocation.api, store, settings, invocation.deadline)
    if store is None:
        raise ConfigurationError(
            "SMS_STATE_URL is not set, so codes cannot be kept: set it, or SMS_CODE_BACKEND=pnvs"
        )
    from shared.codes.own_codes import OwnCodes

    return OwnCodes(invocation.api, store, settings, invocation.deadline)
