"""One-time codes: one contract, and the back ends behind it, own_codes and the platform's (PNVS).

A verification of PNVS has a scheme of its own, whose name follows from its id, number and purpose:
under another name no code passes. Without a store the nonce is all that stops a repeat. Sources:
SendSmsVerifyCode and CheckSmsVerifyCode of PNVS; a wrong or expired code was seen to be answered
with isv.ValidateFail, too.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from shared import phone_numbers
from shared.answers import send_response
from shared.errors import ConfigurationError, InvalidRequest, PlatformRefused, StoreUnavailable
from shared.fields import read_client_ip, read_object, read_text
from shared.http_trigger import Response
from shared.messages import Intent, Part, compact_json, keyed, letters, request_out_id
from shared.sending import PartOutcome, Record, record_key, send

if TYPE_CHECKING:
    from shared.http_trigger import Invocation
    from shared.limits import Confirmations
    from shared.logs import Log
    from shared.own_codes import OwnCodes
    from shared.settings import CodeSettings
    from shared.sms_api import SmsApi
    from shared.store import Store

RESEND_SECONDS = 60  # the platform's own interval between codes to a number (document 44335)

_CREATE_FIELDS = frozenset(("client_ip", "out_id", "phone_number", "purpose"))
_CHECK_FIELDS = frozenset(("code", "phone_number", "purpose", "verification_id"))
_PURPOSE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_VERIFICATION_ID = re.compile(r"[a-p]{32,64}")
_LONGEST_CODE = 32
_LONGEST_SCHEME = 20
_ID_LENGTH = 32
_MISMATCH = "isv.ValidateFail"
_FIELD = "phone_number"
_WAIT = (
    "The SMS may be on its way, and its code is valid: wait for it. When it does not come, ask for "
    "another code with a new out_id after resend_in seconds."
)


class Recipient(NamedTuple):
    """Whose phone: `e164` with ``+``, and the `digits` that APIs want: 11 for the mainland."""

    e164: str
    digits: str
    is_mainland: bool


class CodeRequest(NamedTuple):
    """The wish to have a code sent, for one `purpose`; for the last two see messages.Intent."""

    recipient: Recipient
    purpose: str
    out_id: str
    client_ip: str = ""
    caller: str = ""


class CodeCheck(NamedTuple):
    """A code that somebody typed; an empty `purpose` is the one it was made for."""

    verification_id: str
    recipient: Recipient
    code: str
    purpose: str = ""


class Created(NamedTuple):
    """A verification, and how sending its code ended: None when it is not valid any more.

    The code is valid for `expires_in` seconds; the number may get another in `resend_in` seconds.
    """

    verification_id: str
    expires_in: int
    resend_in: int
    outcome: PartOutcome | None


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
    from shared.limits import Confirmations, Limits

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
    from shared.own_codes import OwnCodes

    return OwnCodes(invocation.api, store, settings, invocation.deadline)


def read_request(body: object, idempotency_key: str) -> CodeRequest:
    """Read the body of ``POST /codes``; see messages.read_intent."""
    request = read_object(body, "", _CREATE_FIELDS)
    return CodeRequest(
        read_recipient(request.get(_FIELD)),
        _read_purpose(request.get("purpose")),
        request_out_id(request, idempotency_key),
        read_client_ip(request),
    )


def read_check(body: object) -> CodeCheck:
    """Read the body of ``POST /codes/check``; raises InvalidRequest."""
    request = read_object(body, "", _CHECK_FIELDS)
    verification_id, code = request.get("verification_id"), request.get("code")
    if not isinstance(verification_id, str) or not _VERIFICATION_ID.fullmatch(verification_id):
        raise InvalidRequest("must be what POST /codes answered", field="verification_id")
    if not isinstance(code, str) or not 1 <= len(read_text(code, "code")) <= _LONGEST_CODE:
        raise InvalidRequest(
            f"must be a string of 1 to {_LONGEST_CODE} characters, so that no 0 in front is lost",
            field="code",
        )
    purpose = _read_purpose(request["purpose"]) if "purpose" in request else ""
    return CodeCheck(verification_id, read_recipient(request.get(_FIELD)), code, purpose)


def seconds_left(until: float, now: float, most: int) -> int:
    """Return the seconds from `now` to `until`, rounded up, from 0 to `most`."""
    return min(max(math.ceil(until - now), 0), most)


def keyed_letters(secret: str, label: str, *texts: str) -> str:
    """Return messages.keyed in letters."""
    return letters(keyed(secret, label, *texts))


def read_recipient(value: object) -> Recipient:
    """Read a number: one of the mainland if it looks so, else country code and number."""
    with suppress(InvalidRequest):
        digits = phone_numbers.mainland(value, _FIELD)
        return Recipient(f"+86{digits}", digits, True)
    try:
        digits = phone_numbers.international(value, _FIELD)
    except InvalidRequest as error:
        raise InvalidRequest(
            "must be a string: 11 digits for the Chinese mainland, or + or 00, country code and "
            "number, such as +85251234567",
            field=_FIELD,
            code=error.code,
        ) from None
    return Recipient(f"+{digits}", digits, False)


def _read_purpose(value: object) -> str:
    if isinstance(value, str) and _PURPOSE.fullmatch(value):
        return value
    raise InvalidRequest(
        "must name what the code is for, such as login: 1 to 32 of A-Z a-z 0-9 _ . -",
        field="purpose",
    )


class PnvsCodes(NamedTuple):
    """The platform's back end; `deadline` is in monotonic seconds."""

    api: SmsApi
    store: Store | None
    settings: CodeSettings
    deadline: float

    def create(self, request: CodeRequest) -> Created:
        """Let the platform send a code; see `create`."""
        verification_id = self.verification_id(request)
        part = self._part(request, verification_id)
        intent = Intent(request.out_id, (part,), False, request.client_ip, request.caller, True)
        (outcome,) = send(intent, self.api, self.deadline, self.store)
        now, sent_at = self.api.clock.now(), self._sent_at(outcome, request.out_id)
        lifetime = self.settings.lifetime
        return Created(
            verification_id,
            seconds_left(sent_at + lifetime, now, lifetime),
            seconds_left(sent_at + RESEND_SECONDS, now, RESEND_SECONDS),
            outcome,
        )

    def verification_id(self, request: CodeRequest) -> str:
        """Return the id of the verification that belongs to the out_id of `request`."""
        return _verification_id(keyed_letters("", "pnvs", request.out_id), request)

    def check(self, check: CodeCheck) -> str:
        """Let the platform check a code; return ``verified`` or ``wrong``."""
        verification_id = check.verification_id
        if check.purpose:
            verification_id = _verification_id(verification_id[:_ID_LENGTH], check)
        parameters = {**_of_scheme(verification_id, check.recipient), "VerifyCode": check.code}
        numbers = (check.recipient.digits,)
        try:
            body = self.api.query(
                "CheckSmsVerifyCode", parameters, deadline=self.deadline, phone_numbers=numbers
            )
        except PlatformRefused as error:
            if error.code == _MISMATCH:
                return "wrong"
            raise
        model = body.get("Model")
        passed = isinstance(model, Mapping) and model.get("VerifyResult") == "PASS"
        return "verified" if passed and body.get("Success") is True else "wrong"

    def _part(self, request: CodeRequest, verification_id: str) -> Part:
        settings = self.settings
        if not settings.template or not settings.sign_name:
            missing = "SMS_CODE_SIGN_NAME" if settings.template else "SMS_CODE_TEMPLATE"
            raise ConfigurationError(f"{missing} is not set: PNVS needs one that it was given")
        if not request.recipient.is_mainland:
            raise InvalidRequest(
                "is not in the Chinese mainland, and PNVS sends no codes abroad",
                field="phone_number",
            )
        # the platform's own templates have the variable min
        param = {settings.variable: "##code##", "min": str(settings.lifetime // 60)}
        parameters = {
            **_of_scheme(verification_id, request.recipient),
            "SignName": settings.sign_name,
            "TemplateCode": settings.template,
            "TemplateParam": compact_json(param),
            "CodeLength": str(settings.length),
            "CodeType": "1",
            "ValidTime": str(settings.lifetime),
            "Interval": str(RESEND_SECONDS),
            "DuplicatePolicy": "1",
            "ReturnVerifyCode": "false",
            "OutId": request.out_id,
        }
        numbers, template = (request.recipient.digits,), settings.template
        return Part(0, 0, 0, request.out_id, "SendSmsVerifyCode", numbers, template, parameters)

    def _sent_at(self, outcome: PartOutcome, out_id: str) -> float:
        if outcome.replayed and self.store:
            text = self.store.get(record_key(out_id, 0, self.api.settings.state_secret))
            if text:
                return Record.read(text).last_at
        return self.api.clock.now()


def _verification_id(name: str, bound: CodeRequest | CodeCheck) -> str:
    return name + keyed_letters("", "pnvs purpose", name, bound.purpose)


def _of_scheme(verification_id: str, recipient: Recipient) -> dict[str, str]:
    scheme = keyed_letters("", "pnvs scheme", verification_id, recipient.e164)[:_LONGEST_SCHEME]
    return {"PhoneNumber": recipient.digits, "CountryCode": "86", "SchemeName": scheme}
