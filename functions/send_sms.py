"""HTTP trigger ``POST /sms``: send to numbers in the Chinese mainland (SendSms, SendBatchSms)."""

from shared.sending import intents, mainland
from shared.trigger import answers, http_trigger
from shared.trigger.http_trigger import Request, Response
from shared.trigger.invocation import Context, Invocation


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Answer one HTTP trigger event."""
    return http_trigger.serve(
        event, context, function="send_sms", routes={("POST", "/sms"): send_sms}
    )


def send_sms(request: Request, invocation: Invocation) -> Response:
    """Send one text to up to 1000 numbers, or a text of its own to each of up to 1000."""
    settings = invocation.api.settings
    defaults = intents.Defaults(invocation.space, settings.sign_name, settings.code_templates)
    intent = mainland.read_intent(request.json(), request.idempotency_key, defaults)
    return answers.send(intent, invocation)
