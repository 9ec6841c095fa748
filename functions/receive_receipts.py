"""HTTP trigger ``/receipts/{token}`` and a timer: receipts (SmsReport) and replies (SmsUp)."""

from shared import http_trigger, receipts
from shared.http_trigger import Context, Invocation, Request, Response


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer a push of the platform, or a timer."""
    if receipts.is_timer_event(event):
        return timer_handler(event, context)
    return http_trigger.serve(
        event,
        context,
        "receive_receipts",
        {("POST", "/receipts/{token}"): receive},
        authenticate=receipts.authenticate,
    )


def receive(request: Request, invocation: Invocation) -> Response:
    """Keep what was pushed; the platform pushes again until it reads a number in `code`."""
    receipts.take(request.json(), invocation)
    return Response(200, {"code": 0, "msg": "stored"})


def timer_handler(_event: bytes, context: Context) -> dict[str, object]:
    """Empty the queues that SMS_RECEIPT_QUEUES names."""
    from shared import mns_queue  # what a push does not need

    return mns_queue.empty_queues(context)
