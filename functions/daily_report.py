"""A timer: yesterday's messages, as the platform counted them and as the budgets did."""

from shared.reports import yesterday
from shared.trigger.invocation import Context


def handler(_event: bytes, context: Context) -> dict[str, object]:
    """Log yesterday's figures (UTC+8), one line for the mainland and one for the rest.

    ``{"mainland": {"date": "20260130", "sent": 812, ...}, "abroad": {...}}``. Raises nothing.
    """
    return yesterday.report(context)
