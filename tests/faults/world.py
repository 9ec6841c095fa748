"""A world to send in: an SMS service that can be made to fail, a store, and virtual time.

Whatever an invocation touches can end it: a crash is an exception that no handler catches, raised
before or after one of its steps (an exchange with the platform, or a step of the store), or in the
middle of an exchange.
"""

from __future__ import annotations

import io
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple, NoReturn, cast

from aliyun_sms_emulator import SmsEmulator
from shared.clock import Clock
from shared.errors import StoreUnavailable
from shared.ids import read_wire_id
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.settings import Credentials, read_settings
from shared.state.store import Change, Store
from shared.transport import WriteAwareAdapter, new_session

SIGN_NAME = "fc-sms"
TIMEOUT = 30
"""The function's own, in seconds, as in s.yaml."""
MIDWAY = ("half-sent", "unread")
_READ_TIMEOUT = "0.15"  # real seconds, for a stalled answer
_NO_LIMITS = 1_000_000


class Crash(BaseException):
    """The end of an invocation in the middle."""


class Accident(NamedTuple):
    """What happens to an invocation at its n-th `step` of a kind, counted from 1.

    `kind` is exchange or store; `what` is crash, outage or receipt, which comes for what was sent
    so far; `when` is before or after. A crash may also come when the request is half-sent, or is
    sent and unread: the answer is there.
    """

    kind: str
    step: int
    what: str
    when: str


class Call(NamedTuple):
    """One invocation to come; its clock is `clock_ahead` seconds ahead of the platform's, and
    `receipt` delivers the receipts of an accident.
    """

    work: Callable[[Invocation], Any]
    accidents: tuple[Accident, ...] = ()
    clock_ahead: float = 0.0
    receipt: Callable[[], object] = lambda: None


class World:
    """The emulator, and everything that invocations share; `store` is None where there is none."""

    def __init__(
        self,
        emulator: SmsEmulator,
        store: Store | None,
        *,
        now: float,
        settings: Mapping[str, object],
        environ: Mapping[str, str],
    ) -> None:
        self.emulator = emulator
        self.store = store
        self.log = io.StringIO()
        self._lock = threading.Lock()
        self._now = now
        emulator.reset()
        emulator.settings(timestamp_clock="emulator", limits=False, **settings)
        self._move_clock()
        limits = ("number-per-day", "codes-per-minute", "codes-per-hour", "codes-per-day")
        self._settings = read_settings(
            {
                "SMS_ENDPOINT": emulator.url,
                "SMS_INTERNATIONAL_ENDPOINT": emulator.url,
                "SMS_SIGN_NAME": SIGN_NAME,
                "SMS_READ_TIMEOUT": _READ_TIMEOUT,
                "SMS_COUNTRIES": "HK",
                "SMS_LIMITS": ",".join(f"{rule}={_NO_LIMITS}" for rule in limits),
                **environ,
            }
        )
        self._credentials = Credentials(emulator.access_key_id, emulator.access_key_secret)

    @property
    def now(self) -> float:
        """Epoch seconds, of the callers and of the platform."""
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody."""
        with self._lock:
            self._now += seconds
            self._move_clock()

    def invoke(self, call: Call) -> Any:
        """Do the work of a call in an invocation of its own; returns Crash where it was ended."""
        invocation = Invocation(self, call)
        try:
            return call.work(invocation)
        except Crash as crash:
            return crash
        finally:
            invocation.close()

    def invoke_at_once(self, calls: Sequence[Call]) -> list[Any]:
        """Make several calls at the same time, each on an instance of its own."""
        results: list[Any] = [None] * len(calls)

        def run(place: int) -> None:
            try:
                results[place] = self.invoke(calls[place])
            except BaseException as error:
                results[place] = error

        threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, Crash):
                raise result
        return results

    def accepted(self) -> Counter[tuple[str, str]]:
        """Return how many messages the platform accepted, by intent and number.

        An intent stands here as its id on the wire without the part: corrected content may have a
        number in another part.
        """
        return Counter(
            (_whole_id(message.out_id), message.phone_number.lstrip("+").removeprefix("86"))
            for message in self.emulator.messages()
        )

    def api(self, accidents: _Accidents, clock_ahead: float) -> SmsApi:
        """Return the platform as an invocation sees it."""
        session = new_session()
        clock = Clock(lambda: self._now + clock_ahead, lambda: self._now, self.pass_time)
        log = Log("1-fault-test", "faults", b"faults", clock, self.log)
        dying = cast(Any, _FailingSession(session, accidents))
        return SmsApi(self._settings, lambda: self._credentials, dying, clock, log)

    def _move_clock(self) -> None:
        self.emulator.clock.set(datetime.fromtimestamp(self._now, timezone.utc))


def _whole_id(out_id: str | None) -> str:
    wire_id = read_wire_id(out_id or "")
    return wire_id._replace(part=None).text() if wire_id else ""


class Invocation:
    """One invocation: the platform and the store as it sees them, and its deadline."""

    def __init__(self, world: World, call: Call) -> None:
        accidents = _Accidents(call.accidents, call.receipt)
        self.api = world.api(accidents, call.clock_ahead)
        self.store = _FailingStore(world.store, accidents) if world.store else None
        self.deadline = world.now + TIMEOUT - 1

    def close(self) -> None:
        """Close its connections."""
        self.api.session.close()


class _Accidents:
    def __init__(self, accidents: Sequence[Accident], receipt: Callable[[], object]) -> None:
        self._accidents = accidents
        self._receipt = receipt
        self._steps: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._is_over = False

    def around(
        self,
        kind: str,
        work: Callable[[], Any],
        die: Callable[[str], NoReturn] | None = None,
    ) -> Any:
        """Do a step of `kind`, or `die` in the middle of it.

        After a crash nothing is done any more: what would clean up has crashed as well.
        """
        with self._lock:
            if self._is_over:
                raise Crash
            self._steps[kind] += 1
            step = self._steps[kind]
        due = [accident for accident in self._accidents if accident[:2] == (kind, step)]
        self._strike(due, "before")
        for accident in due:
            if accident.when in MIDWAY and die:
                self._is_over = True
                die(accident.when)
        done = work()
        self._strike(due, "after")
        return done

    def _strike(self, due: Sequence[Accident], when: str) -> None:
        for accident in due:
            if accident.when == when and accident.what == "receipt":
                self._receipt()
            elif accident.when == when and accident.what == "crash":
                self._is_over = True
                raise Crash
            elif accident.when == when:
                raise StoreUnavailable("out of order")


class _FailingSession:
    """A session whose adapter meets accidents around each exchange."""

    def __init__(self, session: Any, accidents: _Accidents) -> None:
        self._session = session
        self._accidents = accidents
        self.verify = session.verify

    def get_adapter(self, url: str) -> Any:
        return _FailingAdapter(self._session.get_adapter(url), self._accidents)

    def close(self) -> None:
        self._session.close()


class _FailingAdapter(NamedTuple):
    adapter: Any
    accidents: _Accidents

    def send(self, request: Any, **arguments: Any) -> Any:
        def die(when: str) -> NoReturn:
            _DyingAdapter(when).send(request, **arguments)
            raise AssertionError("the crash was caught")

        work = partial(self.adapter.send, request, **arguments)
        return self.accidents.around("exchange", work, die)


class _DyingAdapter(WriteAwareAdapter):
    """An adapter that crashes in its first exchange."""

    def __init__(self, when: str) -> None:
        super().__init__()
        self._when = when

    def _connect(self, *where: Any) -> Any:
        return _DyingSocket(super()._connect(*where), self._when)


class _DyingSocket(NamedTuple):
    sock: socket.socket
    when: str

    def settimeout(self, seconds: float) -> None:
        self.sock.settimeout(seconds)

    def sendall(self, message: bytes) -> None:
        if self.when == "half-sent":
            self.sock.sendall(message[: len(message) // 2])
            raise Crash
        self.sock.sendall(message)

    def recv(self, _size: int) -> NoReturn:
        select.select([self.sock], [], [], self.sock.gettimeout())
        raise Crash

    def close(self) -> None:
        self.sock.close()


class _FailingStore:
    """A store that meets accidents around each step."""

    def __init__(self, store: Store, accidents: _Accidents) -> None:
        self._store = store
        self._accidents = accidents

    def get(self, key: str) -> Any:
        return self._accidents.around("store", lambda: self._store.get(key))

    def totals(self, counts: Any) -> Any:
        return self._accidents.around("store", lambda: self._store.totals(counts))

    def put(self, change: Change) -> Any:
        return self._accidents.around("store", lambda: self._store.put(change))

    def delete(self, key: str, old: str) -> Any:
        return self._accidents.around("store", lambda: self._store.delete(key, old))
