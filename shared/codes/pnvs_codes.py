"""Codes that the platform makes and checks (PNVS).

A verification has a scheme of its own, whose name follows from its id, number and purpose: under
another name no code passes. Without a store the nonce is all that stops a repeat. Sources:
SendSmsVerifyCode and CheckSmsVerifyCode of PNVS; a wrong or expired code was seen to be answered
with isv.ValidateFail, too.
"""

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
from shared.sending.intents import Intent, Part, PartOutcome
from shared.sending.part_records import read_part
from shared.sending.protocol import send

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
        intent = Intent(
            out_id=request.out_id,
            parts=(part,),
            client_ip=request.client_ip,
            caller=request.caller,
            is_code=True,
        )
        (outcome,) = send(intent, self.api, self.deadline, store=self.store)
        now, sent_at = self.api.clock.now(), self._sent_at(outcome, request.out_id)
        lifetime = self.settings.lifetime
        return Created(
            verification_id=verification_id,
            expires_in=seconds_left(sent_at + lifetime, now, lifetime),
            resend_in=seconds_left(sent_at + RESEND_SECONDS, now, RESEND_SECONDS),
            outcome=outcome,
        )

    def verification_id(self, request: CodeRequest) -> str:
        """Return the id of the verification that belongs to the out_id of `request`."""
        name = keyed_letters("", "pnvs", request.out_id)
        return _verification_id(name, request.purpose)

    def check(self, typed: CodeCheck) -> str:
        """Let the platform check a code; return ``verified`` or ``wrong``.

        Raises what SmsApi.query does.
        """
        verification_id = typed.verification_id
        if typed.purpose:
            verification_id = _verification_id(verification_id[:_ID_LENGTH], typed.purpose)
        try:
            body = self.api.query(
                "CheckSmsVerifyCode",
                {**_of_scheme(verification_id, typed.recipient), "VerifyCode": typed.code},
                deadline=self.deadline,
                phone_numbers=(typed.recipient.digits,),
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
        }
        return Part(
            number=0,
            first=0,
            last=0,
            action="SendSmsVerifyCode",
            phone_numbers=(request.recipient.digits,),
            template_code=settings.template,
            parameters=parameters,
        )

    def _sent_at(self, outcome: PartOutcome, out_id: str) -> float:
        if outcome.replayed and self.store:
            state_secret = self.api.settings.state_secret
            record = read_part(self.store, out_id, 0, state_secret=state_secret)
            if record.stored is not None:
                return record.last_at
        return self.api.clock.now()


def _verification_id(name: str, purpose: str) -> str:
    """Return the id of a verification for one purpose: 32 letters of its own, and 32 of both."""
    return name + keyed_letters("", "pnvs purpose", name, purpose)


def _of_scheme(verification_id: str, recipient: Recipient) -> dict[str, str]:
    scheme = keyed_letters("", "pnvs scheme", verification_id, recipient.e164)[:_LONGEST_SCHEME]
    return {"PhoneNumber": recipient.digits, "CountryCode": "86", "SchemeName": scheme}
