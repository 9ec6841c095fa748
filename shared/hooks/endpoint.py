"""The HTTP endpoint ``/hooks/<product>``: from a product's request to SMS, and its answer."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError, InvalidRequest, SmsError
from shared.hooks import answers, products
from shared.hooks.authentication import MOST_BODY, product_at
from shared.hooks.code_hooks import send_code
from shared.hooks.contract import FIRING, Alarm, Alert, Code, Hook
from shared.trigger.event_size import EventSize
from shared.trigger.http_trigger import Response, longest_base64, problem

if TYPE_CHECKING:
    from shared.hooks.products import Product
    from shared.trigger.http_trigger import Request
    from shared.trigger.invocation import Invocation

# Supabase, ZITADEL and CloudMonitor wait 5 seconds for an answer. Some are spent on the way.
SECONDS = 4.0  # from the arrival of a request to its answer
_FOR_THE_END = 0.6  # of them, to write down how a send ended
_FOR_THE_ANSWER = 0.1
_OLDEST_ARRIVAL = 2.0  # seconds before the handler's entry: clocks differ
_HEADERS = 100_000  # bytes of an event beside its body
_MOST = MOST_BODY[products.ALARMS]
# Texts in Chinese may be written as ``\\u544a``: six bytes in the place of three.
SIZE = EventSize(event=2 * _MOST + _HEADERS, content=longest_base64(_MOST) + _HEADERS, body=_MOST)


def receive(request: Request, invocation: Invocation) -> Response:
    """Send what a product asks for, and answer within SECONDS of its request's arrival."""
    product = product_at(request.path)
    timed = within_its_time(request, invocation)
    try:
        return _send(product, request, timed)
    except ConfigurationError as error:
        invocation.api.log.misconfigured(error)
        return answers.refused(product, _problem(error))
    except SmsError as error:
        invocation.api.log.failed("hook", error)
        return answers.refused(product, _problem(error))


def _send(product: Product, request: Request, invocation: Invocation) -> Response:
    hook = Hook(request.headers, request.query, request.content(MOST_BODY[product.kind]))
    try:
        sent = product.translator()(hook)
    except InvalidRequest as error:
        if product.kind == products.CODES:
            raise
        invocation.api.log.event(
            "warning", "hook", "unreadable", code=error.code, detail=error.detail
        )
        sent = _unreadable(hook)
    if isinstance(sent, Code):
        return send_code(product, sent, invocation)
    from shared.hooks.alarm_hooks import send_alarm  # a code needs none of it

    receiver = request.query.get("to") or sent.receiver
    return send_alarm(product, sent._replace(receiver=receiver), invocation)


def _unreadable(hook: Hook) -> Alarm:
    """Return the alarm that a body stands for which cannot be read: that there is one."""
    identity = hashlib.sha256(hook.body).hexdigest()
    return Alarm(alerts=(Alert(FIRING, title="", identity=identity),), is_unreadable=True)


def within_its_time(request: Request, invocation: Invocation) -> Invocation:
    """Return the invocation with the deadline of a hook, which the waits for its store keep, too.

    The arrival is what the event says, if that is not before the last seconds, or to come.
    """
    clock = invocation.api.clock
    now = clock.now()
    arrived = min(max(request.arrived_at or now, now - _OLDEST_ARRIVAL), now)
    end = min(clock.monotonic() + SECONDS - (now - arrived), invocation.deadline)
    return invocation._replace(deadline=end - _FOR_THE_END, store_deadline=end - _FOR_THE_ANSWER)


def _problem(error: SmsError) -> Response:
    field = error.field if isinstance(error, InvalidRequest) else ""
    return problem(error.status, str(error), error.code, retryable=error.retryable, field=field)
