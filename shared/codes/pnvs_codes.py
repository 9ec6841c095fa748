"""Codes of PNVS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from shared.codes.code_requests import (
    RESEND_SECONDS,
    CodeCheck,
    CodeRequest,
    Created,
    Recipient,
    keyed_letters,
    seconds_left,
)
from shared.errors import ConfigurationError, InvalidRequest, PlatformRefused
from shared.ids import compact_json
from shared.sending.claims import send
from shared.sending.intents import Intent, Part, PartOutcome
from shared.sending.part_records import Record, record_key

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.settings import CodeSettings
    from shared.state.store import Store

_LONGEST_SCHEME = 20
_ID_LENGTH = 32
_MISMATCH = "isv.ValidateFail"


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
