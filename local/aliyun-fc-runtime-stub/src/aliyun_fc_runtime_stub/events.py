"""Events as the triggers of Function Compute deliver them: one function per kind, returning bytes.

Sources: "Formats of event for different triggers"
(https://www.alibabacloud.com/help/en/fc/user-guide/formats-of-event-for-different-triggers), the
sample events of https://github.com/awesome-fc/code-example, and the pages of the single triggers
below https://www.alibabacloud.com/help/en/functioncompute/fc/.

What is not given is made up: ids at random, times now. The same ids and times give the same bytes.
Times must have a time zone. Text given as bytes must be UTF-8. Raises ValueError otherwise.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, unquote

from .account import ACCOUNT_ID, REGION

_JSON_TYPE = "application/json; charset=utf-8"


def plain(data: str | bytes = b"") -> bytes:
    """Return `data` as it is: what InvokeFunction gets as its body."""
    return data.encode() if isinstance(data, str) else data


def timer(
    payload: str | bytes = "", *, trigger_name: str = "timer", time: datetime | None = None
) -> bytes:
    """Return the event of a timer trigger; its payload is always a string ("Time triggers")."""
    return _json(
        {
            "triggerTime": _instant(time).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "triggerName": trigger_name,
            "payload": _text(payload),
        }
    )


def mns_topic(
    message: str | bytes,
    *,
    attributes: Mapping[str, str] | None = None,
    content_format: str = "JSON",
    topic: str = "fc-stub-topic",
    subscription: str = "fc-stub-subscription",
    message_id: str = "",
    time: datetime | None = None,
) -> bytes:
    """Return the event of an MNS topic trigger; `content_format` is its notifyContentFormat.

    JSON: attributes are further keys beside Message, MessageId and the others. STREAM: the bare
    message, or with attributes an object of body and attrs.
    """
    body = _text(message)
    if content_format == "STREAM":
        return _json({"body": body, "attrs": dict(attributes)}) if attributes else body.encode()
    if content_format != "JSON":
        raise ValueError(f"content_format must be JSON or STREAM, not {content_format!r}")
    event: dict[str, Any] = {
        "TopicOwner": ACCOUNT_ID,
        "Message": body,
        "Subscriber": ACCOUNT_ID,
        "PublishTime": int(_instant(time).timestamp() * 1000),
        "SubscriptionName": subscription,
        "MessageMD5": _md5(body.encode()),
        "TopicName": topic,
        "MessageId": message_id or secrets.token_hex(16).upper(),
    }
    return _json({**(attributes or {}), **event})


def mns_queue(
    *bodies: str | bytes,
    array: bool | None = None,
    base64_body: bool = False,
    queue: str = "fc-stub-queue",
    event_id: str = "",
    time: datetime | None = None,
    region: str = REGION,
) -> bytes:
    """Return messages of an MNS queue as EventBridge delivers them ("MNS queue triggers").

    One body is one object (event mode); several, or `array`, are an array (event stream mode). The
    id of the event is also its messageId; with several bodies `-1`, `-2` follow a given id.
    """
    name = "MNS-fc-stub-trigger"

    def make(_number: int, body: str | bytes, one_id: str, moment: str) -> dict[str, Any]:
        raw = plain(body)
        text = base64.b64encode(raw).decode() if base64_body else _text(raw)
        data = {"requestId": _derived(one_id), "messageId": one_id, "messageBody": text}
        return {
            **_envelope(one_id, name, "mns:Queue:SendMessage", moment),
            "subject": f"acs:mns:{region}:{ACCOUNT_ID}:queues/{queue}",
            **_bus(name, region, moment),
            "data": data,
        }

    ids = _ids(event_id, len(bodies), lambda: secrets.token_hex(16).upper())
    return _events(make, bodies, ids, time, array=array)


def eventbridge(
    *data: Any,
    array: bool | None = None,
    source: str = "fc-stub",
    event_type: str = "fc-stub:Event:Sent",
    subject: str = "",
    bus: str = "default",
    event_id: str = "",
    time: datetime | None = None,
    region: str = REGION,
) -> bytes:
    """Return CloudEvents of an EventBridge bus whose `data` are the given JSON values.

    One value is one object; several, or `array`, are an array.
    """

    def make(_number: int, value: Any, one_id: str, moment: str) -> dict[str, Any]:
        return {
            **_envelope(one_id, source, event_type, moment),
            "subject": subject or f"acs:{source}:{region}:{ACCOUNT_ID}",
            **_bus(bus, region, moment),
            "data": value,
        }

    return _events(make, data, _ids(event_id, len(data), _uuid), time, array=array)


def kafka(
    *values: str | bytes,
    array: bool = True,
    strings: bool = False,
    topic: str = "fc-stub-topic",
    instance: str = "alikafka_pre-cn-fc-stub",
    partition: int = 0,
    offset: int = 0,
    event_id: str = "",
    time: datetime | None = None,
) -> bytes:
    """Return messages of a Kafka topic as EventBridge delivers them: an array.

    `strings`: each entry is a string that holds the JSON of the event, as in one official sample.
    """

    def make(number: int, value: str | bytes, one_id: str, moment: str) -> dict[str, Any]:
        data = {
            "topic": topic,
            "partition": partition,
            "offset": offset + number,
            "timestamp": int(_instant(time).timestamp() * 1000),
            "headers": {"headers": [], "isReadOnly": False},
            "value": _text(value),
        }
        return {
            "data": data,
            **_envelope(one_id, "acs:alikafka", "alikafka:Topic:Message", moment),
            "subject": f"acs:alikafka:{instance}:topic:{topic}",
            "aliyunaccountid": ACCOUNT_ID,
        }

    ids = _ids(event_id, len(values), _uuid)
    return _events(make, values, ids, time, array=array, strings=strings)


def rabbitmq(
    *bodies: str | bytes,
    array: bool = True,
    queue: str = "fc-stub-queue",
    instance: str = "amqp-cn-fc-stub",
    virtual_host: str = "fc-stub",
    event_id: str = "",
    time: datetime | None = None,
    region: str = REGION,
) -> bytes:
    """Return messages of a RabbitMQ queue as EventBridge delivers them: an array.

    The id of the event is also props.messageId.
    """

    def make(number: int, body: str | bytes, one_id: str, moment: str) -> dict[str, Any]:
        envelope = {
            "deliveryTag": number + 1,
            "redeliver": False,
            "exchange": "",
            "routingKey": queue,
        }
        subject = f"acs:amqp:{region}:{ACCOUNT_ID}:/instances/{instance}"
        return {
            "data": {"envelope": envelope, "props": {"messageId": one_id}, "body": _text(body)},
            **_envelope(one_id, "acs:amqp", "amqp:Queue:SendMessage", moment),
            "subject": f"{subject}/vhosts/{virtual_host}/queues/{queue}",
            "aliyunaccountid": ACCOUNT_ID,
        }

    return _events(make, bodies, _ids(event_id, len(bodies), _uuid), time, array=array)


def oss(
    key: str,
    *,
    bucket: str = "fc-stub-bucket",
    etag: str = "",
    size: int = 0,
    event_name: str = "ObjectCreated:PutObject",
    request_id: str = "",
    time: datetime | None = None,
    region: str = REGION,
) -> bytes:
    """Return the event of an OSS trigger about one object; `size` in bytes, the key as given."""
    one_id = request_id or secrets.token_hex(12).upper()
    stored = {
        "deltaSize": size,
        "eTag": etag or secrets.token_hex(16).upper(),
        "key": key,
        "objectMeta": {"mimeType": mimetypes.guess_type(key)[0] or "application/octet-stream"},
        "size": size,
    }
    owner = {
        "arn": f"acs:oss:{region}:{ACCOUNT_ID}:{bucket}",
        "name": bucket,
        "ownerIdentity": ACCOUNT_ID,
    }
    event = {
        "eventName": event_name,
        "eventSource": "acs:oss",
        "eventTime": _instant(time).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventVersion": "1.0",
        "oss": {
            "bucket": owner,
            "object": stored,
            "ossSchemaVersion": "1.0",
            "ruleId": hashlib.sha1(bucket.encode()).hexdigest(),  # noqa: S324  (no secret)
        },
        "region": region,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": one_id},
        "userIdentity": {"principalId": ACCOUNT_ID},
    }
    return _json({"events": [event]})


def http(
    body: str | bytes = b"",
    *,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: Iterable[tuple[str, str]] = (),
    source_ip: str = "127.0.0.1",
    trigger_id: str = "fc-stub-trigger",
    domain_prefix: str = "fc-stub",
    request_id: str = "",
    time: datetime | None = None,
    region: str = REGION,
) -> bytes:
    """Return the event v1 of an HTTP trigger ("Use an HTTP trigger to invoke a function").

    `path` and `query` as on the wire (percent-encoded, the query without its `?`). Names of headers
    become Title-Case, repeated ones are joined by commas. A body that is UTF-8 stays text, any
    other is base64.
    """
    raw = plain(body)
    try:
        text, encoded = raw.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(raw).decode(), True
    moment = _instant(time)
    joined = _joined((name.title(), value) for name, value in headers)
    context = {
        "accountId": ACCOUNT_ID,
        "triggerId": trigger_id,
        "domainName": f"{domain_prefix}.{region}.fcapp.run",
        "domainPrefix": domain_prefix,
        "requestId": request_id or _uuid(),
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "timeEpoch": str(int(moment.timestamp() * 1000)),
        "http": {
            "method": method,
            "path": unquote(path),
            "protocol": "HTTP/1.1",
            "sourceIp": source_ip,
            "userAgent": joined.get("User-Agent", ""),
        },
    }
    event = {
        "version": "v1",
        "rawPath": path,
        "headers": joined,
        "queryParameters": _joined(parse_qsl(query, keep_blank_values=True)),
        "body": text,
        "isBase64Encoded": encoded,
        "requestContext": context,
    }
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")


_Make = Callable[[int, Any, str, str], dict[str, Any]]


def _events(
    make: _Make,
    values: Sequence[Any],
    ids: Sequence[str],
    time: datetime | None,
    *,
    array: bool | None,
    strings: bool = False,
) -> bytes:
    moment = _milliseconds(_instant(time))
    made = [make(number, value, ids[number], moment) for number, value in enumerate(values)]
    if array is None:
        array = len(made) != 1
    if not array and len(made) != 1:
        raise ValueError(f"a single event holds one message, not {len(made)}")
    if strings:
        return _json([_json(event).decode() for event in made])
    return _json(made if array else made[0])


def _envelope(event_id: str, source: str, event_type: str, moment: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "source": source,
        "specversion": "1.0",
        "type": event_type,
        "datacontenttype": _JSON_TYPE,
        "time": moment,
    }


def _bus(name: str, region: str, moment: str) -> dict[str, Any]:
    return {
        "aliyunaccountid": ACCOUNT_ID,
        "aliyunpublishtime": moment,
        "aliyunoriginalaccountid": ACCOUNT_ID,
        "aliyuneventbusname": name,
        "aliyunregionid": region,
        "aliyunpublishaddr": "127.0.0.1",
    }


def _ids(given: str, count: int, make: Callable[[], str]) -> list[str]:
    if not given:
        return [make() for _ in range(count)]
    return [given] if count == 1 else [f"{given}-{number}" for number in range(1, count + 1)]


def _uuid() -> str:
    return str(uuid.uuid4())


def _derived(event_id: str) -> str:
    return hashlib.sha256(event_id.encode()).hexdigest()[:24].upper()


def _md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest().upper()  # noqa: S324  (a checksum, not a secret)


def _text(data: str | bytes) -> str:
    return data if isinstance(data, str) else data.decode()


def _instant(time: datetime | None) -> datetime:
    if time is None:
        return datetime.now(timezone.utc)
    if time.tzinfo is None:
        raise ValueError("the time has no time zone")
    return time.astimezone(timezone.utc)


def _milliseconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
