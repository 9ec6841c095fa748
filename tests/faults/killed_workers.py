"""``python -m tests.faults.killed_workers``: SIGKILL for the functions' real processes, and after.

The functions run as s.yaml describes them, but for a timeout of 4 seconds and repeats of
asynchronous invocations; a schedule is one intent, and some intents are under way at a time. When
all killing is over and the leases have run out, every intent is settled by repeating it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import requests

from aliyun_fc_runtime_stub import FunctionCompute
from aliyun_sms_emulator import SmsEmulator
from shared.sending.attempts import NONCE_LIFETIME
from shared.sending.part_records import read_part, record_key
from shared.state.records import record_text
from shared.state.redis_store import RedisStore
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Change, Store, Written
from tests.faults.kill_plans import CALLER, Batch, Intent, draw
from tests.integration.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {
    "send": "fc-sms-send-sms",
    "event": "fc-sms-send-on-event",
    "code": "fc-sms-verify-code",
}
_API_KEY = "a2V5LW9mLWtpbGxlZC13b3JrZXJz"
_SECRET = "the-secret-of-the-state"
_TIMEOUT = 4  # of the functions, seconds
_LEASE = _TIMEOUT - 1 + 5
_RETRY_DELAY = 1.2  # then twice and four times that: the last repeat comes after the lease
_PATIENCE = 4.0
_WARM = 1_000_000  # the first number of those who get the SMS of a warm-up
_TAKEN = frozenset((200, 202, 409, 502, 503, 504))
"""How a call may be answered meanwhile: 502 is the platform's word for a killed worker."""


def main() -> int:
    """Run what the command line asks for and print what was counted."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.killed_workers", description="SIGKILL for real workers"
    )
    parser.add_argument("--schedules", type=int, default=200, help="of both stores together")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.monotonic()
    for store, counted in run(asked.schedules, asked.seed).items():
        print(f"{store}:")
        for name, count in sorted(counted.items()):
            print(f"{count:>9,}  {name}")
    print(f"{time.monotonic() - started:>9,.0f}  seconds")
    return 0


def run(schedules: int, seed: int, at_once: int = 4) -> dict[str, Counter[str]]:
    """Run schedules with both stores at the same time; return what was counted for each.

    Raises AssertionError where an intent got two SMS, or an answer was untrue or did not come.
    """
    shares = {"redis": schedules // 2, "sqlite": schedules - schedules // 2}

    def do(store: str) -> Counter[str]:
        with Workplace(store, seed) as place:
            return place.run(draw(f"{seed}/{store}", shares[store], at_once))

    with ThreadPoolExecutor(len(shares)) as pool:
        return dict(zip(shares, pool.map(do, shares), strict=True))


class Workplace:
    """The functions with a store and an SMS service of their own, and who kills them."""

    def __init__(self, store: str, seed: int) -> None:
        self._kind = store
        self._chance = random.Random(f"{seed}/{store}/victims")
        self._stack = ExitStack()
        self._counted: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._believed: list[Intent] = []
        self._warm: list[Intent] = []

    def __enter__(self) -> Workplace:
        """Start everything."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self._emulator = stack.enter_context(SmsEmulator())
            # the store alone has to stop what is sent twice
            self._emulator.settings(nonce_scope="off", limits=False, visibility_delay_seconds=0)
            self._open_store(stack, folder)
            template = _copy_project(folder / "project")
            self._functions = stack.enter_context(
                FunctionCompute(
                    template,
                    self._environment(),
                    port=0,
                    variables={},
                    functions=list(FUNCTIONS.values()),
                    retry_delay=_RETRY_DELAY,
                )
            )
            self._http = stack.enter_context(requests.Session())
            self._http.trust_env = False
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._stack.close()

    def _open_store(self, stack: ExitStack, folder: Path) -> None:
        self.store: Store
        self._hold: Callable[[], contextlib.AbstractContextManager[None]]
        if self._kind == "redis":
            server = stack.enter_context(RedisServer(folder))
            self._url = server.url
            store = RedisStore(server.url)
            stack.callback(store._client.close)
            self.store = store
            self._hold = server.frozen
        else:
            path = folder / "state.db"
            self._url = f"sqlite://{path}"
            self.store = SqliteStore(str(path))
            self._hold = lambda: _locked(path)

    def _environment(self) -> dict[str, str]:
        unlimited = ("codes-per-minute", "codes-per-hour", "codes-per-day")
        return {
            "SMS_ENDPOINT": self._emulator.url,
            "SMS_ACCESS_KEY_ID": self._emulator.access_key_id,
            "SMS_ACCESS_KEY_SECRET": self._emulator.access_key_secret,
            "SMS_SIGN_NAME": "fc-sms",
            "SMS_EVENT_CALLER": CALLER,
            "SMS_API_KEYS": f"{CALLER}:{hashlib.sha256(_API_KEY.encode()).hexdigest()}",
            "SMS_CODE_TEMPLATE": "SMS_100001",
            "SMS_LIMITS": ",".join(f"{rule}=0" for rule in unlimited),
            "SMS_STATE_URL": self._url,
            "SMS_STATE_SECRET": _SECRET,
            "SMS_ALLOW_LOCAL_STATE": "1",
            "SMS_SETTLE_SECONDS": "1.5",  # a busy machine takes long to answer one question
        }

    def run(self, batches: Sequence[Batch]) -> Counter[str]:
        """Live through the batches, then settle what they left; return what was counted."""
        for batch in batches:
            self._live_through(batch)
        over = time.monotonic()
        self._emulator.clear_faults()
        self._functions.wait_for_async()
        time.sleep(max(over + _LEASE - time.monotonic(), 0))
        intents = [intent for batch in batches for intent in batch.intents]
        self._check([*intents, *self._warm])
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._settle, intents))
        self._check(intents)
        return self._counted

    def _warm_up(self, batch: Batch) -> None:
        """Start as many instances as the batch needs, each with a send of its own."""
        self._emulator.clear_faults()
        sends = []
        with ThreadPoolExecutor(2 * len(batch.intents)) as pool:
            for intent in batch.calls():
                warm = intent._replace(
                    out_id=f"warm-{len(self._warm)}", number=_WARM + len(self._warm)
                )
                self._warm.append(warm)
                sends.append(pool.submit(self._send_warm, warm))
        for send in sends:
            send.result()

    def _send_warm(self, intent: Intent) -> None:
        for _ in range(3):  # a busy machine may take longer to start than a function may run
            if intent.way == "event":
                done = not self._functions.invoke(FUNCTIONS["event"], intent.event()).error_type
            else:
                done = self._post(intent).status_code == 200
            if done:
                break

    def _live_through(self, batch: Batch) -> None:
        self._warm_up(batch)
        self._emulator.set_faults(*(intent.rule() for intent in batch.intents))
        with ThreadPoolExecutor(2 * len(batch.intents)) as pool:
            with self._hold() if batch.moment == "claim" else contextlib.nullcontext():
                calls = [pool.submit(self._call, intent) for intent in batch.calls()]
                self._kill(batch)
            for call in calls:
                call.result()

    def _kill(self, batch: Batch) -> None:
        """Kill the workers at the moment of the batch, or some of them at its times."""
        if batch.moment == "random":
            started = time.monotonic()
            for moment in batch.times:
                time.sleep(max(started + moment - time.monotonic(), 0))
                busy = self._busy()
                self._shoot(self._chance.sample(busy, min(len(busy), 1)))
            return
        if batch.moment == "claim":
            is_time = _wait_until(lambda: len(self._busy()) >= len(batch.intents))
            time.sleep(0.3)  # until they wait for the store
        elif batch.moment in ("sent", "answer"):
            is_time = _wait_until(lambda: all(map(self._sent, batch.intents)))
        else:
            is_time = _wait_until(lambda: all(rule["met"] for rule in self._emulator.faults()))
        self._count("moments met" if is_time else "moments missed")
        if batch.moment == "answer":
            with self._hold():
                time.sleep(0.5)  # the answer comes, and waits to be written down
                self._shoot(self._busy())
        else:
            self._shoot(self._busy())

    def _count(self, name: str) -> None:
        with self._counting:
            self._counted[name] += 1

    def _busy(self) -> list[int]:
        """Return the processes of instances that are at work."""
        status = self._http.get(f"{self._functions.api_url}/stub/status", timeout=5).json()
        return sorted(
            instance["process_id"]
            for function in status["functions"]
            for instance in function["instances"]
            if instance["busy"] and instance["process_id"]
        )

    def _shoot(self, processes: Sequence[int]) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                self._count("workers killed")

    def _sent(self, intent: Intent) -> int:
        """Return how many SMS each number of an intent got."""
        messages = self._emulator.messages(out_id=intent.wire_id.text())
        numbers = Counter(message.phone_number for message in messages)
        sent = set(numbers.values()) or {0}
        assert len(sent) == 1, f"{intent} was sent in part: {numbers}"
        return sent.pop()

    def _check(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            sent = self._sent(intent)
            assert sent <= 1, f"{intent} was sent {sent} times"
            assert sent or intent not in self._believed, f"{intent} was accepted, but not sent"

    def _call(self, intent: Intent) -> None:
        """Make the call, once; somebody may kill who works on it."""
        self._count("calls")
        if intent.way == "event":
            self._functions.invoke(FUNCTIONS["event"], intent.event(), asynchronous=True)
            return
        headers = {"X-Fc-Invocation-Type": "Async"} if intent.way == "asynchronous" else {}
        answer = self._post(intent, headers)
        assert answer.status_code in _TAKEN, answer.text
        self._count(f"calls answered {answer.status_code}")

    def _post(
        self, intent: Intent, headers: dict[str, str] | None = None, **fields: Any
    ) -> requests.Response:
        is_code = intent.way == "code"
        url = self._functions.url(FUNCTIONS["code" if is_code else "send"])
        answer = requests.post(
            url + ("codes" if is_code else "sms"),
            json={**intent.body(), **fields},
            headers={"Authorization": f"Bearer {_API_KEY}", **(headers or {})},
            timeout=30,
        )
        if answer.status_code == 200:
            self._believed.append(intent)
        return answer

    def _settle(self, intent: Intent) -> None:
        """Repeat an intent: what was sent is found within two calls, the rest is sent once."""
        was_sent = self._sent(intent) > 0
        statuses = [self._repeat(intent)]
        if statuses == [504]:
            statuses.append(self._repeat(intent))
        if was_sent:
            assert statuses[-1] == 200, f"{intent} was sent, but a repeat says {statuses}"
            self._count("sent, and found by a repeat")
        elif statuses[-1] == 200:
            self._count("never begun, and sent by a repeat")
        else:
            assert statuses == [504, 504], f"{intent} was not sent, and a repeat says {statuses}"
            assert not self._sent(intent)
            self._resend(intent)

    def _repeat(self, intent: Intent, **fields: Any) -> int:
        """Repeat a call until it ends: its instance starts anew, slowly on a busy machine."""
        for _ in range(3):
            status = self._post(intent, **fields).status_code
            if status != 502:
                break
        return status

    def _resend(self, intent: Intent) -> None:
        """Send what is unknown after all: its record is made 15 minutes older for that."""
        if intent.way == "code":  # of which no new attempt is made
            self._count("unknown, a code")
            return
        assert self._repeat(intent, resend_unknown=True) == 504, "resent too early"
        record = read_part(self.store, intent.wire_id, state_secret=_SECRET)
        aged = record._replace(
            first_at=record.first_at - NONCE_LIFETIME, last_at=record.last_at - NONCE_LIFETIME
        )
        change = Change(
            key=record_key(intent.wire_id, _SECRET),
            old=record.stored,
            new=record_text(aged),
            ttl=NONCE_LIFETIME,
            now=time.time(),
        )
        assert record.stored is not None
        assert isinstance(self.store.put(change), Written)
        status = self._repeat(intent, resend_unknown=True)
        assert status == 200, f"{intent} was not sent, and resend_unknown says {status}"
        self._count("unknown, and sent by resend_unknown")


def _copy_project(folder: Path) -> Path:
    """Copy what is deployed, in a hurry and with repeats; return the path of its s.yaml."""
    for name in ("functions", "shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".fcignore", folder)
    text = (ROOT / "s.yaml").read_text(encoding="utf-8")
    changes = {
        "timeout: 30\n": f"timeout: {_TIMEOUT}\n",
        "timeout: 600\n": f"timeout: {_TIMEOUT}\n",
        "maxAsyncRetryAttempts: 0\n": "maxAsyncRetryAttempts: 3\n",
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    template = folder / "s.yaml"
    template.write_text(text, encoding="utf-8")
    return template


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let nobody else write to a SQLite file."""
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _wait_until(is_time: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE
    while not is_time():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


if __name__ == "__main__":
    sys.exit(main())
