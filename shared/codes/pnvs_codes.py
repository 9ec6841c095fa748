"""Codes that the platform makes and checks (PNVS).

A verification has a scheme of its own, whose name follows from its id. The id is bound to space,
number and purpose: under another scheme no code passes. Without a store the nonce is all that stops
a repeat, and tries are not counted. Sources: SendSmsVerifyCode and CheckSmsVerifyCode of PNVS; a
wrong or expired code was seen to be answered with isv.ValidateFail, too.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import phone_numbers
from shared.codes.code_requests import (
    RESEND_SECONDS,
    CodeCheck,
    CodeRequest,
    Created,
    keyed_letters,
    seconds_left,
)
from shared.errors import (
    ConfigurationError,
    InvalidRequest,
    PlatformRefused,
    SmsError,
    StoreUnavailable,
)
from shared.ids import WireId, compact_json, letters
from shared.sending.code_messages import Recipient
from shared.sending.intents import Intent, Part, PartOutcome
from shared.sending.part_records import read_part
from shared.sending.protocol import send
from shared.settings import SHORTEST_SECRET
from shared.state.records import read_record, record_text
from shared.state.store import Change, Differs

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.settings import CodeSettings
    from shared.state.store import Store

_LONGEST_SCHEME = 20
_ID_LENGTH = 32
_ROUNDS = 30  # more than the tries that may be at work at once
_MISMATCH = "isv.ValidateFail"


class TriesRecord(NamedTuple):
    """How many tries are left to guess a code of PNVS.

    The `mark` is a fresh one in every change, so that of two tries at once each is taken. For
    `others` and `stored` see state/records.py.
    """

    left: int = 0
    mark: str = ""
    others: Mapping[str, Any] = {}
    stored: str | None = None


class PnvsCodes(NamedTuple):
    """The platform's back end; `deadline` is in monotonic seconds."""

    api: SmsApi
    store: Store | None
    settings: CodeSettings
    deadline: float

    def create(self, request: CodeRequest) -> Created:
        """Let the platform send a code; see verification.create."""
        verification_id = self.verification_id(request)
        part = self._part(request, verification_id)
        intent = Intent(
            out_id=request.out_id,
            parts=(part,),
            space=request.space,
            client_ip=request.client_ip,
            is_code=True,
        )
        (outcome,) = send(intent, self.api, self.deadline, store=self.store)
        now, sent_at = self.api.clock.now(), self._sent_at(outcome, intent.wire_id(part))
        lifetime = self.settings.lifetime
        return Created(
            verification_id=verification_id,
            expires_in=seconds_left(sent_at + lifetime, now, lifetime),
            resend_in=seconds_left(sent_at + RESEND_SECONDS, now, RESEND_SECONDS),
            outcome=outcome,
        )

    def verification_id(self, request: CodeRequest) -> str:
        """Return the id of the verification that belongs to the out_id of `request`."""
        name = keyed_letters(
            self._secret(),
            "pnvs",
            request.space,
            request.out_id,
            request.recipient.e164,
            request.purpose,
        )
        return self._bound(name, request)

    def check(self, typed: CodeCheck) -> str:
        """Let the platform check a code; return ``verified``, or else why not, for the log only.

        With a store a try is taken before the platform is asked. One of another space, number or
        purpose takes none. Raises what SmsApi.query does, and StoreUnavailable.
        """
        expected = self._bound(typed.verification_id[:_ID_LENGTH], typed)
        if not hmac.compare_digest(expected, typed.verification_id):
            return "unknown"
        if not self._take_try(typed.verification_id):
            return "spent"
        try:
            return self._ask(typed)
        except SmsError:
            self._give_try_back(typed.verification_id)
            raise

    def _ask(self, typed: CodeCheck) -> str:
        scheme = self._of_scheme(typed.verification_id, typed.recipient)
        try:
            body = self.api.query(
                "CheckSmsVerifyCode",
                {**scheme, "VerifyCode": typed.code},
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

    def _take_try(self, verification_id: str) -> bool:
        """Take one of the tries; returns False when none is left."""
        return self._change_tries(verification_id, -1)

    def _give_try_back(self, verification_id: str) -> None:
        """Give a try back, for the platform did not say whether the code was right."""
        try:
            self._change_tries(verification_id, 1)
        except StoreUnavailable as error:
            self.api.log.failed("store", error)

    def _change_tries(self, verification_id: str, change: int) -> bool:
        if self.store is None:
            return True
        key = f"tries:{verification_id}"
        text = self.store.get(key)
        for _ in range(_ROUNDS):
            none_taken = TriesRecord(left=self.settings.tries)
            record = none_taken if text is None else read_record(text, TriesRecord())
            left = min(record.left + change, self.settings.tries)
            if left < 0:
                return False
            answer = self.store.put(
                Change(
                    key=key,
                    old=record.stored,
                    new=record_text(record._replace(left=left, mark=letters(self.api.token()))),
                    ttl=self.settings.lifetime,
                )
            )
            if not isinstance(answer, Differs):
                return True
            text = answer.current
        raise StoreUnavailable("the verification is being changed by others; try again")

    def _part(self, request: CodeRequest, verification_id: str) -> Part:
        settings = self.settings
        if request.recipient.e164 in settings.fixed_codes:
            raise ConfigurationError(
                "SMS_TEST_NUMBERS needs SMS_CODE_BACKEND=own: PNVS makes and checks its codes "
                "itself"
            )
        if not settings.template or not settings.sign_name:
            missing = "SMS_CODE_SIGN_NAME" if settings.template else "SMS_CODE_TEMPLATE"
            raise ConfigurationError(
                f"{missing} is not set: take a signature and a template that the console of PNVS "
                "shows, such as 100001"
            )
        if not request.recipient.is_mainland:
            raise InvalidRequest(
                f"{phone_numbers.read_as(request.recipient.digits)}, and PNVS sends no codes abroad"
                f"{phone_numbers.or_in_mainland(request.recipient.digits)}",
                field="phone_number",
            )
        # the platform's own templates have the variable min
        param = {settings.variable: "##code##", "min": str(settings.lifetime // 60)}
        parameters = {
            **self._of_scheme(verification_id, request.recipient),
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
            number_path="phone_number",
        )

    def _sent_at(self, outcome: PartOutcome, wire_id: WireId) -> float:
        if outcome.replayed and self.store:
            record = read_part(self.store, wire_id, state_secret=self.api.settings.state_secret)
            if record.stored is not None:
                return record.last_at
        return self.api.clock.now()

    def _bound(self, name: str, bound_to: CodeRequest | CodeCheck) -> str:
        """Return the id of a verification: 32 letters of its own, and 32 that bind them."""
        return name + keyed_letters(
            self._secret(),
            "pnvs bound",
            name,
            bound_to.space,
            bound_to.recipient.e164,
            bound_to.purpose,
        )

    def _of_scheme(self, verification_id: str, recipient: Recipient) -> dict[str, str]:
        scheme = keyed_letters(self._secret(), "pnvs scheme", verification_id)[:_LONGEST_SCHEME]
        return {"PhoneNumber": recipient.digits, "CountryCode": "86", "SchemeName": scheme}

    def _secret(self) -> str:
        secret = self.api.settings.state_secret
        if len(secret) < SHORTEST_SECRET:
            raise ConfigurationError(
                f"SMS_STATE_SECRET has fewer than {SHORTEST_SECRET} characters: codes of PNVS need "
                "it, with and without shared state, so that nobody can make up a verification_id"
            )
        return secret
