"""JSON log lines that cannot contain a code, a key or a full phone number.

One line an event, on standard output. Texts from outside (codes and ids of the platform, a caller's
out_id) pass only in a form that has no room for a phone number.
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

_DIGITS = re.compile(r"\d(?:[\W_]*\d){6,}")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9._:-]{0,63}")
_REQUEST_ID = re.compile(r"(?=[0-9-]*[A-Za-z])[A-Za-z0-9-]{1,64}")
# A UUID, and what Function Compute and the queues make: long runs of digits are chance there.
_HEX_ID = re.compile(r"(?i)(?:1-)?[0-9A-F]{8}-(?:[0-9A-F]{4,8}-){0,3}[0-9A-F]{12}|[0-9A-F]{24}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9^_-]{1,64}")
_JSON = json.JSONEncoder(ensure_ascii=False)
_FALLBACK_KEY = os.urandom(32)


class Log(NamedTuple):
    """Writes the events of one invocation to `stream`, or standard output.

    `hash_key` keys the hashes of phone numbers.
    """

    request_id: str
    function: str
    hash_key: bytes
    clock: Clock
    stream: TextIO | None = None

    def event(self, level: str, action: str, outcome: str, **fields: str | int | None) -> None:
        """Write one line: `level` info, warning or error, what was done and how it ended.

        `fields` that are not empty are added as they are: numbers, and texts that this project
        wrote or that went through a function of this module.
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
        """Write what `action` failed with."""
        request_id = error.request_id
        said = {"code": error.code, "detail": error.detail, "platform_request_id": request_id}
        self.event("error", action, "failed", **said)

    def misconfigured(self, error: SmsError) -> None:
        """Write what has to be set."""
        self.event("error", "configure", "failed", remedy=error.detail)

    def numbers(self, phone_numbers: tuple[str, ...]) -> dict[str, str | int]:
        """Return what may be logged about `phone_numbers`: one masked and hashed, many counted."""
        if not phone_numbers:
            return {}
        if len(phone_numbers) > 1:
            return {"numbers": len(phone_numbers)}
        digest = hashlib.blake2b(phone_numbers[0].encode(), digest_size=8, key=self.hash_key)
        return {"number": f"*{phone_numbers[0][-2:]}", "number_hash": digest.hexdigest()}


def hash_key(state_secret: str) -> bytes:
    """Return the key for hashes of phone numbers; without a secret it lasts as this instance."""
    if not state_secret:
        return _FALLBACK_KEY
    secret = state_secret.encode("utf-8", "surrogateescape")  # an environment may hold any bytes
    return hmac.digest(secret, b"fc-sms log", hashlib.sha256)


def masked(text: str) -> str:
    """Return `text` with every run of seven or more digits cut down to ``*`` and its last two."""
    return _DIGITS.sub(lambda run: f"*{run[0][-2:]}", text)


def safe_code(code: object) -> str:
    """Return a code of the platform, or ``unreadable`` when it has another form."""
    if isinstance(code, str) and _CODE.fullmatch(code) and masked(code) == code:
        return code
    return "unreadable"


def safe_request_id(request_id: object) -> str:
    """Return a request id of the platform, or nothing when it has another form."""
    if not isinstance(request_id, str) or not _REQUEST_ID.fullmatch(request_id):
        return ""
    is_innocent = _HEX_ID.fullmatch(request_id) or masked(request_id) == request_id
    return request_id if is_innocent else ""


def safe_message_id(message_id: object) -> str:
    """Return a BizId or MessageId, or nothing when it has another form."""
    text = str(message_id)
    return text if message_id and _MESSAGE_ID.fullmatch(text) else ""
