"""The registration of a signature with the carriers, by real name.

Source: the page of GetSmsSign in the SMS API reference (2025-06-30).
"""

from __future__ import annotations

from collections.abc import Mapping

CARRIERS = ("mobile", "unicom", "telecom")
STATUS_NUMBERS = {
    "failed": 0,
    "to-verify": 1,
    "lapsed": 2,
    "registered": 3,
    "registering": -1,
    "not-filed": -2,
}
REASONS = (
    *("UNBINDING_QUA", "BINDING_INCOMPLETE_QUA", "NON_REGISTER", "REGISTERING", "DETECTING"),
    *("DETECT_SUCCESS", "QUALIFICATION_ERROR", "SIGNATURE_ERROR", "SIGNATURE_QUALIFICATION_ERROR"),
    *("ONE_CODE_MULTIPLE_SIGN", "REGISTER_TIMEOUT", "NO_SEND_RECORD", "EXT_CODE_RECYCLE"),
    *("SUBPORT_RECYCLE", "OTHERS_ERROR"),
)
USUAL_REASONS: Mapping[str, str] = {
    "failed": "QUALIFICATION_ERROR",
    "to-verify": "DETECTING",
    "lapsed": "NO_SEND_RECORD",
    "registered": "DETECT_SUCCESS",
    "registering": "REGISTERING",
    "not-filed": "NON_REGISTER",
}
"""The reason that goes with a status when no other one is named."""
