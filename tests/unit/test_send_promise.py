"""What is promised: with a store at most one SMS an intent, whatever happens in whatever order.

The platform of these tests checks no nonces, loses answers, and shows messages late; invocations
die, the store fails, and clocks differ. Only what docs/send-protocol.md assumes holds: the store
keeps what it acknowledged, and a message is shown within 15 minutes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.errors import StoreUnavailable
from shared.platform.sms_api import SmsApi
from shared.sending.intents import Defaults, PartOutcome
from shared.sending.mainland import read_intent
from shared.sending.protocol import send
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Answer, Change
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import Scene, hang_up
from tests.unit.sms_platform import Platform, accepted, detail, details, refused

STATE = {
    "SMS_STATE_URL": "sqlite:///state",
    "SMS_ALLOW_LOCAL_STATE": "1",
    "SMS_STATE_SECRET": "the-secret-of-the-state",
}
LATEST = 13 * 60  # seconds until a message is shown; the clocks take two minutes more
ANSWERS: dict[str, tuple[bool, Scene]] = {
    "taken": (True, accepted()),
    "taken, answer lost": (True, hang_up()),
    "taken, system error": (True, refused("isp.SYSTEM_ERROR")),
    "lost": (False, hang_up()),
    "refused": (False, refused("isv.AMOUNT_NOT_ENOUGH")),
    "throttled": (False, refused("Throttling.User", status="400 No")),
}


class Call(NamedTuple):
    """One invocation, and what happens to it; `store_fails` is the number of a step, 0 for none."""

    wait: int
    answers: tuple[str, ...]
    resend: bool = False
    looks: bool = True
    store_fails: int = 0
    dies: bool = False
    clock_ahead: int = 0


CALLS = st.lists(
    st.builds(
        Call,
        wait=st.sampled_from((0, 1, 26, 60, 15 * 60, 16 * 60, 86400)),
        answers=st.tuples(*[st.sampled_from(sorted(ANSWERS))] * 2),
        resend=st.booleans(),
        looks=st.sampled_from((True, True, False)),
        store_fails=st.sampled_from((0, 0, 0, 1, 2, 3)),
        dies=st.sampled_from((False, False, True)),
        clock_ahead=st.sampled_from((0, 0, -60, 60)),
    ),
    min_size=2,
    max_size=7,
)


class Dies(BaseException):
    """The end of an invocation in the middle."""


class FailingStore(SqliteStore):
    """Fails at one of its steps, before or after it is done: the caller cannot tell."""

    def __init__(self, path: Path, fails_at: int) -> None:
        super().__init__(str(path))
        self._left = fails_at

    def put(self, change: Change) -> Answer:
        self._left -= 1
        if self._left == 0 and change.ttl % 2:
            raise StoreUnavailable("down")
        done = super().put(change)
        if self._left == 0:
            raise StoreUnavailable("down")
        return done


class World:
    """A platform that keeps what it took, and the invocations that send the same intent to it."""

    def __init__(self, platform: Platform, api: SmsApi, file: Path, shown_after: int) -> None:
        self.platform = platform
        self.api = api
        self.file = file
        self.shown_after = shown_after
        self.epoch = AFTERNOON
        self.taken: list[float] = []
        platform.decide("SendSms", self._answer)
        platform.decide("QuerySendDetails", self._show)

    def call(self, call: Call, ttl: int) -> PartOutcome | None:
        """Send in one invocation; None when it died."""
        self.epoch += call.wait
        self._now = call
        self._answers = list(call.answers)
        clock = ManualClock(self.epoch + call.clock_ahead)
        self._clock = clock
        api = self.api._replace(clock=clock.as_clock())
        api = api._replace(settings=api.settings._replace(intent_ttl=ttl))
        if call.dies:
            api = api._replace(session=self._dying_session())
        body = {"phone_numbers": "13800138000", "template_code": "SMS_1", "out_id": "order-1"}
        intent = read_intent({**body, "resend_unknown": call.resend}, "", Defaults("shop", "签名"))
        try:
            (outcome,) = send(intent, api, 20.0, FailingStore(self.file, call.store_fails))
        except Dies:
            return None
        finally:
            self.epoch += clock.passed
        return outcome

    def _dying_session(self) -> Any:
        def exchange(request: Any, **_named: object) -> None:
            if request.headers["x-acs-action"] == "SendSms" and ANSWERS[self._answers[0]][0]:
                self.taken.append(self.epoch)
            raise Dies

        adapter = SimpleNamespace(send=exchange)
        return cast(Any, SimpleNamespace(get_adapter=lambda _url: adapter, verify=True))

    def _answer(self, _parameters: Mapping[str, str]) -> Scene:
        is_taken, scene = ANSWERS[self._answers.pop(0) if self._answers else "refused"]
        if is_taken:
            self.taken.append(self.epoch)
        return scene

    def _show(self, question: Mapping[str, str]) -> Scene:
        if not self._now.looks:
            return refused("isp.RAM_PERMISSION_DENY")
        now = self.epoch + self._clock.passed
        shown = [at for at in self.taken if at + self.shown_after <= now]
        texts = [platform_time(at) for at in shown]
        return details(
            *(
                detail(SendDate=text)
                for text in texts
                if text[:10].replace("-", "") == question["SendDate"]
            )
        )


def platform_time(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(epoch + 8 * 3600))


@pytest.fixture
def api(endpoint: str, api_to: ApiTo) -> SmsApi:
    return api_to(endpoint, lambda: CREDENTIALS, **STATE)


LOST, AGAIN = Call(0, ("taken, answer lost",) * 2), Call(900, ("taken",) * 2, resend=True)


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example([LOST, AGAIN, AGAIN], LATEST, 3600 * 24)
@example([LOST, AGAIN._replace(looks=False), AGAIN], 0, 3600 * 24)
@example([LOST._replace(dies=True), AGAIN._replace(wait=0), AGAIN], 60, 3600 * 24)
@example([LOST._replace(store_fails=2), AGAIN._replace(wait=1), AGAIN], 60, 3600 * 24)
@given(CALLS, st.sampled_from((0, 2, 60, LATEST)), st.sampled_from((30 * 86400, 30 * 86400 + 1)))
def test_at_most_one_sms_and_no_call_says_what_is_not_so(
    platform: Platform, api: SmsApi, tmp_path: Path, calls: list[Call], shown_after: int, ttl: int
) -> None:
    file = tmp_path / "state.db"
    file.unlink(missing_ok=True)
    world = World(platform, api, file, shown_after)
    for call in calls:
        outcome = world.call(call, ttl)
        assert len(world.taken) <= 1
        if outcome is None or outcome.code == "store-unavailable":
            continue
        if outcome.outcome != "unknown":
            assert len(world.taken) == (outcome.outcome == "accepted")
