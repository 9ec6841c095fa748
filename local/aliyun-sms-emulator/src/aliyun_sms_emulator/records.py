"""What the emulator has kept, as its APIs show it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from aliyun_sms_emulator.one_time_codes import code_in

DELIVERED_CODES = ("DELIVERED", "DELIVRD")
"""Receipt codes that mean success; every other one is a failure."""


@dataclass(frozen=True, slots=True)
class _Record:
    def as_json(self) -> dict[str, object]:
        """The record as the JSON API shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PushAttempt(_Record):
    """One HTTP call that carried a receipt or a reply.

    `http_status` is None when no answer came, `problem` empty when the receiver `accepted`.
    """

    at: str
    http_status: int | None
    accepted: bool
    problem: str


@dataclass(frozen=True, slots=True)
class SmsMessage(_Record):
    """One message to one number.

    `status` is `accepted`, `delivered` or `failed`. Times are ISO 8601 in UTC+8 by the emulator's
    clock; `receipt_at` and `receipt_code` are None as long as there is no receipt. `api` is the
    operation that sent it; From, TaskId and MessageId of version 2018-05-01 are `sign_name`,
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

    @property
    def code(self) -> str:
        """The one-time code it brings, empty where it brings none."""
        return code_in(self.template_type, self.template_param, self.text)


@dataclass(frozen=True, slots=True)
class Conversation(_Record):
    """All messages to one number and all replies from it.

    `text` and `at` are those of the newest of them; `status` is None where that is a `reply`.
    `unread` messages were not seen on the page; `international` says that the newest went abroad.
    """

    phone_number: str
    messages: int
    unread: int
    text: str
    status: str | None
    reply: bool
    international: bool
    at: str


@dataclass(frozen=True, slots=True)
class ReceiptPush(_Record):
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


@dataclass(frozen=True, slots=True)
class Reply(_Record):
    """What somebody wrote back to `dest_code`.

    `after_message_id` is the newest message of all at that time, 0 where there was none.
    """

    id: int
    account: str
    phone_number: str
    content: str
    dest_code: str
    sent_at: str
    after_message_id: int


@dataclass(frozen=True, slots=True)
class RequestRecord(_Record):
    """One call to the platform API and what became of it.

    `verdict` is `accepted`, `rejected` (by the SMS service), `refused` (by the gateway), `failed`
    (the emulator did) or `faulted` (a fault on demand kept it from being processed); it and the
    code are what the platform decided, `fault` names the damage, such as `reset after`, if any.
    `parameters` come without signature and security token. `notes` say what was accepted although
    the documentation asks for something else, each as `cause` and a text in `en` and `zh`.
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
    fault: str = ""
    notes: list[dict[str, str]] = field(default_factory=list)
