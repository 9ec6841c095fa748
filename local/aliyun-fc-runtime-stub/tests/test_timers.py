"""Timer triggers on their own schedule ("Time triggers"), by a clock that the test moves."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aliyun_fc_runtime_stub import FunctionCompute, StubError
from stub_project import Project

START = datetime(2026, 2, 1, tzinfo=timezone.utc)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, fc: FunctionCompute, **by: float) -> list[Any]:
        """Move the clock, let what is due run, and return all events so far."""
        self.now += timedelta(**by)
        fc.fire_due_timers()
        fc.wait_for_async()
        return [json.loads(one.payload) for one in fc.invocations()]


def timer(name: str, expression: str, payload: str = "", enable: bool = True) -> dict[str, Any]:
    config = {"cronExpression": expression, "enable": enable, "payload": payload}
    return {"triggerName": name, "triggerType": "timer", "triggerConfig": config}


ECHO = "def handler(event, context): return event"


def test_a_timer_fires_by_its_schedule(project: Project) -> None:
    """The event's triggerTime is the time it was due; it runs asynchronously."""
    project.function(
        "f",
        ECHO,
        triggers=[timer("often", "@every 5m", '{"a": 1}'), timer("daily", "0 0 0 * * *")],
    )
    clock = Clock()
    fc = project.start(timers=True, clock=clock)
    assert fc.timer_times() == {
        ("f", "often"): START + timedelta(minutes=5),
        ("f", "daily"): START + timedelta(days=1),
    }
    assert clock.advance(fc, minutes=4, seconds=59) == []
    first = {"triggerTime": "2026-02-01T00:05:00Z", "triggerName": "often", "payload": '{"a": 1}'}
    assert clock.advance(fc, seconds=2) == [first]
    second = {**first, "triggerTime": "2026-02-01T00:10:00Z"}
    assert clock.advance(fc, minutes=5) == [first, second]
    assert fc.invocations()[0].trigger == "timer"


def test_missed_times_fire_once(project: Project) -> None:
    project.function("f", ECHO, triggers=[timer("t", "@every 5m")])
    clock = Clock()
    fc = project.start(timers=True, clock=clock)
    (event,) = clock.advance(fc, hours=3, minutes=1)
    assert event["triggerTime"] == "2026-02-01T03:00:00Z"
    assert fc.timer_times()["f", "t"] == START + timedelta(hours=3, minutes=5)


def test_a_clock_that_is_set_back_delays_no_timer(project: Project) -> None:
    """Timers do not wait until it has caught up."""
    triggers = [timer("every", "@every 5m"), timer("cron", "0 30 * * * *")]
    project.function("f", ECHO, triggers=triggers)
    clock = Clock()
    fc = project.start(timers=True, clock=clock)
    assert clock.advance(fc, hours=-3, minutes=-1) == []
    back = START - timedelta(hours=3, minutes=1)
    expected = {"every": back + timedelta(minutes=5), "cron": back + timedelta(minutes=31)}
    assert {name: at for (_, name), at in fc.timer_times().items()} == expected
    (event,) = clock.advance(fc, minutes=6)
    assert event["triggerTime"] == "2026-01-31T21:04:00Z"


def test_only_enabled_timers_fire_and_only_when_asked(project: Project) -> None:
    project.function(
        "f", ECHO, triggers=[timer("on", "@every 1s"), timer("off", "@every 1s", enable=False)]
    )
    clock = Clock()
    assert list(project.start(timers=True, clock=clock).timer_times()) == [("f", "on")]
    fc = project.start(clock=clock)
    assert fc.timer_times() == {}
    with pytest.raises(StubError, match="timers=True"):
        fc.fire_due_timers()


def test_failed_timers_are_repeated(project: Project) -> None:
    """ "Error handling": timers are asynchronous invocations with their repeats."""
    project.function(
        "f",
        "def handler(event, context): raise ValueError",
        triggers=[timer("t", "@every 1m")],
        asyncInvokeConfig={"maxAsyncRetryAttempts": 1},
    )
    clock = Clock()
    fc = project.start(timers=True, clock=clock, retry_delay=0.01)
    assert len(clock.advance(fc, minutes=1)) == 2


def test_timers_fire_by_themselves(project: Project) -> None:
    """Nobody has to ask: timers fire by themselves."""
    project.function("f", ECHO, triggers=[timer("t", "@every 1s")])
    fc = project.start(timers=True)
    deadline = time.monotonic() + 10
    while not fc.invocations() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert json.loads(fc.invocations()[0].payload)["triggerName"] == "t"
