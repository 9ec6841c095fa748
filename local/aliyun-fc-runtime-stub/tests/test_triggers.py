"""Triggers whose source is not on this machine: checked, and listed with how to play them.

Source: the fc3 component (https://github.com/devsapp/fc3: src/interface/trigger.ts).
"""

from __future__ import annotations

from typing import Any

import pytest

from aliyun_fc_runtime_stub.errors import ConfigurationError
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from stub_project import Project

OSS = "acs:oss:cn-hangzhou:123:my-bucket"
TOPIC = "acs:mns:cn-hangzhou:123:/topics/my-topic"
CREATED = ["oss:ObjectCreated:*"]


def trigger(kind: str, source: str = "", **config: Any) -> dict[str, Any]:
    one = {"triggerName": "t", "triggerType": kind, "triggerConfig": config}
    return {**one, "sourceArn": source} if source else one


def source(kind: str) -> dict[str, Any]:
    return {"eventSourceType": kind, "eventSourceParameters": {}}


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (
            trigger("oss", OSS, events=CREATED, filter={"key": {"prefix": "in/", "suffix": ""}}),
            "oss --bucket my-bucket --key in/KEY",
        ),
        (
            trigger("mns_topic", TOPIC, notifyContentFormat="JSON", notifyStrategy="BACKOFF_RETRY"),
            "mns-topic --topic my-topic --format json --data @FILE",
        ),
        (
            trigger("mns_topic", TOPIC, notifyContentFormat="STREAM", filterTag="x"),
            "mns-topic --topic my-topic --format stream --data @FILE",
        ),
        (
            trigger("eventbridge", triggerEnable=True, eventSourceConfig=source("Default")),
            "eventbridge --data @FILE",
        ),
        (trigger("eventbridge", eventSourceConfig=source("MNS")), "mns-queue --data @FILE"),
        (trigger("eventbridge", eventSourceConfig=source("Kafka")), "kafka --data @FILE"),
        (trigger("eventbridge", eventSourceConfig=source("RabbitMQ")), "rabbitmq --data @FILE"),
        (trigger("log", OSS, jobConfig={}), "plain --async --data @FILE"),
        (trigger("tablestore", OSS), "plain --async --data @FILE"),
    ],
)
def test_a_trigger_is_listed_with_the_command_that_plays_it(
    project: Project, given: dict[str, Any], command: str
) -> None:
    project.function("f", triggers=[given])
    (found,) = load_application(project.write(), {}).functions[0].event_triggers
    assert (found.name, found.kind) == ("t", given["triggerType"])
    assert found.send_event == f"send-event {command}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (trigger("oss", events=CREATED), "sourceArn: must be acs:oss:"),
        (trigger("oss", "my-bucket", events=CREATED), "sourceArn: must be acs:oss:"),
        (trigger("oss", OSS), "events: is missing"),
        (trigger("oss", OSS, events=["ObjectCreated"]), "'ObjectCreated' is no event"),
        (trigger("oss", OSS, events=CREATED, filter="in/"), "filter: must be a map"),
        (trigger("mns_topic", "acs:mns:r:1:/queues/q"), "sourceArn: must be acs:mns:"),
        (trigger("mns_topic", TOPIC, notifyContentFormat="XML"), "'XML' is none of STREAM, JSON"),
        (trigger("mns_topic", TOPIC, notifyStrategy="NEVER"), "'NEVER' is none of"),
        (trigger("mns_topic", TOPIC, tag="x"), "tag: is not a known property"),
        (trigger("eventbridge"), "eventSourceConfig: is missing"),
        (trigger("eventbridge", eventSourceConfig=source("SQS")), "'SQS' is none of"),
        (
            trigger("eventbridge", eventSourceConfig=source("MNS"), asyncInvocationType="no"),
            "asyncInvocationType: must be true or false",
        ),
        (trigger("timer", cronExpression="@every 1m", payload="x" * 131000), "at most 128 KB"),
        (trigger("timer", cronExpression="@every 1m", payload="\ud800"), "is not UTF-8"),
        (trigger("timer", cronExpression="@every 1m", enable="yes"), "enable: must be true or"),
    ],
)
def test_a_trigger_with_a_mistake_is_refused(
    project: Project, given: dict[str, Any], message: str
) -> None:
    project.function("f", triggers=[given])
    with pytest.raises(ConfigurationError, match=message):
        load_application(project.write(), {})


def test_events_file_extends_the_application(project: Project) -> None:
    """Serverless Devs: `extend: s.yaml`; maps are merged, lists are replaced."""
    project.http("f", "def handler(event, context): return 'ok'", role="r")
    project.function("g")
    project.write()
    events_file = project.folder / "s.events.yaml"
    events_file.write_text(
        """
extend: ./s.yaml
resources:
  f:
    props:
      triggers:
        - triggerName: topic
          triggerType: mns_topic
          sourceArn: acs:mns:${env('REGION', 'cn-hangzhou')}:${config('AccountID')}:/topics/sms
          triggerConfig: {notifyContentFormat: JSON}
        - triggerName: tick
          triggerType: timer
          triggerConfig: {cronExpression: '@every 1h', enable: true}
"""
    )
    first, second = load_application(events_file, {}).functions
    assert (first.name, first.role, first.http_trigger) == ("f", "r", None)
    assert [one.name for one in first.event_triggers] == ["topic"]
    assert [one.name for one in first.timers] == ["tick"]
    assert second.name == "g"
