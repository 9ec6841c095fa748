"""From the entries of an event to sends, several at a time, and to what the function returns.

A request is for abroad when it says ``"international": true``, or has a field that only
``POST /international-sms`` knows; else it is what ``POST /sms`` takes.
"""

import os
from collections.abc import Sequence
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
from shared.events.event_sources import Found, SendRequest, StoredFile
from shared.fields import read_flag
from shared.logs import Log, safe_code
from shared.sending import mainland
from shared.sending.intents import Defaults, Intent
from shared.trigger.bulk_sends import Job, Outcomes, described, send_all, wants_repeat
from shared.trigger.invocation import (
    Context,
    Invocation,
    log_bug,
    open_invocation,
    open_log,
)

if TYPE_CHECKING:
    from shared.events.file_sends import FileReport

THREADS = 8
LOGGED_REFUSALS = 100
_INTERNATIONAL_FIELDS = frozenset(("api", "country_code", "message", "sender_id", "type"))
_REQUEST_FIELDS = frozenset(
    ("international", "message", "messages", "phone_numbers", "requests", "template_code")
)
_FAILED = InternalError()


def send(
    found: Sequence[Found],
    context: Context,
    function: str,
    clock: Clock = Clock(),
) -> dict[str, list[dict[str, Any]]]:
    """Send what was `found` in an event; return the entries, by their places from 0, in lists:
    accepted, rejected, unknown and ignored (no files of recipients).

    Raises only NotSettled, when there is a store and the event, delivered again, may settle more.
    """
    started = clock.monotonic()
    log = open_log(context, function, clock)
    sends = _EventSends(log)
    try:
        invocation = open_invocation(context, log, started)
        invocation.api.credentials()
        sends.send(found, invocation)
    except ConfigurationError as error:
        log.misconfigured(error)
        sends.refuse_rest(len(found), error)
    except Exception as error:
        log_bug(error, log)
        sends.refuse_rest(len(found), _FAILED)
    result = sends.result()
    open_places = sorted(sends.open_places)
    log.event(
        "warning" if result["rejected"] or result["unknown"] else "info",
        "answer",
        "not-settled" if open_places else "done",
        **{name: len(entries) for name, entries in result.items()},
        duration_ms=round((clock.monotonic() - started) * 1000),
    )
    if open_places and sends.has_store:
        raise NotSettled(
            f"{len(open_places)} of {len(found)} entries are not settled, from entry "
            f"{open_places[0]} on; deliver the same event again: nothing is sent twice"
        )
    return result


class _EventSends:
    def __init__(self, log: Log) -> None:
        self.open_places: set[int] = set()
        self.has_store = False
        self._log = log
        self._refusals = 0
        self._entries: dict[int, tuple[str, dict[str, Any]]] = {}
        self._twins: dict[int, list[int]] = {}

    def send(self, found: Sequence[Found], invocation: Invocation) -> None:
        self.has_store = invocation.store is not None
        jobs = self._jobs(found, invocation)
        threads = max(1, min(THREADS, len(jobs)))
        send_all(jobs, invocation.api, invocation.deadline, invocation.store, threads, self._tell)
        for place, entry in enumerate(found):
            if isinstance(entry, StoredFile):
                self._send_file(place, entry, invocation)

    def refuse_rest(self, count: int, error: SmsError) -> None:
        for place in range(count):
            if place not in self._entries:
                self._refuse(place, error)

    def result(self) -> dict[str, list[dict[str, Any]]]:
        return {
            name: [
                {"entry": place, **entry}
                for place, (kind, entry) in sorted(self._entries.items())
                if kind == name
            ]
            for name in ("accepted", "rejected", "unknown", "ignored")
        }

    def _jobs(self, found: Sequence[Found], invocation: Invocation) -> list[Job]:
        known = invocation.api.settings
        defaults = Defaults(known.sign_name, known.code_templates)
        jobs: dict[str, Job] = {}
        for place, entry in enumerate(found):
            if isinstance(entry, StoredFile):
                continue
            try:
                job = Job(place, _read_intent(entry, defaults))
                same = jobs.setdefault(job.intent.out_id, job)
                if same.intent != job.intent:
                    raise OutIdConflict(f"entry {same.place} has this out_id, but other content")
            except SmsError as error:
                self._refuse(place, error)
            except Exception as error:
                log_bug(error, self._log)
                self._refuse(place, _FAILED)
            else:
                if same is not job:
                    self._twins.setdefault(same.place, []).append(place)
        return list(jobs.values())

    def _tell(self, job: Job, outcomes: Outcomes | SmsError) -> None:
        for place in (job.place, *self._twins.get(job.place, ())):
            same_as = {} if place == job.place else {"same_as": job.place}
            if isinstance(outcomes, SmsError):
                self._refuse(place, outcomes, out_id=job.intent.out_id, **same_as)
                continue
            entry = described(job.intent.out_id, outcomes, has_store=self.has_store)
            self._entries[place] = (_list_of(outcomes), {**entry, **same_as})
            if any(map(wants_repeat, outcomes)):
                self.open_places.add(place)

    def _send_file(self, place: int, file: StoredFile, invocation: Invocation) -> None:
        try:
            report = _file_report(file, invocation)
        except SmsError as error:
            if isinstance(error, ConfigurationError):
                self._log.misconfigured(error)
            self._refuse(place, error)
            if isinstance(error, BucketUnavailable):
                self.open_places.add(place)
        except Exception as error:
            log_bug(error, self._log)
            self._entries[place] = ("unknown", {"code": _FAILED.code, "reason": str(_FAILED)})
            self.open_places.add(place)
        else:
            self._entries[place] = (report.outcome, report.summary)
            if report.wants_repeat:
                self.open_places.add(place)

    def _refuse(self, place: int, error: SmsError, **members: Any) -> None:
        self._refusals += 1
        if self._refusals <= LOGGED_REFUSALS:
            field = str(getattr(error, "field", ""))
            code = safe_code(error.code)
            self._log.event("warning", "entry", "rejected", entry=place, code=code, field=field)
        self._entries[place] = ("rejected", {**members, "code": error.code, "reason": str(error)})


def _read_intent(entry: Found, defaults: Defaults) -> Intent:
    if isinstance(entry, InvalidRequest):
        raise entry
    if not isinstance(entry, SendRequest) or not isinstance(entry.body, dict):
        raise InvalidRequest("must be a JSON object", field="request")
    body = entry.body
    if not _REQUEST_FIELDS & body.keys():
        raise InvalidRequest(
            "is no request to send and no event of a known kind", code="no-request"
        )
    if "out_id" not in body and not entry.derived_out_id:
        raise InvalidRequest(
            "is missing, and this event has no id to derive one from: a repeat would send again",
            field="out_id",
        )
    is_abroad: object = _INTERNATIONAL_FIELDS & body.keys()
    if "international" in body:
        is_abroad = read_flag(body, "international")
    request = {name: value for name, value in body.items() if name != "international"}
    key = "" if "out_id" in body else entry.derived_out_id
    if is_abroad:
        from shared.sending import international

        return international.read_intent(request, key, defaults)
    return mainland.read_intent(request, key, defaults)


def _file_report(file: StoredFile, invocation: Invocation) -> "FileReport":
    from shared.events import buckets, file_sends

    known = settings.read_file_settings(os.environ)
    if not file_sends.is_ours(file, known):
        reason = {"reason": "is no file in SMS_FILE_PREFIX"}
        return file_sends.FileReport("ignored", reason, wants_repeat=False)
    api = invocation.api
    region = file.region or os.environ.get("FC_REGION", "")
    bucket = buckets.open_bucket(file.bucket, region, known, api.credentials(), api.clock)
    return file_sends.send_file(file, bucket, invocation, known)


def _list_of(outcomes: Outcomes) -> str:
    known = {outcome.outcome for outcome in outcomes}
    return next(name for name in ("unknown", "rejected", "accepted") if name in known)
