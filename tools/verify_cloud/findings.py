"""What was measured, in a form to be shared: no number, key, code or account id has a place here.

Codes come from `sms_api`, which lets nothing through that has not the form of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

REFUSED, NOT_REFUSED = "refused", "not refused"
SOMETIMES, NOT_MEASURED = "sometimes refused", "not measured"
FIRST, IDENTICAL, CHANGED = "first", "identical repeat", "repeat with a new timestamp"


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """By how many seconds this machine's clock is ahead of the platform's."""

    ahead_seconds: float
    plus_minus: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a reused nonce, and the codes that say so: of its first use, and after."""

    verdict: str
    first: str
    again: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NonceCheck:
    """A nonce in requests that send nothing, reused byte for byte and with a new timestamp."""

    method: str
    action: str
    identical: Trial
    changed_timestamp: Trial


@dataclass(frozen=True, slots=True)
class AgedNonce:
    """What became of a nonce that was reused once, so many seconds after its first use."""

    seconds: int
    verdict: str


@dataclass(frozen=True, slots=True)
class NonceScope:
    """Whose nonces are compared: account, access key, or not measured, and the codes."""

    scope: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InterSms:
    """Whether SendInterSms answers: yes, no or unclear; an action that does not exist as well."""

    answers: str
    code: str
    code_of_no_action: str


@dataclass(frozen=True, slots=True)
class SmsRequest:
    """A request that may have sent an SMS: what, how it ended, and the platform's code."""

    what: str
    method: str
    verdict: str
    code: str


@dataclass(frozen=True, slots=True)
class Visibility:
    """When the message was in QuerySendDetails, in seconds after the answer to its request.

    It was not there yet at `absent_at` and there at `seen_at`. `found_by_fc_sms`: OutId, number,
    template and SendDate are as the send protocol needs them to be to find it.
    """

    absent_at: float
    seen_at: float | None = None
    out_id: str = ""
    send_date_form: str = ""
    send_date_after_request: float | None = None
    found_by_fc_sms: bool = False


@dataclass(slots=True)
class Findings:
    """Everything that was measured so far."""

    measured_at: str
    endpoint: str
    over_https: bool
    temporary_credentials: bool
    clock_skew: ClockSkew | None = None
    nonce_checks: list[NonceCheck] = field(default_factory=list)
    nonce_scope: NonceScope = NonceScope(NOT_MEASURED)
    aged_nonces: list[AgedNonce] = field(default_factory=list)
    inter_sms: InterSms | None = None
    sms_requests: list[SmsRequest] = field(default_factory=list)
    visibility: Visibility | None = None
    stopped: str = ""

    def refuses_nonces(self, method: str) -> bool:
        """Whether every reuse was refused in requests signed with `method` that send nothing."""
        checks = [check for check in self.nonce_checks if check.method == method]
        verdicts = {trial.verdict for c in checks for trial in (c.identical, c.changed_timestamp)}
        return verdicts == {REFUSED}

    def works(self, method: str) -> bool:
        """Whether a request signed with `method` was accepted."""
        trials = [check.identical for check in self.nonce_checks if check.method == method]
        return any(trial.first == "OK" for trial in trials)
