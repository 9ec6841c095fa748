"""JSON log lines that cannot contain a code, a key or a full phone number.

One line an event, on standard output, where Function Compute takes them from. Texts from outside
(codes and ids of the platform, a caller's out_id) pass only in a form that has no room for a phone
number. docs/logs.md says what each field holds.
"""

import hashlib
import hmac
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TextIO

from shared.clock import Clock, utc_timestamp
from shared.errors import SmsError
from shared.version import VERSION

# Seven digits or more, whatever stands between them but letters: ``138-0013-8000``.
_DIGITS = re.compile(r"\d(?:[\W_]*\d){6,}")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9._:-]{0,63}")
# A letter somewhere, so that no bare number passes.
_REQUEST_ID = re.compile(r"(?=[0-9-]*[A-Za-z])[A-Za-z0-9-]{1,64}")
# A UUID, and what Function Compute and the queues make: long runs of digits are chance there.
_HEX_ID = re.compile(r"(?i)(?:1-)?[0-9A-F]{8}-(?:[0-9A-F]{4,8}-){0,3}[0-9A-F]{12}|[0-9A-F]{24}")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9^_-]{1,64}")
# Four digits or more, also with what an out_id may hold between them: ``138-0013-8000``, ``12.34``.
_DIGITS_OF_AN_ID = re.compile(r"[0-9](?:[._:-]?[0-9]){3,}")
# What looks like a key: twenty letters and digits or more, capitals and small ones among them.
_KEY_LIKE = re.compile(r"[A-Za-z0-9_-]{20,}")
# A BizId (``900619746936498440^0``) or MessageId. A shorter one could be a number or a code.
_LOGGED_MESSAGE_ID = re.compile(r"[0-9]{6,32}\^[0-9]{1,20}|[0-9]{12,32}")
_TAIL = 8  # digits of a number that no other text holds by chance
# ``SMS_154950909`` has fewer digits than a phone number with its country code; PNVS has ``100001``.
_TEMPLATE = re.compile(r"(?:SMS_[0-9]{1,10}|[0-9]{1,6})", re.ASCII)
# Made once, for json.dumps with ensure_ascii=False makes an encoder at every call.
_JSON = json.JSONEncoder(ensure_ascii=False)
_FALLBACK_KEY = os.urandom(32)


class Log(NamedTuple):
    """Writes the events of one invocation to `stream`, or to standard output where it is None.

    `request_id` is the invocation's, `function` the name of what was invoked. `hash_key` keys the
    hashes of phone numbers and out_ids. `fields` are added to each line: what it is about.
    """

    request_id: str
    function: str
    hash_key: bytes
    clock: Clock
    stream: TextIO | None = None
    fields: Mapping[str, str | int | None] = {}

    def about(self, **fields: str | int | None) -> "Log":
        """Return a log that adds `fields` to each line, beside those that this one adds."""
        return self._replace(fields={**self.fields, **fields})

    def event(self, level: str, action: str, outcome: str, **fields: str | int | None) -> None:
        """Write one line: `level` info, warning or error, what was done and how it ended.

        `fields` are added as they are; those that are "" or None are left out. They may be numbers,
        texts that this project wrote, and texts that went through a function of this module.
        """
        more = {**self.fields, **fields}
        line = {
            "time": utc_timestamp(self.clock.now()),
            "level": level,
            "request_id": self.request_id,
            "version": VERSION,
            "function": self.function,
            "action": action,
            "outcome": outcome,
            **{name: value for name, value in more.items() if value not in ("", None)},
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

    def ids(self, space: str, out_id: str) -> dict[str, str]:
        """Return what may be logged about whose send it is, as fields of an event.

        That is ``{"caller": "shop", "out_id_hash": <16 hex digits>, "out_id": "order-*"}``. In
        `out_id` a ``*`` stands for each run of four or more digits, and for what looks like a key.
        It is empty for no out_id.
        """
        if not out_id:
            return {}
        digest = hashlib.blake2b(
            out_id.encode(), digest_size=8, key=self.hash_key, person=b"out_id"
        )
        return {
            "caller": space,
            "out_id_hash": digest.hexdigest(),
            "out_id": _DIGITS_OF_AN_ID.sub("*", _KEY_LIKE.sub(_without_key, out_id)),
        }


def _without_key(run: re.Match[str]) -> str:
    """Return what a run of letters and digits may look like in the log: a key is ``*``."""
    is_mixed = run[0] != run[0].lower() and run[0] != run[0].upper()
    return "*" if is_mixed else run[0]


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
    answers and records; logged_message_id is for the log.
    """
    text = str(message_id)
    return text if message_id and _MESSAGE_ID.fullmatch(text) else ""


def logged_message_id(message_id: object, phone_numbers: Sequence[str]) -> str:
    """Return a BizId or MessageId for the log; "" for what has not the form of one.

    What holds the end of one of `phone_numbers`, those of its send, may be a number itself.
    """
    text = str(message_id)
    if not _LOGGED_MESSAGE_ID.fullmatch(text):
        return ""
    may_be_a_number = any(number[-_TAIL:] in text for number in phone_numbers)
    return "" if may_be_a_number else text


def logged_template(template_code: str) -> str:
    """Return a template's code, such as ``SMS_154950909``; "" for what has not the form of one."""
    return template_code if _TEMPLATE.fullmatch(template_code) else ""
