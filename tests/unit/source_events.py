"""Events as MNS, EventBridge, timers and OSS make them, after the documented samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def encoded(value: object) -> bytes:
    """Return an event as a function gets it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def text_of(request: object) -> str:
    """Return a request as the string that a message holds."""
    return request if isinstance(request, str) else json.dumps(request, ensure_ascii=False)


def mns_topic(request: object, message_id: str = "B42BC3A5", **attributes: str) -> dict[str, Any]:
    return {
        **attributes,
        "TopicOwner": "118620210433****",
        "Message": text_of(request),
        "Subscriber": "118620210433****",
        "PublishTime": 1550216480040,
        "SubscriptionName": "test-fc-subscribe",
        "MessageMD5": "BA4BA9B48AC81F0F9C66F6C909C39DBB",
        "TopicName": "test-topic",
        "MessageId": message_id,
    }


def cloud_event(
    data: object, event_id: str = "c2g71017-6f65-fhcf", **fields: Any
) -> dict[str, Any]:
    return {
        "id": event_id,
        "source": "my.shop",
        "specversion": "1.0",
        "type": "shop:Order:Shipped",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": "acs:my.shop:cn-hangzhou:123456789098****:214609",
        "time": "2021-04-08T06:28:17.093Z",
        "aliyuneventbusname": "demo-bus",
        "aliyunregionid": "cn-chengdu",
        "data": data,
        **fields,
    }


def mns_queue(
    request: object, message_id: str = "C6DB1E0F", event_id: str = "c2g71017"
) -> dict[str, Any]:
    data = {
        "requestId": "606EA3074344430D4C81****",
        "messageId": message_id,
        "messageBody": text_of(request),
    }
    return cloud_event(
        data,
        event_id,
        source="MNS-Function-mnstrigger",
        type="mns:Queue:SendMessage",
        subject="acs:mns:cn-hangzhou:164901546557****:queues/zeus",
    )


def kafka(request: object, offset: int = 15, event_id: str = "7702ca16") -> dict[str, Any]:
    data = {
        "topic": "topic",
        "partition": 1,
        "offset": offset,
        "timestamp": 1655251392543,
        "headers": {"headers": [], "isReadOnly": False},
        "value": text_of(request),
    }
    return cloud_event(data, event_id, source="acs:alikafka", type="alikafka:Topic:Message")


def rabbitmq(request: object, message_id: str | None = "f7622d51") -> dict[str, Any]:
    data = {
        "envelope": {"deliveryTag": 98, "exchange": "", "redeliver": False, "routingKey": "q"},
        "body": text_of(request),
        "props": {"contentEncoding": "UTF-8", "messageId": message_id},
    }
    return cloud_event(data, "bj694332", source="acs:amqp", type="amqp:Queue:SendMessage")


def timer(request: object, time: str = "2022-07-29T10:02:58Z") -> dict[str, Any]:
    return {"triggerTime": time, "triggerName": "TestTimer", "payload": text_of(request)}


def oss_record(
    key: str, etag: str = "688A7BF4F233DC9C88A80BF985AB7329", **fields: Any
) -> dict[str, Any]:
    return {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "eventTime": "2022-08-13T06:45:43.000Z",
        "eventVersion": "1.0",
        "oss": {
            "bucket": {"arn": "acs:oss:cn-hangzhou:1:recipients", "name": "recipients"},
            "object": {"deltaSize": 1, "eTag": etag, "key": key, "size": 1},
            "ossSchemaVersion": "1.0",
            "ruleId": "0e6cb3e9",
        },
        "region": "cn-hangzhou",
        **fields,
    }


def oss(key: str, content: bytes = b"", **fields: Any) -> dict[str, Any]:
    """Return the event of an object with that content."""
    etag = hashlib.md5(content).hexdigest().upper()
    return {"events": [oss_record(key, etag, **fields)]}


KINDS_WITH_AN_ID: Mapping[str, Any] = {
    "MNS topic": mns_topic,
    "MNS topic, attributes": lambda request: mns_topic(request, filter="a", priority="1"),
    "MNS queue": mns_queue,
    "MNS queue, batch": lambda request: [mns_queue(request)],
    "bus": cloud_event,
    "bus, batch": lambda request: [cloud_event(request)],
    "bus, a string": lambda request: cloud_event(text_of(request)),
    "Kafka": lambda request: [kafka(request)],
    "Kafka, strings": lambda request: [text_of(kafka(request))],
    "RabbitMQ": lambda request: [rabbitmq(request)],
    "timer": timer,
}
KINDS_WITHOUT_ID: Mapping[str, Any] = {
    "plain": lambda request: request,
    "plain list": lambda request: [request],
    "plain requests": lambda request: {"requests": [request]},
    "STREAM with attributes": lambda request: {
        "body": text_of(request),
        "attrs": {"Extend": '{"key":"value"}'},
    },
}
