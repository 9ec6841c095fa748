"""Many intents at a time: what is taken, sent and reported when, and what is tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.errors import OutIdConflict, SmsError
from shared.ids import WireId
from shared.platform.sms_api import SmsApi
from shared.sending.intents import Defaults, PartOutcome
from shared.sending.mainland import read_intent
from shared.sending.part_records import read_part
from shared.settings import Credentials
from shared.state.sqlite_store import SqliteStore
from shared.trigger.bulk_sends import (
    LONGEST_WAIT,
    PART_SECONDS,
    Job,
    Outcomes,
    entry_of,
    last_start,
    send_all,
    wants_repeat,
)
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import Scene
from tests.unit.sms_platform import BIZ_ID, REQUEST_ID, Platform, accepted, detail, details

SECRET = "the-secret-of-the-state"
STATE: Mapping[str, Any] = {
    "SMS_STATE_URL": "sqlite:///state",
    "SMS_ALLOW_LOCAL_STATE": "1",
    "SMS_STATE_SECRET": SECRET,
}
NUMBER = "13800138000"
LEASE_MARGIN = 5  # seconds that a lease lasts after its invocation's deadline


class Died(BaseException):
    """Ends an invocation where it stands, as Function Compute may."""


def job_for(place: int, number: str = NUMBER, **fields: Any) -> Job:
    body = {"phone_numbers": number, "template_code": "SMS_1", "out_id": f"order-{place}", **fields}
    return Job(place, read_intent(body, "", Defaults("shop", "签名")))


def job_of_parts(parts: int) -> Job:
    messages = [{"phone_number": f"138{number:08}"} for number in range(parts * 100)]
    body = {"messages": messages, "template_code": "SMS_1", "out_id": "order-0"}
    return Job(0, read_intent(body, "", Defaults("shop", "签名")))


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "state.db"))


@pytest.fixture
def api(api_to: ApiTo, endpoint: str) -> SmsApi:
    return api_to(endpoint, **STATE)


class Reported:
    """What `on_outcome` was called with, in order."""

    def __init__(self) -> None:
        self.jobs: list[tuple[int, Outcomes | SmsError]] = []

    def __call__(self, job: Job, outcomes: Outcomes | SmsError) -> None:
        self.jobs.append((job.place, outcomes))

    @property
    def codes(self) -> dict[int, list[str]]:
        """The code of each part, by the place of its job."""
        return {
            place: [outcomes.code]
            if isinstance(outcomes, SmsError)
            else [outcome.code for outcome in outcomes]
            for place, outcomes in self.jobs
        }


@pytest.fixture
def reported() -> Reported:
    return Reported()


def leave_claimed(
    job: Job, api_to: ApiTo, endpoint: str, store: SqliteStore, deadline: float
) -> None:
    """Let an invocation with that deadline claim the first part of `job` and die."""
    asked = 0

    def credentials() -> Credentials:
        nonlocal asked
        asked += 1
        if asked == 2:  # first before the claim, then to sign the request
            raise Died
        return CREDENTIALS

    dying = api_to(endpoint, credentials, **STATE)
    with pytest.raises(Died):
        send_all([job], dying, deadline=deadline, store=store, threads=1, on_outcome=Reported())


# jobs


@pytest.mark.parametrize("threads", [1, 4])
def test_every_job_is_reported_once_with_an_outcome_for_each_part(
    api: SmsApi, store: SqliteStore, platform: Platform, reported: Reported, threads: int
) -> None:
    jobs = [job_of_parts(2), *(job_for(place, f"1390000000{place}") for place in range(1, 8))]
    send_all(jobs, api, deadline=600, store=store, threads=threads, on_outcome=reported)
    assert sorted(place for place, _ in reported.jobs) == list(range(8))
    assert reported.codes == {0: ["OK", "OK"], **{place: ["OK"] for place in range(1, 8)}}
    assert len(platform.sends) == 9


def test_a_job_is_taken_only_when_the_one_before_was_reported(
    api: SmsApi, store: SqliteStore, reported: Reported
) -> None:
    reported_before: list[int] = []

    def jobs() -> Iterator[Job]:
        for place in range(3):
            reported_before.append(len(reported.jobs))
            yield job_for(place)

    send_all(jobs(), api, deadline=600, store=store, threads=1, on_outcome=reported)
    assert reported_before == [0, 1, 2]


def test_jobs_and_reports_never_run_at_the_same_time(api: SmsApi, store: SqliteStore) -> None:
    running = threading.Lock()
    clashes: list[str] = []

    def alone(what: str) -> None:
        if running.acquire(blocking=False):
            threading.Event().wait(0.002)
            running.release()
        else:
            clashes.append(what)

    def jobs() -> Iterator[Job]:
        for place in range(40):
            alone("jobs")
            yield job_for(place, f"139000000{place:02}")

    def report(_job: Job, _outcomes: Outcomes | SmsError) -> None:
        alone("report")

    send_all(jobs(), api, deadline=600, store=store, threads=8, on_outcome=report)
    assert clashes == []


def test_a_refusal_of_an_intent_is_reported_and_the_others_are_sent(
    api: SmsApi, store: SqliteStore, platform: Platform, reported: Reported
) -> None:
    other_content = Job(1, job_for(0, "13900139000").intent)
    jobs = [job_for(0), other_content, job_for(2)]
    send_all(jobs, api, deadline=600, store=store, threads=1, on_outcome=reported)
    assert reported.codes == {0: ["OK"], 1: [OutIdConflict.code], 2: ["OK"]}
    assert len(platform.sends) == 2


def test_a_mistake_of_ours_leaves_its_job_unknown_and_the_others_are_sent(
    api_to: ApiTo,
    endpoint: str,
    store: SqliteStore,
    reported: Reported,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    asked = 0

    def credentials() -> Credentials:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ZeroDivisionError
        return CREDENTIALS

    api = api_to(endpoint, credentials, **STATE)
    jobs = [job_of_parts(2), job_for(1)]
    send_all(jobs, api, deadline=600, store=store, threads=1, on_outcome=reported)
    assert reported.codes == {0: ["internal-error"] * 2, 1: ["OK"]}
    (_, outcomes), _ = reported.jobs
    assert not isinstance(outcomes, SmsError)
    assert {outcome.outcome for outcome in outcomes} == {"unknown"}
    (line,) = (line for line in log_lines() if line["action"] == "internal-error")
    assert line["outcome"] == "ZeroDivisionError"


# time


@pytest.mark.parametrize(
    ("deadline", "start"),
    [(60.0, 53.0), (14.0, 7.0), (10.0, 5.0), (1.0, 0.5), (-2.0, -1.0)],
)
def test_the_last_send_begins_an_exchange_before_the_end_but_the_first_half_is_free(
    api: SmsApi, deadline: float, start: float
) -> None:
    assert (api.settings.connect_timeout, api.settings.read_timeout) == (2, 5)
    assert last_start(api, deadline) == start


def test_no_send_begins_after_the_last_start(
    api: SmsApi, store: SqliteStore, platform: Platform, clock: ManualClock, reported: Reported
) -> None:
    def slow(_sent: Mapping[str, str]) -> Scene:
        clock.advance(26.5)
        return accepted()

    platform.decide("SendSms", slow)
    jobs = [job_for(place, f"1390000000{place}") for place in range(4)]
    send_all(jobs, api, deadline=60, store=store, threads=1, on_outcome=reported)
    assert reported.codes == {0: ["OK"], 1: ["OK"], 2: ["out-of-time"], 3: ["out-of-time"]}
    assert len(platform.sends) == 2


@pytest.mark.parametrize(
    ("parts", "deadline", "seconds"),
    [
        (1, 600.0, PART_SECONDS),
        (2, 600.0, 2 * PART_SECONDS),
        (1, 20.0, 20.0),
    ],
)
def test_a_job_is_claimed_for_the_time_of_its_parts_and_not_for_the_invocations(
    api: SmsApi,
    store: SqliteStore,
    platform: Platform,
    reported: Reported,
    parts: int,
    deadline: float,
    seconds: float,
) -> None:
    leases: list[float] = []

    def look(_sent: Mapping[str, str]) -> Scene:
        record = read_part(store, WireId("shop", "order-0", 0), state_secret=SECRET)
        leases.append(record.lease_until - AFTERNOON)
        return accepted()

    platform.decide("SendSms", look)
    platform.decide("SendBatchSms", look)
    job = job_for(0) if parts == 1 else job_of_parts(parts)
    send_all([job], api, deadline=deadline, store=store, threads=1, on_outcome=reported)
    assert leases[0] == seconds + LEASE_MARGIN


# what another invocation is at work on


def test_what_is_in_progress_is_tried_again_when_its_lease_has_ended(
    api_to: ApiTo,
    endpoint: str,
    api: SmsApi,
    store: SqliteStore,
    platform: Platform,
    clock: ManualClock,
    reported: Reported,
) -> None:
    leave_claimed(job_for(0), api_to, endpoint, store, deadline=15)
    platform.on("QuerySendDetails", details(detail(OutId="shop~order-0")))
    jobs = [job_for(0), job_for(1)]
    send_all(jobs, api, deadline=600, store=store, threads=1, on_outcome=reported)
    assert [place for place, _ in reported.jobs] == [1, 0]
    assert reported.codes == {0: ["OK"], 1: ["OK"]}
    assert clock.sleeps[0] == 15 + LEASE_MARGIN
    assert [sent["OutId"] for sent in platform.sends] == ["shop~order-1"]


def test_a_job_is_tried_again_when_one_of_its_parts_is_in_progress(
    api_to: ApiTo,
    endpoint: str,
    api: SmsApi,
    store: SqliteStore,
    platform: Platform,
    reported: Reported,
) -> None:
    job = job_of_parts(2)
    leave_claimed(job, api_to, endpoint, store, deadline=15)
    seen = detail(OutId="shop~order-0~0", PhoneNum=job.intent.parts[0].phone_numbers[0])
    platform.on("QuerySendDetails", details(seen))
    send_all([job], api, deadline=600, store=store, threads=1, on_outcome=reported)
    ((_, outcomes),) = reported.jobs
    assert not isinstance(outcomes, SmsError)
    assert [outcome.code for outcome in outcomes] == ["OK", "OK"]
    assert (outcomes[0].reconciled, outcomes[1].replayed) == (True, True)
    assert [sent["OutId"] for sent in platform.sends] == ["shop~order-0~1"]


def test_it_is_tried_only_once_more(
    api_to: ApiTo,
    endpoint: str,
    api: SmsApi,
    store: SqliteStore,
    clock: ManualClock,
    reported: Reported,
) -> None:
    leave_claimed(job_for(0), api_to, endpoint, store, deadline=15)

    def turn_the_clock_back() -> None:  # so that the lease is not over yet
        clock.epoch -= 1

    clock.on_sleep = turn_the_clock_back
    send_all([job_for(0)], api, deadline=600, store=store, threads=1, on_outcome=reported)
    assert reported.codes == {0: ["in-progress"]}
    assert clock.sleeps == [15 + LEASE_MARGIN]


@pytest.mark.parametrize(
    ("parts", "deadline"),
    [(3, 600.0), (1, 30.0)],
    ids=["longer than is waited", "longer than there is time"],
)
def test_what_is_in_progress_for_too_long_is_reported_so(
    api_to: ApiTo,
    endpoint: str,
    api: SmsApi,
    store: SqliteStore,
    clock: ManualClock,
    reported: Reported,
    parts: int,
    deadline: float,
) -> None:
    job = job_for(0) if parts == 1 else job_of_parts(parts)
    leave_claimed(job, api_to, endpoint, store, deadline=600)
    assert parts * PART_SECONDS + LEASE_MARGIN > min(LONGEST_WAIT, deadline)
    send_all([job], api, deadline=deadline, store=store, threads=1, on_outcome=reported)
    assert reported.codes[0][0] == "in-progress"
    assert clock.sleeps == []


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_in_progress_is_reported_when_the_jobs_fail(
    api_to: ApiTo,
    endpoint: str,
    api: SmsApi,
    store: SqliteStore,
    clock: ManualClock,
    reported: Reported,
    threads: int,
) -> None:
    leave_claimed(job_for(0), api_to, endpoint, store, deadline=15)

    def jobs() -> Iterator[Job]:
        yield job_for(0)
        yield job_for(1)
        raise OSError("the file cannot be read any further")

    with pytest.raises(OSError, match="any further"):
        send_all(jobs(), api, deadline=600, store=store, threads=threads, on_outcome=reported)
    assert reported.codes == {0: ["in-progress"], 1: ["OK"]}
    assert clock.sleeps == []


@pytest.mark.parametrize("threads", [1, 3])
def test_a_report_that_fails_ends_the_sends(
    api: SmsApi, store: SqliteStore, platform: Platform, reported: Reported, threads: int
) -> None:
    def report(job: Job, outcomes: Outcomes | SmsError) -> None:
        reported(job, outcomes)
        if len(reported.jobs) == 1:
            raise OSError("the disk is full")

    jobs = [job_for(place, f"139000000{place:02}") for place in range(50)]
    with pytest.raises(OSError, match="the disk is full"):
        send_all(jobs, api, deadline=600, store=store, threads=threads, on_outcome=report)
    assert 1 <= len(platform.sends) < len(jobs)


# outcomes


PART = job_for(0).intent.parts[0]


@pytest.mark.parametrize(
    ("outcome", "repeats"),
    [
        (PartOutcome(PART, "accepted", "OK"), False),
        (PartOutcome(PART, "unknown", "answer-lost"), True),
        (PartOutcome(PART, "unknown", "in-progress", retry_after=3600), True),
        (PartOutcome(PART, "rejected", "connection-failed"), True),
        (PartOutcome(PART, "rejected", "out-of-time"), True),
        (PartOutcome(PART, "rejected", "store-unavailable"), True),
        (PartOutcome(PART, "rejected", "sending-stopped"), True),
        (PartOutcome(PART, "rejected", "isv.MOBILE_NUMBER_ILLEGAL"), False),
        (PartOutcome(PART, "rejected", "number-per-minute", retry_after=1), True),
        (PartOutcome(PART, "rejected", "number-per-minute", retry_after=60), True),
        (PartOutcome(PART, "rejected", "number-per-hour", retry_after=61), False),
    ],
)
def test_a_repeat_is_wanted_where_it_may_change_something(
    outcome: PartOutcome, repeats: bool
) -> None:
    assert wants_repeat(outcome) is repeats


def test_an_entry_is_the_answer_over_http_without_what_belongs_to_http() -> None:
    done = PartOutcome(PART, "accepted", "OK", biz_id=BIZ_ID, request_id=REQUEST_ID)
    assert entry_of("order-0", [done], has_store=True) == {
        "out_id": "order-0",
        "outcome": "accepted",
        "biz_id": BIZ_ID,
        "platform_request_id": REQUEST_ID,
    }
    refusal = PartOutcome(PART, "rejected", "isv.AMOUNT_NOT_ENOUGH", request_id=REQUEST_ID)
    entry = entry_of("order-0", [refusal], has_store=True)
    assert not {"type", "title", "status", "detail"} & entry.keys()
    assert (entry["code"], entry["retryable"]) == ("isv.AMOUNT_NOT_ENOUGH", False)
    assert "ot enough money" in entry["reason"]
