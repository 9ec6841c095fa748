"""HTTP trigger ``POST /international-sms``: send to numbers outside the Chinese mainland."""

from __future__ import annotations

from shared import answers, http_trigger, international, sending
from shared.http_trigger import Context, Invocation, Request, Response
from shared.messages import Defaults


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer one HTTP trigger event."""
    return http_trigger.serve(
        event,
        context,
        "send_international_sms",
        {("POST", "/international-sms"): send_international_sms},
    )


def send_international_sms(request: Request, invocation: Invocation) -> Response:
    """Send a text to up to 50 numbers, or a template to up to 1000."""
    defaults = Defaults(invocation.settings.sign_name)
    key = request.headers.get("idempotency-key", "")
    intent = international.read_intent(request.json(), key, defaults)
    store = invocation.store
    outcomes = sending.send(intent, invocation.api, invocation.deadline, store)
    return answers.send_response(intent.out_id, outcomes, has_store=store is not None)
