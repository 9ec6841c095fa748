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

from .. import events
from ..account import REGION
from .option_types import pair, whole_number


class Option(NamedTuple):
    """An option of the command line that sets an `argument` of the function in `events`.

    `settings` go to argparse; the argument's value is a string where they say no type or action.
    """

    flag: str
    argument: str
    settings: dict[str, Any]


class Kind(NamedTuple):
    """One kind: `asynchronous` says how the real source invokes, `many` that data may repeat.

    `event` makes the event of the data and of what the options say.
    """

    help: str
    asynchronous: bool
    event: Callable[..., bytes]
    options: tuple[Option, ...] = ()
    many: bool = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options that only this kind has."""
        for option in self.options:
            parser.add_argument(option.flag, dest=option.argument, **option.settings)

    def make(self, options: argparse.Namespace, data: list[bytes]) -> bytes:
        """Make the event; raises ValueError if data or options cannot be used."""
        given = {one.argument: getattr(options, one.argument) for one in self.options}
        if not self.many:
            return self.event(data[0] if data else b"", **given, time=options.time)
        if "array" not in given:
            given["array"] = True if options.batch else None
        return self.event(*data, **given, event_id=options.id, time=options.time)


def _option(flag: str, argument: str = "", default: Any = "", **settings: Any) -> Option:
    name = argument or flag.removeprefix("--").replace("-", "_")
    if "metavar" not in settings and settings.get("action") not in {"store_true", "store_false"}:
        settings["metavar"] = "N" if settings.get("type") is whole_number else name.upper()
    if default and "metavar" in settings:
        settings.setdefault("help", f"(default {default})")
    return Option(flag, name, {"default": default, **settings})


def _header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition(":")
    if not sign or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} has no value: write it as NAME: VALUE")
    return name.strip(), value.strip()


def _topic(message: bytes, attributes: list[tuple[str, str]], **given: Any) -> bytes:
    return events.mns_topic(message, attributes=dict(attributes), **given)


def _bus(*data: bytes, as_string: bool, **given: Any) -> bytes:
    return events.eventbridge(*(_value(one, as_string=as_string) for one in data), **given)


def _value(data: bytes, *, as_string: bool) -> Any:
    text = data.decode()
    if as_string:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _oss(data: bytes, etag: str, size: int | None, **given: Any) -> bytes:
    etag = etag or hashlib.md5(data).hexdigest().upper()  # noqa: S324  (what OSS does)
    return events.oss(etag=etag, size=len(data) if size is None else size, **given)


def _http(body: bytes, method: str, path: str, **given: Any) -> bytes:
    path, _, query = path.partition("?")
    return events.http(body, method=method.upper(), path=path, query=query, **given)


def _plain(data: bytes, time: object) -> bytes:  # noqa: ARG001  (every kind is given one)
    return events.plain(data)


_REGION = _option("--region", default=REGION, help=f"(default {REGION})")
_TOPIC = _option("--topic", default="fc-stub-topic")
_QUEUE = _option("--queue", default="fc-stub-queue")
_SINGLE = _option(
    "--single", "array", True, action="store_false", help="one object instead of an array"
)

KINDS = {
    "mns-topic": Kind(
        "a message of an MNS topic",
        True,
        _topic,
        (
            _option(
                "--format",
                "content_format",
                "JSON",
                type=str.upper,
                choices=["JSON", "STREAM"],
                metavar="json|stream",
            ),
            _option(
                "--attribute",
                "attributes",
                [],
                action="append",
                type=pair,
                metavar="NAME=VALUE",
                help="message attribute",
            ),
            _option("--id", "message_id", help="MessageId"),
            _TOPIC,
            _option("--subscription", default="fc-stub-subscription"),
        ),
    ),
    "mns-queue": Kind(
        "messages of an MNS queue, through EventBridge",
        False,
        events.mns_queue,
        (
            _option(
                "--base64", "base64_body", False, action="store_true", help="messageBody is base64"
            ),
            _QUEUE,
            _REGION,
        ),
        many=True,
    ),
    "eventbridge": Kind(
        "CloudEvents of an EventBridge bus; --data is JSON, else a string",
        True,
        _bus,
        (
            _option(
                "--string",
                "as_string",
                False,
                action="store_true",
                help="data is a string, JSON or not",
            ),
            _option("--source", default="fc-stub"),
            _option("--type", "event_type", "fc-stub:Event:Sent"),
            _option("--subject", help="(default: none)"),
            _option("--bus", default="default"),
            _REGION,
        ),
        many=True,
    ),
    "kafka": Kind(
        "messages of a Kafka topic",
        False,
        events.kafka,
        (
            _SINGLE,
            _option(
                "--strings", default=False, action="store_true", help="entries are strings of JSON"
            ),
            _TOPIC,
            _option("--partition", default=0, type=whole_number),
            _option("--offset", default=0, type=whole_number, help="of the first message"),
        ),
        many=True,
    ),
    "rabbitmq": Kind(
        "messages of a RabbitMQ queue",
        False,
        events.rabbitmq,
        (_SINGLE, _QUEUE, _REGION),
        many=True,
    ),
    "timer": Kind(
        "a timer; --data is its payload",
        True,
        events.timer,
        (_option("--trigger-name", default="timer", metavar="NAME"),),
    ),
    "oss": Kind(
        "an object created in OSS; --data gives its size and eTag",
        True,
        _oss,
        (
            _option("--key", required=True, help="of the object; appears as given"),
            _option("--bucket", default="fc-stub-bucket"),
            _option("--etag", help="(default: MD5 of --data)"),
            _option("--size", default=None, type=whole_number, help="bytes (default: of --data)"),
            _option("--event-name", default="ObjectCreated:PutObject", metavar="NAME"),
            _option("--id", "request_id", help="responseElements.requestId"),
            _REGION,
        ),
    ),
    "http": Kind(
        "a request to an HTTP trigger (event v1)",
        False,
        _http,
        (
            _option("--method", default="POST"),
            _option("--path", default="/", help="percent-encoded, with a query if there is one"),
            _option(
                "--header", "headers", [], action="append", type=_header, metavar="NAME: VALUE"
            ),
            _option("--id", "request_id", help="requestContext.requestId"),
            _REGION,
        ),
    ),
    "plain": Kind("--data as it is, a direct invocation", False, _plain),
}
