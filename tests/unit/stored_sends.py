"""Callers that share a store: the send protocol as several invocations live through it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.errors import StoreUnavailable
from shared.ids import WireId
from shared.platform.sms_api import SmsApi
from shared.sending.attempts import attempt_nonce
from shared.sending.intents import Defaults, Intent, PartOutcome
from shared.sending.mainland import read_intent
from shared.sending.part_records import PartRecord, read_part
from shared.sending.protocol import send
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Answer, Change, Count
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.sms_platform import Platform

SECRET = "the-secret-of-the-state"
STATE = {
    "SMS_STATE_URL": "sqlite:///state",
    "SMS_ALLOW_LOCAL_STATE": "1",
    "SMS_STATE_SECRET": SECRET,
    "SMS_READ_TIMEOUT": "5",
}
LEASE = 25  # seconds: the deadline of 20, and 5
QUARTER = 15 * 60
Step = Callable[[], object]


def intent_of(*numbers: str, **fields: Any) -> Intent:
    body = {"phone_numbers": list(numbers), "template_code": "SMS_1", "out_id": "order-1", **fields}
    return read_intent(body, "", Defaults("shop", "签名"))


def personal_intent(count: int) -> Intent:
    messages = [{"phone_number": f"138{number:08}"} for number in range(count)]
    body = {"messages": messages, "template_code": "SMS_1", "out_id": "order-1"}
    return read_intent(body, "", Defaults("shop", "签名"))


ONE = intent_of("13800138000", template_param={"name": "Li Xiaolong", "order": "A-17-2026"})


class WatchedStore:
    """A store on a file that counts its steps, and fails at those whose number is in `failing`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = SqliteStore(str(path))
        self.steps = 0
        self.failing: Sequence[int] = ()
        self.before_read: Step = lambda: None
        self.before_write: Step = lambda: None

    def get(self, key: str) -> str | None:
        self._step()
        self.before_read()
        return self.file.get(key)

    def put(self, change: Change) -> Answer:
        self._step()
        self.before_write()
        return self.file.put(change)

    def totals(self, counts: Sequence[Count]) -> list[int]:
        self._step()
        return self.file.totals(counts)

    def delete(self, key: str, old: str) -> bool:
        self._step()
        self.before_write()
        return self.file.delete(key, old)

    def keys(self) -> set[str]:
        """Return the keys of all records."""
        with closing(sqlite3.connect(self.path)) as file:
            return {key for (key,) in file.execute("SELECT key FROM records")}

    def _step(self) -> None:
        self.steps += 1
        if self.steps in self.failing:
            raise StoreUnavailable("the test's store is down")


class Dies(BaseException):
    """What ends an invocation in the middle, as Function Compute does at its timeout."""


class Caller:
    """Sends through invocations that share the store and the clock."""

    def __init__(self, api: SmsApi, clock: ManualClock, store: WatchedStore) -> None:
        self.api = api
        self.clock = clock
        self.store = store

    def send(self, intent: Intent = ONE, *, resend: bool = False) -> tuple[PartOutcome, ...]:
        """Send in an invocation that has 20 seconds."""
        intent = intent._replace(resend_unknown=resend)
        return send(intent, self.api, self.clock.passed + 20.0, store=self.store)

    def one(self, intent: Intent = ONE, *, resend: bool = False) -> PartOutcome:
        (outcome,) = self.send(intent, resend=resend)
        return outcome

    def meanwhile(self, *, resend: bool = False) -> PartOutcome:
        """Send from the thread of the platform, while another call of this test waits for it."""
        try:
            return self.one(resend=resend)
        finally:
            self.api.session.close()

    def die(self, after: Step = lambda: None) -> None:
        """Send in an invocation that does `after` instead of a request, and ends there."""

        def exchange(*_args: object, **_kwargs: object) -> None:
            after()
            raise Dies

        adapter = SimpleNamespace(send=exchange)
        session = SimpleNamespace(get_adapter=lambda _url: adapter, verify=True)
        api = self.api._replace(session=cast(Any, session))
        with pytest.raises(Dies):
            send(ONE, api, self.clock.passed + 20.0, store=self.store)

    def record(self, part: int = 0) -> PartRecord:
        """Return the record of a part, which must be there."""
        record = read_part(self.store, WireId("shop", "order-1", part), state_secret=SECRET)
        assert record.stored is not None
        return record


def new_caller(endpoint: str, api_to: ApiTo, clock: ManualClock, store: WatchedStore) -> Caller:
    """Return a caller whose platform is at `endpoint`."""
    environ = {**STATE, "SMS_INTERNATIONAL_ENDPOINT": endpoint}
    return Caller(api_to(endpoint, lambda: CREDENTIALS, **environ), clock, store)


def how(outcome: PartOutcome) -> str:
    """Say how a part ended in one word or two."""
    if outcome.outcome != "accepted":
        return f"{outcome.outcome}: {outcome.code}"
    return "replayed" if outcome.replayed else "reconciled" if outcome.reconciled else "accepted"


def nonces(platform: Platform) -> list[str]:
    """Return the nonces of the requests to send that arrived."""
    return [
        call.arrived.headers["x-acs-signature-nonce"]
        for call in platform.calls
        if call.action != "QuerySendDetails"
    ]


def attempts(*numbers: int) -> list[str]:
    """Return the nonces of these attempts of the first part."""
    return [attempt_nonce(ONE, 0, attempt=number) for number in numbers]


def actions(platform: Platform) -> list[str]:
    return [call.action for call in platform.calls]
