"""HTTP trigger ``/delivery-status``: what became of messages.

By number with POST, so that it stays out of URLs, which are logged; by id with GET.
"""

from shared.receipts import delivery_status
from shared.trigger import http_trigger
from shared.trigger.http_trigger import Request, Response
from shared.trigger.invocation import Context, Invocation


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer one HTTP trigger event."""
    return http_trigger.serve(
        event,
        context,
        function="query_delivery_status",
        routes={("POST", "/delivery-status"): by_number, ("GET", "/delivery-status"): by_id},
    )


def by_number(request: Request, invocation: Invocation) -> Response:
    """List the messages to one number on one day, or those that have an out_id."""
    question = delivery_status.read_question(request.json(), invocation.api.clock.now())
    page = delivery_status.ask(question, invocation)
    found = delivery_status.shown_rows(page, question, invocation.space)
    return Response(200, found, {"X-Total-Count": str(page.total)})


def by_id(request: Request, invocation: Invocation) -> Response:
    """List the messages with an out_id or a message_id."""
    from shared.receipts import status_by_id  # what a question by number does not need

    question = status_by_id.read_id_question(request.query)
    found, next_part = status_by_id.find_by_id(question, invocation)
    return Response(200, found, {"X-Next-Part": str(next_part)} if next_part else {})
