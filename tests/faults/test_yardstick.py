"""The yardstick at work: a small number of its schedules, and what it counts of made-up callers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.faults.callers import FAILED, SUCCESS, UNKNOWN, End, Sdk
from tests.faults.fault_schedules import QUIET, REPEATS, draw
from tests.faults.world import Accident, World
from tests.faults.yardstick import BEGIN, CLIENTS, END, PAGE, ROWS, Job, do, live_through, table

SEED, SCHEDULES = 5, 16
LOST = QUIET._replace(sends=({"kind": "reset", "when": "after"},) * 16)


def count(repeats: int, schedules: int) -> dict[str, Counter[str]]:
    """Let all clients live through some schedules at the same time."""
    jobs = [Job(place, repeats, SEED, 0, schedules) for place in range(len(CLIENTS))]
    with ThreadPoolExecutor(len(jobs)) as pool:
        return {CLIENTS[job.client].name: counts for job, counts in pool.map(do, jobs)}


@pytest.fixture(scope="module")
def counted() -> dict[str, Counter[str]]:
    """What each client comes to, with the repeats of Function Compute."""
    return count(REPEATS, SCHEDULES)


@pytest.mark.parametrize("name", ["fc-sms, Redis", "fc-sms, SQLite"])
def test_with_a_store_none_is_sent_twice_none_is_lost_and_none_stays_unknown(
    counted: dict[str, Counter[str]], name: str
) -> None:
    found = counted[name]
    assert found["intents"] == SCHEDULES
    assert found["most"] == 1
    assert found["sms"] + found["failed"] == SCHEDULES
    assert {found[key] for key in ("duplicates", "twice", "lost", "wrong", "open")} == {0}


def test_without_a_store_the_nonce_check_of_the_platform_stops_duplicates(
    counted: dict[str, Counter[str]],
) -> None:
    assert counted["fc-sms, no store"]["duplicates"] == 0
    assert counted["fc-sms, no store, nonces not checked"]["duplicates"] > 0


@pytest.mark.parametrize("name", ["SDK, retries on", "SDK, retries off"])
def test_the_sdk_sends_twice_when_its_invocation_is_repeated(
    counted: dict[str, Counter[str]], name: str
) -> None:
    found = counted[name]
    assert found["intents"] == SCHEDULES
    assert found["duplicates"] > 0
    assert found["most"] > 1


@pytest.fixture(scope="module")
def emulator() -> Iterator[SmsEmulator]:
    with SmsEmulator() as running:
        yield running


@pytest.mark.parametrize(("retries", "sent"), [(True, 3), (False, 1)])
def test_for_one_call_whose_answers_are_lost_the_sdk_sends_as_often_as_it_tries(
    emulator: SmsEmulator, retries: bool, sent: int
) -> None:
    caller = Sdk(emulator, None, "one-call", 0, retries=retries)
    counts = live_through(LOST.cut(0), caller)
    assert (counts["sms"], counts["wrong"]) == (sent, 1)


@pytest.mark.parametrize(
    ("accident", "sms"),
    [
        (Accident("exchange", 1, "crash", "before"), 0),
        (Accident("exchange", 1, "crash", "after"), 1),
        (Accident("exchange", 2, "crash", "before"), 1),
        (Accident("exchange", 3, "crash", "after"), 3),
    ],
    ids=str,
)
def test_a_crash_ends_the_sdk_where_it_was_planned(
    emulator: SmsEmulator, accident: Accident, sms: int
) -> None:
    caller = Sdk(emulator, None, "crash", 0, retries=True)
    schedule = LOST._replace(crashes=((accident,),), waits=())
    assert live_through(schedule, caller)["sms"] == sms


class _Liar:
    """Sends so many SMS under other names, and says what it was told to say."""

    can_resend = False

    def __init__(self, emulator: SmsEmulator, sends: int, says: str) -> None:
        self._callers = [Sdk(emulator, None, "lie", 0, retries=False) for _ in range(sends or 1)]
        self._sends, self._says = sends, says
        self.world: World = self._callers[-1].world

    def invoke(self, accidents: Sequence[Accident], *, resends: bool = False) -> End:
        for caller in self._callers[: self._sends]:
            assert caller.invoke(accidents).told == SUCCESS
        return End(self._says, is_repeated=False)


@pytest.mark.parametrize(
    ("sends", "says", "expected"),
    [
        (0, SUCCESS, {"lost": 1}),
        (0, FAILED, {"failed": 1}),
        (0, UNKNOWN, {"unknown": 1, "open": 1}),
        (1, SUCCESS, {"sms": 1, "most": 1}),
        (1, FAILED, {"sms": 1, "most": 1, "wrong": 1}),
        (3, SUCCESS, {"sms": 3, "most": 3, "duplicates": 2, "twice": 1}),
    ],
)
def test_what_is_counted_is_what_was_sent_and_said(
    emulator: SmsEmulator, sends: int, says: str, expected: dict[str, int]
) -> None:
    counts = live_through(QUIET, _Liar(emulator, sends, says))
    assert +counts == {"intents": 1, **expected}


def test_when_nothing_fails_nobody_makes_a_second_request() -> None:
    for counts in count(0, 0).values():
        assert counts["quiet_requests"] == counts["quiet_intents"] > 0


def test_a_seed_draws_the_same_schedules_again_and_others_draw_others() -> None:
    drawn = [draw(SEED, number) for number in range(40)]
    assert drawn == [draw(SEED, number) for number in range(40)]
    assert drawn != [draw(SEED + 1, number) for number in range(40)]
    kinds = {fault["kind"] for schedule in drawn for fault in schedule.sends}
    assert kinds == {"none", "reset", "stall", "truncate", "garbage", "http", "error", "throttle"}


def test_the_page_holds_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    _, begin, rest = text.partition(BEGIN)
    shown, end, _ = rest.partition(END)
    assert begin
    assert end
    empty = table([Counter[str]()] * len(CLIENTS))
    assert empty.splitlines()[0] in shown
    for key, label in ROWS.items():
        assert f"| {label} |" in shown, key
