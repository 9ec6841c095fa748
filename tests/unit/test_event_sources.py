"""Events of every kind, right and wrong, as the requests and files that they stand for."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.event_sources import (
    Entry,
    Refusal,
    SendRequest,
    StoredFile,
    derived_out_id,
    read_event,
)
from shared.fields import read_out_id
from tests.unit.source_events import (
    KINDS_WITH_AN_ID,
    KINDS_WITHOUT_ID,
    cloud_event,
    encoded,
    kafka,
    mns_queue,
    mns_topic,
    oss,
    oss_record,
    rabbitmq,
    timer,
)
from tests.unit.trigger_events import http_event

REQUEST = {"phone_numbers": "13800138000", "template_code": "SMS_1", "template_param": {"n": "李"}}
EVERY_KIND = {**KINDS_WITH_AN_ID, **KINDS_WITHOUT_ID}


def found_in(value: object) -> list[Entry]:
    return read_event(encoded(value))


def request_in(value: object) -> SendRequest:
    (found,) = found_in(value)
    assert isinstance(found, SendRequest), found
    return found


def codes(found: list[Entry]) -> list[str]:
    return [entry.code if isinstance(entry, Refusal) else "" for entry in found]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_holds_a_request(kind: str) -> None:
    assert request_in(EVERY_KIND[kind](REQUEST)).body == REQUEST


@pytest.mark.parametrize("names", [("specversion", "id", "source"), ("source", "type", "data")])
def test_attributes_beside_a_message_of_a_topic_may_have_any_name(names: tuple[str, ...]) -> None:
    event = mns_topic(REQUEST, **dict.fromkeys(names, "1.0"))
    assert request_in(event) == request_in(mns_topic(REQUEST))


@pytest.mark.parametrize("kind", KINDS_WITH_AN_ID)
def test_a_kind_with_an_id_gives_a_stable_out_id(kind: str) -> None:
    first = derived_out_id("", *request_in(KINDS_WITH_AN_ID[kind](REQUEST)).event_id)
    again = derived_out_id("", *request_in(KINDS_WITH_AN_ID[kind](REQUEST)).event_id)
    assert again == first
    assert read_out_id(first, "out_id") == first
    assert not any(map(str.isdigit, first))


@pytest.mark.parametrize("kind", KINDS_WITHOUT_ID)
def test_a_kind_without_an_id_gives_none(kind: str) -> None:
    assert request_in(KINDS_WITHOUT_ID[kind](REQUEST)).event_id == ()


def test_the_id_of_an_event_is_its_kind_its_names_and_the_place_in_it() -> None:
    names = ("timer", "TestTimer", "2022-07-29T10:02:58Z", "0")
    assert request_in(timer(REQUEST)).event_id == names


def test_the_out_id_of_an_event_never_changes() -> None:
    assert derived_out_id("", "a", "b") == "algnfhdbjdpmpjonhicklmpihennpaag"
    assert derived_out_id("the-secret-of-the-state", "a", "b") == "eahbmmhbomglnklpeddagndbipifdjhd"


def test_who_knows_the_id_of_an_event_but_not_the_secret_cannot_tell_its_out_id() -> None:
    made = {derived_out_id(secret, "a", "b") for secret in ("", "secret-1", "secret-2")}
    assert len(made) == 3


def test_the_names_of_an_event_do_not_run_into_one_another() -> None:
    ids = (("a", "b"), ("ab",), ("a", "", "b"), ("a\nb",), ('a", "b',), ("a", "b", ""))
    assert len({derived_out_id("", *names) for names in ids}) == len(ids)


@pytest.mark.parametrize(
    "other",
    [
        mns_topic(REQUEST, message_id="other"),
        cloud_event(REQUEST, event_id="other"),
        cloud_event(REQUEST, source="other"),
        mns_queue(REQUEST, message_id="other"),
        kafka(REQUEST, offset=16),
        rabbitmq(REQUEST, message_id="other"),
        timer(REQUEST, time="2022-07-29T10:03:58Z"),
    ],
)
def test_another_event_has_another_out_id(other: dict[str, Any]) -> None:
    others = {request_in(make(REQUEST)).event_id for make in KINDS_WITH_AN_ID.values()}
    assert request_in(other).event_id not in others


@pytest.mark.parametrize(
    "again",
    [
        (mns_queue(REQUEST, event_id="1"), mns_queue(REQUEST, event_id="2")),
        (kafka(REQUEST, event_id="1"), kafka(REQUEST, event_id="2")),
    ],
    ids=["MNS queue", "Kafka"],
)
def test_a_message_in_another_event_keeps_its_out_id(again: tuple[Any, Any]) -> None:
    first, second = again
    in_a_batch = found_in([cloud_event(REQUEST), second])[1]
    assert isinstance(in_a_batch, SendRequest)
    assert request_in(first).event_id == in_a_batch.event_id


def test_a_message_without_an_id_of_its_own_takes_the_events() -> None:
    without = request_in(rabbitmq(REQUEST, message_id=None))
    assert without.event_id == request_in(rabbitmq(REQUEST, message_id="")).event_id
    assert without.event_id


@pytest.mark.parametrize(
    "message",
    [mns_queue(REQUEST, message_id=""), rabbitmq(REQUEST, message_id=""), kafka(REQUEST)],
    ids=["MNS queue", "RabbitMQ", "Kafka"],
)
def test_the_id_of_an_event_does_not_depend_on_the_kind_of_its_message(
    message: dict[str, Any],
) -> None:
    message["data"].pop("offset", None)
    without_fields_of_a_queue = cloud_event(REQUEST, message["id"], source=message["source"])
    expected = request_in(without_fields_of_a_queue).event_id
    assert request_in(message).event_id == expected


@pytest.mark.parametrize("kind", sorted(EVERY_KIND.keys() - {"plain list", "plain requests"}))
@pytest.mark.parametrize(
    "many", [[REQUEST, {}], {"requests": [REQUEST, {}]}], ids=["list", "object"]
)
def test_every_kind_may_hold_several_requests(kind: str, many: Any) -> None:
    requests = found_in(EVERY_KIND[kind](many))
    assert [entry.body for entry in requests if isinstance(entry, SendRequest)] == [REQUEST, {}]
    out_ids = {entry.event_id for entry in requests if isinstance(entry, SendRequest)}
    assert len(out_ids) == (2 if kind in KINDS_WITH_AN_ID else 1)


@pytest.mark.parametrize("make", [mns_topic, mns_queue, cloud_event, timer])
def test_a_message_may_be_base64(make: Any) -> None:
    message = base64.b64encode(json.dumps(REQUEST).encode()).decode()
    assert request_in(make(message)) == request_in(make(REQUEST))


@pytest.mark.parametrize("message", ["", "hello", "e30", "!!!!", "gICA", "{", "NaN", "[" * 100000])
@pytest.mark.parametrize("make", [mns_topic, mns_queue, cloud_event, timer, kafka, rabbitmq])
def test_a_message_that_is_no_json_is_an_entry(make: Any, message: str) -> None:
    assert codes(found_in(make(message))) == ["malformed-json"]


def test_a_refusal_says_what_is_wrong_and_where() -> None:
    assert found_in([timer("{"), {"requests": 7}, {"requests": []}]) == [
        Refusal("malformed-json", "is neither JSON nor base64 of JSON"),
        Refusal("invalid-request", "requests: must be a list"),
        Refusal("empty-event", "the event holds no request; docs/events.md shows one"),
    ]


def test_a_field_that_is_named_twice_is_refused() -> None:
    assert codes(read_event(b'{"phone_numbers": "1", "phone_numbers": "2"}')) == ["malformed-json"]


def test_a_bad_entry_does_not_stop_the_others() -> None:
    found = found_in(
        [mns_queue("???", "1"), 7, None, "{", mns_queue(REQUEST, "2"), {"requests": []}]
    )
    assert codes(found) == [
        "malformed-json",
        "unknown-event",
        "unknown-event",
        "malformed-json",
        "",
        "empty-event",
    ]


@pytest.mark.parametrize(
    "empty", [[], {"requests": []}, {"events": []}, cloud_event([]), timer([])]
)
def test_an_empty_event_is_an_entry(empty: object) -> None:
    assert codes(found_in(empty)) == ["empty-event"]


@pytest.mark.parametrize("requests", [None, 1, "x", {}])
def test_requests_must_be_a_list(requests: object) -> None:
    (entry,) = found_in({"requests": requests})
    assert isinstance(entry, Refusal)
    assert entry.reason == "requests: must be a list"


@pytest.mark.parametrize(
    "event",
    [b"", b" ", b"\xff", b"\xef\xbb\xbf", b"null", b"7", b'"text"', b"{", b"\x00"],
)
def test_what_is_no_event_is_one_entry(event: bytes) -> None:
    (entry,) = read_event(event)
    assert isinstance(entry, Refusal)


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read_event(b"\xef\xbb\xbf" + encoded(REQUEST)) == [SendRequest(REQUEST, ())]


@pytest.mark.parametrize(
    "event",
    [
        http_event(REQUEST),
        http_event({"requests": [REQUEST]}, path="/"),
        encoded({"requestContext": {}, **cloud_event(REQUEST)}),
        encoded({"rawPath": "/", "headers": {}, "body": json.dumps(REQUEST), "attrs": {}}),
        encoded([json.loads(http_event(REQUEST))]),
    ],
)
def test_an_http_event_is_refused(event: bytes) -> None:
    assert codes(read_event(event)) == ["http-refused"]


@pytest.mark.parametrize(
    "event",
    [
        oss("a/b.csv"),
        cloud_event(oss_record("a/b.csv", oss("")["events"][0]["oss"]["object"]["eTag"])),
        [cloud_event(oss("a/b.csv")["events"][0])],
    ],
    ids=["trigger", "bus", "batch"],
)
def test_an_object_that_was_written_is_a_file(event: Any) -> None:
    etag = "D41D8CD98F00B204E9800998ECF8427E"
    assert found_in(event) == [
        StoredFile("recipients", "a/b.csv", etag, "cn-hangzhou", "PutObject")
    ]


def test_a_key_may_be_as_long_as_oss_allows() -> None:
    (file,) = found_in({"events": [oss_record(f"k{'é' * 511}", "E")]})
    assert isinstance(file, StoredFile)
    assert len(file.key.encode()) == 1023


def test_an_object_may_lie_in_no_region_that_is_named() -> None:
    record = oss_record("a.csv", "E")
    del record["region"]
    assert found_in({"events": [record]}) == [
        StoredFile("recipients", "a.csv", "E", region="", written_by="PutObject")
    ]


BROKEN = oss_record("a.csv")


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        "a.csv",
        {**BROKEN, "oss": None},
        {**BROKEN, "oss": {"bucket": {}, "object": {}}},
        {**BROKEN, "oss": {"bucket": {"name": 1}, "object": {"key": "k", "eTag": "E"}}},
        {**BROKEN, "oss": {"bucket": {"name": "a.b/c"}, "object": {"key": "k", "eTag": "E"}}},
        {**BROKEN, "oss": {"bucket": {"name": "abc"}, "object": {"key": "", "eTag": "E"}}},
        {**BROKEN, "oss": {"bucket": {"name": "abc"}, "object": {"key": "é" * 512, "eTag": "E"}}},
        {**BROKEN, "oss": {"bucket": {"name": "abc"}, "object": {"key": "k\ud800", "eTag": "E"}}},
        {**BROKEN, "oss": {"bucket": {"name": "abc"}, "object": {"key": "k", "eTag": 'E"\n'}}},
        {**BROKEN, "oss": {"bucket": {"name": "abc"}, "object": {"key": "k", "eTag": None}}},
        {**BROKEN, "region": "evil.example.com/"},
        {**BROKEN, "region": 7},
        {**BROKEN, "eventName": None},
    ],
)
def test_an_oss_event_with_something_wrong_is_an_entry(record: object) -> None:
    event = json.dumps({"events": [record, BROKEN]}).encode()
    assert codes(read_event(event)) == ["unknown-event", ""]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
names = st.sampled_from(
    [
        *("Message", "TopicName", "MessageId", "specversion", "data", "source", "id", "type"),
        *("events", "oss", "bucket", "object", "triggerTime", "payload", "triggerName", "body"),
        *("attrs", "requests", "messageBody", "messageId", "topic", "value", "offset", "props"),
        *("requestContext", "subject"),
    ]
)
events = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner), max_leaves=12
)


@settings(max_examples=300, deadline=None, database=None)
@given(events.map(json.dumps).map(str.encode) | st.binary())
def test_no_event_breaks_it(event: bytes) -> None:
    found = read_event(event)
    assert found
    assert all(isinstance(entry, (SendRequest, StoredFile, Refusal)) for entry in found)
