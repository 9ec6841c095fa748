"""Creating and checking one-time codes, by the back end that SMS_CODE_BACKEND names.

code_requests.py has the contract; the back ends are own_codes.py and the platform's, pnvs_codes.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.codes.code_requests import CodeCheck, CodeRequest, Created
from shared.codes.pnvs_codes import PnvsCodes
from shared.errors import ConfigurationError, InProgress, StoreUnavailable
from shared.ids import letters
from shared.trigger.answers import send_response
from shared.trigger.http_trigger import Response

if TYPE_CHECKING:
    from shared.codes.confirmations import Confirmations
    from shared.codes.own_codes import OwnCodes
    from shared.logs import Log
    from shared.settings import CodeSettings
    from shared.trigger.invocation import Invocation

# In place of the text of an unknown send, for a code: a repeat would not help its user.
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
    confirmations = _confirmations(invocation)
    verification_id = back_end.verification_id(request)
    if confirmations:
        confirmations.admit(request, verification_id)
    created = back_end.create(request)
    _log_created(created, request, log=invocation.api.log, settings=settings)
    outcome = created.outcome
    if confirmations and outcome and outcome.outcome != "rejected":
        with _logged(invocation.api.log):
            confirmations.sent(request, verification_id)
    return created


def _log_created(
    created: Created, request: CodeRequest, *, log: Log, settings: CodeSettings
) -> None:
    outcome = created.outcome
    client = hashlib.blake2b(request.client_ip.encode(), digest_size=8, key=log.hash_key)
    log.event(
        "info",
        "create-code",
        outcome.outcome if outcome else "closed",
        code=outcome.code if outcome else "",
        client_hash=letters(client.hexdigest()) if request.client_ip else "",
        **log.ids(request.space, request.out_id),
        test_number=int(request.recipient.e164 in settings.fixed_codes) or None,
        **log.numbers((request.recipient.digits,)),
    )


def check(typed: CodeCheck, invocation: Invocation, settings: CodeSettings) -> bool:
    """Tell whether a code is right and valid, and use it up.

    Raises ConfigurationError and StoreUnavailable; with PNVS what SmsApi.query does.
    """
    verdict = _back_end(invocation, settings).check(typed)
    log = invocation.api.log
    log.event(
        "info",
        "check-code",
        verdict,
        test_number=int(typed.recipient.e164 in settings.fixed_codes) or None,
        **log.numbers((typed.recipient.digits,)),
    )
    confirmations = _confirmations(invocation)
    if confirmations and verdict == "verified":
        with _logged(log):
            confirmations.confirmed(typed.verification_id)
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
    detail = answer.body["detail"] if outcome.code == InProgress.code else _WAIT
    return answer._replace(body={**answer.body, "detail": detail, **about})


def _confirmations(invocation: Invocation) -> Confirmations | None:
    store = invocation.store
    if store is None:
        return None
    from shared.codes.confirmations import Confirmations

    return Confirmations(invocation.api, store)


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
        return PnvsCodes(
            api=invocation.api, store=store, settings=settings, deadline=invocation.deadline
        )
    if store is None:
        raise ConfigurationError(
            "SMS_STATE_URL is not set, so codes cannot be kept: set it, or SMS_CODE_BACKEND=pnvs"
        )
    from shared.codes.own_codes import OwnCodes

    return OwnCodes(
        api=invocation.api, store=store, settings=settings, deadline=invocation.deadline
    )
