"""From the entries of an event to sends, several at a time, and to what the function returns.

What goes in: the entries as event_sources reads them. What comes out: each entry once, by its place
from 0, in one of four lists::

    {
        "accepted": [{"entry": 0, "out_id": "order-1", "outcome": "accepted", "biz_id": ...}],
        "rejected": [{"entry": 1, "code": "malformed-json", "reason": "is neither JSON nor ..."}],
        "unknown": [],
        "ignored": [],  # files that are none of recipients
    }

A request is for abroad when it says ``"international": true``, or has a field that only
``POST /international-sms`` knows; else it is what ``POST /sms`` takes.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared import settings
from shared.clock import Clock
from shared.errors import (
    BucketUnavailable,
    ConfigurationError,
    InternalError,
    InvalidRequest,
    NotSettled,
    OutIdConflict,
    SmsError,
)
from shared.events.event_sources import (
    Entry,
    Refusal,
    SendRequest,
    StoredFile,
    derived_out_id,
)
from shared.fields import read_flag, read_out_id
from shared.ids import EVENT_SPACE
from shared.logs import Log, safe_code
from shared.sending import mainland
from shared.sending.intents import Defaults, Intent
from shared.trigger.bulk_sends import Job, Outcomes, entry_of, send_all, wants_repeat
from shared.trigger.invocation import (
    Context,
    Invocation,
    log_bug,
    open_invocation,
    open_log,
)

if TYPE_CHECKING:
    from shared.events.file_sends import FileReport

# At a time: a thread that sends mostly waits for the platform's answer.
THREADS = 8
# An event may hold thousands of bad entries. The first of them show in the log what is wrong, and
# the result has them all.
LOGGED_REFUSALS = 100
_LISTS = ("accepted", "rejected", "unknown", "ignored")
_INTERNATIONAL_FIELDS = frozenset(("api", "country_code", "message", "sender_id", "type"))
# An object with none of these was no request to begin with, but an event of a kind unknown here.
_REQUEST_FIELDS = frozenset(
    ("international", "message", "messages", "phone_numbers", "requests", "template_code")
)
_FAILED = InternalError()


def send(
    entries: Sequence[Entry],
    context: Context,
    function: str,
    clock: Clock = Clock(),
) -> dict[str, list[dict[str, Any]]]:
    """Send what the `entries` of an event ask for and return what became of each of them.

    The result is of the form above. Raises only NotSettled, when there is a store and the event,
    delivered again, may settle more. Without a store it never raises, as a repeat might send twice.
    """
    started = clock.monotonic()
    log = open_log(context, function, clock)
    sends = _EventSends(log)
    try:
        space = settings.read_event_caller(os.environ) or EVENT_SPACE
        sends.space = space
        invocation = open_invocation(context, log, started, space=space)
        invocation.api.credentials()
        sends.send(entries, invocation)
    except ConfigurationError as error:
        log.misconfigured(error)
        sends.refuse_rest(len(entries), Refusal.of(error))
    except Exception as error:
        log_bug(error, log)
        sends.refuse_rest(len(entries), Refusal.of(_FAILED))
    result = sends.result()
    open_places = sorted(sends.open_places)
    log.event(
        "warning" if result["rejected"] or result["unknown"] else "info",
        "answer",
        "not-settled" if open_places else "done",
        **{name: len(listed) for name, listed in result.items()},
        duration_ms=round((clock.monotonic() - started) * 1000),
    )
    if open_places and sends.has_store:
        raise NotSettled(
            f"{len(open_places)} of {len(entries)} entries are not settled, from entry "
            f"{open_places[0]} on; deliver the same event again: nothing is sent twice"
        )
    return result


class _EventSends:
    """What became of the entries of one event, by their places.

    `open_places` are those of entries that a repeat of the event may settle. `space` says whose
    out_ids they have.
    """

    def __init__(self, log: Log) -> None:
        self.open_places: set[int] = set()
        self.has_store = False
        self.space = EVENT_SPACE
        self._log = log
        self._refusals = 0
        self._results: dict[int, tuple[str, dict[str, Any]]] = {}
        self._same_places: dict[int, list[int]] = {}  # later entries that are the same intent

    def send(self, entries: Sequence[Entry], invocation: Invocation) -> None:
        """Send the requests among `entries`, then their files one after the other."""
        self.has_store = invocation.store is not None
        jobs = self._jobs(entries, invocation)
        send_all(
            jobs,
            invocation.api,
            deadline=invocation.deadline,
            store=invocation.store,
            threads=max(1, min(THREADS, len(jobs))),
            on_outcome=self._keep_outcome,
        )
        for place, entry in enumerate(entries):
            if isinstance(entry, StoredFile):
                self._send_file(place, entry, invocation)

    def refuse_rest(self, count: int, refusal: Refusal) -> None:
        """Refuse each of `count` entries that has no result yet."""
        for place in range(count):
            if place not in self._results:
                self._refuse(place, refusal)

    def result(self) -> dict[str, list[dict[str, Any]]]:
        """Return what the function returns."""
        result: dict[str, list[dict[str, Any]]] = {name: [] for name in _LISTS}
        for place, (name, entry) in sorted(self._results.items()):
            result[name].append({"entry": place, **entry})
        return result

    def _jobs(self, entries: Sequence[Entry], invocation: Invocation) -> list[Job]:
        """Return a job for each intent in `entries`, and refuse what is none.

        Requests that are equal, their out_ids included, are one intent.
        """
        known = invocation.api.settings
        defaults = Defaults(invocation.space, known.sign_name, known.code_templates)
        jobs: dict[str, Job] = {}
        for place, entry in enumerate(entries):
            if isinstance(entry, StoredFile):
                continue
            if isinstance(entry, Refusal):
                self._refuse(place, entry)
                continue
            try:
                intent = _read_intent(entry, defaults, known.event_secret)
                kind = entry.event_id[0] if entry.event_id else "invocation"
                job = Job(place, intent._replace(event=kind))
                first = jobs.setdefault(job.intent.out_id, job)
                if first.intent != job.intent._replace(event=first.intent.event):
                    raise OutIdConflict(
                        f"entry {first.place} has this out_id, but other content; give each "
                        "entry its own"
                    )
            except SmsError as error:
                self._refuse(place, Refusal.of(error), asked=_asked_out_id(entry))
            except Exception as error:
                log_bug(error, self._log)
                self._refuse(place, Refusal.of(_FAILED))
            else:
                if first is not job:
                    self._same_places.setdefault(first.place, []).append(place)
        return list(jobs.values())

    def _keep_outcome(self, job: Job, outcomes: Outcomes | SmsError) -> None:
        """Keep how a job ended, for its entry and for those that are the same."""
        self._keep_outcome_at(job.place, job, outcomes)
        for place in self._same_places.get(job.place, ()):
            self._keep_outcome_at(place, job, outcomes, same_as=job.place)

    def _keep_outcome_at(
        self, place: int, job: Job, outcomes: Outcomes | SmsError, **members: Any
    ) -> None:
        out_id = job.intent.out_id
        if isinstance(outcomes, SmsError):
            self._refuse(
                place, Refusal.of(outcomes), asked=out_id, members={"out_id": out_id, **members}
            )
            return
        entry = entry_of(out_id, outcomes, has_store=self.has_store)
        self._results[place] = (_list_of(outcomes), {**entry, **members})
        if any(map(wants_repeat, outcomes)):
            self.open_places.add(place)

    def _send_file(self, place: int, file: StoredFile, invocation: Invocation) -> None:
        try:
            report = _file_report(file, invocation)
        except SmsError as error:
            if isinstance(error, ConfigurationError):
                self._log.misconfigured(error)
            self._refuse(place, Refusal.of(error))
            if isinstance(error, BucketUnavailable):
                self.open_places.add(place)
        except Exception as error:  # parts of it may be sent
            log_bug(error, self._log)
            self._results[place] = ("unknown", {"code": _FAILED.code, "reason": str(_FAILED)})
            self.open_places.add(place)
        else:
            self._results[place] = (report.outcome, report.summary)
            if report.wants_repeat:
                self.open_places.add(place)

    def _refuse(
        self, place: int, refusal: Refusal, *, asked: str = "", members: Mapping[str, Any] = {}
    ) -> None:
        """Give the entry at `place` a refusal as its result, beside `members`, and log it.

        `asked` is the out_id that it has, or "".
        """
        self._refusals += 1
        if self._refusals <= LOGGED_REFUSALS:
            self._log.event(
                "warning",
                "entry",
                "rejected",
                entry=place,
                code=safe_code(refusal.code),
                **self._log.ids(self.space, asked),
            )
        entry = {**members, "code": refusal.code, "reason": refusal.reason}
        self._results[place] = ("rejected", entry)


def _read_intent(request: SendRequest, defaults: Defaults, event_secret: str) -> Intent:
    """Read a request as its HTTP function does; raises InvalidRequest."""
    body = request.body
    if not isinstance(body, dict):
        raise InvalidRequest("must be a JSON object", field="request")
    if _REQUEST_FIELDS.isdisjoint(body):
        raise InvalidRequest(
            "is no request to send and no event of a known kind; docs/events.md shows both",
            code="no-request",
        )
    if "out_id" not in body and not request.event_id:
        raise InvalidRequest(
            "is missing, and this event has no id to derive one from: give one, for without it a "
            "repeat would send again",
            field="out_id",
        )
    is_abroad = _is_abroad(body)
    body = {name: value for name, value in body.items() if name != "international"}
    idempotency_key = ""
    if "out_id" not in body:
        idempotency_key = derived_out_id(event_secret, *request.event_id)
    if is_abroad:
        from shared.sending import international  # most events send in the mainland alone

        return international.read_intent(body, idempotency_key, defaults)
    return mainland.read_intent(body, idempotency_key, defaults)


def _asked_out_id(request: SendRequest) -> str:
    """Return the out_id that a request gives, "" where that is none."""
    try:
        return read_out_id(request.body["out_id"], "out_id")
    except (InvalidRequest, LookupError, TypeError):
        return ""


def _is_abroad(body: dict[str, Any]) -> bool:
    if "international" in body:
        return read_flag(body, "international")
    return not _INTERNATIONAL_FIELDS.isdisjoint(body)


def _file_report(file: StoredFile, invocation: Invocation) -> "FileReport":
    """Send to the recipients in `file`, if it holds any; raises what send_file raises."""
    from shared.events import buckets, file_sends  # most events are about no file

    known = settings.read_file_settings(os.environ)
    if not file_sends.is_ours(file, known):
        reason = {"reason": "is no file of recipients, which lie in the folder of SMS_FILE_PREFIX"}
        return file_sends.FileReport("ignored", reason, wants_repeat=False)
    api = invocation.api
    bucket = buckets.open_bucket(
        file.bucket,
        region=file.region or os.environ.get("FC_REGION", ""),
        settings=known,
        credentials=api.credentials(),
        clock=api.clock,
    )
    return file_sends.send_file(file, bucket, invocation, settings=known)


def _list_of(outcomes: Outcomes) -> str:
    """Return the list for a send: unknown when any part is, else rejected when any part is."""
    seen = {outcome.outcome for outcome in outcomes}
    return next(name for name in ("unknown", "rejected", "accepted") if name in seen)
