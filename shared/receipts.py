"""Receipts and replies in the shared state: kept once, in whatever order and how often they come.

The platform pushes a receipt again until it is answered with 200, and promises neither order nor
that each comes once (documents 101867 and 101847; smsreport-http-intl for SendMessageToGlobe). So
all steps here may be repeated, and a message that was delivered or has failed stays so:

    receipts:<id on the wire>   one record a part: the receipts of its numbers
    parts:<out_id>              the highest part of which there is a receipt
    message:<BizId, MessageId>  the id on the wire, where there is one
    reply:<number, sequence>    one record a reply, as a JSON object with its text

The ids in the keys are keyed digests. No record holds a phone number, only its last two digits and
the log's keyed hash. A receipt settles an attempt that was in doubt (shared/sending.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared import phone_numbers
from shared.clock import platform_time
from shared.errors import ConfigurationError, InvalidRequest, StoreUnavailable
from shared.limits import Charge, Limits
from shared.logs import masked
from shared.messages import compact_json, keyed, split_wire_id
from shared.sending import record_key, settle
from shared.settings import read_receipt_token

if TYPE_CHECKING:
    from shared.http_trigger import Invocation, Request
    from shared.logs import Log
    from shared.sms_api import SmsApi
    from shared.store import Store

PARTS_READ = 100
_MOST_BILLED = 20  # no text of a template is that long
_MOST_RECEIPTS = 1000  # of one id on the wire; a send has at most that many numbers
_LONGEST_ID = 256
_LONGEST_CODE = 64
_LONGEST_CONTENT = 4000
# number, out_id, message_id, code, times and size
_FIELDS = ("phone_number", "out_id", "biz_id", "err_code", "send_time", "report_time", "sms_size")
_GLOBE = ("To", "TaskId", "MessageId", "ErrorCode", "SendDate", "ReceiveDate", "SmsSize")
_DELIVERED_CODES = ("DELIVERED", "DELIVRD", "success")
_STATUSES = {"true": "delivered", "1": "delivered", "false": "failed", "0": "failed"}
_GLOBE_STATUSES = {"1": "delivered", "2": "failed", "6": "failed"}


class Report(NamedTuple):
    """The receipt of one message as it came; what was missing is empty, or 0.

    `out_id` is the one on the wire, `message_id` the BizId or MessageId, `sms_size` the messages
    billed; times are ``yyyy-MM-dd HH:mm:ss`` in UTC+8.
    """

    phone_number: str
    out_id: str
    message_id: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    sms_size: int
    is_of_globe: bool = False


class Reply(NamedTuple):
    """What somebody wrote back to `dest_code`."""

    phone_number: str
    content: str
    dest_code: str
    sign_name: str
    send_date: str
    sequence_id: str


class Receipt(NamedTuple):
    """A Report as it is kept; `phone_number` is ``*`` and the last two digits."""

    out_id: str
    phone_number: str
    number_hash: str
    message_id: str
    status: str
    err_code: str
    send_date: str
    receive_date: str
    sms_size: int

    @property
    def is_final(self) -> bool:
        """Whether the message is no longer on its way."""
        return self.status != "waiting"


class Tally(NamedTuple):
    """What became of a push: entries kept, entries not understood, parts settled."""

    reports: int = 0
    replies: int = 0
    unreadable: int = 0
    settled: int = 0


def is_timer_event(event: bytes) -> bool:
    """Whether a timer made `event`, and not a request."""
    try:
        fields = json.loads(event)
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "triggerTime" in fields and "requestContext" not in fields


def authenticate(request: Request, log: Log) -> str:
    """Let in who knows SMS_RECEIPT_TOKEN, the path's last segment; to others it is a 404."""
    token = read_receipt_token(os.environ)
    if not token:
        log.event(
            "error",
            "authenticate",
            "closed",
            remedy="SMS_RECEIPT_TOKEN is not set, so no receipt is taken: set it to 16 or more "
            "random letters and digits, and end the URL that receipts are pushed to with it",
        )
    presented = request.path.rpartition("/")[2].encode("utf-8", "surrogatepass")
    digests = [hashlib.sha256(each).digest() for each in (presented, token.encode())]
    if hmac.compare_digest(*digests) and token:
        return "platform"
    raise InvalidRequest("there is nothing at this path", status=404, code="not-found")


def take(body: object, invocation: Invocation) -> Tally:
    """Keep what the platform pushed: an array of receipts and replies.

    Raises InvalidRequest when nothing is understood, ConfigurationError without a store,
    StoreUnavailable when not all was kept.
    """
    if not isinstance(body, list):
        raise InvalidRequest("must be a JSON array of SmsReport or SmsUp objects", field="body")
    tally = keep(body, invocation.api, required_store(invocation), invocation.deadline)
    if body and tally.unreadable == len(body):
        raise InvalidRequest("holds neither an SmsReport nor an SmsUp object", field="body")
    return tally


def required_store(invocation: Invocation) -> Store:
    """Return the store; raises ConfigurationError when there is none."""
    store = invocation.store
    if store is None:
        raise ConfigurationError("SMS_STATE_URL is not set, so receipts cannot be kept: set it")
    return store


def keep(entries: Iterable[object], api: SmsApi, store: Store, deadline: float) -> Tally:
    """Keep receipts and replies, settle what was in doubt, and log how many there were.

    `deadline` is in monotonic seconds. Raises StoreUnavailable when not all was kept.
    """
    read = [read_entry(entry) for entry in entries]
    reports = [entry for entry in read if isinstance(entry, Report)]
    replies = [entry for entry in read if isinstance(entry, Reply)]
    shelf = _Shelf(api, store, deadline, Limits(api))
    settled = shelf.keep_reports(reports)
    for reply in replies:
        shelf.keep_reply(reply)
    tally = Tally(len(reports), len(replies), read.count(None), settled)
    api.log.event("warning" if tally.unreadable else "info", "receipts", "kept", **tally._asdict())
    return tally


def of_out_id(
    store: Store, state_secret: str, out_id: str, first_part: int = 0
) -> tuple[list[Receipt], int]:
    """Return the receipts of an intent, and the part to go on from, 0 when there are no more.

    At most PARTS_READ parts are read, from `first_part` on.
    """
    highest = int(store.get(_key("parts", out_id, state_secret)) or 0)
    end = min(first_part + PARTS_READ, highest + 1)
    wire_ids = [f"{out_id}~{part}" for part in range(first_part, end)]
    if first_part == 0:
        wire_ids.insert(0, out_id)  # an intent of one part carries no number
    found = [each for wire_id in wire_ids for each in _of_wire_id(store, state_secret, wire_id)]
    return found, end if end <= highest else 0


def of_message(store: Store, state_secret: str, message_id: str) -> list[Receipt]:
    """Return the receipts that carry this BizId or MessageId."""
    wire_id = store.get(_key("message", message_id, state_secret))
    found = _of_wire_id(store, state_secret, wire_id or f"\n{message_id}")
    return [receipt for receipt in found if receipt.message_id == message_id]


def _of_wire_id(store: Store, state_secret: str, wire_id: str) -> list[Receipt]:
    text = store.get(_key("receipts", wire_id, state_secret))
    return _read(text, "" if wire_id.startswith("\n") else wire_id)


def shown_number(api: SmsApi, phone_number: str) -> dict[str, str]:
    """Return a Receipt's `phone_number` and `number_hash`."""
    logged = api.log.numbers((phone_number,) if phone_number else ())
    return {
        "phone_number": str(logged.get("number", "")),
        "number_hash": str(logged.get("number_hash", "")),
    }


class _Shelf(NamedTuple):
    api: SmsApi
    store: Store
    deadline: float
    limits: Limits

    def keep_reports(self, reports: Sequence[Report]) -> int:
        groups: dict[str, list[Report]] = {}
        for report in reports:
            groups.setdefault(report.out_id or f"\n{report.message_id}", []).append(report)
        return sum(self._keep_group(wire_id, group) for wire_id, group in groups.items())

    def keep_reply(self, reply: Reply) -> None:
        who = shown_number(self.api, reply.phone_number)
        shown = {**who, **reply._asdict(), "phone_number": who["phone_number"]}
        text = compact_json(shown)
        name = f"{who['number_hash']}\n{reply.sequence_id or text}"
        key = _key("reply", name, self.api.settings.state_secret)
        self._change(key, lambda current: current or text)
        self.api.log.event(
            "info", "reply", "kept", record=key, **self.api.log.numbers((reply.phone_number,))
        )

    def _keep_group(self, wire_id: str, reports: Sequence[Report]) -> bool:
        secret = self.api.settings.state_secret
        received = [self._receipt(report) for report in reports]
        self._change(
            _key("receipts", wire_id, secret),
            lambda current: _merged(current, received),
            lambda current, new: self._correction(wire_id, reports, _extra(new) - _extra(current)),
        )
        if wire_id.startswith("\n"):
            return False
        out_id, part = split_wire_id(wire_id)
        for message_id in dict.fromkeys(report.message_id for report in reports):
            if message_id:
                self._change(_key("message", message_id, secret), lambda _: wire_id)
        if part:
            highest = str(part)
            self._change(
                _key("parts", out_id, secret),
                lambda current: highest if part > int(current or 0) else str(current),
            )
        return settle(self.store, self.api, wire_id, reports[0].message_id)

    def _receipt(self, report: Report) -> Receipt:
        kept = {name: value for name, value in report._asdict().items() if name in Receipt._fields}
        return Receipt(**{**kept, **shown_number(self.api, report.phone_number)})

    def _correction(self, wire_id: str, reports: Sequence[Report], extra: int) -> Charge:
        """Return what a part of ours was billed above what was counted; SendMessageToGlobe is
        counted exactly.
        """
        key = record_key(*split_wire_id(wire_id), self.api.settings.state_secret)
        if extra <= 0 or reports[0].is_of_globe or not self.store.get(key):
            return ()
        is_abroad = not phone_numbers.is_mainland(reports[0].phone_number)
        return self.limits.budget(extra, is_abroad=is_abroad)

    def _change(
        self,
        key: str,
        change: Callable[[str | None], str],
        price: Callable[[str | None, str], Charge] = lambda _current, _new: (),
    ) -> None:
        current: str | None = None
        new = change(None)
        while new != current:
            if self.api.clock.monotonic() >= self.deadline:
                raise StoreUnavailable("the time was over before all receipts were kept")
            charge = price(current, new)
            there = self.limits.put(self.store, key, current, new, charge, is_spent=True)
            if there is None:
                return
            current = str(there) or None
            new = change(current)


def _merged(current: str | None, received: Sequence[Receipt]) -> str:
    kept = {_identity(receipt): receipt for receipt in _read(current)}
    for receipt in received:
        if not kept.setdefault(_identity(receipt), receipt).is_final:
            kept[_identity(receipt)] = receipt
    newest = sorted(kept.values(), key=lambda receipt: receipt.receive_date)[-_MOST_RECEIPTS:]
    return compact_json(sorted(receipt[1:] for receipt in newest))


def _read(text: str | None, wire_id: str = "") -> list[Receipt]:
    return [Receipt(wire_id, *row) for row in json.loads(text or "[]")]


def _extra(text: str | None) -> int:
    return sum(max(min(receipt.sms_size, _MOST_BILLED) - 1, 0) for receipt in _read(text))


def _identity(receipt: Receipt) -> tuple[str, str]:
    return receipt.number_hash, receipt.message_id


def _key(kind: str, name: str, secret: str) -> str:
    return f"{kind}:{keyed(secret, kind, name)}"


def read_entry(entry: object) -> Report | Reply | None:
    """Read one object that the platform pushed or queued; None when it is nothing of ours."""
    if not isinstance(entry, dict):
        return None
    fields = {name: _text(value) for name, value in entry.items()}
    if "content" in fields:
        return _read_reply(fields)
    report = _read_report(fields)
    return report if report.status and (report.out_id or report.message_id) else None


def _read_report(fields: Mapping[str, str]) -> Report:
    is_of_globe = "To" in fields
    number, out_id, message_id, code, sent, received, size = (
        fields.get(name, "") for name in (_GLOBE if is_of_globe else _FIELDS)
    )
    code = masked(code[:_LONGEST_CODE])
    return Report(
        phone_number=_number(number),
        out_id=out_id[:_LONGEST_ID],
        message_id=message_id[:_LONGEST_ID],
        status=_status(fields.get("Status" if is_of_globe else "success", ""), code, is_of_globe),
        err_code=code,
        send_date=platform_time(sent),
        receive_date=platform_time(received),
        sms_size=int(size) if size.isascii() and size.isdigit() and len(size) < 4 else 0,
        is_of_globe=is_of_globe,
    )


def _status(told: str, code: str, is_of_globe: bool) -> str:
    judged = "delivered" if code in _DELIVERED_CODES else ""
    if is_of_globe and told:
        return _GLOBE_STATUSES.get(told) or judged or "waiting"
    return _STATUSES.get(told.lower()) or judged or ("failed" if code else "")


def _read_reply(fields: Mapping[str, str]) -> Reply | None:
    if not fields.get("phone_number"):
        return None
    return Reply(
        phone_number=_number(fields["phone_number"]),
        content=fields["content"][:_LONGEST_CONTENT],
        dest_code=fields.get("dest_code", "")[:_LONGEST_CODE],
        sign_name=masked(fields.get("sign_name", "")[:_LONGEST_CODE]),
        send_date=platform_time(fields.get("send_time", "")),
        sequence_id=fields.get("sequence_id", "")[:_LONGEST_ID],
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip().encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, (int, float)) else ""


def _number(text: str) -> str:
    try:
        return phone_numbers.queried(text, "phone_number")
    except InvalidRequest:
        return text[:_LONGEST_CODE]
