"""From an object of recipients in an OSS bucket to sends, and to an object of results.

docs/events.md describes both. A repeat writes the same object of results again.

Each piece that is read is a request of its own, as OSS keeps no connection open for that long;
If-Match makes all of them pieces of one object. A directory can play the buckets.

Sources: "GetObject" and "HTTP Range requests" of the OSS documentation; new buckets take Signature
V4 only, which oss2 has since 2.18.4: python3.12, but not python3.10.
"""

import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from shared.errors import BucketUnavailable, ConfigurationError, InvalidRequest, SmsError
from shared.events import recipient_files
from shared.events.buckets import Bucket
from shared.events.event_sources import WHOLE_OBJECTS, StoredFile, derived_out_id
from shared.ids import compact_json
from shared.limit_rules import DEFAULT_LIMITS
from shared.sending.intents import BATCH_SIZE, Defaults, Intent, PartOutcome
from shared.sending.limits import Limits
from shared.settings import FileSettings
from shared.trigger import bulk_sends
from shared.trigger.bulk_sends import Job, Outcomes
from shared.trigger.invocation import Invocation

RESULT_SECONDS = 5.0  # for writing the results, or a quarter of the time


class FileReport(NamedTuple):
    """What became of a file: accepted, rejected, unknown or ignored, with the details, and whether
    the event should be delivered again.
    """

    outcome: str
    summary: dict[str, Any]
    wants_repeat: bool


def is_ours(file: StoredFile, settings: FileSettings) -> bool:
    """Whether `file` lies where recipients do, and is no folder and no unfinished upload."""
    if file.key.endswith("/") or file.written_by in ("InitiateMultipartUpload", "UploadPart"):
        return False
    return any(key.startswith(settings.prefix) for key in _keys(file))


def send_file(
    file: StoredFile, bucket: Bucket, invocation: Invocation, settings: FileSettings
) -> FileReport:
    """Send to the recipients in `file` and write the results into its bucket.

    Raises what Bucket.read raises, and then nothing was sent.
    """
    if file.written_by not in WHOLE_OBJECTS:
        raise InvalidRequest(
            f"only objects written whole are sent to ({', '.join(WHOLE_OBJECTS)})",
            field="eventName",
        )
    key, pieces = _open(file, bucket, settings)
    with tempfile.TemporaryFile() as results:
        sends = _FileSends(file._replace(key=key), invocation, settings, results)
        sends.run(pieces)
        return sends.finish(bucket)


def _keys(file: StoredFile) -> tuple[str, ...]:
    return tuple(dict.fromkeys((file.key, unquote(file.key))))


def _open(file: StoredFile, bucket: Bucket, settings: FileSettings) -> tuple[str, Iterator[bytes]]:
    keys = [key for key in _keys(file) if key.startswith(settings.prefix)]
    try:
        return keys[0], bucket.read(keys[0], file.etag)
    except InvalidRequest:
        if len(keys) == 1:
            raise
    return keys[1], bucket.read(keys[1], file.etag)


class _FileSends:
    def __init__(
        self, file: StoredFile, invocation: Invocation, settings: FileSettings, results: Any
    ) -> None:
        self._file = file
        self._api = invocation.api
        self._store = invocation.store
        self._settings = settings
        self._results = results
        known = self._api.settings
        self._defaults = Defaults(known.sign_name, known.code_templates)
        self._check = Limits(self._api).check_destinations
        self._out_id = derived_out_id("oss", file.bucket, file.key, file.etag)
        now = self._api.clock.monotonic()
        left = invocation.deadline - now
        self._deadline = now + max(left - RESULT_SECONDS, left * 0.75)
        self._last_start = bulk_sends.last_start(self._api, self._deadline)
        self._parts = {"accepted": 0, "rejected": 0, "unknown": 0}
        self._rows = self._parts.copy()
        self._problem: dict[str, str] = {}
        self._wants_repeat = False

    def run(self, pieces: Iterator[bytes]) -> None:
        try:
            bulk_sends.send_all(
                self._jobs(pieces),
                self._api,
                self._deadline,
                self._store,
                self._settings.parallel,
                self._told,
            )
        except (BucketUnavailable, ConfigurationError, InvalidRequest) as error:
            self._problem = {"code": error.code, "reason": str(error)}
            if isinstance(error, ConfigurationError):
                self._api.log.misconfigured(error)
            self._wants_repeat |= isinstance(error, BucketUnavailable)

    def finish(self, bucket: Bucket) -> FileReport:
        summary: dict[str, Any] = {"out_id": self._out_id, "parts": self._parts, "rows": self._rows}
        summary |= self._problem
        self._write({"summary": summary})
        name = self._file.key.removeprefix(self._settings.prefix)
        key = f"{self._settings.results_prefix}{name}.{self._file.etag}.jsonl"
        try:
            bucket.write(key, self._results)
            summary["results"] = key
        except (BucketUnavailable, ConfigurationError, InvalidRequest) as error:
            self._api.log.failed("write-results", error)
            summary["results_reason"] = str(error)
            self._wants_repeat |= isinstance(error, BucketUnavailable)
        outcome = self._outcome()
        self._api.log.event(
            "info" if outcome == "accepted" and not self._rows["rejected"] else "warning",
            "send-file",
            outcome,
            code=self._problem.get("code", ""),
            file_out_id=self._out_id,
            **{f"{name}_rows": count for name, count in self._rows.items()},
        )
        return FileReport(outcome, summary, self._wants_repeat)

    def _outcome(self) -> str:
        if self._parts["unknown"]:
            return "unknown"
        if self._problem or self._parts["rejected"] or not self._parts["accepted"]:
            return "rejected"
        return "accepted"

    def _jobs(self, pieces: Iterator[bytes]) -> Iterator[Job]:
        rows = recipient_files.read_rows(pieces, self._file.key, self._settings.encoding)
        batches = recipient_files.in_parts(rows)
        batch = next(batches, [])
        if not batch:
            raise InvalidRequest("holds no recipients", field="file")
        following = next(batches, [])
        if following and self._store is None:
            raise ConfigurationError(
                f"a file of more than {BATCH_SIZE} rows needs shared state (SMS_STATE_URL), so "
                "that a repeat does not send again; nothing was sent"
            )
        template_code = ""
        while batch:
            if not template_code and (read := [row for row in batch if not row.problem]):
                template_code = read[0].template_code or self._settings.template_code
            if self._api.clock.monotonic() >= self._last_start:
                self._stop("out-of-time", "the time was over; a repeat goes on from here", True)
            if self._problem:
                return
            part, refused = recipient_files.read_part(
                batch, self._out_id, template_code, self._defaults, self._check
            )
            self._rows["rejected"] += len(refused)
            for row in refused:
                self._write(
                    {
                        "row": row.number,
                        "line": row.line,
                        "outcome": "rejected",
                        "reason": row.problem,
                    }
                )
            if part:
                yield Job(part.number, Intent(self._out_id, (part,)))
            batch, following = following, next(batches, [])

    def _told(self, job: Job, outcomes: Outcomes | SmsError) -> None:
        (part,) = job.intent.parts
        line: dict[str, Any] = {
            "part": part.number,
            "first_row": part.first + 1,
            "last_row": part.last + 1,
            "sent_to": len(part.phone_numbers),
        }
        if isinstance(outcomes, SmsError):
            outcome = "rejected"
            line |= {"outcome": outcome, "code": outcomes.code, "reason": str(outcomes)}
        else:
            (told,) = outcomes
            outcome = told.outcome
            line |= bulk_sends.described(part.out_id, outcomes, has_store=self._store is not None)
            self._wants_repeat |= bulk_sends.wants_repeat(told)
            self._stop_if_hopeless(told)
        self._write(line)
        self._parts[outcome] += 1
        self._rows[outcome] += len(part.phone_numbers)

    def _stop_if_hopeless(self, told: PartOutcome) -> None:
        if told.outcome != "rejected" or told.code.startswith(("number-", "codes-")):
            return
        from shared.platform.error_codes import find

        known = find(told.code)
        if told.code in DEFAULT_LIMITS:
            self._stop(told.code, "the rest was not tried: the limit is reached", False)
        elif told.code in ("connection-failed", "store-unavailable"):
            self._stop(told.code, "the rest was not tried; a repeat goes on from here", True)
        elif known is not None and known.kind in ("account", "config"):
            self._stop(told.code, "the rest was not tried: it would be refused as well", False)

    def _stop(self, code: str, reason: str, wants_repeat: bool) -> None:
        self._problem = self._problem or {"code": code, "reason": reason}
        self._wants_repeat |= wants_repeat

    def _write(self, line: dict[str, Any]) -> None:
        self._results.write(compact_json(line).encode("utf-8", "replace") + b"\n")
