"""HTTP trigger ``/receipts/{token}`` and a timer: receipts (SmsReport) and replies (SmsUp)."""

from shared.receipts import push_endpoint
from shared.trigger import http_trigger
from shared.trigger.http_trigger import Request, Response
from shared.trigger.invocation import Context, Invocation


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer a push of the platform, or a timer."""
    if push_endpoint.is_timer_event(event):
        return timer_handler(event, context)
    return http_trigger.serve(
        event,
        context,
        function="receive_receipts",
        routes={("POST", "/receipts/{token}"): receive},
        authenticate=push_endpoint.authenticate,
    )


def receive(request: Request, invocation: Invocation) -> Response:
    """Keep what was pushed; the platform pushes again until it reads a number in `code`."""
    push_endpoint.take(request, invocation)
    return Response(200, {"code": 0, "msg": "stored"})


def timer_handler(_event: bytes, context: Context) -> dict[str, object]:
    """Empty the queues that SMS_RECEIPT_QUEUES names."""
    from shared.receipts import mns_queue  # what a push does not need, an XML parser among it

    return mns_queue.empty_queues(context)
