"""The kinds of events `fc-stub` can make: their options, and who invokes how.

Sources: the pages of the triggers below https://www.alibabacloud.com/help/en/functioncompute/fc/:
MNS topics, OSS, timers and rules of an event bus invoke asynchronously; event streams (MNS queues,
Kafka, RabbitMQ) synchronously unless they are told otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from . import events


class Kind(NamedTuple):
    """One kind: `asynchronous` says how the real source invokes, `many` that data may repeat."""

    help: str
    asynchronous: bool
    add_options: Callable[[argparse.ArgumentParser], None]
    make: Callable[[argparse.Namespace, list[bytes]], bytes]
    many: bool = False


def _one(data: list[bytes]) -> bytes:
    return data[0] if data else b""


def _array(options: argparse.Namespace) -> bool | None:
    return True if options.batch else None


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} has no value: write it as NAME=VALUE")
    return name, value


def _header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition(":")
    if not sign or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} has no value: write it as NAME: VALUE")
    return name.strip(), value.strip()


def _region(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", default=events.REGION, help=f"(default {events.REGION})")


def _topic_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=["json", "stream"], default="json")
    parser.add_argument(
        "--attribute",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="message attribute",
    )
    parser.add_argument("--id", default="", help="MessageId")
    parser.add_argument("--topic", default="fc-stub-topic")
    parser.add_argument("--subscription", default="fc-stub-subscription")


def _topic(options: argparse.Namespace, data: list[bytes]) -> bytes:
    return events.mns_topic(
        _one(data),
        attributes=dict(options.attribute),
        content_format=options.format.upper(),
        topic=options.topic,
        subscription=options.subscription,
        message_id=options.id,
        time=options.time,
    )


def _queue_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base64", action="store_true", help="messageBody is base64")
    parser.add_argument("--queue", default="fc-stub-queue")
    _region(parser)


def _queue(options: argparse.Namespace, data: list[bytes]) -> bytes:
    return events.mns_queue(
        *data,
        array=_array(options),
        base64_body=options.base64,
        queue=options.queue,
        event_id=options.id,
        time=options.time,
        region=options.region,
    )


def _bus_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--string", action="store_true", help="data is a string, JSON or not")
    parser.add_argument("--source", default="fc-stub")
    parser.add_argument("--type", default="fc-stub:Event:Sent")
    parser.add_argument("--subject", default="")
    parser.add_argument("--bus", default="default")
    _region(parser)


def _bus(options: argparse.Namespace, data: list[bytes]) -> bytes:
    return events.eventbridge(
        *(_value(one, as_string=options.string) for one in data),
        array=_array(options),
        source=options.source,
        event_type=options.type,
        subject=options.subject,
        bus=options.bus,
        event_id=options.id,
        time=options.time,
        region=options.region,
    )


def _value(data: bytes, *, as_string: bool) -> Any:
    text = data.decode()
    if as_string:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _kafka_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--single", action="store_true", help="one object instead of an array")
    parser.add_argument("--strings", action="store_true", help="entries are strings of JSON")
    parser.add_argument("--topic", default="fc-stub-topic")
    parser.add_argument("--partition", type=int, default=0)
    parser.add_argument("--offset", type=int, default=0, help="of the first message")


def _kafka(options: argparse.Namespace, data: list[bytes]) -> bytes:
    return events.kafka(
        *data,
        array=not options.single,
        strings=options.strings,
        topic=options.topic,
        partition=options.partition,
        offset=options.offset,
        event_id=options.id,
        time=options.time,
    )


def _rabbit_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--single", action="store_true", help="one object instead of an array")
    parser.add_argument("--queue", default="fc-stub-queue")
    _region(parser)


def _rabbit(options: argparse.Namespace, data: list[bytes]) -> bytes:
    return events.rabbitmq(
        *data,
        array=not options.single,
        queue=options.queue,
        event_id=options.id,
        time=options.time,
        region=options.region,
    )


def _timer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trigger-name", default="timer", metavar="NAME")


def _timer(options: argparse.Namespace, data: list[bytes]) -> bytes:
    return events.timer(_one(data), trigger_name=options.trigger_name, time=options.time)


def _oss_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", required=True, help="of the object; appears as given")
    parser.add_argument("--bucket", default="fc-stub-bucket")
    parser.add_argument("--etag", default="", help="(default: MD5 of --data, else random)")
    parser.add_argument("--size", type=int, help="in bytes (default: that of --data)")
    parser.add_argument("--event-name", default="ObjectCreated:PutObject", metavar="NAME")
    parser.add_argument("--id", default="", help="responseElements.requestId")
    _region(parser)


def _oss(options: argparse.Namespace, data: list[bytes]) -> bytes:
    etag = options.etag
    if data and not etag:
        etag = hashlib.md5(data[0]).hexdigest().upper()  # noqa: S324  (what OSS does)
    return events.oss(
        options.key,
        bucket=options.bucket,
        etag=etag,
        size=len(_one(data)) if options.size is None else options.size,
        event_name=options.event_name,
        request_id=options.id,
        time=options.time,
        region=options.region,
    )


def _http_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", default="POST")
    parser.add_argument("--path", default="/", help="percent-encoded, with a query if there is one")
    parser.add_argument(
        "--header", action="append", default=[], type=_header, metavar="NAME: VALUE"
    )
    parser.add_argument("--id", default="", help="requestContext.requestId")
    _region(parser)


def _http(options: argparse.Namespace, data: list[bytes]) -> bytes:
    path, _, query = options.path.partition("?")
    return events.http(
        _one(data),
        method=options.method.upper(),
        path=path,
        query=query,
        headers=options.header,
        request_id=options.id,
        time=options.time,
        region=options.region,
    )


def _no_options(_parser: argparse.ArgumentParser) -> None:
    """A kind without options of its own."""


def _plain(_options: argparse.Namespace, data: list[bytes]) -> bytes:
    return events.plain(_one(data))


KINDS = {
    "mns-topic": Kind("a message of an MNS topic", True, _topic_options, _topic),
    "mns-queue": Kind(
        "messages of an MNS queue, through EventBridge", False, _queue_options, _queue, many=True
    ),
    "eventbridge": Kind(
        "CloudEvents of an EventBridge bus; --data is JSON, else a string",
        True,
        _bus_options,
        _bus,
        many=True,
    ),
    "kafka": Kind("messages of a Kafka topic", False, _kafka_options, _kafka, many=True),
    "rabbitmq": Kind("messages of a RabbitMQ queue", False, _rabbit_options, _rabbit, many=True),
    "timer": Kind("a timer; --data is its payload", True, _timer_options, _timer),
    "oss": Kind(
        "an object created in OSS; --data gives its size and eTag", True, _oss_options, _oss
    ),
    "http": Kind("a request to an HTTP trigger (event v1)", False, _http_options, _http),
    "plain": Kind("--data as it is, a direct invocation", False, _no_options, _plain),
}
