"""What a caller may ask of codes, and what every back end answers."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from shared import phone_numbers
from shared.errors import InvalidRequest
from shared.fields import read_client_ip, read_object, read_text
from shared.ids import keyed, letters
from shared.sending.code_messages import Recipient, read_recipient
from shared.sending.intents import PartOutcome
from shared.sending.request_fields import request_out_id

RESEND_SECONDS = 60  # the platform's own interval between codes to a number (document 44335)
_CREATE_FIELDS = frozenset(("client_ip", "out_id", "phone_number", "purpose"))
_OF_A_CHECK = "to check a code, POST it to /codes/check"
_OF_OTHER_CALLS = {
    "code": _OF_A_CHECK,
    "verification_id": _OF_A_CHECK,
    "phone_numbers": "here it is phone_number, one number",
    "template_code": "SMS_CODE_TEMPLATE or a scene names the template of codes",
}
_CHECK_FIELDS = frozenset(("code", "phone_number", "purpose", "verification_id"))
_PURPOSE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_VERIFICATION_ID = re.compile(r"[a-p]{32,64}")
_LONGEST_CODE = 32
_FULL_WIDTH_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")


class CodeRequest(NamedTuple):
    """A request to send a code for one `purpose`; for the rest see sending/intents.py."""

    recipient: Recipient
    purpose: str
    out_id: str
    client_ip: str = ""
    space: str = ""


class CodeCheck(NamedTuple):
    """A code that somebody typed, for the purpose it was made for, in the space it was made in."""

    verification_id: str
    recipient: Recipient
    code: str
    purpose: str
    space: str = ""


class Created(NamedTuple):
    """A verification, and how sending its code ended: None when it is not valid any more.

    The code is valid for `expires_in` seconds; the number may get another in `resend_in` seconds.
    """

    verification_id: str
    expires_in: int
    resend_in: int
    outcome: PartOutcome | None


def read_request(body: object, idempotency_key: str) -> CodeRequest:
    """Read the body of ``POST /codes``; the header Idempotency-Key may give the out_id.

    Raises InvalidRequest naming the field that breaks a rule.
    """
    request = read_object(body, "", _CREATE_FIELDS, elsewhere=_OF_OTHER_CALLS)
    return CodeRequest(
        recipient=read_recipient(request.get("phone_number")),
        purpose=_read_purpose(request.get("purpose")),
        out_id=request_out_id(request, idempotency_key),
        client_ip=read_client_ip(request),
    )


def read_check(body: object) -> CodeCheck:
    """Read the body of ``POST /codes/check``; raises InvalidRequest naming the field."""
    request = read_object(body, "", _CHECK_FIELDS)
    verification_id = request.get("verification_id")
    if not isinstance(verification_id, str) or not _VERIFICATION_ID.fullmatch(verification_id):
        raise InvalidRequest(
            "must be the verification_id that POST /codes answered", field="verification_id"
        )
    return CodeCheck(
        verification_id=verification_id,
        recipient=read_recipient(request.get("phone_number")),
        code=_read_code(request.get("code")),
        purpose=_read_purpose(request.get("purpose")),
    )


def seconds_left(until: float, now: float, most: int) -> int:
    """Return the seconds from `now` to `until`, rounded up, from 0 to `most`."""
    return min(max(math.ceil(until - now), 0), most)


def keyed_letters(secret: str, label: str, *texts: str) -> str:
    """Return a keyed digest of `texts`, as ids.keyed makes it, in the letters a-p."""
    return letters(keyed(secret, label, *texts))


def _read_code(value: object) -> str:
    """Read a code as somebody typed it: ``０４１ 233`` is ``041233``.

    White space is left out, and so are the marks that nobody sees but that come with what is
    pasted.
    """
    text = phone_numbers.without_invisible(value) if isinstance(value, str) else ""
    code = "".join(read_text(text, "code").translate(_FULL_WIDTH_DIGITS).split())
    if not 1 <= len(code) <= _LONGEST_CODE:
        raise InvalidRequest(
            f"must be a string of 1 to {_LONGEST_CODE} characters, so that no 0 in front is lost",
            field="code",
        )
    return code


def _read_purpose(value: object) -> str:
    if isinstance(value, str) and _PURPOSE.fullmatch(value):
        return value
    raise InvalidRequest(
        "must name what the code is for, such as login: 1 to 32 of A-Z a-z 0-9 _ . -",
        field="purpose",
    )
