"""What the emulator keeps: messages and requests, as they are stored and shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

DELIVERED_CODES = frozenset({"DELIVERED", "DELIVRD"})
"""Receipt codes that mean success; every other one is a failure."""


@dataclass(frozen=True, slots=True)
class PushAttempt:
    """One HTTP call that carried a receipt or a reply.

    `http_status` is None when no answer came, `problem` empty when the receiver `accepted`.
    """

    at: str
    http_status: int | None
    accepted: bool
    problem: str

    def as_json(self) -> dict[str, object]:
        """The attempt as the JSON API shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SmsMessage:
    """One message to one number.

    `status` is `accepted`, `delivered` or `failed`. Times are ISO 8601 in UTC+8 by the emulator's
    clock; `receipt_at` and `receipt_code` are None as long as there is no receipt. `api` is the
    operation that sent it; SendMessageToGlobe's From, TaskId and MessageId are `sign_name`,
    `out_id` and `biz_id`. `push_attempts` are those of all copies of its receipt.
    """

    id: int
    status: str
    phone_number: str
    text: str
    segments: int
    sign_name: str
    template_code: str
    template_type: str
    template_param: dict[str, str]
    out_id: str
    biz_id: str
    request_id: str
    sms_up_extend_code: str
    account: str
    api: str
    accepted_at: str
    receipt_at: str | None
    receipt_code: str | None
    push_attempts: list[PushAttempt] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The message as the JSON API shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ReceiptPush:
    """A receipt (`kind` SmsReport) or reply (SmsUp) and the attempts to push it.

    `state` is `waiting` (until `next_at`), `pushed` or `dropped`; `source_id` is the message's or
    the reply's id, `body` the object that stands in the pushed array.
    """

    id: int
    kind: str
    state: str
    source_id: int
    next_at: str | None
    attempts: list[PushAttempt]
    body: dict[str, object]

    def as_json(self) -> dict[str, object]:
        """The push as the JSON API shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody wrote back to `dest_code`."""

    id: int
    account: str
    phone_number: str
    content: str
    dest_code: str
    sent_at: str

    def as_json(self) -> dict[str, object]:
        """The reply as the JSON API shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One call to the platform API and what became of it.

    `verdict` is `accepted`, `rejected` (by the SMS service), `refused` (by the gateway) or
    `failed` (a fault of the emulator). `parameters` come without signature and security token.
    """

    id: int
    at: str
    request_id: str
    method: str
    action: str
    verdict: str
    http_status: int
    code: str
    duration_ms: float
    signature_method: str
    account: str
    parameters: dict[str, str]

    def as_json(self) -> dict[str, object]:
        """The record as the JSON API shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message the platform has accepted; times in seconds since the epoch."""

    account: str
    api: str
    phone_number: str
    sign_name: str
    template_code: str
    template_type: str
    template_param: dict[str, str]
    text: str
    segments: int
    out_id: str
    sms_up_extend_code: str
    biz_id: str
    request_id: str
    accepted_at: float
    receipt_at: float | None
    receipt_code: str | None


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A call to the platform API as it goes into the log."""

    at: float
    request_id: str
    method: str
    action: str
    verdict: str
    http_status: int
    code: str
    duration_ms: float
    signature_method: str
    account: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages to read; None means any. `text` is a part of the message's text."""

    id: int | None = None
    phone_number: str | None = None
    out_id: str | None = None
    biz_id: str | None = None
    template_code: str | None = None
    text: str | None = None
    status: str | None = None

    def bindings(self, now: float) -> dict[str, object]:
        """The filter as SQL parameters."""
        return {
            "id": self.id,
            "phone_number": self.phone_number,
            "out_id": self.out_id,
            "biz_id": self.biz_id,
            "template_code": self.template_code,
            "text": self.text,
            "status": self.status,
            "now": now,
        }
