"""From a file of recipients in a bucket to sends, and to an object of results.

What goes in: an object such as ``sms-files/a.csv``; recipient_files reads it. What comes out: a
FileReport, and an object of JSON lines such as ``sms-results/a.csv.<eTag>.jsonl``::

    {"row":7,"line":8,"outcome":"rejected","reason":"phone_number: is not a mobile number ..."}
    {"part":0,"first_row":1,"last_row":100,"sent_to":99,"out_id":"...~0","outcome":"accepted",...}
    {"summary":{"out_id":"...","parts":{"accepted":1,...},"rows":{"accepted":99,...}}}

docs/events.md describes both. A repeat of the event writes the same object of results again.
"""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, NamedTuple
from urllib.parse import unquote

from shared.errors import BucketUnavailable, ConfigurationError, InvalidRequest, SmsError
from shared.events import recipient_files
from shared.events.buckets import Bucket
from shared.events.event_sources import WHOLE_OBJECTS, StoredFile, derived_out_id
from shared.events.first_rows import FirstRows
from shared.events.recipient_files import Row
from shared.ids import EVENT_SPACE, FILE_SPACE, compact_json
from shared.limit_rules import RULE_OF
from shared.sending.intents import BATCH_SIZE, Defaults, Intent, Part, PartOutcome
from shared.sending.limits import Limits
from shared.settings import FileSettings
from shared.trigger import bulk_sends
from shared.trigger.bulk_sends import Job, Outcomes
from shared.trigger.invocation import Invocation

# Time that is kept for writing the results, when all sends have ended: so much, but no more than
# the last quarter of a short time.
RESULT_SECONDS = 5.0
_SHARE_FOR_SENDING = 0.75
# A multipart upload tells of these steps, too; its end has an event of its own.
_UNFINISHED_UPLOADS = ("InitiateMultipartUpload", "UploadPart")


class FileReport(NamedTuple):
    """What became of a file: accepted, rejected, unknown or ignored, with the details.

    `wants_repeat`: the event, delivered again, may settle or send more.
    """

    outcome: str
    summary: dict[str, Any]
    wants_repeat: bool


def is_ours(file: StoredFile, settings: FileSettings) -> bool:
    """Whether `file` lies where recipients do, and is no folder and no unfinished upload."""
    if file.key.endswith("/") or file.written_by in _UNFINISHED_UPLOADS:
        return False
    return any(key.startswith(settings.prefix) for key in _possible_keys(file))


def send_file(
    file: StoredFile, bucket: Bucket, invocation: Invocation, *, settings: FileSettings
) -> FileReport:
    """Send to the recipients in `file` and write the results into its bucket.

    Raises what Bucket.read raises, and then nothing was sent.
    """
    if file.written_by not in WHOLE_OBJECTS:
        raise InvalidRequest(
            "is no event of a file that was written whole, and only such are sent to: upload it by "
            f"{', '.join(WHOLE_OBJECTS)}",
            field="eventName",
        )
    key, pieces = _open(file, bucket, settings)
    # The results are kept on the disk, as a file may have millions of rows.
    with tempfile.TemporaryFile() as results:
        sends = _FileSends(file._replace(key=key), invocation, settings=settings, results=results)
        sends.run(pieces)
        return sends.finish(bucket)


def _possible_keys(file: StoredFile) -> tuple[str, ...]:
    """Return the key as it came, and, if that differs, what it is when it came URL-encoded.

    No page of the documentation says whether it does.
    """
    return tuple(dict.fromkeys((file.key, unquote(file.key))))


def _open(file: StoredFile, bucket: Bucket, settings: FileSettings) -> tuple[str, Iterator[bytes]]:
    """Return the key under which `file` is found, and its content in pieces."""
    keys = [key for key in _possible_keys(file) if key.startswith(settings.prefix)]
    for key in keys[:-1]:
        with suppress(InvalidRequest):  # there is no such object under this key
            return key, bucket.read(key, file.etag)
    return keys[-1], bucket.read(keys[-1], file.etag)


class _FileSends:
    """The sends to the recipients in one file: `run` makes them, `finish` writes the results."""

    def __init__(
        self,
        file: StoredFile,
        invocation: Invocation,
        *,
        settings: FileSettings,
        results: IO[bytes],
    ) -> None:
        self._file = file
        self._api = invocation.api
        self._store = invocation.store
        self._settings = settings
        self._results = results
        known = self._api.settings
        space = FILE_SPACE if invocation.space == EVENT_SPACE else invocation.space
        self._defaults = Defaults(space, known.sign_name, known.code_templates)
        self._check = Limits(self._api).check_destinations
        self._out_id = derived_out_id(known.event_secret, "oss", file.bucket, file.key, file.etag)
        now = self._api.clock.monotonic()
        left = invocation.deadline - now
        self._deadline = now + max(left - RESULT_SECONDS, left * _SHARE_FOR_SENDING)
        self._last_start = bulk_sends.last_start(self._api, self._deadline)
        self._template_code = ""
        self._first_rows = FirstRows()
        self._parts = {"accepted": 0, "rejected": 0, "unknown": 0}
        self._rows = self._parts.copy()
        # Why the file is not sent to, or not to its end: code and reason.
        self._problem: dict[str, str] = {}
        self._wants_repeat = False

    def run(self, pieces: Iterator[bytes]) -> None:
        """Send to the recipients in `pieces`, until the end, the deadline or a problem of all."""
        try:
            bulk_sends.send_all(
                self._jobs(pieces),
                self._api,
                deadline=self._deadline,
                store=self._store,
                threads=self._settings.parallel,
                on_outcome=self._keep_outcome,
            )
        except (BucketUnavailable, ConfigurationError, InvalidRequest) as error:
            self._problem = {"code": error.code, "reason": str(error)}
            if isinstance(error, ConfigurationError):
                self._api.log.misconfigured(error)
            self._wants_repeat |= isinstance(error, BucketUnavailable)

    def finish(self, bucket: Bucket) -> FileReport:
        """Write the results into `bucket`, log how the file ended, and report it."""
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
            **self._api.log.ids(self._defaults.space, self._out_id),
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
        """Yield a job for each part, unless all its rows are refused; none after a problem of all.

        A part is read when its job is asked for, so that no more of the file is in memory.
        """
        for batch in self._batches(pieces):
            self._stop_when_time_is_over()
            if self._problem:
                return
            part = self._read_part(batch)
            if part:
                yield Job(part.number, self._intent(part))

    def _intent(self, part: Part) -> Intent:
        """Return one part of the file as an intent: parts are numbered, however many there are."""
        return Intent(
            out_id=self._out_id,
            parts=(part,),
            space=self._defaults.space,
            is_numbered=True,
            event="file",
        )

    def _batches(self, pieces: Iterator[bytes]) -> Iterator[list[Row]]:
        """Yield the rows of each part, when those of the next one were read.

        So a file of several parts is known before anything of it is sent. It needs a store: its
        time may be over in the middle, and a repeat has to know which of its parts were sent. A
        single part is protected by its nonce for 15 minutes, as any request without a store.
        Raises InvalidRequest for a file without recipients, ConfigurationError without a store.
        """
        rows = recipient_files.read_rows(
            pieces,
            self._file.key,
            encoding=self._settings.encoding,
            columns=self._settings.columns,
        )
        batches = recipient_files.in_parts(rows)
        batch = next(batches, None)
        if batch is None:
            raise InvalidRequest("holds no recipients", field="file")
        for following in batches:
            if self._store is None:
                raise ConfigurationError(
                    f"a file of more than {BATCH_SIZE} rows needs shared state (SMS_STATE_URL), so "
                    "that a repeat does not send again; nothing was sent"
                )
            yield batch
            batch = following
        yield batch

    def _read_part(self, batch: list[Row]) -> Part | None:
        """Return the part that the rows of `batch` make, if any, and refuse those that are wrong.

        The first row of the file that can be read decides the template. The parts are read one
        after the other and each repeat begins with row 1: so it is the same row that owns a number.
        """
        first_good = next((row for row in batch if not row.problem), None)
        if first_good and not self._template_code:
            self._template_code = first_good.template_code or self._settings.template_code
        part, refused = recipient_files.read_part(
            batch,
            self._out_id,
            template_code=self._template_code,
            defaults=self._defaults,
            first_rows=self._first_rows,
            check=self._check,
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
        return part

    def _keep_outcome(self, job: Job, outcomes: Outcomes | SmsError) -> None:
        """Write down and count how a part ended, and stop if the others would end alike."""
        (part,) = job.intent.parts
        line: dict[str, Any] = {
            "part": part.number,
            "first_row": part.first + 1,
            "last_row": part.last + 1,
            "sent_to": len(part.phone_numbers),
        }
        if isinstance(outcomes, SmsError):
            name = "rejected"
            line |= {"outcome": name, "code": outcomes.code, "reason": str(outcomes)}
        else:
            (outcome,) = outcomes
            name = outcome.outcome
            line |= bulk_sends.entry_of(
                job.intent.out_id, outcomes, has_store=self._store is not None
            )
            self._wants_repeat |= bulk_sends.wants_repeat(outcome)
            if name == "rejected":
                self._stop_if_all_are_refused(outcome)
        self._write(line)
        self._parts[name] += 1
        self._rows[name] += len(part.phone_numbers)

    def _stop_when_time_is_over(self) -> None:
        if self._api.clock.monotonic() >= self._last_start:
            self._stop(
                "out-of-time", "the time was over; a repeat goes on from here", wants_repeat=True
            )

    def _stop_if_all_are_refused(self, outcome: PartOutcome) -> None:
        """Stop when what refused a part would refuse the others as well."""
        code = outcome.code
        if _is_about_one_number(code):
            return
        if code in RULE_OF:
            self._stop(code, "the rest was not tried: the limit is reached", wants_repeat=False)
        elif code in ("connection-failed", "sending-stopped", "store-unavailable"):
            self._stop(
                code, "the rest was not tried; a repeat goes on from here", wants_repeat=True
            )
        elif _is_about_the_account(code):
            self._stop(
                code, "the rest was not tried: it would be refused as well", wants_repeat=False
            )

    def _stop(self, code: str, reason: str, *, wants_repeat: bool) -> None:
        """Send to no more parts; the first reason is the one that is reported."""
        self._problem = self._problem or {"code": code, "reason": reason}
        self._wants_repeat |= wants_repeat

    def _write(self, line: dict[str, Any]) -> None:
        self._results.write(compact_json(line).encode("utf-8", "replace") + b"\n")


def _is_about_one_number(code: str) -> bool:
    """Whether the limit `code` says nothing about the numbers of other parts."""
    return code in RULE_OF and RULE_OF[code].is_about_one_number


def _is_about_the_account(code: str) -> bool:
    """Whether the platform refuses every send with `code`, until somebody changes something."""
    from shared.platform.error_codes import find  # most files meet no refusal

    known = find(code)
    return known is not None and known.kind in ("account", "config")
