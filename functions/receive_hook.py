"""HTTP trigger ``/hooks/<product>``: codes and alarms that other products want to be sent."""

from shared.hooks import endpoint
from shared.hooks.authentication import authenticate
from shared.trigger import http_trigger
from shared.trigger.invocation import Context


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer one HTTP trigger event."""
    return http_trigger.serve(
        event,
        context,
        function="receive_hook",
        routes={
            ("POST", "/hooks/{product}"): endpoint.receive,
            ("POST", "/hooks/cloudmonitor/{token}"): endpoint.receive,
        },
        authenticate=authenticate,
        size=endpoint.SIZE,
    )
