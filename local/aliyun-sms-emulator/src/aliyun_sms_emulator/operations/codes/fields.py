"""What making and checking a code read alike."""

from __future__ import annotations

from aliyun_sms_emulator.operations.call import Call, invalid
from aliyun_sms_emulator.rules.phone_numbers import recipient

_LONGEST_SCHEME = 20


def mainland_number(call: Call) -> str:
    """The number, which is a mainland one; raises BusinessError."""
    if call.text("CountryCode") not in {"", "86"}:
        raise invalid("CountryCode")
    return recipient(call.text("PhoneNumber"), call.leniency, international=False)


def scheme_of(call: Call) -> str:
    """The scheme a code belongs to, empty for the usual one; raises BusinessError."""
    scheme = call.text("SchemeName")
    if len(scheme) > _LONGEST_SCHEME:
        raise invalid("SchemeName")
    return scheme
