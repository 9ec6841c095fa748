"""Every trigger's event as a list of entries: what it asks for.

What goes in: the bytes of an event, such as those of a message of an MNS topic::

    {"TopicName": "orders", "MessageId": "B42BC3A5", "Message": "<a request as JSON>", ...}

What comes out: here one SendRequest. Its `body` is the object in ``Message``, its `event_id` holds
topic and MessageId, which an out_id is made from. An event about an object in OSS gives a
StoredFile. What cannot be read gives a Refusal, so that the other entries are sent all the same.

docs/events.md tells where each kind of event has its request and its id, and names the sources. A
message's own id goes before its event's, as it stays when the message comes again in another batch.
HTTP events are refused: nobody authenticated them.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from shared.errors import InvalidRequest, SmsError
from shared.fields import parse_json
from shared.ids import keyed, letters
from shared.trigger.event_size import LARGEST_CONTENT, LARGEST_EVENT, is_too_large

# What is made of each entry takes some thousand bytes, however short it is.
MOST_ENTRIES = 10_000
# The operations that write an object whole. AppendObject is none: a file that still grows would be
# sent to after each of its pieces.
WHOLE_OBJECTS = ("PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload")
# What these hold goes into the address and the headers of requests to OSS, so nothing else may.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ETAG = re.compile(r"[A-Za-z0-9-]{1,128}")
_LONGEST_KEY = 1023  # bytes of an object's name, as OSS allows


class SendRequest(NamedTuple):
    """A request to send: `body` is what ``POST /sms`` or ``POST /international-sms`` takes.

    `event_id` is what the out_id of a body without one is made from: the kind of the event, what
    names it there, and the place in it. It is empty where the event has no id.
    """

    body: Any
    event_id: tuple[str, ...]


class StoredFile(NamedTuple):
    """An object in a bucket, `written_by` an operation such as PutObject.

    `etag` has no quotes; `region` is of the form ``cn-hangzhou`` and may be empty.
    """

    bucket: str
    key: str
    etag: str
    region: str
    written_by: str


class Refusal(NamedTuple):
    """Why an entry is not sent: code and text of the error that it stands for.

    The text may name a field that the caller made up, so it is for the result, and not for the log.
    """

    code: str
    reason: str

    @classmethod
    def of(cls, error: SmsError) -> "Refusal":
        """Return the refusal that an error means."""
        return cls(code=error.code, reason=str(error))


Entry = SendRequest | StoredFile | Refusal


def read_event(event: bytes) -> list[Entry]:
    """Return the entries of `event` in order, and at least one. Raises nothing."""
    return _entries_or_refusal(_read, event)


def derived_out_id(state_secret: str, *event_id: str) -> str:
    """Return the out_id that the id of an event stands for: always the same 32 letters.

    With a secret nobody else can tell which id that is.
    """
    return letters(keyed(state_secret, "event", json.dumps(event_id)))


def _entries_or_refusal(read: Callable[[Any], list[Entry]], value: Any) -> list[Entry]:
    """Return what `read` finds in `value`; when it raises, or finds nothing, a refusal alone."""
    try:
        entries = read(value)
    except InvalidRequest as error:
        return [Refusal.of(error)]
    if entries:
        return entries
    return [
        Refusal(code="empty-event", reason="the event holds no request; docs/events.md shows one")
    ]


def _read(event: bytes) -> list[Entry]:
    if is_too_large(event):
        raise InvalidRequest(
            f"the event is larger than {LARGEST_EVENT} bytes, or {LARGEST_CONTENT} with its "
            "escapes undone; send several, or a file",
            code="event-too-large",
        )
    value = _read_json(event)
    if not isinstance(value, list):
        return _read_one(value)
    entries: list[Entry] = []
    for item in value:
        entries += _entries_or_refusal(_read_one, item)
        _check_number(entries)
    return entries


def _read_json(event: bytes) -> Any:
    """Return what an event says; its text, which may take 4 bytes a character, is not kept."""
    try:
        return _parsed(event.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidRequest(
            "the event is not UTF-8; send JSON in UTF-8", code="unknown-event"
        ) from None


def _check_number(entries: Sequence[object]) -> None:
    """Raise InvalidRequest unless an event may have as many entries."""
    if len(entries) > MOST_ENTRIES:
        raise InvalidRequest(
            f"the event holds more than {MOST_ENTRIES} entries; send several, or a file",
            code="too-many-entries",
        )


def _read_one(value: Any) -> list[Entry]:
    """Read an event, or an item of a batch of events."""
    event = _parsed(value)  # one official sample has strings in an array
    if not isinstance(event, dict):
        raise InvalidRequest("must be a JSON object", code="unknown-event")
    if "requestContext" in event or {"rawPath", "headers"} <= event.keys():
        raise InvalidRequest(
            "this function takes no HTTP requests; send over the trigger URL of send_sms",
            code="http-refused",
        )
    # A topic's messages come first, as their attributes stand beside and may have any name.
    if {"Message", "TopicName"} <= event.keys():
        ids = _ids("mns-topic", event["TopicName"], event.get("MessageId"))
        return _requests(event["Message"], ids)
    if isinstance(event.get("events"), list):
        records = event["events"]
        _check_number(records)
        return [entry for item in records for entry in _entries_or_refusal(_stored_file, item)]
    if "specversion" in event or {"source", "type", "data"} <= event.keys():
        return _cloud_event(event)
    if {"triggerTime", "payload"} <= event.keys():
        ids = _ids("timer", event.get("triggerName"), event["triggerTime"])
        return _requests(event["payload"], ids)
    if event.keys() == {"body", "attrs"}:  # a topic's message with attributes, in format STREAM
        return _requests(event["body"], ())
    return _requests(event, ())


def _cloud_event(event: Mapping[str, Any]) -> list[Entry]:
    data = _parsed(event.get("data"))
    own = _ids("cloud-event", event.get("source"), event.get("id"))
    where = str(event.get("subject") or event.get("source") or "")
    if not isinstance(data, dict):
        return _requests(data, own)
    if isinstance(data.get("oss"), dict):
        return _stored_file(data)
    if "messageBody" in data:
        ids = _ids("mns-queue", where, data.get("messageId"))
        return _requests(data["messageBody"], ids or own)
    if {"topic", "value"} <= data.keys():
        names = [data.get(name) for name in ("topic", "partition", "offset", "timestamp")]
        ids = _ids("kafka", where, *map(_number_as_text, names))
        return _requests(data["value"], ids or own)
    if "body" in data:
        properties = data.get("props")
        message_id = properties.get("messageId") if isinstance(properties, dict) else None
        return _requests(data["body"], _ids("message", where, message_id) or own)
    return _requests(data, own)


def _requests(value: Any, ids: tuple[str, ...]) -> list[Entry]:
    """Return the requests in `value`: one, a list of them, or ``{"requests": [...]}``.

    `ids` tell the message from all others, or are none; with the place of a request among the
    others they make its out_id.
    """
    value = _parsed(value)
    if isinstance(value, dict) and value.keys() == {"requests"}:
        value = value["requests"]
        if not isinstance(value, list):
            raise InvalidRequest("must be a list", field="requests")
    bodies = value if isinstance(value, list) else [value]
    _check_number(bodies)
    return [
        SendRequest(body, (*ids, str(place)) if ids else ()) for place, body in enumerate(bodies)
    ]


def _stored_file(record: Any) -> list[Entry]:
    """Read a record of an OSS event."""
    file = _proper_file(record)
    if file is None:
        raise InvalidRequest(
            "is no OSS event with eventName, region, and name, key and eTag of an object",
            code="unknown-event",
        )
    return [file]


def _proper_file(record: Any) -> StoredFile | None:
    """Return the object that an OSS event is about; None when something of it is missing, of
    another type or of another form.
    """
    try:
        stored = record["oss"]["object"]
        file = StoredFile(
            bucket=record["oss"]["bucket"]["name"],
            key=stored["key"],
            etag=stored["eTag"].strip('"'),
            region=record.get("region", ""),
            written_by=record["eventName"].rpartition(":")[2],  # ObjectCreated:PutObject
        )
        is_proper = (
            _BUCKET.fullmatch(file.bucket)
            and 1 <= len(file.key.encode()) <= _LONGEST_KEY
            and _ETAG.fullmatch(file.etag)
            and (not file.region or _REGION.fullmatch(file.region))
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return file if is_proper else None


def _parsed(value: Any) -> Any:
    """Return what a string holds as JSON or as base64 of JSON, and any other value as it is."""
    if not isinstance(value, str):
        return value
    with suppress(ValueError, RecursionError):
        return parse_json(value)
    try:
        return parse_json(base64.b64decode(value, validate=True).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise InvalidRequest("is neither JSON nor base64 of JSON", code="malformed-json") from None


def _ids(kind: str, *names: Any) -> tuple[str, ...]:
    """Return `kind` and `names`, or nothing where one of them is missing or no text."""
    is_whole = all(isinstance(name, str) and name for name in names)
    return (kind, *names) if is_whole else ()


def _number_as_text(value: Any) -> Any:
    return str(value) if type(value) is int else value
