"""Every trigger's event as a list of what it asks for.

docs/events.md tells where each has its request and the id that an out_id is made from, and names
the sources. A message's own id goes before its event's, as it stays when the message comes again in
another batch. HTTP events are refused: nobody authenticated them.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from shared.errors import InvalidRequest
from shared.fields import parse_json
from shared.ids import letters

WHOLE_OBJECTS = ("PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ETAG = re.compile(r"[A-Za-z0-9-]{1,128}")


class SendRequest(NamedTuple):
    """A request to send; `derived_out_id`, for a `body` without one, may be empty."""

    body: Any
    derived_out_id: str


class StoredFile(NamedTuple):
    """An object in a bucket, `written_by` an operation such as PutObject."""

    bucket: str
    key: str
    etag: str
    region: str
    written_by: str


Found = SendRequest | StoredFile | InvalidRequest


def read_event(event: bytes) -> list[Found]:
    """Return what `event` asks for, in order and never nothing, with an InvalidRequest for what is
    wrong. Raises nothing.
    """
    return list(_guarded(_read, event))


def derived_out_id(kind: str, *names: str) -> str:
    """Return the out_id that an id stands for: always the same 32 letters."""
    text = json.dumps(["fc-sms out_id", kind, *names])
    return letters(hashlib.sha256(text.encode()).hexdigest()[:32])


def _guarded(read: Callable[[Any], Iterator[Found]], value: Any) -> Iterator[Found]:
    nothing = True
    try:
        for found in read(value):
            nothing = False
            yield found
        if nothing:
            raise InvalidRequest("the event holds no request", code="empty-event")
    except InvalidRequest as error:
        yield error


def _read(event: bytes) -> Iterator[Found]:
    try:
        text = event.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest("the event is not UTF-8", code="unknown-event") from None
    value = _parsed(text)
    if isinstance(value, list):
        for item in value:
            yield from _guarded(_read_one, item)
    else:
        yield from _read_one(value)


def _read_one(value: Any) -> Iterator[Found]:
    value = _parsed(value)  # one official sample has strings in an array
    if not isinstance(value, dict):
        raise InvalidRequest("must be a JSON object", code="unknown-event")
    if "requestContext" in value or {"rawPath", "headers"} <= value.keys():
        raise InvalidRequest(
            "this function takes no HTTP requests; send over the trigger URL of send_sms",
            code="http-refused",
        )
    if {"Message", "TopicName"} <= value.keys():  # attributes may have any name
        ids = _ids("mns-topic", value["TopicName"], value.get("MessageId"))
        yield from _requests(value["Message"], ids)
    elif isinstance(value.get("events"), list):
        for record in value["events"]:
            yield from _guarded(_stored_file, record)
    elif "specversion" in value or {"source", "type", "data"} <= value.keys():
        yield from _cloud_event(value)
    elif {"triggerTime", "payload"} <= value.keys():
        ids = _ids("timer", value.get("triggerName"), value["triggerTime"])
        yield from _requests(value["payload"], ids)
    else:
        yield from _requests(value["body"] if value.keys() == {"body", "attrs"} else value, ())


def _cloud_event(event: Mapping[str, Any]) -> Iterator[Found]:
    data = _parsed(event.get("data"))
    own = _ids("cloud-event", event.get("source"), event.get("id"))
    where = str(event.get("subject") or event.get("source") or "")
    if not isinstance(data, dict):
        yield from _requests(data, own)
    elif isinstance(data.get("oss"), dict):
        yield from _stored_file(data)
    elif "messageBody" in data:
        ids = _ids("mns-queue", where, data.get("messageId"))
        yield from _requests(data["messageBody"], ids or own)
    elif {"topic", "value"} <= data.keys():
        names = [data.get(name) for name in ("topic", "partition", "offset", "timestamp")]
        ids = _ids("kafka", where, *(str(name) if type(name) is int else name for name in names))
        yield from _requests(data["value"], ids or own)
    elif "body" in data:
        properties = data.get("props")
        message_id = properties.get("messageId") if isinstance(properties, dict) else None
        yield from _requests(data["body"], _ids("message", where, message_id) or own)
    else:
        yield from _requests(data, own)


def _requests(value: Any, ids: tuple[str, ...]) -> Iterator[Found]:
    value = _parsed(value)
    if isinstance(value, dict) and value.keys() == {"requests"}:
        value = value["requests"]
        if not isinstance(value, list):
            raise InvalidRequest("must be a list", field="requests")
    for place, body in enumerate(value if isinstance(value, list) else [value]):
        yield SendRequest(body, derived_out_id(*ids, str(place)) if ids else "")


def _stored_file(record: Any) -> Iterator[Found]:
    try:
        bucket, stored = record["oss"]["bucket"]["name"], record["oss"]["object"]
        key, etag = stored["key"], stored["eTag"].strip('"')
        region, name = record.get("region", ""), record["eventName"]
        file = StoredFile(bucket, key, etag, region, name.rpartition(":")[2])
        is_proper = (
            _BUCKET.fullmatch(bucket)
            and 1 <= len(key.encode()) <= 1023
            and _ETAG.fullmatch(etag)
            and (not region or _REGION.fullmatch(region))
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        is_proper = None
    if not is_proper:
        raise InvalidRequest(
            "is no OSS event with eventName, region, and name, key and eTag of an object",
            code="unknown-event",
        )
    yield file


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    with suppress(ValueError, RecursionError):
        return parse_json(value)
    try:
        return parse_json(base64.b64decode(value, validate=True).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise InvalidRequest("is neither JSON nor base64 of JSON", code="malformed-json") from None


def _ids(kind: str, *names: Any) -> tuple[str, ...]:
    is_whole = all(isinstance(name, str) and name for name in names)
    return (kind, *names) if is_whole else ()
