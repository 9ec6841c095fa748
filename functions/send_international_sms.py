"""HTTP trigger ``POST /international-sms``: send to numbers outside the Chinese mainland."""

from shared.sending import international
from shared.sending.intents import Defaults
from shared.trigger import answers, http_trigger
from shared.trigger.http_trigger import Request, Response
from shared.trigger.invocation import Context, Invocation


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer one HTTP trigger event."""
    return http_trigger.serve(
        event,
        context,
        function="send_international_sms",
        routes={("POST", "/international-sms"): send_international_sms},
    )


def send_international_sms(request: Request, invocation: Invocation) -> Response:
    """Send a text to up to 50 numbers, or a template to up to 1000."""
    defaults = Defaults(invocation.space, invocation.api.settings.sign_name)
    intent = international.read_intent(request.json(), request.idempotency_key, defaults)
    return answers.send(intent, invocation)
