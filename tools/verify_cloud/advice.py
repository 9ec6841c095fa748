"""Which settings follow from what was measured."""

from __future__ import annotations

import math
from typing import NamedTuple

from shared.settings import SIGNATURE_METHODS
from tools.verify_cloud.findings import IDENTICAL, REFUSED, Findings

ACS3, V1 = SIGNATURE_METHODS
DEFAULT_SETTLE, LONGEST_SETTLE = 3, 20  # seconds; a function has 30 (s.yaml)


class Setting(NamedTuple):
    """An environment variable, the value to give it, and why."""

    name: str
    value: str
    reason: str


def settings(findings: Findings) -> tuple[Setting, ...]:
    """Return what to set."""
    return (signature_method(findings), _nonce_replay(findings), _settle_seconds(findings))


def signature_method(findings: Findings) -> Setting:
    """Return the method to sign with: the current one, unless only the old one does its work."""
    name = "SMS_SIGNATURE_METHOD"
    if findings.refuses_nonces(ACS3):
        return Setting(name, ACS3, "a reused nonce is refused with it")
    if findings.refuses_nonces(V1):
        return Setting(name, V1, f"with {ACS3} a reused nonce was not always seen to be refused")
    if findings.works(V1) and not findings.works(ACS3):
        return Setting(name, V1, f"requests signed with {ACS3} were not accepted")
    return Setting(name, ACS3, "the default: neither method was seen to be better")


def _nonce_replay(findings: Findings) -> Setting:
    name, method = "SMS_NONCE_REPLAY", signature_method(findings).value
    repeats = [sms.verdict for sms in findings.sms_requests if sms.what == IDENTICAL]
    if not findings.refuses_nonces(method):
        return Setting(name, "off", "it was not seen that every reused nonce is refused")
    if repeats != [REFUSED]:
        return Setting(name, "off", "the repeat of an accepted SMS was not seen to be refused")
    return Setting(name, "on", "every identical repeat was refused, that of an SMS, too")


def _settle_seconds(findings: Findings) -> Setting:
    name, seen = "SMS_SETTLE_SECONDS", findings.visibility
    if seen is None:
        return Setting(name, str(DEFAULT_SETTLE), "the default: no message was looked for")
    if seen.seen_at is None:
        reason = f"the default: no message was seen in {seen.absent_at:g} s, longer waits are vain"
        return Setting(name, str(DEFAULT_SETTLE), reason)
    if not seen.found_by_fc_sms:
        reason = "the default: fc-sms would not know the message again by what is shown of it"
        return Setting(name, str(DEFAULT_SETTLE), reason)
    needed = max(DEFAULT_SETTLE, math.ceil(seen.seen_at) + 1)
    if needed > LONGEST_SETTLE:
        reason = f"the default: {seen.seen_at:g} s are too long for a call; a repeat settles it"
        return Setting(name, str(DEFAULT_SETTLE), reason)
    return Setting(name, str(needed), f"a message was seen after {seen.seen_at:g} s")
