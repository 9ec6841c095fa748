"""Checks the triggers of one fc3 resource, and says how those of other services are played.

Sources: the fc3 component (https://github.com/devsapp/fc3: src/interface/trigger.ts,
`__tests__/complete-props.yaml`); "Time triggers" (a payload of at most 128 KB).
"""

from __future__ import annotations

import re
import shlex
from typing import Any, NamedTuple

from .. import events
from .model import MAX_ASYNC_EVENT, EventTrigger, HttpTrigger, TimerTrigger
from .property_map import PropertyMap, words
from .schedule import read_schedule

_METHODS = words("GET POST PUT DELETE HEAD PATCH OPTIONS")
_KEYS = words(
    "triggerName triggerType triggerConfig description qualifier sourceArn invocationRole"
)
_CONFIG_KEYS = {
    "http": words("methods authType disableURLInternet authConfig corsConfig"),
    "timer": words("cronExpression enable payload"),
    "oss": words("events filter bucketName"),
    "mns_topic": words("notifyContentFormat notifyStrategy filterTag topicName region"),
    "eventbridge": words(
        "triggerEnable asyncInvocationType eventRuleFilterPattern eventSourceConfig "
        "eventSinkConfig runOptions"
    ),
}
_KINDS = frozenset({*_CONFIG_KEYS, "log", "cdn_events", "tablestore"})
_SOURCE_ARN = {
    "oss": ("acs:oss:REGION:ACCOUNT:BUCKET", re.compile(r"acs:oss:[^:]*:[^:]*:.+")),
    "mns_topic": (
        "acs:mns:REGION:ACCOUNT:/topics/NAME",
        re.compile(r"acs:mns:[^:]*:[^:]*:/topics/.+"),
    ),
}
_EVENT_SOURCES = {
    "Default": "eventbridge",
    "MNS": "mns-queue",
    "Kafka": "kafka",
    "RabbitMQ": "rabbitmq",
    "RocketMQ": "eventbridge",
    "DTS": "eventbridge",
}


class Triggers(NamedTuple):
    """All triggers of one function."""

    http: HttpTrigger | None
    timers: tuple[TimerTrigger, ...]
    others: tuple[EventTrigger, ...]


def read_triggers(given: PropertyMap) -> Triggers:
    """Check `triggers`; raises ConfigurationError with place and remedy."""
    http: HttpTrigger | None = None
    timers: list[TimerTrigger] = []
    others: list[EventTrigger] = []
    seen: set[str] = set()
    for index, value in enumerate(given.get("triggers", list, [])):
        trigger, kind, name = _checked(given, index, value)
        config = trigger.below("triggerConfig") or PropertyMap({}, trigger.place)
        if kind == "http" and http is not None:
            trigger.fail("triggerType", "a function version has at most one http trigger")
        if name in seen:
            trigger.fail("triggerName", f"{name!r} is also the name of a trigger above")
        seen.add(name)
        if kind in _CONFIG_KEYS:
            config.known(_CONFIG_KEYS[kind])
        if kind == "http":
            http = _http(name, config)
        elif kind == "timer":
            timers.append(_timer(name, config))
        else:
            command = _play(kind, trigger, config, given.get("functionName", str, ""))
            others.append(EventTrigger(name, kind, f"fc-stub send-event {command}"))
    return Triggers(http, tuple(timers), tuple(others))


def _checked(given: PropertyMap, index: int, value: Any) -> tuple[PropertyMap, str, str]:
    if not isinstance(value, dict):
        given.fail("triggers", f"{index}: must be a map")
    trigger = PropertyMap(value, (*given.place, "triggers", str(index)))
    trigger.known(_KEYS)
    kind, name = trigger.get("triggerType", str), trigger.get("triggerName", str)
    if kind not in _KINDS:
        trigger.fail("triggerType", f"{kind!r} is none of {', '.join(sorted(_KINDS))}")
    if not name:
        trigger.fail("triggerName", "is missing")
    return trigger, kind, name


def _http(name: str, config: PropertyMap) -> HttpTrigger:
    methods = config.get("methods", list, [])
    if not methods:
        config.fail("methods", "is missing: list the methods, such as [GET, POST]")
    for method in methods:
        if method not in _METHODS:
            config.fail("methods", f"{method!r} is none of {', '.join(sorted(_METHODS))}")
    auth_type = config.get("authType", str, "function")
    if auth_type not in {"anonymous", "function", "jwt"}:
        config.fail("authType", f"must be anonymous, function or jwt, not {auth_type!r}")
    return HttpTrigger(name, frozenset(methods), auth_type)


def _timer(name: str, config: PropertyMap) -> TimerTrigger:
    expression = config.get("cronExpression", str, "")
    try:
        schedule = read_schedule(expression)
    except ValueError as error:
        config.fail("cronExpression", str(error))
    payload = config.get("payload", str, "")
    try:
        size = len(events.timer(payload, trigger_name=name))
    except UnicodeEncodeError:
        config.fail("payload", "is not UTF-8 text")
    if size > MAX_ASYNC_EVENT:
        config.fail("payload", f"makes an event of {size} bytes; at most 128 KB are allowed")
    return TimerTrigger(name, expression, schedule, config.get("enable", bool, False), payload)


def _play(kind: str, trigger: PropertyMap, config: PropertyMap, function: str) -> str:
    """Check the configuration; return how `fc-stub send-event` is called to play the source."""
    arn = _source_arn(kind, trigger)
    if kind == "oss":
        options = ["oss", "--bucket", arn.rpartition(":")[2], "--key", f"{_oss_prefix(config)}KEY"]
    elif kind == "mns_topic":
        content = _choice(config, "notifyContentFormat", ("STREAM", "JSON")).lower()
        _choice(config, "notifyStrategy", ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"))
        topic = arn.rpartition("/")[2]
        options = ["mns-topic", "--topic", topic, "--format", content, "--data", "@FILE"]
    elif kind == "eventbridge":
        options = [_EVENT_SOURCES[_event_source(config)], "--data", "@FILE"]
    else:
        options = ["plain", "--async", "--data", "@FILE"]
    return shlex.join([*options, function])


def _source_arn(kind: str, trigger: PropertyMap) -> str:
    arn: str = trigger.get("sourceArn", str, "")
    if kind in _SOURCE_ARN:
        form, pattern = _SOURCE_ARN[kind]
        if not pattern.fullmatch(arn):
            trigger.fail("sourceArn", f"must be {form}, not {arn!r}")
    return arn


def _oss_prefix(config: PropertyMap) -> str:
    events = config.get("events", list, [])
    if not events:
        config.fail("events", "is missing: list the events, such as [oss:ObjectCreated:*]")
    for event in events:
        if not isinstance(event, str) or not event.startswith("oss:"):
            config.fail("events", f"{event!r} is no event such as oss:ObjectCreated:PutObject")
    key = (config.below("filter") or PropertyMap({}, config.place)).below("key")
    return "" if key is None else str(key.get("prefix", str, ""))


def _event_source(config: PropertyMap) -> str:
    source = config.below("eventSourceConfig")
    if source is None:
        config.fail("eventSourceConfig", "is missing")
    config.get("triggerEnable", bool, True)
    config.get("asyncInvocationType", bool, False)
    config.get("eventRuleFilterPattern", str, "")
    return _choice(source, "eventSourceType", tuple(_EVENT_SOURCES))


def _choice(config: PropertyMap, name: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed values; the first is the default."""
    value: str = config.get(name, str, allowed[0])
    if value not in allowed:
        config.fail(name, f"{value!r} is none of {', '.join(allowed)}")
    return value
