"""Many intents, several at a time."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import SmsError
from shared.platform.sms_api import SmsApi
from shared.sending import claims
from shared.sending.intents import Intent, PartOutcome
from shared.trigger import answers, invocation

if TYPE_CHECKING:
    from shared.state.store import Store

PART_SECONDS = 30.0  # and not more, so that one whose invocation died is free again soon
LONGEST_WAIT = 2 * PART_SECONDS


class Job(NamedTuple):
    """An intent to send; `place` tells its sender which it is."""

    place: int
    intent: Intent


Outcomes = Sequence[PartOutcome]
Tell = Callable[[Job, Outcomes | SmsError], None]


def send_all(
    jobs: Iterable[Job],
    api: SmsApi,
    deadline: float,
    store: "Store | None",
    threads: int,
    tell: Tell,
) -> None:
    """Send every job, `threads` at a time, and `tell` how each ended; jobs are taken when needed.

    What another invocation is at work on is tried once more when that must have ended. Nothing
    outlives `deadline` (monotonic seconds). `jobs` and `tell` run in the threads, never two at
    once; what they raise is raised.
    """
    crew = _Crew(api, deadline, last_start(api, deadline), store)
    waiting: list[tuple[Job, Outcomes]] = []
    again: list[tuple[Job, Outcomes]] = []

    def tell_or_wait(job: Job, outcomes: Outcomes | SmsError) -> None:
        if isinstance(outcomes, SmsError) or all(each.code != "in-progress" for each in outcomes):
            tell(job, outcomes)
        else:
            waiting.append((job, outcomes))

    try:
        crew.work(jobs, threads, tell_or_wait)
        wait = max((part.retry_after for _, outcomes in waiting for part in outcomes), default=0)
        if wait <= LONGEST_WAIT and api.clock.monotonic() + wait < deadline:
            again, waiting = waiting, again
    finally:
        for job, outcomes in waiting:
            tell(job, outcomes)
    if again:
        api.clock.sleep(wait)
        crew.work((job for job, _ in again), threads, tell)


def last_start(api: SmsApi, deadline: float) -> float:
    """Return when the last send may begin: the time of one exchange before `deadline`, but not in
    the first half of what is left.
    """
    left = deadline - api.clock.monotonic()
    exchange = api.settings.connect_timeout + api.settings.read_timeout
    return deadline - min(exchange, left / 2)


def wants_repeat(outcome: PartOutcome) -> bool:
    """Whether the event, delivered again within a minute, may settle an outcome."""
    return (
        outcome.outcome == "unknown"
        or outcome.code in ("connection-failed", "out-of-time", "store-unavailable")
        or 0 < outcome.retry_after <= 60
    )


def described(out_id: str, outcomes: Outcomes, *, has_store: bool) -> dict[str, Any]:
    """Return an HTTP function's answer as an entry of a result."""
    body: Any = answers.send_response(out_id, outcomes, has_store=has_store).body
    return {
        "reason" if name == "detail" else name: value
        for name, value in body.items()
        if name not in ("type", "title", "status")
    }


class _Crew(NamedTuple):
    api: SmsApi
    deadline: float
    last_start: float
    store: "Store | None"

    def work(self, jobs: Iterable[Job], threads: int, tell: Tell) -> None:
        rest = iter(jobs)
        if threads == 1:
            for job in rest:
                tell(job, self._send(job))
            return
        turn = threading.Lock()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                while not failures:
                    with turn:
                        job = next(rest, None)
                    if job is None:
                        return
                    outcomes = self._send(job)
                    with turn:
                        tell(job, outcomes)
            except BaseException as error:
                failures.append(error)
            finally:
                self.api.session.close()  # this thread's connections

        crew = [threading.Thread(target=run) for _ in range(threads)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        if failures:
            raise failures[0]

    def _send(self, job: Job) -> Outcomes | SmsError:
        parts = job.intent.parts
        now = self.api.clock.monotonic()
        if now >= self.last_start:
            return [PartOutcome(part, "rejected", "out-of-time") for part in parts]
        deadline = min(self.deadline, now + PART_SECONDS * len(parts))
        try:
            return claims.send(job.intent, self.api, deadline, self.store)
        except SmsError as error:
            return error
        except Exception as error:
            invocation.log_bug(error, self.api.log)
            return [PartOutcome(part, "unknown", "internal-error") for part in parts]
