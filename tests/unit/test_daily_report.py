"""The daily report: what the platform counted yesterday, beside what the budgets did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.daily_report import handler
from shared.reports import yesterday
from shared.sending.limits import Limits
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Change
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sms_platform import Platform, refused
from tests.unit.trigger_events import Context

DAY = 86400
TIMER = b'{"triggerTime": "2027-01-16T01:00:00Z", "triggerName": "morning", "payload": ""}'
LIMITS = "mainland-per-day=100,international-per-day=50"


def statistics(*days: Mapping[str, object]) -> Scene:
    data = {"TotalSize": len(days), "TargetList": list(days)}
    return answer({"Code": "OK", "Message": "OK", "RequestId": "A-1", "Data": data})


def day(sent: object, delivered: object, failed: object, unanswered: object) -> dict[str, object]:
    return {
        "SendDate": "20270115",
        "TotalCount": sent,
        "RespondedSuccessCount": delivered,
        "RespondedFailCount": failed,
        "NoRespondedCount": unanswered,
    }


@pytest.fixture
def store(deployed: pytest.MonkeyPatch, tmp_path: Path) -> SqliteStore:
    deployed.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.db")
    deployed.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    deployed.setenv("SMS_STATE_SECRET", "a-secret-of-the-tests")
    deployed.setenv("SMS_LIMITS", LIMITS)
    return SqliteStore(f"{tmp_path}/state.db")


def of_each_area(mainland: Scene, abroad: Scene) -> Any:
    return lambda asked: mainland if asked["IsGlobe"] == "1" else abroad


def lines(capsys: pytest.CaptureFixture[str], action: str = "yesterday") -> list[dict[str, Any]]:
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in written if line["action"] == action]


def charge(store: SqliteStore, endpoint: str, api_to: ApiTo, messages: int, **area: bool) -> None:
    """Count messages against a budget, at the clock of `api_to`."""
    environ = {"SMS_STATE_SECRET": "a-secret-of-the-tests", "SMS_LIMITS": LIMITS}
    limits = Limits(api_to(endpoint, lambda: CREDENTIALS, **environ))
    counts = limits.budget(messages, **area)
    store.put(Change(key=f"{area}", old=None, new="x", ttl=60, charge=counts))


@pytest.mark.usefixtures("deployed")
def test_each_area_has_a_line_with_yesterday_s_figures(
    platform: Platform, capsys: pytest.CaptureFixture[str], clock: ManualClock
) -> None:
    scenes = of_each_area(statistics(day(12, "9", 2, 1)), statistics())
    platform.decide("QuerySendStatistics", scenes)
    clock.epoch = AFTERNOON  # 16:00 in UTC+8 on 2027-01-15
    told = yesterday.report(Context(), clock.as_clock())
    mainland, abroad = lines(capsys)
    figures = {"date": "20270114", "sent": 12, "delivered": 9, "failed": 2, "unanswered": 1}
    assert told["mainland"] == figures
    assert figures.items() <= mainland.items()
    assert (mainland["outcome"], abroad["outcome"]) == ("mainland", "abroad")
    assert (abroad["sent"], abroad["delivered"]) == (0, 0)
    assert "budget" not in mainland  # without shared state nothing is counted
    assert (
        platform.asked("QuerySendStatistics")[0].items()
        >= {
            "StartDate": "20270114",
            "EndDate": "20270114",
            "PageIndex": "1",
        }.items()
    )


def test_what_the_budgets_counted_stands_beside_it_until_the_next_day_ends(
    platform: Platform, store: SqliteStore, clock: ManualClock, endpoint: str, api_to: ApiTo
) -> None:
    platform.on("QuerySendStatistics", statistics(day(30, 30, 0, 0)))
    charge(store, endpoint, api_to, 31, is_abroad=False)
    charge(store, endpoint, api_to, 4, is_abroad=True)
    budgets = []
    for _ in range(3):
        told: Any = yesterday.report(Context(), clock.as_clock())
        budgets.append((told["mainland"]["budget"], told["abroad"]["budget"]))
        clock.advance(DAY)
    assert budgets == [(0, 0), (31, 4), (0, 0)]


def test_a_budget_without_a_limit_counts_nothing(
    deployed: pytest.MonkeyPatch, platform: Platform, store: SqliteStore, clock: ManualClock
) -> None:
    deployed.setenv("SMS_LIMITS", "mainland-per-day=0")
    platform.on("QuerySendStatistics", statistics(day(1, 1, 0, 0)))
    told: Any = yesterday.report(Context(), clock.as_clock())
    assert "budget" not in told["mainland"]
    assert told["abroad"]["budget"] == 0


def test_state_that_cannot_be_read_costs_no_figures_of_the_platform(
    deployed: pytest.MonkeyPatch,
    platform: Platform,
    store: SqliteStore,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deployed.setenv("SMS_STATE_URL", "sqlite:///nowhere/at/all.db")
    platform.on("QuerySendStatistics", statistics(day(1, 1, 0, 0)))
    told: Any = handler(TIMER, Context())
    assert told["mainland"]["sent"] == 1
    assert "budget" not in told["mainland"]
    assert len(lines(capsys, "store")) == 2


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("scene", "problem"),
    [
        (refused("isp.RAM_PERMISSION_DENY"), "isp.RAM_PERMISSION_DENY"),
        (hang_up(), "answer-lost"),
        (answer({"Code": "OK", "Data": []}), ""),
        (answer({"Code": "OK", "Data": "x"}), "answer-lost"),
        (statistics(day("many", 0, 0, 0)), "answer-lost"),
        (statistics(day(1e400, 0, 0, 0)), "answer-lost"),
        (answer({"Code": "OK", "Data": {"TargetList": "none"}}), "answer-lost"),
        (answer({"Code": "OK", "Data": None}), ""),
    ],
)
def test_a_platform_that_does_not_say_is_a_problem_and_no_exception(
    platform: Platform, capsys: pytest.CaptureFixture[str], scene: Scene, problem: str
) -> None:
    platform.on("QuerySendStatistics", scene)
    told = handler(TIMER, Context())
    assert told.get("problem", "") == problem
    failures = [line["code"] for line in lines(capsys) if line["level"] == "error"]
    assert failures == ([problem] if problem else [])


def test_a_wrong_setting_is_named_in_the_log(
    deployed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.setenv("SMS_READ_TIMEOUT", "soon")
    assert handler(TIMER, Context()) == {"problem": "configuration"}
    (line,) = lines(capsys, "configure")
    assert "SMS_READ_TIMEOUT" in line["remedy"]
