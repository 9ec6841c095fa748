"""Many intents, several at a time.

What goes in: jobs, each an intent with a place that its sender knows it by. What comes out: for
each job one call of `on_outcome`, with an outcome for each part of its intent, or with the error
that refused the whole intent.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.errors import SmsError
from shared.platform.sms_api import SmsApi
from shared.sending.intents import Intent, PartOutcome
from shared.sending.protocol import send
from shared.trigger import answers, invocation

if TYPE_CHECKING:
    from shared.state.store import Store

# The time that a job has for each of its parts. A part stays claimed until its deadline (and 5
# seconds more), also when its invocation died, and an invocation may have hours left: so no part
# gets all of them. 30 seconds hold an exchange (7 by default), some repeats after throttling, and a
# look-up (3 by default).
PART_SECONDS = 30.0
# The most to wait for what another invocation is at work on. A job of one part is free by then;
# what takes longer is left to a repeat of the event, as waiting costs the function's time.
LONGEST_WAIT = 2 * PART_SECONDS
# Function Compute repeats a failed event soon, three times by default: a limit of a minute may be
# over by then, one of an hour or a day is not.
_REPEAT_SECONDS = 60
# Nothing was sent, and the reason may be gone when the event is repeated.
_NOT_SENT_YET = ("connection-failed", "out-of-time", "sending-stopped", "store-unavailable")


class Job(NamedTuple):
    """An intent to send; `place` tells its sender which it is."""

    place: int
    intent: Intent


Outcomes = Sequence[PartOutcome]
OnOutcome = Callable[[Job, Outcomes | SmsError], None]


def send_all(
    jobs: Iterable[Job],
    api: SmsApi,
    *,
    deadline: float,
    store: "Store | None",
    threads: int,
    on_outcome: OnOutcome,
) -> None:
    """Send every job, `threads` at a time, and call `on_outcome` when one has ended.

    A job is taken from `jobs` when a thread is free for it, so that a file is read as it is sent.
    What another invocation is at work on is tried once more when that must have ended. Nothing
    outlives `deadline` (monotonic seconds). `jobs` and `on_outcome` run in the threads, never two
    at once. Raises what they raise, when every job that has ended was reported.
    """
    sender = _Sender(api, deadline, last_start=last_start(api, deadline), store=store)
    in_progress: list[tuple[Job, Outcomes]] = []

    def report_or_keep(job: Job, outcomes: Outcomes | SmsError) -> None:
        if not isinstance(outcomes, SmsError) and any(map(_is_in_progress, outcomes)):
            in_progress.append((job, outcomes))
        else:
            on_outcome(job, outcomes)

    def report_kept() -> None:
        for job, outcomes in in_progress:
            on_outcome(job, outcomes)

    try:
        sender.send_each(jobs, threads, report_or_keep)
    except BaseException:
        report_kept()
        raise
    wait = _longest_wait(outcomes for _, outcomes in in_progress)
    if wait > LONGEST_WAIT or api.clock.monotonic() + wait >= deadline:
        report_kept()
    elif in_progress:
        api.clock.sleep(wait)
        sender.send_each((job for job, _ in in_progress), threads, on_outcome)


def last_start(api: SmsApi, deadline: float) -> float:
    """Return when the last send may begin, in monotonic seconds like `deadline`.

    A send that begins later than one exchange before the deadline may be cut off in the middle,
    which leaves it in doubt; one that does not begin is known not to be sent. But sends may begin
    in the first half of what is left, or a function with a short timeout would send nothing.
    """
    left = deadline - api.clock.monotonic()
    exchange = api.settings.connect_timeout + api.settings.read_timeout
    return deadline - min(exchange, left / 2)


def wants_repeat(outcome: PartOutcome) -> bool:
    """Whether a repeat of the event may settle this outcome or change it."""
    return (
        outcome.outcome == "unknown"
        or outcome.code in _NOT_SENT_YET
        or 0 < outcome.retry_after <= _REPEAT_SECONDS
    )


def entry_of(out_id: str, outcomes: Outcomes, *, has_store: bool) -> dict[str, Any]:
    """Return what an HTTP function would answer, as an entry of a result.

    ``{"out_id": "order-1", "outcome": "accepted", "biz_id": "900619746936498440^0", ...}``, or for
    a refusal ``{"code": "isv.AMOUNT_NOT_ENOUGH", "reason": "Not enough money ...", ...}``.
    """
    body: Any = answers.send_response(out_id, outcomes, has_store=has_store).body
    return {
        "reason" if name == "detail" else name: value
        for name, value in body.items()
        if name not in ("type", "title", "status")
    }


def _is_in_progress(outcome: PartOutcome) -> bool:
    """Whether another invocation is at work on the part."""
    return outcome.code == "in-progress"


def _longest_wait(kept: Iterable[Outcomes]) -> int:
    """Return the seconds after which all outcomes in `kept` may be others; 0 for none."""
    return max((part.retry_after for outcomes in kept for part in outcomes), default=0)


class _Sender(NamedTuple):
    """Sends jobs until `deadline`, and begins none after `last_start` (monotonic seconds)."""

    api: SmsApi
    deadline: float
    last_start: float
    store: "Store | None"

    def send_each(self, jobs: Iterable[Job], threads: int, on_outcome: OnOutcome) -> None:
        """Send every job, `threads` at a time; see send_all."""
        remaining = iter(jobs)
        if threads == 1:  # in this thread, whose connections are kept for later invocations
            for job in remaining:
                on_outcome(job, self._send(job))
            return
        lock = threading.Lock()
        failures: list[BaseException] = []

        def send_until_none_is_left() -> None:
            try:
                while not failures:
                    with lock:
                        job = next(remaining, None)
                    if job is None:
                        return
                    outcomes = self._send(job)
                    with lock:
                        on_outcome(job, outcomes)
            except BaseException as error:
                failures.append(error)
            finally:
                self.api.session.close()  # this thread's connections

        started = [threading.Thread(target=send_until_none_is_left) for _ in range(threads)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
        if failures:
            raise failures[0]

    def _send(self, job: Job) -> Outcomes | SmsError:
        """Send a job and return how it ended; raises nothing, so that the others go on."""
        parts = job.intent.parts
        now = self.api.clock.monotonic()
        if now >= self.last_start:
            return [PartOutcome(part, "rejected", "out-of-time") for part in parts]
        deadline = min(self.deadline, now + PART_SECONDS * len(parts))
        try:
            return send(job.intent, self.api, deadline, store=self.store)
        except SmsError as error:
            return error
        except Exception as error:
            invocation.log_bug(error, self.api.log)
            return [PartOutcome(part, "unknown", "internal-error") for part in parts]
