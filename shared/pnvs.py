"""Verification codes that the platform makes and checks (PNVS); no state of ours is needed.

A verification has a scheme of its own, whose name follows from its id, number and purpose: under
another name no code passes. Without a store the nonce is all that stops a repeat.

Sources: https://help.aliyun.com/zh/pnvs/developer-reference/api-dypnsapi-2017-05-25-sendsmsverifycode
and -checksmsverifycode; a wrong or expired code was seen to be answered with isv.ValidateFail, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from shared.code_requests import (
    RESEND_SECONDS,
    CodeCheck,
    CodeRequest,
    Created,
    Recipient,
    keyed_letters,
    seconds_left,
)
from shared.errors import ConfigurationError, InvalidRequest
from shared.messages import Intent, Part, compact_json
from shared.sending import PartOutcome, Record, record_key, send
from shared.sms_api import ACCEPTED, REJECTED, query_error

if TYPE_CHECKING:
    from shared.settings import CodeSettings
    from shared.sms_api import SmsApi
    from shared.store import Store

_LONGEST_SCHEME = 20
_ID_LENGTH = 32
_MISMATCH = "isv.ValidateFail"


class PnvsCodes(NamedTuple):
    """The platform's back end as one invocation uses it; `deadline` is in monotonic seconds."""

    api: SmsApi
    store: Store | None
    settings: CodeSettings
    deadline: float

    def create(self, request: CodeRequest) -> Created:
        """Let the platform send a code; see verification.create."""
        verification_id = _verification_id(keyed_letters("", "pnvs", request.out_id), request)
        part = self._part(request, verification_id)
        intent = Intent(request.out_id, (part,))
        (outcome,) = send(intent, self.api, self.deadline, self.store)
        if outcome.details and outcome.details.get("Success") is not True:
            outcome = PartOutcome(part, "unknown", "no-success", request_id=outcome.request_id)
        now, sent_at = self.api.clock.now(), self._sent_at(outcome, request.out_id)
        lifetime = self.settings.lifetime
        return Created(
            verification_id,
            seconds_left(sent_at + lifetime, now, lifetime),
            seconds_left(sent_at + RESEND_SECONDS, now, RESEND_SECONDS),
            outcome,
        )

    def check(self, check: CodeCheck) -> str:
        """Let the platform check a code; return ``verified`` or ``wrong``."""
        verification_id = check.verification_id
        if check.purpose:
            verification_id = _verification_id(verification_id[:_ID_LENGTH], check)
        result = self.api.call(
            "CheckSmsVerifyCode",
            {**_of_scheme(verification_id, check.recipient), "VerifyCode": check.code},
            deadline=self.deadline,
            phone_numbers=(check.recipient.digits,),
        )
        if result.verdict == REJECTED and result.code == _MISMATCH:
            return "wrong"
        if result.verdict != ACCEPTED:
            raise query_error(result)
        model = result.body.get("Model")
        passed = isinstance(model, Mapping) and model.get("VerifyResult") == "PASS"
        return "verified" if passed and result.body.get("Success") is True else "wrong"

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
