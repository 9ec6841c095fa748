"""The HTTP endpoint that the platform pushes receipts and replies to."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import TYPE_CHECKING

from shared.errors import InvalidRequest
from shared.receipts import unread
from shared.receipts.keeping import Tally, keep, required_store
from shared.settings import read_receipt_tokens

if TYPE_CHECKING:
    from shared.logs import Log
    from shared.trigger.http_trigger import Request
    from shared.trigger.invocation import Invocation

_LARGEST_TIMER_EVENT = 65536  # bytes; s.yaml's timer has an event of 100


def is_timer_event(event: bytes) -> bool:
    """Whether a timer made `event`, and not a request."""
    # Anybody may have made it: a large one is read at most once, as a request, and one that is too
    # large never.
    if len(event) > _LARGEST_TIMER_EVENT:
        return False
    try:
        fields = json.loads(event)
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "triggerTime" in fields and "requestContext" not in fields


def authenticate(request: Request, log: Log) -> str:
    """Let in who knows a token of SMS_RECEIPT_TOKEN, the path's last segment.

    To others it is a 404.
    """
    tokens = read_receipt_tokens(os.environ)
    if not tokens:
        log.event(
            "error",
            "authenticate",
            "closed",
            remedy="SMS_RECEIPT_TOKEN is not set, so no receipt is taken: set it to 16 or more "
            "random letters and digits, and end the URL that receipts are pushed to with it",
        )
    presented = request.path.rpartition("/")[2].encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(presented).digest()
    # All are compared, each in constant time: how long it takes tells nothing about them.
    known = [hashlib.sha256(token.encode()).digest() for token in tokens]
    matches = [each for each in known if hmac.compare_digest(each, digest)]
    if matches:
        return "platform"
    raise InvalidRequest("there is nothing at this path", status=404, code="not-found")


def take(request: Request, invocation: Invocation) -> Tally:
    """Keep what the platform pushed: an array of receipts and replies.

    Raises InvalidRequest when nothing is understood, ConfigurationError without a store,
    StoreUnavailable when not all was kept. What is not understood is kept as it came.
    """
    content = request.content()
    try:
        body = request.json()
        if not isinstance(body, list):
            raise InvalidRequest("must be a JSON array of SmsReport or SmsUp objects", field="body")
    except InvalidRequest:
        _keep_raw(content, invocation)
        raise
    tally = keep(body, invocation.api, required_store(invocation), deadline=invocation.deadline)
    if body and tally.unreadable == len(body):
        raise InvalidRequest("holds neither an SmsReport nor an SmsUp object", field="body")
    return tally


def _keep_raw(body: bytes, invocation: Invocation) -> None:
    """Keep a body that cannot be read; a longer one is refused, so the platform pushes it again."""
    store = invocation.store
    if store and 0 < len(body) <= unread.MOST_BYTES:
        unread.Keeper(invocation.api, store, invocation.deadline).keep([body], "push")
