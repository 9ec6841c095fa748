"""HTTP trigger ``/delivery-status``: what became of a message (QuerySendDetails)."""

from __future__ import annotations

from shared import delivery_status, http_trigger
from shared.errors import InvalidRequest
from shared.http_trigger import Context, Invocation, Request, Response


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer one HTTP trigger event."""
    return http_trigger.serve(
        event,
        context,
        "query_delivery_status",
        {("POST", "/delivery-status"): by_number, ("GET", "/delivery-status"): by_id},
    )


def by_number(request: Request, invocation: Invocation) -> Response:
    """List the messages to one number on one day, or those of them that have an out_id."""
    question = delivery_status.read_question(request.json(), invocation.api.clock.now())
    page = delivery_status.ask(invocation.api, question, invocation.deadline)
    found = [delivery_status.shown(detail, question) for detail in page.details]
    return Response(200, found, {"X-Total-Count": str(page.total)})


def by_id(request: Request, _invocation: Invocation) -> Response:
    """Refuse: without stored receipts the platform can find a message by its number only."""
    raise InvalidRequest(
        "needs stored receipts, which this function has none of; POST phone_number and send_date "
        "to this path (the numbers stay out of the URL)",
        field="out_id" if "out_id" in request.query else "message_id",
    )
