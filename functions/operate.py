"""InvokeFunction alone: the owner's questions and switches, run where the shared state is."""

from shared.commands import running
from shared.trigger.invocation import Context


def handler(event: bytes, context: Context) -> dict[str, object]:
    """Run the command that an event names, and return its answer, or what went wrong.

    ``{"command": "unread", "arguments": {"raw": true}}`` gives ``{"answer": {...}}`` or ``{"error":
    {"code": ..., "detail": ...}}``. HTTP events are refused. Raises nothing.
    """
    return running.answer(event, context)
