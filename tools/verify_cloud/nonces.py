"""Is a reused nonce refused? Asked with requests that can send nothing.

The check belongs to the gateway, before an operation sees a request, so a SendSms that names no
number, no signature and no template that exist shows it as well as one that sends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from shared.platform.sms_api import ACCEPTED, Result, Signed
from tools.verify_cloud.calls import Caller
from tools.verify_cloud.findings import (
    NOT_MEASURED,
    NOT_REFUSED,
    REFUSED,
    SOMETIMES,
    AgedNonce,
    NonceCheck,
    NonceScope,
    Trial,
)
from tools.verify_cloud.questions import Stopped

NONCE_USED = "SignatureNonceUsed"
QUERY = "QuerySendDetails"
SEND = "SendSms"
SENDS_NOTHING = {"PhoneNumbers": "0", "SignName": "0", "TemplateCode": "SMS_0"}
REPEATS = 4
SECOND_KEY_NONCES = 3
EARLIER = 2  # seconds between two timestamps of a nonce, so that they do differ
AGES = (1, 15, 60, 180, 420, 840, 930)  # seconds; a nonce is said to be remembered for 900


class _Young(NamedTuple):
    """A nonce that was used, to be used again at `due` (monotonic seconds)."""

    nonce: str
    used: float
    due: float
    first: Result


def new_nonce() -> str:
    """Return a nonce that nobody used."""
    return os.urandom(16).hex()


def check(caller: Caller, action: str, parameters: Mapping[str, str]) -> NonceCheck:
    """Reuse a nonce of `action` byte for byte, and another with a new timestamp."""
    return NonceCheck(
        caller.settings.signature_method,
        action,
        _try(caller, action, parameters, changes_timestamp=False),
        _try(caller, action, parameters, changes_timestamp=True),
    )


def scope(first: Caller, second: Caller, parameters: Mapping[str, str]) -> NonceScope:
    """Use nonces of `first` with the key of `second`, which is of the same account."""
    own = second.call(QUERY, parameters)
    if own.verdict != ACCEPTED:
        return NonceScope(NOT_MEASURED, (own.code,))
    codes, verdicts = [], set()
    for _ in range(SECOND_KEY_NONCES):
        nonce = new_nonce()
        used = first.exchange(first.sign(QUERY, parameters, nonce, EARLIER))
        again = second.exchange(second.sign(QUERY, parameters, nonce))
        codes.append(again.code)
        verdicts.add(verdict(used, [again]))
    verdicts.discard(NOT_MEASURED)
    scopes = {REFUSED: "account", NOT_REFUSED: "access key"}
    found = scopes[verdicts.pop()] if len(verdicts) == 1 else NOT_MEASURED
    return NonceScope(found, tuple(codes))


class Aging:
    """Nonces that are used now and again later, each once, up to `follow` seconds."""

    def __init__(self, caller: Caller, parameters: Mapping[str, str], follow: float) -> None:
        self._caller = caller
        self._parameters = parameters
        self._young = [self._use(age) for age in AGES if age <= follow]

    def _use(self, age: int) -> _Young:
        nonce = new_nonce()
        first = self._caller.exchange(self._caller.sign(QUERY, self._parameters, nonce))
        used = time.monotonic()
        return _Young(nonce, used, used + age, first)

    def finish(self, note: Callable[[AgedNonce], None]) -> None:
        """Wait for each nonce's time, reuse it with a new timestamp, and `note` what became."""
        for young in self._young:
            time.sleep(max(0, young.due - time.monotonic()))
            signed = self._caller.sign(QUERY, self._parameters, young.nonce)
            again = self._caller.exchange(signed)
            age = round(time.monotonic() - young.used)
            note(AgedNonce(age, verdict(young.first, [again])))


def verdict(first: Result, again: Sequence[Result]) -> str:
    """Say what the answers to requests with one nonce mean.

    Refused is SignatureNonceUsed alone. Past the check is who gets the operation's own answer, as
    the first one did; whatever else the gateway says (throttling, no permission) shows neither.
    """
    said = {result.code for result in again} & {NONCE_USED, first.code}
    if not said or not (first.verdict == ACCEPTED or first.code.startswith("isv.")):
        return NOT_MEASURED
    if said == {NONCE_USED}:
        return REFUSED
    return SOMETIMES if NONCE_USED in said else NOT_REFUSED


def _try(
    caller: Caller, action: str, parameters: Mapping[str, str], *, changes_timestamp: bool
) -> Trial:
    trial = _try_once(caller, action, parameters, changes_timestamp)
    if trial.verdict == NOT_MEASURED:  # an answer that was lost
        trial = _try_once(caller, action, parameters, changes_timestamp)
    return trial


def _try_once(
    caller: Caller, action: str, parameters: Mapping[str, str], changes_timestamp: bool
) -> Trial:
    nonce = new_nonce()
    signed = caller.sign(action, parameters, nonce, EARLIER)
    first = _send_nothing(caller, signed)
    again = []
    for _ in range(REPEATS):
        if changes_timestamp:
            signed = caller.sign(action, parameters, nonce)
        again.append(_send_nothing(caller, signed))
    return Trial(verdict(first, again), first.code, tuple(result.code for result in again))


def _send_nothing(caller: Caller, signed: Signed) -> Result:
    result = caller.exchange(signed)
    if signed.action == SEND and result.verdict == ACCEPTED:
        raise Stopped("the platform accepted an SMS to nobody, which it should have refused")
    return result
