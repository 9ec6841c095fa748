"""send_on_event as deployed: events in, requests at the platform, entries and log out."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import send_on_event
from shared.clock import PLATFORM_OFFSET
from shared.errors import NotSettled
from shared.events.event_sends import LOGGED_REFUSALS
from shared.events.event_sources import SendRequest, derived_out_id, read_event
from shared.ids import EVENT_SPACE, WireId
from shared.sending.part_records import PartRecord, read_part, record_key
from shared.sending.stop import start_sending, stop_sending
from shared.state.records import record_text
from shared.state.sqlite_store import SqliteStore
from shared.state.store import Change, Written
from tests.unit.conftest import CREDENTIALS
from tests.unit.manual_clock import AFTERNOON
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sms_platform import BIZ_ID, REQUEST_ID, Platform, accepted, detail, details, refused
from tests.unit.source_events import (
    KINDS_WITH_AN_ID,
    KINDS_WITHOUT_ID,
    cloud_event,
    encoded,
    mns_queue,
    mns_topic,
    oss,
    timer,
)
from tests.unit.trigger_events import Context, Context310, ContextCredentials, FunctionInfo
from tests.unit.trigger_events import http_event as trigger_event

ONE = {"phone_numbers": "13800138000", "template_code": "SMS_1", "template_param": {"n": "李雷"}}
ABROAD = {"phone_numbers": "+85251234567", "message": "hello"}
EVERY_KIND = {**KINDS_WITH_AN_ID, **KINDS_WITHOUT_ID}
SECRET = "a-secret-of-the-tests"
Result = Mapping[str, list[dict[str, Any]]]


def run(event: object, context: Context | None = None) -> Result:
    raw = event if isinstance(event, bytes) else encoded(event)
    return send_on_event.handler(raw, context or Context())


def only(result: Result, name: str) -> dict[str, Any]:
    """Return the one entry that there is, which has to be in the list `name`."""
    assert {key: len(entries) for key, entries in result.items() if entries} == {name: 1}, result
    return result[name][0]


def reasons(result: Result) -> dict[int, str]:
    return {entry["entry"]: entry["code"] for entry in result["rejected"]}


@pytest.fixture(autouse=True)
def _deployed(deployed: pytest.MonkeyPatch, endpoint: str) -> None:
    """Every test here has a function that is set up and a platform that accepts."""
    deployed.setenv("SMS_INTERNATIONAL_ENDPOINT", endpoint)
    deployed.setenv("SMS_COUNTRIES", "HK")
    deployed.setenv("SMS_SETTLE_SECONDS", "0.1")


@pytest.fixture
def store(deployed: pytest.MonkeyPatch, tmp_path: Path) -> SqliteStore:
    deployed.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.db")
    deployed.setenv("SMS_STATE_SECRET", SECRET)
    deployed.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    return SqliteStore(f"{tmp_path}/state.db")


# requests


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_of_event_sends(platform: Platform, kind: str) -> None:
    entry = only(run(EVERY_KIND[kind]({**ONE, "out_id": "order-1"})), "accepted")
    assert entry == {
        "entry": 0,
        "out_id": "order-1",
        "outcome": "accepted",
        "biz_id": BIZ_ID,
        "platform_request_id": REQUEST_ID,
    }
    assert platform.sends == [
        {
            "OutId": ".event~order-1",
            "PhoneNumbers": "13800138000",
            "SignName": "签名",
            "TemplateCode": "SMS_1",
            "TemplateParam": '{"n":"李雷"}',
        }
    ]


@pytest.mark.parametrize("kind", KINDS_WITH_AN_ID)
def test_an_event_that_is_repeated_is_the_same_intent(platform: Platform, kind: str) -> None:
    event = KINDS_WITH_AN_ID[kind](ONE)
    first, second = (only(run(event), "accepted") for _ in range(2))
    assert first["out_id"] == second["out_id"]
    assert platform.sends[0]["OutId"] == f".event~{first['out_id']}"
    nonces = {call.arrived.headers["x-acs-signature-nonce"] for call in platform.calls}
    assert len(nonces) == 1


def test_with_a_store_a_repeated_event_sends_nothing(
    platform: Platform, store: SqliteStore
) -> None:
    event = [mns_queue(ONE, "1"), mns_queue({**ONE, "phone_numbers": "13800138001"}, "2")]
    assert "replayed" not in run(event)["accepted"][0]
    assert [entry["replayed"] for entry in run(event)["accepted"]] == [True, True]
    assert len(platform.sends) == 2


def test_the_id_of_an_event_is_keyed_where_there_is_state(
    platform: Platform, store: SqliteStore
) -> None:
    """Who knows the ids of a topic's messages cannot ask about them, or use them up."""
    entry = only(run(mns_topic(ONE)), "accepted")
    (request,) = read_event(encoded(mns_topic(ONE)))
    assert isinstance(request, SendRequest)
    assert entry["out_id"] == derived_out_id(SECRET, *request.event_id)
    assert entry["out_id"] != derived_out_id("", *request.event_id)


def test_events_are_sent_for_the_key_that_sms_event_caller_names(
    deployed: pytest.MonkeyPatch, platform: Platform, store: SqliteStore
) -> None:
    event = mns_topic({**ONE, "out_id": "order-1"})
    only(run(event), "accepted")
    deployed.setenv("SMS_EVENT_CALLER", "web")
    assert "replayed" not in only(run(event), "accepted")
    assert only(run(event), "accepted")["replayed"] is True
    deployed.setenv("SMS_EVENT_CALLER", "")
    assert only(run(event), "accepted")["replayed"] is True
    assert [sent["OutId"] for sent in platform.sends] == [".event~order-1", "web~order-1"]


def test_files_are_sent_for_the_key_that_sms_event_caller_names(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path
) -> None:
    event = put(bucket, recipients(1))
    deployed.setenv("SMS_EVENT_CALLER", "web")
    entry = only(run(event), "accepted")
    assert [sent["OutId"] for sent in platform.sends] == [f"web~{entry['out_id']}~0"]


@pytest.mark.parametrize(("caller", "sent"), [("", 2), ("web", 1)])
def test_limits_of_a_key_count_events_only_where_they_are_sent_for_one(
    deployed: pytest.MonkeyPatch, platform: Platform, store: SqliteStore, caller: str, sent: int
) -> None:
    deployed.setenv("SMS_LIMITS", "key-per-day=1")
    deployed.setenv("SMS_EVENT_CALLER", caller)
    run({"requests": [{**ONE, "out_id": f"order-{place}"} for place in range(2)]})
    assert len(platform.sends) == sent


def test_a_malformed_event_caller_sends_nothing(
    deployed: pytest.MonkeyPatch, platform: Platform
) -> None:
    deployed.setenv("SMS_EVENT_CALLER", ".file")
    assert only(run(mns_topic(ONE)), "rejected")["code"] == "configuration"
    assert platform.calls == []


@pytest.mark.parametrize("kind", KINDS_WITHOUT_ID)
def test_an_event_without_an_id_must_bring_an_out_id(platform: Platform, kind: str) -> None:
    entry = only(run(KINDS_WITHOUT_ID[kind](ONE)), "rejected")
    assert entry["reason"].startswith("out_id: is missing")
    assert platform.calls == []


@pytest.mark.parametrize("out_id", ["", None, "a b", "x" * 201, 7])
def test_an_out_id_of_another_form_is_refused(platform: Platform, out_id: object) -> None:
    assert "out_id" in only(run(mns_topic({**ONE, "out_id": out_id})), "rejected")["reason"]
    assert platform.calls == []


def test_personal_texts_are_sent_in_parts(platform: Platform) -> None:
    numbers = [f"138{number:08}" for number in range(150)]
    request = {"messages": [{"phone_number": n} for n in numbers], "template_code": "SMS_1"}
    platform.on("SendBatchSms", accepted(), refused("isv.AMOUNT_NOT_ENOUGH"))
    entry = only(run(timer(request)), "rejected")
    assert entry["outcome"] == "mixed"
    assert [part["outcome"] for part in entry["parts"]] == ["accepted", "rejected"]


# abroad


@pytest.mark.parametrize(
    ("request_body", "action"),
    [
        (ABROAD, "SendMessageToGlobe"),
        ({**ABROAD, "international": True}, "SendMessageToGlobe"),
        ({**ONE, "phone_numbers": "+85251234567", "international": True}, "SendSms"),
        ({**ONE, "phone_numbers": "+85251234567", "api": "SendSms"}, "SendSms"),
        ({**ONE, "international": False}, "SendSms"),
    ],
)
def test_a_request_may_be_for_abroad(
    platform: Platform, request_body: dict[str, Any], action: str
) -> None:
    platform.on(
        "SendMessageToGlobe",
        answer({"ResponseCode": "OK", "MessageId": "1", "RequestId": REQUEST_ID}),
    )
    assert only(run(mns_topic(request_body)), "accepted")["outcome"] == "accepted"
    assert [call.action for call in platform.calls] == [action]


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        ({**ONE, "phone_numbers": "+85251234567"}, "phone_numbers"),
        ({**ONE, "international": "yes"}, "international"),
        ({**ABROAD, "international": False}, "message"),
        ({**ABROAD, "phone_numbers": "18624017194"}, "phone_numbers"),
    ],
)
def test_what_is_not_clearly_abroad_is_refused(
    platform: Platform, request_body: dict[str, Any], field: str
) -> None:
    assert field in only(run(mns_topic(request_body)), "rejected")["reason"]
    assert platform.calls == []


@pytest.mark.parametrize(
    "request_body",
    [
        {**ONE, "correcthorse": 1},
        {**ONE, "template_param": {"correcthorse": 1.5}},
        {"template_code": "SMS_1", "messages": [{"phone_number": "1", "correcthorse": 1}]},
        {**ABROAD, "correcthorse": 1},
    ],
)
def test_a_field_name_that_the_caller_made_up_is_answered_and_not_logged(
    platform: Platform, capsys: pytest.CaptureFixture[str], request_body: dict[str, Any]
) -> None:
    assert "correcthorse" in only(run(mns_topic(request_body)), "rejected")["reason"]
    logged = capsys.readouterr().out
    assert '"action": "entry"' in logged
    assert "correcthorse" not in logged
    assert platform.calls == []


# entries beside each other


def test_a_bad_entry_never_stops_the_others(platform: Platform) -> None:
    others = [{**ONE, "phone_numbers": f"1380013800{n}"} for n in range(2)]
    result = run(
        [
            mns_queue(others[0], "0"),
            mns_queue("not json", "1"),
            mns_queue({**ONE, "phone_numbers": "1"}, "2"),
            {**ONE, "text": "no out_id, no field"},
            {"sls": "event"},
            mns_queue(others[1], "5"),
        ]
    )
    assert [entry["entry"] for entry in result["accepted"]] == [0, 5]
    assert reasons(result) == {
        1: "malformed-json",
        2: "invalid-request",
        3: "invalid-request",
        4: "no-request",
    }
    assert len(platform.sends) == 2


def test_the_same_message_twice_in_an_event_is_one_intent(platform: Platform) -> None:
    result = run([mns_queue(ONE, "1", "a"), mns_queue(ONE, "2"), mns_queue(ONE, "1", "b")])
    assert [entry.get("same_as") for entry in result["accepted"]] == [None, None, 0]
    assert result["accepted"][0]["out_id"] == result["accepted"][2]["out_id"]
    assert len(platform.sends) == 2


def test_one_out_id_for_different_contents_is_a_conflict(platform: Platform) -> None:
    first = {**ONE, "out_id": "order-1"}
    result = run([first, {**first, "phone_numbers": "13800138001"}])
    assert [entry["entry"] for entry in result["accepted"]] == [0]
    assert reasons(result) == {1: "out-id-conflict"}
    assert len(platform.sends) == 1


def test_an_out_id_of_an_earlier_event_with_other_content_is_a_conflict(
    platform: Platform, store: SqliteStore
) -> None:
    run({**ONE, "out_id": "order-1"})
    result = run({**ONE, "out_id": "order-1", "phone_numbers": "13800138001"})
    assert reasons(result) == {0: "out-id-conflict"}
    assert only(result, "rejected")["out_id"] == "order-1"
    assert len(platform.sends) == 1


def test_entries_that_are_the_same_are_refused_alike(
    platform: Platform, store: SqliteStore
) -> None:
    run({**ONE, "out_id": "order-1"})
    other = {**ONE, "out_id": "order-1", "phone_numbers": "13800138001"}
    first, second = run([other, other])["rejected"]
    assert (first["out_id"], first["code"]) == ("order-1", "out-id-conflict")
    assert second == {**first, "entry": 1, "same_as": 0}
    assert len(platform.sends) == 1


def test_a_mistake_of_ours_refuses_every_entry_and_raises_nothing(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    context: Any = Context(function=FunctionInfo(timeout=None))  # type: ignore[arg-type]
    result = run([mns_queue(ONE, "1"), mns_queue(ONE, "2")], context)
    assert reasons(result) == {0: "internal-error", 1: "internal-error"}
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (bug,) = (line for line in said if line["action"] == "internal-error")
    assert bug["outcome"] == "TypeError"
    assert platform.calls == []


def test_ten_thousand_entries(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    requests = [
        {**ONE, "phone_numbers": f"138{n:08}" if n % 20 == 0 else str(n), "out_id": f"n-{n}"}
        for n in range(10_000)
    ]
    result = run({"requests": requests}, Context(function=FunctionInfo(timeout=600)))
    assert [entry["entry"] for entry in result["accepted"]] == list(range(0, 10_000, 20))
    assert len(result["rejected"]) == 9_500
    assert len(platform.sends) == 500
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line["action"] == "entry" for line in said) == LOGGED_REFUSALS
    assert (said[-1]["accepted"], said[-1]["rejected"]) == (500, 9_500)


@pytest.mark.parametrize(
    "event",
    [
        trigger_event(ONE),
        trigger_event({**ONE, "out_id": "order-1"}, path="/"),
        encoded([json.loads(trigger_event({**ONE, "out_id": "order-1"}))]),
    ],
)
def test_an_added_http_trigger_does_not_go_around_authentication(
    platform: Platform, event: bytes
) -> None:
    assert only(run(event), "rejected")["code"] == "http-refused"
    assert platform.calls == []


FOREIGN: Mapping[str, Any] = {
    "nothing": b"",
    "binary": b"\x00\xff",
    "an empty list": [],
    "SLS": {"parameter": {}, "source": {"endpoint": "x", "shardId": 0}, "jobName": "13800138000"},
    "a health check": cloud_event({"status": "ok"}, type="eventbridge:Health:Check"),
    "no data": cloud_event(None),
    "an OSS test event": {"events": [{"eventName": "Test", "eventSource": "acs:oss"}]},
    "a string": "13800138000",
    "wrong base64": mns_queue("eyJ0=="),
    "a list in a list": [[ONE]],
    "a timer without request": timer("TestPayload"),
}


@pytest.mark.parametrize("event", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_event_is_an_entry_and_not_in_the_log(
    platform: Platform, capsys: pytest.CaptureFixture[str], event: object
) -> None:
    only(run(event), "rejected")
    assert platform.calls == []
    said = capsys.readouterr().out
    assert "13800138000" not in said
    assert "TestPayload" not in said


# when it fails on purpose


THROTTLED = refused("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1")
DAY_LIMIT = refused("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10")
ILLEGAL = refused("isv.MOBILE_NUMBER_ILLEGAL")


@pytest.mark.parametrize(
    ("scene", "name"),
    [(hang_up(), "unknown"), (THROTTLED, "rejected"), (DAY_LIMIT, "rejected")],
)
def test_without_a_store_it_returns_whatever_happened(
    platform: Platform, scene: Scene, name: str
) -> None:
    platform.on("SendSms", scene)
    entry = only(run(mns_topic(ONE)), name)
    assert entry["retryable"] is False


@pytest.mark.parametrize("scene", [DAY_LIMIT, ILLEGAL])
def test_with_a_store_it_returns_what_a_repeat_cannot_change(
    platform: Platform, store: SqliteStore, scene: Scene
) -> None:
    platform.on("SendSms", scene)
    only(run(mns_topic(ONE)), "rejected")


@pytest.mark.parametrize("scene", [hang_up(), THROTTLED])
def test_with_a_store_it_fails_so_that_a_repeat_settles_it(
    platform: Platform, store: SqliteStore, scene: Scene
) -> None:
    numbers = ["13800138000", "13800138001"]
    event = [mns_queue({**ONE, "phone_numbers": number}, number[-1]) for number in numbers]
    platform.decide(
        "SendSms",
        lambda sent: scene if sent["PhoneNumbers"] == numbers[1] else accepted(),
    )
    with pytest.raises(NotSettled) as failure:
        run(event)
    assert str(failure.value).startswith("1 of 2 entries are not settled, from entry 1 on")
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__ or failure.value.__context__ is None
    platform.on("SendSms", accepted())
    out_id = derived_out_id(SECRET, "mns-queue", str(event[1]["subject"]), "1", "0")
    shown = detail(OutId=f".event~{out_id}", PhoneNum=numbers[1])
    platform.on("QuerySendDetails", details(shown))
    assert len(run(event)["accepted"]) == 2
    sent_to = [sent["PhoneNumbers"] for sent in platform.sends]
    assert sent_to.count(numbers[0]) == 1
    assert sent_to.count(numbers[1]) == (2 if scene is THROTTLED else 1)


def test_what_is_out_of_time_is_not_sent(platform: Platform) -> None:
    context = Context(function=FunctionInfo(timeout=1))
    entry = only(run(mns_topic(ONE), context), "rejected")
    assert (entry["code"], entry["retryable"]) == ("out-of-time", True)
    assert platform.calls == []


def test_with_a_store_what_is_out_of_time_is_left_to_a_repeat(
    platform: Platform, store: SqliteStore
) -> None:
    with pytest.raises(NotSettled):
        run(mns_topic(ONE), Context(function=FunctionInfo(timeout=1)))
    assert platform.calls == []
    only(run(mns_topic(ONE)), "accepted")


def test_an_event_that_comes_while_sending_is_stopped_is_left_to_a_repeat(
    platform: Platform, store: SqliteStore
) -> None:
    stop_sending(store, AFTERNOON)
    with pytest.raises(NotSettled):
        run(mns_topic(ONE))
    assert platform.calls == []
    start_sending(store)
    only(run(mns_topic(ONE)), "accepted")


def test_a_file_that_comes_while_sending_is_stopped_is_tried_no_further_and_sent_by_a_repeat(
    platform: Platform, store: SqliteStore, bucket: Path
) -> None:
    event = put(bucket, recipients(500))
    stop_sending(store, AFTERNOON)
    with pytest.raises(NotSettled):
        run(event)
    assert platform.calls == []
    summary = written(bucket)[-1]["summary"]
    assert summary["code"] == "sending-stopped"
    start_sending(store)
    assert only(run(event), "accepted")["rows"]["accepted"] == 500


def test_a_store_that_is_down_lets_nothing_through(
    deployed: pytest.MonkeyPatch, platform: Platform, store: SqliteStore
) -> None:
    deployed.setenv("SMS_STATE_URL", "sqlite:///nowhere/at/all.db")
    with pytest.raises(NotSettled):
        run(mns_topic(ONE))
    assert platform.calls == []


def test_what_another_invocation_is_at_work_on_is_asked_for_when_that_must_have_ended(
    platform: Platform, store: SqliteStore
) -> None:
    event = mns_topic({**ONE, "out_id": "order-1"})
    only(run(event), "accepted")
    left = read_part(store, WireId(EVENT_SPACE, "order-1"), state_secret=SECRET)
    now = int(time.time())
    crashed = PartRecord(
        state="sending",
        digest=left.digest,
        attempt=1,
        first_at=now,
        last_at=now,
        lease_until=now + 1,
        owner="somebody",
    )
    key = record_key(WireId(EVENT_SPACE, "order-1"), SECRET)
    change = Change(key=key, old=left.stored, new=record_text(crashed), ttl=600, now=now)
    assert store.put(change) == Written()
    platform.on("QuerySendDetails", details(detail(OutId=".event~order-1")))
    sent_before = len(platform.sends)
    assert only(run(event), "accepted")["reconciled"] is True
    assert len(platform.sends) == sent_before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_ACCESS_KEY_ID", ""),
        ("SMS_READ_TIMEOUT", "soon"),
        ("SMS_STATE_URL", "sqlite:///tmp/x.db"),
    ],
)
def test_a_wrong_setting_refuses_every_entry(
    deployed: pytest.MonkeyPatch,
    platform: Platform,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    deployed.setenv(name, value)
    result = run([mns_queue(ONE, "1"), mns_queue("x", "2")])
    assert set(reasons(result)) == {0, 1}
    assert name in result["rejected"][0]["reason"]
    assert name in capsys.readouterr().out
    assert platform.calls == []


def test_credentials_may_come_with_the_context(
    deployed: pytest.MonkeyPatch, platform: Platform
) -> None:
    for name in ("SMS_ACCESS_KEY_ID", "SMS_ACCESS_KEY_SECRET"):
        deployed.delenv(name)
    only(run(mns_topic(ONE), Context310(credentials=ContextCredentials("a", "b", "c"))), "accepted")
    assert platform.calls[0].arrived.headers["x-acs-security-token"] == "c"


# files


HEADER = "phone_number,name\n"


def recipients(count: int, first: int = 13000000000) -> bytes:
    rows = "".join(f"{first + n},name{n}\n" for n in range(count))
    return f"{HEADER}{rows}".encode()


@pytest.fixture
def bucket(deployed: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The bucket `recipients`, played by a directory; its sends have a template."""
    deployed.setenv("SMS_LOCAL_BUCKETS", str(tmp_path / "buckets"))
    deployed.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    deployed.setenv("SMS_FILE_TEMPLATE_CODE", "SMS_1")
    folder = tmp_path / "buckets" / "recipients"
    (folder / "sms-files").mkdir(parents=True)
    return folder


def put(bucket: Path, content: bytes, key: str = "sms-files/a.csv") -> dict[str, Any]:
    """Put an object into the bucket and return the event about it."""
    (bucket / key).parent.mkdir(parents=True, exist_ok=True)
    (bucket / key).write_bytes(content)
    return oss(key, content)


def part_number(wire_id: str) -> int:
    """Return the number of the part with this id on the wire."""
    return int(wire_id.rpartition("~")[2])


def written(bucket: Path) -> list[dict[str, Any]]:
    """Return the lines of the only object of results."""
    (result_file,) = (bucket / "sms-results").iterdir()
    return [json.loads(line) for line in result_file.read_bytes().splitlines()]


def results(bucket: Path, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bucket / entry["results"]).read_bytes().splitlines()]


def test_a_file_of_one_part_is_sent_without_a_store(platform: Platform, bucket: Path) -> None:
    event = put(bucket, HEADER.encode() + "13800138000,李雷\n1380013,Li\n13800138001,韩\n".encode())
    entry = only(run(event), "accepted")
    out_id = derived_out_id("", "oss", "recipients", "sms-files/a.csv", etag_in(event))
    assert entry == {
        "entry": 0,
        "out_id": out_id,
        "parts": {"accepted": 1, "rejected": 0, "unknown": 0},
        "rows": {"accepted": 2, "rejected": 1, "unknown": 0},
        "results": f"sms-results/a.csv.{etag_in(event)}.jsonl",
    }
    assert platform.sends == [
        {
            "OutId": f".file~{out_id}~0",
            "PhoneNumberJson": '["13800138000","13800138001"]',
            "SignNameJson": '["签名","签名"]',
            "TemplateCode": "SMS_1",
            "TemplateParamJson": '[{"name":"李雷"},{"name":"韩"}]',
        }
    ]
    row, part, summary = results(bucket, entry)
    assert (row["row"], row["line"], row["reason"].partition(":")[0]) == (2, 3, "phone_number")
    assert (part["first_row"], part["last_row"], part["sent_to"]) == (1, 3, 2)
    assert (part["outcome"], part["biz_id"]) == ("accepted", BIZ_ID)
    assert summary["summary"]["rows"] == entry["rows"]


def etag_in(event: Mapping[str, Any]) -> str:
    etag: str = event["events"][0]["oss"]["object"]["eTag"]
    return etag


def test_no_result_holds_a_number(platform: Platform, bucket: Path) -> None:
    content = HEADER + "13800138000,Li\n13800138000,Li\n138001380001,Li\n13800138002,x.com\n"
    entry = only(run(put(bucket, content.encode())), "accepted")
    assert entry["rows"] == {"accepted": 1, "rejected": 3, "unknown": 0}
    said = (bucket / entry["results"]).read_text()
    assert "1380013" not in said
    assert "x.com" not in said


@pytest.mark.parametrize(("suffix", "block"), [("csv", "csv"), ("jsonl", "json")])
def test_the_files_in_the_documentation_are_sent(
    platform: Platform, bucket: Path, project: Path, suffix: str, block: str
) -> None:
    text = (project / "docs" / "events.md").read_text(encoding="utf-8")
    content = text.partition(f"```{block}\n")[2].partition("```")[0]
    entry = only(run(put(bucket, content.encode(), f"sms-files/a.{suffix}")), "accepted")
    assert entry["rows"]["rejected"] == 0
    (sent,) = platform.sends
    assert json.loads(sent["TemplateParamJson"])[0] == {"name": "Li Lei", "order": "A-17"}


def test_json_lines_are_sent(platform: Platform, bucket: Path) -> None:
    line = {"phone_number": "13800138000", "template_param": {"n": "x"}, "template_code": "SMS_7"}
    only(run(put(bucket, json.dumps(line).encode(), "sms-files/a.jsonl")), "accepted")
    assert platform.sends[0]["TemplateCode"] == "SMS_7"


def test_a_file_of_many_parts_is_sent_with_a_store(
    platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    entry = only(run(put(bucket, recipients(1234))), "accepted")
    assert entry["parts"] == {"accepted": 13, "rejected": 0, "unknown": 0}
    assert entry["rows"]["accepted"] == 1234
    sent = {sent["OutId"]: json.loads(sent["PhoneNumberJson"]) for sent in platform.sends}
    assert sorted(sent, key=part_number) == [
        f".file~{entry['out_id']}~{part}" for part in range(13)
    ]
    assert sent[f".file~{entry['out_id']}~12"] == [str(13000001200 + n) for n in range(34)]


def test_a_repeated_event_writes_the_same_results_and_sends_nothing(
    platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    event = put(bucket, recipients(250) + b"1,x\n")
    first = only(run(event), "accepted")
    before = sorted(map(json.dumps, results(bucket, first)))
    assert only(run(event), "accepted") == first
    after = [{**line} for line in results(bucket, first)]
    for line in after:
        line.pop("replayed", None)
    assert sorted(map(json.dumps, after)) == before
    assert len(platform.sends) == 3
    assert len(list((bucket / "sms-results").iterdir())) == 1


def test_a_file_of_more_than_a_part_needs_a_store(platform: Platform, bucket: Path) -> None:
    entry = only(run(put(bucket, recipients(101))), "rejected")
    assert "SMS_STATE_URL" in entry["reason"]
    assert platform.calls == []


def test_a_result_sends_nothing(platform: Platform, bucket: Path) -> None:
    entry = only(run(put(bucket, recipients(2))), "accepted")
    key = entry["results"]
    assert only(run(oss(key, (bucket / key).read_bytes())), "ignored")
    assert len(platform.sends) == 1


@pytest.mark.parametrize("key", ["a.csv", "sms-files.csv", "other/sms-files/a.csv", "sms-files/"])
def test_an_object_elsewhere_is_ignored(platform: Platform, bucket: Path, key: str) -> None:
    assert only(run(oss(key, recipients(1))), "ignored")
    assert platform.calls == []


def test_an_upload_that_goes_on_is_ignored(platform: Platform, bucket: Path) -> None:
    only(run(oss("sms-files/a.csv", eventName="ObjectCreated:UploadPart")), "ignored")


@pytest.mark.parametrize("name", ["ObjectCreated:AppendObject", "ObjectRemoved:DeleteObject", "x"])
def test_an_object_that_was_not_written_whole_is_refused(
    platform: Platform, bucket: Path, name: str
) -> None:
    put(bucket, recipients(1))
    event = oss("sms-files/a.csv", recipients(1), eventName=name)
    assert only(run(event), "rejected")["reason"].startswith("eventName")
    assert platform.calls == []


@pytest.mark.parametrize("written", ["sms-files/名 单+1.csv", "sms-files/a%20b.csv"])
@pytest.mark.parametrize("is_encoded", [True, False])
def test_a_key_may_come_url_encoded(
    platform: Platform, bucket: Path, written: str, is_encoded: bool
) -> None:
    put(bucket, recipients(1), written)
    told = quote(written, safe="") if is_encoded else written
    assert only(run(oss(told, recipients(1))), "accepted")
    assert len(platform.sends) == 1


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("sms-files/gone.csv", "object-not-found"),
        ("sms-files/gone%20too.csv", "object-not-found"),
        ("sms-files/../../secret.csv", "object-not-found"),
        ("sms-files/a.csv", "object-changed"),
    ],
)
def test_an_object_that_is_not_there_any_more_is_refused(
    platform: Platform, bucket: Path, key: str, code: str
) -> None:
    put(bucket, recipients(1))
    (bucket.parent / "secret.csv").write_bytes(b"another content")
    assert only(run(oss(key, b"another content")), "rejected")["code"] == code
    assert platform.calls == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file: is empty"),
        (b"number\n13800138000\n", "file: the first row must name the columns"),
        (HEADER.encode(), "file: holds no recipients"),
        (b"phone_number,template_code\n13800138000,x\n", "template_code: must be the code"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(
    platform: Platform, bucket: Path, content: bytes, reason: str
) -> None:
    entry = only(run(put(bucket, content)), "rejected")
    assert entry["reason"].startswith(reason)
    assert results(bucket, entry)[-1]["summary"]["reason"] == entry["reason"]
    assert platform.calls == []


def test_a_row_with_a_blocked_prefix_does_not_stop_the_others_of_its_part(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_BLOCKED_PREFIXES", "86170")
    content = f"{HEADER}13800138000,Li\n17000000000,Li\n13800138001,Li\n".encode()
    entry = only(run(put(bucket, content)), "accepted")
    assert entry["rows"] == {"accepted": 2, "rejected": 1, "unknown": 0}
    (row,) = (line for line in results(bucket, entry) if "row" in line)
    assert (row["row"], row["reason"]) == (
        2,
        "phone_number: begins with one of SMS_BLOCKED_PREFIXES; leave the number out",
    )


@pytest.mark.parametrize("unreadable", [1, 100])
@pytest.mark.parametrize("template_of_all", ["", "SMS_9"])
def test_rows_that_cannot_be_read_do_not_take_the_template_away(
    deployed: pytest.MonkeyPatch,
    platform: Platform,
    bucket: Path,
    store: SqliteStore,
    unreadable: int,
    template_of_all: str,
) -> None:
    deployed.setenv("SMS_FILE_TEMPLATE_CODE", template_of_all)
    rows = ["13800138000"] * unreadable + ["13800138001,SMS_7", "13800138002,"]
    content = "\n".join(["phone_number,template_code", *rows]).encode()
    entry = only(run(put(bucket, content)), "accepted")
    assert entry["rows"] == {"accepted": 2, "rejected": unreadable, "unknown": 0}
    assert [sent["TemplateCode"] for sent in platform.sends] == ["SMS_7"]


def test_the_template_of_the_first_row_is_that_of_all_parts(
    platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    rows = [f"{13000000000 + n}," for n in range(201)]
    rows[0] += "SMS_7"
    rows[200] += "SMS_8"
    content = "\n".join(["phone_number,template_code", *rows]).encode()
    entry = only(run(put(bucket, content)), "accepted")
    assert entry["rows"] == {"accepted": 200, "rejected": 1, "unknown": 0}
    assert [sent["TemplateCode"] for sent in platform.sends] == ["SMS_7", "SMS_7"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SMS_FILE_RESULTS_PREFIX": "sms-files/results/"}, "SMS_FILE_RESULTS_PREFIX"),
        ({"SMS_FILE_PREFIX": "a/b/", "SMS_FILE_RESULTS_PREFIX": "a/"}, "SMS_FILE_RESULTS_PREFIX"),
        ({"SMS_FILE_PREFIX": "x/", "SMS_FILE_RESULTS_PREFIX": "x/"}, "overlap"),
        ({"SMS_FILE_PREFIX": "sms"}, "SMS_FILE_PREFIX"),
        ({"SMS_FILE_PREFIX": "/sms/"}, "SMS_FILE_PREFIX"),
        ({"SMS_FILE_PARALLEL": "0"}, "SMS_FILE_PARALLEL"),
        ({"SMS_FILE_ENCODING": "latin-1"}, "SMS_FILE_ENCODING"),
        ({"SMS_FILE_COLUMNS": "name,order no"}, "SMS_FILE_COLUMNS"),
        ({"SMS_FILE_TEMPLATE_CODE": "hello"}, "SMS_FILE_TEMPLATE_CODE"),
        ({"SMS_ALLOW_LOCAL_STATE": ""}, "SMS_LOCAL_BUCKETS"),
        ({"SMS_OSS_ENDPOINT": "http://oss.example.com"}, "SMS_OSS_ENDPOINT"),
    ],
)
def test_wrong_file_settings_refuse_files_and_nothing_else(
    deployed: pytest.MonkeyPatch,
    platform: Platform,
    bucket: Path,
    changes: Mapping[str, str],
    named: str,
) -> None:
    event = put(bucket, recipients(1))
    for name, value in changes.items():
        deployed.setenv(name, value)
    entry = only(run(event), "rejected")
    assert entry["code"] == "configuration"
    assert named in entry["reason"]
    assert platform.calls == []
    assert only(run(mns_topic(ONE)), "accepted")


def test_columns_that_the_template_does_not_use_are_left_out(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path
) -> None:
    deployed.setenv("SMS_FILE_COLUMNS", " name, order ,")
    content = "phone_number,name,order,email,remark\n13800138000,Li,A-1,li@example.com,\n"
    entry = only(run(put(bucket, content.encode())), "accepted")
    assert entry["rows"] == {"accepted": 1, "rejected": 0, "unknown": 0}
    (sent,) = platform.sends
    assert sent["TemplateParamJson"] == '[{"name":"Li","order":"A-1"}]'


def test_text_in_an_encoding_that_is_not_known_is_never_sent(
    platform: Platform, bucket: Path
) -> None:
    content = f"{HEADER}13800138000,王小明\n13800138001,陳大文\n13800138002,林美枝\n"
    entry = only(run(put(bucket, content.encode("big5"))), "rejected")
    assert entry["reason"].startswith("file: is no UTF-8, and as GBK only")
    assert "SMS_FILE_ENCODING" in entry["reason"]
    assert platform.calls == []


@pytest.mark.parametrize("parallel", ["1", "8"])
def test_a_number_in_two_parts_gets_one_sms_also_in_a_repeat(
    deployed: pytest.MonkeyPatch,
    platform: Platform,
    bucket: Path,
    store: SqliteStore,
    parallel: str,
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", parallel)
    rows = [f"{13000000000 + n},Li" for n in range(1000)]
    rows[500] = rows[7]
    rows[999] = rows[250]
    event = put(bucket, "\n".join([HEADER.strip(), *rows]).encode())
    platform.on("SendBatchSms", accepted(), accepted(), refused("isv.AMOUNT_NOT_ENOUGH"))
    only(run(event), "rejected")
    taken = platform.sends[:2]
    refused_sends = len(platform.sends)
    platform.on("SendBatchSms", accepted())
    entry = only(run(event), "accepted")
    taken += platform.sends[refused_sends:]
    assert entry["rows"] == {"accepted": 998, "rejected": 2, "unknown": 0}
    reasons = {line["row"]: line["reason"] for line in results(bucket, entry) if "row" in line}
    assert reasons == {
        501: "phone_number: is the same number as in row 8",
        1000: "phone_number: is the same number as in row 251",
    }
    numbers = [number for sent in taken for number in json.loads(sent["PhoneNumberJson"])]
    assert len(numbers) == len(set(numbers)) == 998


def test_a_refusal_that_would_meet_all_parts_stops_the_file(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "2")
    platform.on("SendBatchSms", accepted(), refused("isv.AMOUNT_NOT_ENOUGH"))
    event = put(bucket, recipients(5000))
    entry = only(run(event), "rejected")
    assert entry["code"] == "isv.AMOUNT_NOT_ENOUGH"
    assert len(platform.sends) <= 4
    platform.on("SendBatchSms", accepted())
    assert only(run(event), "accepted")["parts"]["accepted"] == 50


def test_a_refusal_of_one_part_does_not_stop_the_file(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "1")
    platform.on("SendBatchSms", refused("isv.MOBILE_NUMBER_ILLEGAL"), accepted())
    entry = only(run(put(bucket, recipients(300))), "rejected")
    assert entry["parts"] == {"accepted": 2, "rejected": 1, "unknown": 0}
    assert entry["rows"] == {"accepted": 200, "rejected": 100, "unknown": 0}
    assert "code" not in entry


def test_a_part_in_doubt_does_not_stop_the_file(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "1")
    a_code_of_receipts_about_the_account = refused("NO_ROUTE")
    platform.on("SendBatchSms", a_code_of_receipts_about_the_account, accepted())
    with pytest.raises(NotSettled):
        run(put(bucket, recipients(300)))
    *_, summary = written(bucket)
    assert summary["summary"]["parts"] == {"accepted": 2, "rejected": 0, "unknown": 1}
    assert "code" not in summary["summary"]


def test_a_platform_that_cannot_be_reached_stops_the_file_until_a_repeat(
    deployed: pytest.MonkeyPatch,
    platform: Platform,
    endpoint: str,
    bucket: Path,
    store: SqliteStore,
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "1")
    deployed.setenv("SMS_ENDPOINT", "http://127.0.0.1:1")
    event = put(bucket, recipients(300))
    with pytest.raises(NotSettled):
        run(event)
    part, summary = written(bucket)
    assert (part["part"], part["code"]) == (0, "connection-failed")
    assert summary["summary"]["code"] == "connection-failed"
    assert summary["summary"]["rows"] == {"accepted": 0, "rejected": 100, "unknown": 0}
    deployed.setenv("SMS_ENDPOINT", endpoint)
    assert only(run(event), "accepted")["parts"]["accepted"] == 3
    assert len(platform.sends) == 3


def test_a_part_that_was_sent_with_other_content_is_refused(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    event = put(bucket, recipients(150))
    only(run(event), "accepted")
    deployed.setenv("SMS_SIGN_NAME", "另签")
    entry = only(run(event), "rejected")
    assert entry["parts"] == {"accepted": 0, "rejected": 2, "unknown": 0}
    parts = [line for line in results(bucket, entry) if "part" in line]
    assert {(part["outcome"], part["code"]) for part in parts} == {("rejected", "out-id-conflict")}
    assert len(platform.sends) == 2


def test_a_limit_that_is_reached_stops_the_file(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "2")
    deployed.setenv("SMS_LIMITS", "mainland-per-month=350")
    event = put(bucket, recipients(5000))
    entry = only(run(event), "rejected")
    assert entry["code"] == "mainland-per-month"
    assert entry["reason"] == "the rest was not tried: the limit is reached"
    assert entry["parts"]["accepted"] == 3
    assert 1 <= entry["parts"]["rejected"] <= 2
    assert len(platform.sends) == 3
    deployed.setenv("SMS_LIMITS", "mainland-per-month=5000")
    assert only(run(event), "accepted")["parts"]["accepted"] == 50
    assert len(platform.sends) == 50


def test_the_limit_of_one_number_does_not_stop_the_file(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "1")
    deployed.setenv("SMS_LIMITS", "number-per-day=1")
    header, first, *rest = recipients(300).splitlines()
    assert only(run(mns_topic({**ONE, "phone_numbers": "13000000000"})), "accepted")
    alone = [header, first, *(b"x" + row for row in rest[:99]), *rest[99:]]
    entry = only(run(put(bucket, b"\n".join(alone))), "rejected")
    assert entry["parts"] == {"accepted": 2, "rejected": 1, "unknown": 0}
    assert entry["rows"] == {"accepted": 200, "rejected": 100, "unknown": 0}


def test_a_limit_on_one_request_does_not_stop_the_others_of_an_event(
    deployed: pytest.MonkeyPatch, platform: Platform, store: SqliteStore
) -> None:
    deployed.setenv("SMS_LIMITS", "number-per-day=1")
    numbers = ["13800138000", "13800138000", "13800138001"]
    bodies = [
        {**ONE, "phone_numbers": number, "out_id": f"order-{place}"}
        for place, number in enumerate(numbers)
    ]
    result = run({"requests": bodies})
    assert {entry["entry"] for entry in result["accepted"]} > {2}
    (refusal,) = result["rejected"]
    assert (refusal["code"], refusal["retryable"]) == ("number-per-day", True)
    assert len(platform.sends) == 2


def test_a_limit_of_a_minute_is_left_to_a_repeat(
    deployed: pytest.MonkeyPatch, platform: Platform, store: SqliteStore
) -> None:
    deployed.setenv("SMS_LIMITS", "number-per-minute=1")
    run(mns_topic({**ONE, "out_id": "order-1"}))
    with pytest.raises(NotSettled):
        run(mns_topic({**ONE, "out_id": "order-2"}))
    assert len(platform.sends) == 1


def test_a_repeat_goes_on_where_a_file_was_interrupted(
    platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    lost: set[str] = set()

    def lose_every_third(sent: Mapping[str, str]) -> Scene:
        if part_number(sent["OutId"]) % 3 == 0 and sent["OutId"] not in lost:
            lost.add(sent["OutId"])
            return hang_up()
        return accepted()

    platform.decide("SendBatchSms", lose_every_third)
    event = put(bucket, recipients(900))
    with pytest.raises(NotSettled):
        run(event)
    assert len(platform.sends) == 9
    (result_file,) = (bucket / "sms-results").iterdir()
    assert '"unknown":3' in result_file.read_text()

    def found(asked: Mapping[str, str]) -> Scene:
        part = (int(asked["PhoneNumber"]) - 13000000000) // 100
        (out_id,) = (out_id for out_id in lost if out_id.endswith(f"~{part}"))
        return details(detail(OutId=out_id, PhoneNum=asked["PhoneNumber"], **sent_now()))

    platform.decide("QuerySendDetails", found)
    assert only(run(event), "accepted")["parts"] == {"accepted": 9, "rejected": 0, "unknown": 0}
    assert len(platform.sends) == 9


def sent_now() -> dict[str, str]:
    now = time.gmtime(time.time() + PLATFORM_OFFSET)
    return {"SendDate": time.strftime("%Y-%m-%d %H:%M:%S", now)}


def test_the_time_of_a_file_ends_and_a_repeat_goes_on(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "1")

    def slow(_sent: Mapping[str, str]) -> Scene:
        time.sleep(0.2)
        return accepted()

    def found(asked: Mapping[str, str]) -> Scene:
        part = (int(asked["PhoneNumber"]) - 13000000000) // 100
        sent = platform.sends[part]["OutId"]
        assert sent.endswith(f"~{part}")
        return details(detail(OutId=sent, PhoneNum=asked["PhoneNumber"], **sent_now()))

    platform.decide("SendBatchSms", slow)
    platform.decide("QuerySendDetails", found)  # the last answer may have come too late
    event = put(bucket, recipients(2000))
    with pytest.raises(NotSettled):
        run(event, Context(function=FunctionInfo(timeout=3)))
    sent_before = len(platform.sends)
    assert 1 <= sent_before < 20
    *parts, summary = written(bucket)
    assert len(parts) == sent_before
    assert summary["summary"]["code"] == "out-of-time"
    assert summary["summary"]["reason"] == "the time was over; a repeat goes on from here"
    platform.on("SendBatchSms", accepted())
    assert only(run(event), "accepted")["parts"]["accepted"] == 20
    assert len(platform.sends) == 20


def test_the_first_problem_of_a_file_is_the_one_that_is_reported(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    deployed.setenv("SMS_FILE_PARALLEL", "1")

    def refuse_slowly(_sent: Mapping[str, str]) -> Scene:
        time.sleep(1)  # of 3 seconds it is the last one in which a part may begin
        return refused("isv.AMOUNT_NOT_ENOUGH")

    platform.decide("SendBatchSms", refuse_slowly)
    with pytest.raises(NotSettled):
        run(put(bucket, recipients(500)), Context(function=FunctionInfo(timeout=3)))
    assert written(bucket)[-1]["summary"]["code"] == "isv.AMOUNT_NOT_ENOUGH"
    assert len(platform.sends) == 1


def test_several_files_of_one_event_are_sent(platform: Platform, bucket: Path) -> None:
    records = [
        put(bucket, recipients(1, 13000000000 + n), f"sms-files/{n}.csv")["events"][0]
        for n in range(3)
    ]
    assert len(run({"events": [*records, {}]})["accepted"]) == 3
    assert len(platform.sends) == 3


def test_results_that_cannot_be_written_are_told(platform: Platform, bucket: Path) -> None:
    event = put(bucket, recipients(1))
    (bucket / "sms-results").write_text("a file where a folder should be")
    entry = only(run(event), "accepted")
    assert "results" not in entry
    assert "cannot be written" in entry["results_reason"]


def test_a_file_that_meets_a_mistake_of_ours_is_unknown(
    deployed: pytest.MonkeyPatch,
    platform: Platform,
    bucket: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = put(bucket, recipients(1))
    deployed.setattr(tempfile, "tempdir", str(bucket / "no such folder"))
    entry = only(run(event), "unknown")
    assert entry["code"] == "internal-error"
    assert '"internal-error"' in capsys.readouterr().out


def test_a_file_that_meets_a_mistake_of_ours_comes_again_where_there_is_a_store(
    deployed: pytest.MonkeyPatch, platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    event = put(bucket, recipients(1))
    with deployed.context() as patch:
        patch.setattr(tempfile, "tempdir", str(bucket / "no such folder"))
        with pytest.raises(NotSettled):
            run(event)
    assert only(run(event), "accepted")["rows"]["accepted"] == 1


def test_a_file_in_oss_needs_the_package_that_the_runtimes_have(
    deployed: pytest.MonkeyPatch, platform: Platform
) -> None:
    deployed.setitem(sys.modules, "oss2", None)
    entry = only(run(oss("sms-files/a.csv", recipients(1))), "rejected")
    assert entry["code"] == "configuration"
    assert "oss2" in entry["reason"]


def test_results_that_cannot_be_written_are_written_by_a_repeat(
    platform: Platform, bucket: Path, store: SqliteStore
) -> None:
    event = put(bucket, recipients(1))
    (bucket / "sms-results").write_text("a file where a folder should be")
    with pytest.raises(NotSettled):
        run(event)
    (bucket / "sms-results").unlink()
    assert results(bucket, only(run(event), "accepted"))
    assert len(platform.sends) == 1


# the log, and what an import costs


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
wrappers = st.sampled_from(list(EVERY_KIND.values()))
fields = st.sampled_from([*ONE, *ABROAD, "out_id", "international", "13800138007", "messages"])


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    wrappers,
    st.dictionaries(fields, junk | st.sampled_from(["13800138007", "secret 值", True])),
    st.booleans(),
)
def test_no_event_raises_and_no_log_holds_what_it_says(
    platform: Platform, wrap: Any, changes: dict[str, Any], keep: bool
) -> None:
    request = {**(ONE if keep else {}), **changes}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        result = run(json.dumps(wrap(request)).encode())
    assert sum(map(len, result.values())) == 1
    json.dumps(result)
    for secret in ("13800138000", "13800138007", "李雷", "secret 值", *CREDENTIALS[:2]):
        assert secret not in said.getvalue()


@pytest.mark.parametrize("key", ["sms-files/13800138000.csv", "sms-files/a.csv"])
def test_the_log_of_a_file_holds_no_number_and_no_value(
    platform: Platform, bucket: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    event = put(bucket, (HEADER + "13800138000,李雷\n138,李雷\n").encode(), key)
    only(run(event), "accepted")
    said = capsys.readouterr().out
    assert "13800138000" not in said
    assert "李雷" not in said
    assert all(isinstance(json.loads(line), dict) for line in said.splitlines())


def test_an_import_loads_only_what_a_request_needs(project: Path) -> None:
    code = "import functions.send_on_event, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, check=True, capture_output=True, text=True
    )
    unwanted = {"dataclasses", "asyncio", "redis", "oss2", "sqlite3", "shared.platform.error_codes"}
    unwanted |= {
        "shared.events.file_sends",
        "shared.sending.international",
        "shared.state.redis_store",
        "shared.state.sqlite_store",
    }
    assert not unwanted & set(done.stdout.split())


MANY_ROWS = """
import json, sys
from pathlib import Path
from functions import send_on_event
from tests.unit.trigger_events import Context, FunctionInfo
event = Path(sys.argv[1]).read_bytes()
(entry,) = send_on_event.handler(event, Context(function=FunctionInfo(timeout=600)))["accepted"]
lines = Path("/proc/self/status").read_text().splitlines()
(peak,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
print(json.dumps({"entry": entry, "peak": peak}), file=sys.stderr)
"""


def test_a_large_file_takes_little_memory(
    platform: Platform, bucket: Path, store: SqliteStore, project: Path
) -> None:
    rows = [f"{13000000000 + n if n % 10_000 == 0 else n},name{n}" for n in range(200_000)]
    event = bucket / "event.json"
    event.write_bytes(encoded(put(bucket, (HEADER + "\n".join(rows)).encode())))
    done = subprocess.run(
        [sys.executable, "-c", MANY_ROWS, str(event)],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stderr)
    assert told["peak"] < 120 * 1024
    assert told["entry"]["rows"] == {"accepted": 20, "rejected": 199_980, "unknown": 0}
    sent_parts = {part_number(sent["OutId"]) for sent in platform.sends}
    assert sent_parts == set(range(0, 2000, 100))
    refused_rows = [line["row"] for line in results(bucket, told["entry"]) if "row" in line]
    assert len(refused_rows) == 199_980
    assert refused_rows[-1] == 200_000
