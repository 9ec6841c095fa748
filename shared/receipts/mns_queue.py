"""The queues in which Alibaba Cloud keeps receipts and replies for us, emptied on a timer.

They belong to Alibaba Cloud's account, so they cannot trigger a function of ours. A timer asks
Dybaseapi for a temporary key to a queue (QueryTokenForMnsQueue). With it messages are received,
kept, and only then deleted: what is not deleted comes again. So a message that can neither be read
nor kept as it is stays in its queue.

Sources: documents 101641 and 101646, and ReceiveMessage, BatchReceiveMessage and DeleteMessage of
the Simple Message Queue documentation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import MutableMapping, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree

import requests

from shared.clock import Clock, parse_platform_time
from shared.errors import AnswerLost, ConfigurationError, PlatformRefused, SmsError, UnreadFull
from shared.logs import safe_code, safe_request_id
from shared.receipts import keeping
from shared.receipts.keeping import Tally
from shared.receipts.pushed import entries_in, read_entry
from shared.settings import read_queue_settings
from shared.transport import Timeout, exchange
from shared.trigger.invocation import log_bug, open_invocation, open_log

if TYPE_CHECKING:
    from shared.platform.sms_api import SmsApi
    from shared.state.store import Store
    from shared.trigger.invocation import Context

BATCH_SIZE = 16  # messages that a request may receive
_RENEW_BEFORE = 120  # seconds before a key's end, as the platform's own clients do
_LIFETIME = 600  # seconds, of a key that does not say
_LONGEST_ROUND = 5.0  # seconds that receiving, keeping and deleting one batch may need
_XML = "{http://mns.aliyuncs.com/doc/v1/}"


class QueueToken(NamedTuple):
    """A temporary key to one queue, renewed at `renew_at` (epoch seconds)."""

    access_key_id: str
    access_key_secret: str
    security_token: str
    renew_at: float

    def __repr__(self) -> str:
        return "QueueToken(...)"


class QueueMessage(NamedTuple):
    """One message; `entries` are the receipts or replies in it, as the platform wrote them.

    Of a message that cannot be read the one entry is its body, in bytes. `receipt_handle` is the
    queue's word for what deletes it; it has nothing to do with receipts.
    """

    receipt_handle: str
    body: bytes
    entries: list[object]

    @property
    def is_readable(self) -> bool:
        """Whether all of it can be read."""
        return all(read_entry(entry) for entry in self.entries)


Tokens = MutableMapping[str, QueueToken]
# By name of queue. They are kept from one invocation of an instance to the next.
_TOKENS: Tokens = {}


def empty_queues(
    context: Context,
    clock: Clock = Clock(),
    tokens: Tokens = _TOKENS,
) -> dict[str, object]:
    """Empty the queues that SMS_RECEIPT_QUEUES names, as far as the time allows.

    Each may take its share of the time that is left, so that a full one does not keep those after
    it from being emptied. Returns how much was kept, as a Tally has it, and as ``problem`` the code
    of the first error, "" for none. Raises nothing.
    """
    started = clock.monotonic()
    log = open_log(context, "receive_receipts", clock)
    total, problem = Tally(), ""
    try:
        queues, endpoint = read_queue_settings(os.environ)
        if not queues:
            raise ConfigurationError(
                "SMS_RECEIPT_QUEUES is not set, so there is no queue to empty: set it, such as "
                "Alicom-Queue-1-SmsReport, or disable the timer of receive_receipts"
            )
        invocation = open_invocation(context, log, started)
        store = keeping.required_store(invocation)
        end = invocation.deadline - _LONGEST_ROUND
        for place, name in enumerate(queues):
            queue = Queue(
                api=invocation.api,
                endpoint=endpoint,
                name=name,
                deadline=invocation.deadline,
                tokens=tokens,
            )
            now = clock.monotonic()
            queues_left = len(queues) - place
            tally, failure = _empty(queue, store, now + (end - now) / queues_left)
            total = _sum(total, tally)
            problem = problem or failure
    except ConfigurationError as error:
        log.misconfigured(error)
        problem = error.code
    except Exception as error:
        log_bug(error, log)
        problem = "internal-error"
    return {**total._asdict(), "problem": problem}


class Queue(NamedTuple):
    """One queue, as one invocation sees it; `deadline` is in monotonic seconds.

    `endpoint` is ``scheme://host``, `tokens` the keys that are known, by name of queue.
    """

    api: SmsApi
    endpoint: str
    name: str
    deadline: float
    tokens: Tokens

    def receive(self) -> list[QueueMessage]:
        """Receive up to BATCH_SIZE messages; none when the queue is empty.

        For some 30 seconds nobody else gets those. Raises PlatformRefused, ConnectionFailed or
        AnswerLost.
        """
        response = self._call("GET", f"numOfMessages={BATCH_SIZE}&waitseconds=0")
        return _read_messages(response.content) if response.status_code == 200 else []

    def delete(self, receipt_handle: str) -> None:
        """Delete a message; that it is gone, or may be received again by now, is no error.

        Raises PlatformRefused, ConnectionFailed or AnswerLost.
        """
        self._call("DELETE", f"ReceiptHandle={quote(receipt_handle, safe='')}")

    def _call(self, method: str, query: str) -> requests.Response:
        response = self._exchange(method, query)
        if response.status_code == 403:  # the key may have ended early: once with a new one
            self.tokens.pop(self.name, None)
            response = self._exchange(method, query)
        if response.status_code in (200, 204):
            return response
        code, request_id = _read_error(response.content)
        if code in ("MessageNotExist", "ReceiptHandleError"):
            return response
        if response.status_code >= 500 or not code:
            raise AnswerLost("the queue gave no usable answer", code=code)
        raise PlatformRefused(
            "the queue refused the call; check its name in SMS_RECEIPT_QUEUES, and that it "
            "belongs to this account",
            code=code,
            request_id=request_id,
            status=502,
            retry_after=0,
        )

    def _exchange(self, method: str, query: str) -> requests.Response:
        api, resource = self.api, f"/queues/{self.name}/messages?{query}"
        date = formatdate(api.clock.now(), usegmt=True)
        headers = {
            "host": self.endpoint.partition("://")[2],
            "user-agent": "fc-sms",
            "content-length": "0",
            **signed_headers(method, resource, date=date, token=self._token()),
        }
        timeout = Timeout(
            connect=api.settings.connect_timeout,
            exchange=api.settings.read_timeout,
            total=max(self.deadline - api.clock.monotonic(), 0.0),
        )
        return exchange(
            api.session,
            method=method,
            url=f"{self.endpoint}{resource}",
            headers=headers,
            body=b"",
            timeout=timeout,
        )

    def _token(self) -> QueueToken:
        """Return the key to this queue: the known one, or a new one when that ends soon."""
        now = self.api.clock.now()
        token = self.tokens.get(self.name)
        if token is None or now >= token.renew_at:
            kind = self.name.rpartition("-")[2]
            body = self.api.query(
                "QueryTokenForMnsQueue",
                {"MessageType": kind, "QueueName": self.name},
                deadline=self.deadline,
            )
            token = _read_token(body.get("MessageTokenDTO"), now)
            self.tokens[self.name] = token
        return token


def signed_headers(method: str, resource: str, *, date: str, token: QueueToken) -> dict[str, str]:
    """Return the headers that sign a request without a body: HMAC-SHA1, in ``authorization``.

    `resource` is path and query as sent. `date` is ``Sat, 31 Jan 2026 08:00:00 GMT``. Source:
    document 27487.
    """
    text = f"{method}\n\n\n{date}\nx-mns-version:2015-06-06\n{resource}"
    digest = hmac.digest(token.access_key_secret.encode(), text.encode(), "sha1")
    return {
        "date": date,
        "x-mns-version": "2015-06-06",
        "authorization": f"MNS {token.access_key_id}:{base64.b64encode(digest).decode()}",
        "security-token": token.security_token,
    }


def _empty(queue: Queue, store: Store, end: float) -> tuple[Tally, str]:
    """Empty a queue in rounds, of which none begins after `end` (monotonic seconds).

    Returns what was kept, and the code of the error that ended it, ``out-of-time`` among them, or
    of what had to stay in the queue.
    """
    api = queue.api
    total = Tally()
    staying: set[bytes] = set()  # digests of messages that found no room
    try:
        while api.clock.monotonic() < end:
            messages = [each for each in queue.receive() if _digest(each) not in staying]
            if not messages:  # it is empty, or what stays in it comes again
                return total, UnreadFull.code if staying else ""
            readable = [message for message in messages if message.is_readable]
            total = _sum(total, _take(queue, store, readable))
            for message in messages:
                if message.is_readable:
                    continue
                try:
                    total = _sum(total, _take(queue, store, [message]))
                except UnreadFull as error:
                    api.log.failed("empty-queue", error)
                    staying.add(_digest(message))
    except SmsError as error:
        api.log.failed("empty-queue", error)
        return total, error.code
    api.log.event("warning", "empty-queue", "out-of-time")
    return total, "out-of-time"


def _take(queue: Queue, store: Store, messages: Sequence[QueueMessage]) -> Tally:
    """Keep what is in some messages, and delete them."""
    if not messages:
        return Tally()
    entries = [entry for message in messages for entry in message.entries]
    tally = keeping.keep(entries, queue.api, store, deadline=queue.deadline, source=queue.name)
    for message in messages:
        queue.delete(message.receipt_handle)
    return tally


def _digest(message: QueueMessage) -> bytes:
    return hashlib.sha256(message.body).digest()


def _sum(first: Tally, second: Tally) -> Tally:
    return Tally(
        reports=first.reports + second.reports,
        replies=first.replies + second.replies,
        unreadable=first.unreadable + second.unreadable,
        settled=first.settled + second.settled,
    )


def _read_token(answer: object, now: float) -> QueueToken:
    """Read a MessageTokenDTO that was received at `now` (epoch seconds); raises AnswerLost."""
    if not isinstance(answer, dict) or not answer.get("AccessKeyId"):
        raise AnswerLost("the platform gave no key to the queue; try again")
    begin = parse_platform_time(str(answer.get("CreateTime")))
    end = parse_platform_time(str(answer.get("ExpireTime")))
    # Only their difference counts: the zone of both is not documented.
    lifetime = end - begin if begin and end else _LIFETIME
    return QueueToken(
        access_key_id=str(answer["AccessKeyId"]),
        access_key_secret=str(answer.get("AccessKeySecret", "")),
        security_token=str(answer.get("SecurityToken", "")),
        renew_at=now + lifetime - _RENEW_BEFORE,
    )


def _read_messages(content: bytes) -> list[QueueMessage]:
    """Read the XML that ReceiveMessage answers; raises AnswerLost when it is none."""
    return [
        _read_message(
            message.findtext(f"{_XML}ReceiptHandle", ""),
            message.findtext(f"{_XML}MessageBody", "").encode(),
        )
        for message in _parse(content).iter(f"{_XML}Message")
    ]


def _read_message(receipt_handle: str, body: bytes) -> QueueMessage:
    entries = entries_in(body)
    return QueueMessage(receipt_handle, body, [body] if entries is None else entries)


def _read_error(content: bytes) -> tuple[str, str]:
    """Return Code and RequestId of an error in XML; "" for what is not there."""
    try:
        error = _parse(content)
    except AnswerLost:
        return "", ""
    code = error.findtext(f"{_XML}Code")
    request_id = safe_request_id(error.findtext(f"{_XML}RequestId"))
    return (safe_code(code) if code else ""), request_id


def _parse(content: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(content)  # noqa: S314 (expat limits entities)
    except (ElementTree.ParseError, LookupError, ValueError):
        raise AnswerLost("the queue gave no usable answer") from None
