"""What was sent yesterday, as the platform counts it and as the budgets did.

A day is one of UTC+8. Two lines go into the log, one about the mainland and one about the rest:

    {"action": "yesterday", "outcome": "mainland", "date": "20260130", "sent": 812, "delivered":
    790, "failed": 20, "unanswered": 2, "budget": 815, ...}

What else sends for the same account is in the platform's figures, and not in the budget's. Those of
a message of several segments may differ, too: the platform's page does not say which of the two it
counts. Source: document 419276 (QuerySendStatistics).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.clock import Clock, platform_date
from shared.errors import AnswerLost, ConfigurationError, SmsError, StoreUnavailable
from shared.platform.sms_api import SmsApi
from shared.sending.limits import Limits
from shared.trigger.invocation import (
    Context,
    Invocation,
    log_bug,
    open_invocation,
    open_log,
)

_DAY = 86400
_MOST_DAYS = "50"  # on a page; one is asked for
_AREAS = {"mainland": "1", "abroad": "2"}  # IsGlobe


class Statistics(NamedTuple):
    """How many messages the platform took on a day, and what their receipts said."""

    sent: int
    delivered: int
    failed: int
    unanswered: int


def report(context: Context, clock: Clock = Clock()) -> dict[str, object]:
    """Log what was sent yesterday and return it, ``{"mainland": {...}, "abroad": {...}}``.

    Where something could not be asked, ``problem`` has its code. Raises nothing.
    """
    started = clock.monotonic()
    log = open_log(context, "daily_report", clock)
    told: dict[str, object] = {}
    try:
        invocation = open_invocation(context, log, started)
        for area in _AREAS:
            told[area] = _report_area(area, invocation)
    except ConfigurationError as error:
        log.misconfigured(error)
        told["problem"] = error.code
    except SmsError as error:
        log.failed("yesterday", error)
        told["problem"] = error.code
    except Exception as error:
        log_bug(error, log)
        told["problem"] = "internal-error"
    return told


def _report_area(area: str, invocation: Invocation) -> Mapping[str, object]:
    api = invocation.api
    date = platform_date(api.clock.now() - _DAY)
    statistics = _ask(api, area, date, deadline=invocation.deadline)
    fields: dict[str, str | int | None] = {
        "date": date,
        **statistics._asdict(),
        "budget": _counted(area, invocation),
    }
    api.log.event("info", "yesterday", area, **fields)
    return {name: value for name, value in fields.items() if value is not None}


def _counted(area: str, invocation: Invocation) -> int | None:
    """Return what the budget counted, None where none does or the state cannot be read."""
    store = invocation.store
    count = Limits(invocation.api).counted_yesterday(is_abroad=area == "abroad")
    if store is None or count is None:
        return None
    try:
        (total,) = store.totals([count])
    except StoreUnavailable as error:
        invocation.api.log.failed("store", error)
        return None
    return total


def _ask(api: SmsApi, area: str, date: str, *, deadline: float) -> Statistics:
    """Ask for one day (``20260131``) of an area; raises PlatformRefused, ConnectionFailed or
    AnswerLost.
    """
    body = api.query(
        "QuerySendStatistics",
        {
            "IsGlobe": _AREAS[area],
            "StartDate": date,
            "EndDate": date,
            "PageIndex": "1",
            "PageSize": _MOST_DAYS,
        },
        deadline=deadline,
    )
    try:
        days = (body.get("Data") or {}).get("TargetList") or []
        return Statistics(
            sent=_sum(days, "TotalCount"),
            delivered=_sum(days, "RespondedSuccessCount"),
            failed=_sum(days, "RespondedFailCount"),
            unanswered=_sum(days, "NoRespondedCount"),
        )
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        raise AnswerLost("the platform's answer cannot be read") from None


def _sum(days: list[Mapping[str, Any]], name: str) -> int:
    return sum(int(day.get(name) or 0) for day in days)
