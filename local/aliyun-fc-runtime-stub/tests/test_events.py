"""Events of every kind.

Sources: the sample events of https://github.com/awesome-fc/code-example (their keys and values are
repeated here) and "Formats of event for different triggers".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aliyun_fc_runtime_stub import events

NOON = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=timezone.utc)


def test_a_timer_event_holds_its_payload_as_a_string() -> None:
    """The payload is a string, whatever it holds."""
    assert json.loads(events.timer('{"a": 1}', trigger_name="t", time=NOON)) == {
        "triggerTime": "2026-01-31T12:00:00Z",
        "triggerName": "t",
        "payload": '{"a": 1}',
    }


def test_an_event_of_an_mns_topic_is_that_of_the_sample() -> None:
    """mns-topic-trigger sample; attributes are further keys, and hide none of the event's own."""
    event = json.loads(
        events.mns_topic(
            "hello 📨",
            attributes={"Extend": '{"key":"value"}', "Message": "other"},
            topic="sms",
            subscription="to-fc",
            message_id="M1",
            time=NOON,
        )
    )
    assert event == {
        "TopicOwner": "1234567890123456",
        "Message": "hello 📨",
        "Subscriber": "1234567890123456",
        "PublishTime": 1769860800123,
        "SubscriptionName": "to-fc",
        "MessageMD5": "D0716866103DBA277181F6045380F0F2",
        "TopicName": "sms",
        "MessageId": "M1",
        "Extend": '{"key":"value"}',
    }


def test_an_event_of_an_mns_topic_as_a_stream_is_the_bare_text() -> None:
    """STREAM: the bare text; with attributes an object of body and attrs."""
    assert events.mns_topic("hello", content_format="STREAM") == b"hello"
    assert json.loads(
        events.mns_topic("hello", content_format="STREAM", attributes={"a": "b"})
    ) == {"body": "hello", "attrs": {"a": "b"}}


def test_an_event_of_an_mns_queue_is_that_of_the_sample() -> None:
    """python3-mns-queue-trigger sample (event mode)."""
    event = json.loads(events.mns_queue("TEST", queue="zeus", event_id="C6", time=NOON))
    data = event.pop("data")
    assert re.fullmatch("[0-9A-F]{24}", data.pop("requestId"))
    assert data == {"messageId": "C6", "messageBody": "TEST"}
    assert event == {
        "id": "C6",
        "source": "MNS-fc-stub-trigger",
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": "acs:mns:cn-hangzhou:1234567890123456:queues/zeus",
        "time": "2026-01-31T12:00:00.123Z",
        "aliyunaccountid": "1234567890123456",
        "aliyunpublishtime": "2026-01-31T12:00:00.123Z",
        "aliyunoriginalaccountid": "1234567890123456",
        "aliyuneventbusname": "MNS-fc-stub-trigger",
        "aliyunregionid": "cn-hangzhou",
        "aliyunpublishaddr": "127.0.0.1",
    }


def test_an_mns_queue_gives_batches_and_base64() -> None:
    """ "MNS queue triggers": in event stream mode the event is an array, of one message too."""
    batch = json.loads(events.mns_queue("a", b"\xff", base64_body=True, event_id="q"))
    assert [one["id"] for one in batch] == ["q-1", "q-2"]
    assert [base64.b64decode(one["data"]["messageBody"]) for one in batch] == [b"a", b"\xff"]
    assert len(json.loads(events.mns_queue("a", array=True))) == 1


@pytest.mark.parametrize("data", [{"a": [1, None]}, "text", [1, 2], None, 5])
def test_an_event_of_eventbridge_is_a_cloudevent_with_any_data(data: Any) -> None:
    """A CloudEvent whose data is the given JSON value."""
    event = json.loads(events.eventbridge(data, source="shop", event_type="shop:Order:Paid"))
    assert (event["data"], event["source"], event["type"]) == (data, "shop", "shop:Order:Paid")
    assert event["specversion"] == "1.0"
    batch = json.loads(events.eventbridge(data, data))
    assert [one["data"] for one in batch] == [data, data]
    assert batch[0]["id"] != batch[1]["id"]


def test_an_event_of_kafka_is_always_an_array() -> None:
    """kafka-eventbridge-fc-sample.json: always an array; of strings in the Python sample."""
    (event,) = json.loads(events.kafka("v", topic="Hello", partition=9, offset=3, time=NOON))
    assert event["data"] == {
        "topic": "Hello",
        "partition": 9,
        "offset": 3,
        "timestamp": 1769860800123,
        "headers": {"headers": [], "isReadOnly": False},
        "value": "v",
    }
    assert (event["source"], event["type"]) == ("acs:alikafka", "alikafka:Topic:Message")
    assert event["subject"].endswith(":topic:Hello")
    batch = json.loads(events.kafka("v", "w", strings=True, offset=3))
    assert [json.loads(one)["data"]["offset"] for one in batch] == [3, 4]


def test_an_event_of_rabbitmq_is_that_of_the_sample() -> None:
    """rabbitmq-eventbridge-fc-sample.json; event mode delivers a single object."""
    (event,) = json.loads(events.rabbitmq("消息", queue="q", event_id="r"))
    assert event["data"]["body"] == "消息"
    assert event["data"]["props"] == {"messageId": "r"}
    assert set(event["data"]["envelope"]) == {
        "deliveryTag",
        "redeliver",
        "exchange",
        "routingKey",
    }
    assert (event["id"], event["type"]) == ("r", "amqp:Queue:SendMessage")
    assert json.loads(events.rabbitmq("x", array=False))["data"]["body"] == "x"


def test_an_event_of_oss_is_that_of_the_sample() -> None:
    """oss-event.json of the samples."""
    (event,) = json.loads(
        events.oss("in/a.csv", bucket="b", etag="E", size=7, request_id="R", time=NOON)
    )["events"]
    assert event.pop("oss") == {
        "bucket": {
            "arn": "acs:oss:cn-hangzhou:1234567890123456:b",
            "name": "b",
            "ownerIdentity": "1234567890123456",
        },
        "object": {
            "deltaSize": 7,
            "eTag": "E",
            "key": "in/a.csv",
            "objectMeta": {"mimeType": "text/csv"},
            "size": 7,
        },
        "ossSchemaVersion": "1.0",
        "ruleId": "e9d71f5ee7c92d6dc9e92ffdad17b8bd49418f98",
    }
    assert event == {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "eventTime": "2026-01-31T12:00:00.000Z",
        "eventVersion": "1.0",
        "region": "cn-hangzhou",
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": "R"},
        "userIdentity": {"principalId": "1234567890123456"},
    }


def test_an_event_over_http_is_encoded_as_documented() -> None:
    """ "Use an HTTP trigger to invoke a function": encoded rawPath, joined headers and queries."""
    event = json.loads(
        events.http(
            "{}",
            path="/a%20b",
            query="x=1&x=2&y=%C3%A4",
            headers=[("content-type", "text/plain"), ("x-a", "1"), ("X-A", "2")],
            request_id="R",
            time=NOON,
        )
    )
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == ("/a%20b", "/a b")
    assert event["headers"] == {"Content-Type": "text/plain", "X-A": "1,2"}
    assert event["queryParameters"] == {"x": "1,2", "y": "ä"}
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    assert event["requestContext"]["timeEpoch"] == "1769860800123"
    assert json.loads(events.http(b"\xff"))["isBase64Encoded"] is True


def test_a_plain_event_is_its_bytes() -> None:
    assert (events.plain(), events.plain("ä"), events.plain(b"\xff")) == (b"", b"\xc3\xa4", b"\xff")


MAKERS: list[Callable[..., bytes]] = [
    lambda **given: events.mns_queue("a", "b", event_id="i", **given),
    lambda **given: events.eventbridge("a", event_id="i", **given),
    lambda **given: events.kafka("a", event_id="i", **given),
    lambda **given: events.rabbitmq("a", event_id="i", **given),
    lambda **given: events.mns_topic("a", message_id="i", **given),
    lambda **given: events.timer("a", **given),
    lambda **given: events.oss("k", etag="e", request_id="i", **given),
    lambda **given: events.http("a", request_id="i", **given),
]


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_ids_and_time_give_the_same_bytes(make: Callable[..., bytes]) -> None:
    """Times are taken in any zone; one without a zone is refused."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=8)))
    assert make(time=NOON) == make(time=elsewhere)
    with pytest.raises(ValueError, match="no time zone"):
        make(time=NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: events.mns_topic("a", content_format="XML"), "JSON or STREAM"),
        (lambda: events.mns_topic(b"\xff"), "utf-8"),
        (lambda: events.timer("\ud800"), "surrogates"),
        (lambda: events.kafka("a", "b", array=False), "holds one message, not 2"),
        (lambda: events.eventbridge(array=False), "holds one message, not 0"),
    ],
)
def test_an_event_that_cannot_be_is_refused(make: Callable[[], bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_batches_may_be_empty_and_large() -> None:
    assert events.mns_queue() == b"[]"
    assert len(json.loads(events.kafka(*["x"] * 10_000))) == 10_000
