"""The triggers of one fc3 resource: a type is one row, with how it is read and played here.

Sources: the fc3 component (https://github.com/devsapp/fc3: src/interface/trigger.ts,
`__tests__/complete-props.yaml`); "Time triggers" (a payload of at most 128 KB); "CORSConfig" of the
API 2023-03-30.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from .. import events
from .model import MAX_ASYNC_EVENT, Cors, EventTrigger, HttpTrigger, TimerTrigger
from .property_map import PropertyMap, words
from .schedule import read_schedule

METHODS = words("GET POST PUT DELETE HEAD PATCH OPTIONS")
_KEYS = words(
    "triggerName triggerType triggerConfig description qualifier sourceArn invocationRole"
)
_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")
_EVENT_SOURCES = {
    "Default": "eventbridge",
    "MNS": "mns-queue",
    "Kafka": "kafka",
    "RabbitMQ": "rabbitmq",
    "RocketMQ": "eventbridge",
    "DTS": "eventbridge",
}

Trigger: TypeAlias = "HttpTrigger | TimerTrigger | EventTrigger"


class Triggers(NamedTuple):
    """All triggers of one function."""

    http: HttpTrigger | None
    timers: tuple[TimerTrigger, ...]
    others: tuple[EventTrigger, ...]


def read_triggers(given: PropertyMap) -> Triggers:
    """Check `triggers`; raises ConfigurationError with place and remedy."""
    found: list[Trigger] = []
    for index, value in enumerate(given.get("triggers", list, [])):
        if not isinstance(value, dict):
            given.fail("triggers", f"{index}: must be a map")
        trigger = given.inside(value, "triggers", str(index))
        one = _read(trigger)
        if isinstance(one, HttpTrigger) and any(isinstance(other, HttpTrigger) for other in found):
            trigger.fail("triggerType", "a function version has at most one http trigger")
        if one.name in {other.name for other in found}:
            trigger.fail("triggerName", f"{one.name!r} is also the name of a trigger above")
        found.append(one)
    return Triggers(
        next((one for one in found if isinstance(one, HttpTrigger)), None),
        tuple(one for one in found if isinstance(one, TimerTrigger)),
        tuple(one for one in found if isinstance(one, EventTrigger)),
    )


def _read(trigger: PropertyMap) -> Trigger:
    trigger.known(_KEYS)
    kind, name = trigger.get("triggerType", str), trigger.get("triggerName", str)
    row = TYPES.get(kind)
    if row is None:
        trigger.fail("triggerType", f"{kind!r} is none of {', '.join(sorted(TYPES))}")
    if not name:
        trigger.fail("triggerName", "is missing")
    trigger.latest()
    config = trigger.below("triggerConfig") or trigger.inside({}, "triggerConfig")
    if row.keys is not None:
        config.known(row.keys)
    arn: str = trigger.get("sourceArn", str, "")
    if row.arn is not None and not row.arn.pattern.fullmatch(arn):
        trigger.fail("sourceArn", f"must be {row.arn.form}, not {arn!r}")
    for key, reason in row.no_effect.items():
        if config.get(key, object):
            config.without_effect(key, reason)
    if not isinstance(row.read, Played):
        return row.read(name, config)
    command = shlex.join(row.read.options(config, arn))
    return EventTrigger(name, kind, f"send-event {command}")


def _http(name: str, config: PropertyMap) -> HttpTrigger:
    methods = config.get("methods", list, [])
    if not methods:
        config.fail("methods", "is missing: list the methods, such as [GET, POST]")
    for method in methods:
        if method not in METHODS:
            config.fail("methods", f"{method!r} is none of {', '.join(sorted(METHODS))}")
    auth_type = config.get("authType", str, "function")
    if auth_type not in {"anonymous", "function", "jwt"}:
        config.fail("authType", f"must be anonymous, function or jwt, not {auth_type!r}")
    return HttpTrigger(name, frozenset(methods), auth_type, _cors(config))


def _cors(config: PropertyMap) -> Cors | None:
    given = config.below("corsConfig")
    if given is None:
        return None
    given.known(
        words("allowOrigins allowMethods allowHeaders exposeHeaders allowCredentials maxAge")
    )
    return Cors(
        origins=_texts(given, "allowOrigins"),
        methods=_texts(given, "allowMethods"),
        headers=_texts(given, "allowHeaders"),
        exposed=_texts(given, "exposeHeaders"),
        credentials=given.get("allowCredentials", bool, False),
        max_age=given.whole("maxAge", 0, 86400, 0),
    )


def _texts(given: PropertyMap, name: str) -> tuple[str, ...]:
    values = given.get(name, list, [])
    for value in values:
        if not isinstance(value, str) or not _HEADER_TEXT.fullmatch(value):
            given.fail(name, f"{value!r} cannot stand in a header")
    return tuple(values)


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


def _oss(config: PropertyMap, arn: str) -> list[str]:
    prefix = _oss_prefix(config)
    return ["oss", "--bucket", arn.rpartition(":")[2], "--key", f"{prefix}KEY"]


def _oss_prefix(config: PropertyMap) -> str:
    events = config.get("events", list, [])
    if not events:
        config.fail("events", "is missing: list the events, such as [oss:ObjectCreated:*]")
    for event in events:
        if not isinstance(event, str) or not event.startswith("oss:"):
            config.fail("events", f"{event!r} is no event such as oss:ObjectCreated:PutObject")
    key = (config.below("filter") or config.inside({}, "filter")).below("key")
    return "" if key is None else str(key.get("prefix", str, ""))


def _mns_topic(config: PropertyMap, arn: str) -> list[str]:
    content = _choice(config, "notifyContentFormat", ("STREAM", "JSON")).lower()
    _choice(config, "notifyStrategy", ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"))
    topic = arn.rpartition("/")[2]
    return ["mns-topic", "--topic", topic, "--format", content, "--data", "@FILE"]


def _eventbridge(config: PropertyMap, _arn: str) -> list[str]:
    source = config.below("eventSourceConfig")
    if source is None:
        config.fail("eventSourceConfig", "is missing")
    config.get("triggerEnable", bool, True)
    config.get("asyncInvocationType", bool, False)
    config.get("eventRuleFilterPattern", str, "")
    kind = _choice(source, "eventSourceType", tuple(_EVENT_SOURCES))
    return [_EVENT_SOURCES[kind], "--data", "@FILE"]


def _without_kind(_config: PropertyMap, _arn: str) -> list[str]:
    """There is no kind of event for it: the data is sent as it is."""
    return ["plain", "--async", "--data", "@FILE"]


def _choice(config: PropertyMap, name: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed values; the first is the default."""
    value: str = config.get(name, str, allowed[0])
    if value not in allowed:
        config.fail(name, f"{value!r} is none of {', '.join(allowed)}")
    return value


class Played(NamedTuple):
    """A source that is not on this machine: `options` checks its configuration, and returns with
    which options `fc-stub send-event` plays it."""

    options: Callable[[PropertyMap, str], list[str]]


class Arn(NamedTuple):
    """What a sourceArn has to be: as people read it, and as a pattern."""

    form: str
    pattern: re.Pattern[str]


class TriggerType(NamedTuple):
    """One type of trigger.

    `read` makes the trigger of its name and its triggerConfig, or says how its source is played.
    `keys`: those of the triggerConfig, None for any. `no_effect`: why some of them change nothing
    here.
    """

    read: Callable[[str, PropertyMap], HttpTrigger | TimerTrigger] | Played
    keys: frozenset[str] | None = None
    arn: Arn | None = None
    no_effect: Mapping[str, str] = {}


TYPES: Mapping[str, TriggerType] = {
    "http": TriggerType(
        _http,
        words("methods authType disableURLInternet authConfig corsConfig"),
        no_effect={
            "disableURLInternet": "the address answers on this machine all the same",
            "authConfig": "tokens are not checked; --no-auth lets all callers in",
        },
    ),
    "timer": TriggerType(_timer, words("cronExpression enable payload")),
    "oss": TriggerType(
        Played(_oss),
        words("events filter bucketName"),
        Arn("acs:oss:REGION:ACCOUNT:BUCKET", re.compile(r"acs:oss:[^:]*:[^:]*:.+")),
    ),
    "mns_topic": TriggerType(
        Played(_mns_topic),
        words("notifyContentFormat notifyStrategy filterTag topicName region"),
        Arn("acs:mns:REGION:ACCOUNT:/topics/NAME", re.compile(r"acs:mns:[^:]*:[^:]*:/topics/.+")),
    ),
    "eventbridge": TriggerType(
        Played(_eventbridge),
        words(
            "triggerEnable asyncInvocationType eventRuleFilterPattern eventSourceConfig "
            "eventSinkConfig runOptions"
        ),
    ),
    "log": TriggerType(Played(_without_kind)),
    "cdn_events": TriggerType(Played(_without_kind)),
    "tablestore": TriggerType(Played(_without_kind)),
}
