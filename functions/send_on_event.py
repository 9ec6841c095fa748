"""Events: MNS, EventBridge, timer, OSS files of recipients and direct invocations become sends."""

from shared.events import event_sends, event_sources
from shared.trigger.invocation import Context


def handler(event: bytes, context: Context) -> dict[str, list[dict[str, object]]]:
    """Send what one event asks for and return what became of each of its entries.

    They are named by their places in the event: ``{"accepted": [{"entry": 0, "out_id": ...}],
    "rejected": [], "unknown": [], "ignored": []}``. Raises NotSettled only if there is a store:
    then the event comes again, which settles what is open and sends nothing twice.
    """
    entries = event_sources.read_event(event)
    return event_sends.send(entries, context, "send_on_event")
