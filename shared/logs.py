"""JSON log lines that cannot contain a code, a key or a full phone number.

One line an event, on standard output, where Function Compute takes them from. Texts from outside
(codes and ids of the platform, a caller's out_id) pass only in a form that has no room for a phone
number.
"""

import hashlib
import hmac
import json
import os
import re
import sys
from typing import NamedTuple, TextIO

from shared.clock import Clock, utc_timestamp
from shared.errors import SmsError

# Seven digits or more, whatever stands between them but letters: ``138-0013-8000``.
_DIGITS = re.compile(r"\d(?:[\W_]*\d){6,}")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9._:-]{0,63}")
# A letter somewhere, so that no bare number passes.
_REQUEST_ID = re.compile(r"(?=[0-9-]*[A-Za-z])[A-Za-z0-9-]{1,64}")
# A UUID, and what Function Compute and the queues make: long runs of digits are chance there.
_HEX_ID = re.compile(r"(?i)(?:1-)?[0-9A-F]{8}-(?:[0-9A-F]{4,8}-){0,3}[0-9A-F]{12}|[0-9A-F]{24}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9^_-]{1,64}")
# Made once, for json.dumps with ensure_ascii=False makes an encoder at every call.
_JSON = json.JSONEncoder(ensure_ascii=False)
_FALLBACK_KEY = os.urandom(32)


class Log(NamedTuple):
    """Writes the events of one invocation to `stream`, or to standard output where it is None.

    `request_id` is the invocation's, `function` the name of what was invoked. `hash_key` keys the
    hashes of phone numbers.
    """

    request_id: str
    function: str
    hash_key: bytes
    clock: Clock
    stream: TextIO | None = None

    def event(self, level: str, action: str, outcome: str, **fields: str | int | None) -> None:
        """Write one line: `level` info, warning or error, what was done and how it ended.

        `fields` are added as they are; those that are "" or None are left out. They may be numbers,
        texts that this project wrote, and texts that went through a function of this module.
        """
        line = {
            "time": utc_timestamp(self.clock.now()),
            "level": level,
            "request_id": self.request_id,
            "function": self.function,
            "action": action,
            "outcome": outcome,
            **{name: value for name, value in fields.items() if value not in ("", None)},
        }
        stream = self.stream or sys.stdout
        stream.write(_JSON.encode(line) + "\n")
        stream.flush()

    def failed(self, action: str, error: SmsError) -> None:
        """Write that `action` failed, and the code, text and request id of `error`."""
        self.event(
            "error",
            action,
            "failed",
            code=error.code,
            detail=error.detail,
            platform_request_id=error.request_id,
        )

    def misconfigured(self, error: SmsError) -> None:
        """Write the text of a ConfigurationError, which says what has to be set."""
        self.event("error", "configure", "failed", remedy=error.detail)

    def numbers(self, phone_numbers: tuple[str, ...]) -> dict[str, str | int]:
        """Return what may be logged about `phone_numbers`, as fields of an event.

        Of one it is ``{"number": "*00", "number_hash": <16 hex digits>}``, of many
        ``{"numbers": 250}``. It is empty for no number.
        """
        if not phone_numbers:
            return {}
        if len(phone_numbers) > 1:
            return {"numbers": len(phone_numbers)}
        digest = hashlib.blake2b(phone_numbers[0].encode(), digest_size=8, key=self.hash_key)
        return {"number": f"*{phone_numbers[0][-2:]}", "number_hash": digest.hexdigest()}


def hash_key(state_secret: str) -> bytes:
    """Return the key for hashes of phone numbers that `state_secret` (SMS_STATE_SECRET) gives.

    Without a secret it is a random key, and hashes can be compared within this instance only.
    """
    if not state_secret:
        return _FALLBACK_KEY
    secret = state_secret.encode("utf-8", "surrogateescape")  # an environment may hold any bytes
    return hmac.digest(secret, b"fc-sms log", hashlib.sha256)


def masked(text: str) -> str:
    """Return `text` with every run of seven or more digits cut down to ``*`` and its last two.

    ``order-20260131`` becomes ``order-*31``. Spaces, hyphens and the like do not end a run.
    """
    return _DIGITS.sub(lambda run: f"*{run[0][-2:]}", text)


def safe_code(code: object) -> str:
    """Return `code` if it has the form of the platform's codes, else ``unreadable``.

    That is ``isv.BUSINESS_LIMIT_CONTROL`` or ``OK``: a letter, and up to 63 letters, digits and
    ``._:-``, without a run of digits that could be a number.
    """
    if isinstance(code, str) and _CODE.fullmatch(code) and masked(code) == code:
        return code
    return "unreadable"


def safe_request_id(request_id: object) -> str:
    """Return `request_id` if it has the form of an id of the platform or of Function Compute.

    That is a UUID, ``1-64f6cd87-5b1c2d3e4f50``, or up to 64 letters, digits and hyphens without a
    run of digits that could be a number; "" otherwise.
    """
    if not isinstance(request_id, str) or not _REQUEST_ID.fullmatch(request_id):
        return ""
    is_innocent = _HEX_ID.fullmatch(request_id) or masked(request_id) == request_id
    return request_id if is_innocent else ""


def safe_message_id(message_id: object) -> str:
    """Return a BizId (``900619746936498440^0``) or MessageId as text.

    Either is up to 64 letters, digits and ``^_-``; "" otherwise. It may be a number, so it is for
    answers and records, not for the log.
    """
    text = str(message_id)
    return text if message_id and _MESSAGE_ID.fullmatch(text) else ""
