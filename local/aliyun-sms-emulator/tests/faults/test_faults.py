"""Fault rules as state of the emulator: what they meet, how often, and how they are changed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import ConfigError, EmulatorClient, SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from aliyun_sms_emulator.config.reading import read_config
from aliyun_sms_emulator.serving.listening import Listening
from aliyun_sms_emulator.serving.server import EmulatorServer
from emulator_config import CONFIG
from raw_connection import RawConnection, signed
from server_threads import emulating
from signing_client import Client, Reply, raw

JSON = {"Content-Type": "application/json"}
UNAVAILABLE = {"kind": "http", "status": 503}


@pytest.fixture
def client(emulator: SmsEmulator) -> Client:
    emulator.settings(limits=False)
    return Client(emulator)


def api(emulator: SmsEmulator, method: str, path: str, document: object = None) -> Reply:
    body = b"" if document is None else json.dumps(document).encode()
    return raw(emulator, method, path, body, JSON)


def fates(client: Client, count: int) -> list[int]:
    """The HTTP statuses of so many sends."""
    return [client.send(f"1380013{n:04d}").status for n in range(count)]


def details(client: Client, number: str = "13800138000") -> list[str]:
    """The OutIds that QuerySendDetails finds today."""
    today = client.emulator.clock.now.strftime("%Y%m%d")
    page = {"PhoneNumber": number, "SendDate": today, "PageSize": "50", "CurrentPage": "1"}
    found = client.v3("QuerySendDetails", page).json["SmsSendDetailDTOs"]["SmsSendDetailDTO"]
    return [entry["OutId"] for entry in found]


def test_rules_are_read_replaced_added_and_removed(emulator: SmsEmulator) -> None:
    assert api(emulator, "GET", "/api/faults").json == {"rules": [], "late_acceptances": 0}
    rule = {"match": {"action": "Send*"}, **UNAVAILABLE, "times": 1}
    reply = api(emulator, "PUT", "/api/faults", {"rules": [rule, {"id": "mine", "kind": "reset"}]})
    first = {"id": "1", **rule, "met": 0, "fired": 0}
    second = {"id": "mine", "kind": "reset", "met": 0, "fired": 0}
    assert reply.json["rules"] == [first, second]
    reply = api(emulator, "POST", "/api/faults", {"schedule": ["none"]})
    assert (reply.status, reply.json["id"]) == (201, "3")
    assert api(emulator, "GET", "/api/faults/mine").json == second
    assert api(emulator, "DELETE", "/api/faults/mine").json == {"deleted": 1}
    assert api(emulator, "GET", "/api/faults/mine").status == 404
    assert api(emulator, "DELETE", "/api/faults/mine").status == 404
    assert [r["id"] for r in api(emulator, "GET", "/api/faults").json["rules"]] == ["1", "3"]
    assert api(emulator, "DELETE", "/api/faults").json == {"deleted": 2}
    assert api(emulator, "GET", "/api/faults").json["rules"] == []


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ("reset", ""),
        ({}, "kind"),
        ({"kind": "explode"}, "kind"),
        ({"kind": ["reset"]}, "kind"),
        ({"kind": "reset", "seconds": 1}, "seconds"),
        ({"kind": "reset", "bytes": "all"}, "bytes"),
        ({"kind": "reset", "bytes": 1.5}, "bytes"),
        ({"kind": "reset", "when": "during"}, "when"),
        ({"kind": "stall", "seconds": -1}, "seconds"),
        ({"kind": "stall", "seconds": True}, "seconds"),
        ({"kind": "stall", "seconds": "1"}, "seconds"),
        ({"kind": "drip"}, "seconds"),
        ({"kind": "drip", "seconds": 1, "when": "before"}, "when"),
        ({"kind": "drip", "seconds": 1, "chunks": 0}, "chunks"),
        ({"kind": "http", "status": 399}, "status"),
        ({"kind": "http", "status": 600}, "status"),
        ({"kind": "http", "body": "xml"}, "body"),
        ({"kind": "garbage", "content": "more"}, "content"),
        ({"kind": "garbage", "size": 10**9}, "size"),
        ({"kind": "garbage", "body": 7}, "body"),
        ({"kind": "throttle", "when": "after"}, "when"),
        ({"kind": "throttle", "code": "isv.A"}, "code"),
        ({"kind": "error"}, "code"),
        ({"kind": "error", "code": "two words"}, "code"),
        ({"kind": "reset", "accept_delay_seconds": 1}, "accept_delay_seconds"),
        ({"visibility_delay_seconds": "soon"}, "visibility_delay_seconds"),
        ({"node": 16}, "node"),
        ({"clock_skew_seconds": 10**9}, "clock_skew_seconds"),
        ({"kind": "reset", "colour": "red"}, "colour"),
        ({"kind": "reset", "id": "two words"}, "id"),
        ({"kind": "reset", "id": 7}, "id"),
        ({"kind": "reset", "id": "."}, "id"),
        ({"kind": "reset", "id": ".."}, "id"),
        ({"kind": "reset", "times": -1}, "times"),
        ({"kind": "reset", "skip": 0.5}, "skip"),
        ({"kind": "reset", "probability": 1.1}, "probability"),
        ({"kind": "reset", "probability": True}, "probability"),
        ({"kind": "reset", "seed": "7"}, "seed"),
        ({"kind": "reset", "repeat": 1}, "repeat"),
        ({"kind": "reset", "match": []}, "match"),
        ({"kind": "reset", "match": {"colour": "red"}}, "match.colour"),
        ({"kind": "reset", "match": {"action": ""}}, "match.action"),
        ({"kind": "reset", "match": {"action": []}}, "match.action"),
        ({"kind": "reset", "match": {"out_id": [7]}}, "match.out_id"),
        ({"kind": "reset", "match": {"phone_number": "me"}}, "match.phone_number"),
        ({"kind": "reset", "match": {"node": "one"}}, "match.node"),
        ({"kind": "reset", "schedule": ["none"]}, "kind"),
        ({"schedule": []}, "schedule"),
        ({"schedule": "reset"}, "schedule"),
        ({"schedule": ["none", "reset soon"]}, "schedule[1].when"),
        ({"schedule": ["none", {"kind": "stall", "seconds": []}]}, "schedule[1].seconds"),
        ({"schedule": [[]]}, "schedule[0]"),
    ],
)
def test_impossible_rules_are_refused_and_change_nothing(
    emulator: SmsEmulator, rule: object, field: str
) -> None:
    emulator.set_faults({"id": "kept", "kind": "reset"})
    reply = api(emulator, "PUT", "/api/faults", {"rules": [{"kind": "reset"}, rule]})
    place = f"rules[1].{field}" if field else "rules[1]"
    assert (reply.status, reply.json["error"]["field"]) == (400, place)
    assert reply.json["error"]["message"]
    assert api(emulator, "POST", "/api/faults", rule).status == 400
    assert [r["id"] for r in emulator.faults()] == ["kept"]


@pytest.mark.parametrize(
    "document", [{}, {"rules": None}, {"rules": {}}, {"rules": "x"}, {"rule": []}, {"rules": [1]}]
)
def test_what_is_no_list_of_rules_is_refused(emulator: SmsEmulator, document: object) -> None:
    assert api(emulator, "PUT", "/api/faults", document).status == 400


def test_ids_are_unique(emulator: SmsEmulator) -> None:
    twice = [{"id": "a", "kind": "reset"}, {"id": "a", "kind": "reset"}]
    assert "twice" in api(emulator, "PUT", "/api/faults", {"rules": twice}).json["error"]["message"]
    emulator.set_faults({"kind": "reset"}, {"id": "1", "kind": "reset"})
    assert [r["id"] for r in emulator.faults()] == ["2", "1"]
    assert api(emulator, "POST", "/api/faults", {"id": "1", "kind": "reset"}).status == 400


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [503] * 6),
        ({"times": 2}, [503, 503, 200, 200, 200, 200]),
        ({"skip": 2}, [200, 200, 503, 503, 503, 503]),
        ({"skip": 2, "times": 1}, [200, 200, 503, 200, 200, 200]),
        ({"times": 0}, [200] * 6),
        ({"probability": 0}, [200] * 6),
        ({"probability": 1.0}, [503] * 6),
    ],
)
def test_a_rule_fires_as_often_as_it_says(
    client: Client, rule: Mapping[str, object], expected: list[int]
) -> None:
    client.emulator.set_faults({**UNAVAILABLE, **rule})
    assert fates(client, 6) == expected
    assert [(r["met"], r["fired"]) for r in client.emulator.faults()] == [(6, expected.count(503))]
    assert len(client.emulator.messages()) == expected.count(200)


def test_a_schedule_is_followed(client: Client) -> None:
    schedule = ["none", UNAVAILABLE, None, {"kind": "throttle"}]
    client.emulator.set_faults({"skip": 1, "schedule": schedule})
    assert fates(client, 7) == [200, 200, 503, 200, 400, 200, 200]
    assert [(r["met"], r["fired"]) for r in client.emulator.faults()] == [(7, 2)]
    client.emulator.set_faults({"schedule": schedule, "repeat": True, "times": 3})
    assert fates(client, 9) == [200, 503, 200, 400, 200, 503, 200, 200, 200]


def test_chance_is_the_same_again(client: Client) -> None:
    rule = {**UNAVAILABLE, "probability": 0.5, "seed": 7}
    seen = []
    for seed in (7, 7, 8):
        client.emulator.set_faults({**rule, "seed": seed})
        seen.append(fates(client, 24))
    assert seen[0] == seen[1] != seen[2]
    assert 4 < seen[0].count(503) < 20
    # The place of a request decides, not what other limits have let through.
    client.emulator.set_faults({**rule, "times": 2})
    limited = fates(client, 24)
    assert limited.count(503) == 2
    assert limited[: limited.index(503) + 1] == seen[0][: limited.index(503) + 1]


def test_the_first_rule_that_fires_hides_a_request_from_the_others(client: Client) -> None:
    client.emulator.set_faults(
        {"kind": "http", "status": 500, "times": 1},
        {"kind": "http", "status": 502, "skip": 1},
        {"kind": "http", "status": 504},
    )
    assert fates(client, 4) == [500, 504, 502, 502]
    assert [(r["met"], r["fired"]) for r in client.emulator.faults()] == [(4, 1), (3, 2), (1, 1)]


def test_side_effects_add_up_and_the_first_of_each_counts(client: Client) -> None:
    client.emulator.set_faults(
        {"match": {"action": "SendSms"}, "visibility_delay_seconds": "never"},
        {"match": {"action": "SendSms"}, "visibility_delay_seconds": 0, "clock_skew_seconds": 5000},
        {"match": {"action": "SendSms"}, "kind": "http", "status": 503, "when": "after"},
    )
    assert client.send().status == 503
    assert [r["fired"] for r in client.emulator.faults()] == [1, 1, 1]
    assert client.emulator.messages() == []
    assert client.emulator.requests()[-1].code == "InvalidTimeStamp.Expired"


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        ({}, True),
        ({"action": "*"}, True),
        ({"action": "SendSms"}, True),
        ({"action": ["QuerySendDetails", "Send*"]}, True),
        ({"action": "SendBatchSms"}, False),
        ({"action": "sendsms"}, False),
        ({"phone_number": "13800138000"}, True),
        ({"phone_number": "+8613800138000"}, True),
        ({"phone_number": ["13900139000", "13900139001"]}, True),
        ({"phone_number": "13900139001"}, False),
        ({"out_id": "order-7~2"}, True),
        ({"out_id": "order-7"}, False),
        ({"out_id": "order-7~*"}, True),
        ({"template_code": "SMS_100001"}, True),
        ({"template_code": "SMS_100002"}, False),
        ({"sign_name": "fc-sms"}, True),
        ({"access_key_id": "testid"}, True),
        ({"access_key_id": "second"}, False),
        ({"biz_id": "1"}, False),
        ({"action": "SendSms", "out_id": "other"}, False),
        ({"node": 0}, True),
        ({"node": [1, 2]}, False),
    ],
)
@pytest.mark.parametrize("how", ["v1 query", "v1 form", "v3 query", "v3 form"])
def test_a_rule_meets_the_requests_that_it_describes(
    client: Client, match: Mapping[str, object], meant: bool, how: str
) -> None:
    client.emulator.set_faults({"match": match, **UNAVAILABLE})
    parameters = {
        "PhoneNumbers": "008613800138000,13900139000",
        "SignName": "fc-sms",
        "TemplateCode": "SMS_100001",
        "TemplateParam": '{"code":"1234"}',
        "OutId": "order-7~2",
    }
    if how == "v3 form":
        reply = client.v3("SendSms", {}, parameters)
    elif how == "v3 query":
        reply = client.v3("SendSms", parameters)
    else:
        reply = client.v1("SendSms", parameters, method="GET" if "query" in how else "POST")
    assert reply.status == (503 if meant else 200)


@pytest.mark.parametrize(
    ("action", "version", "parameters", "match"),
    [
        ("SendBatchSms", "2017", {"PhoneNumberJson": '["13800138000"]'}, {}),
        ("SendBatchSms", "2017", {"SignNameJson": '["x","fc-sms"]'}, {"sign_name": "fc-sms"}),
        ("QuerySendDetails", "2017", {"PhoneNumber": "+8613800138000"}, {}),
        ("QuerySendDetails", "2017", {"BizId": "9^0"}, {"biz_id": "9^0"}),
        ("SendSmsVerifyCode", "2017", {"PhoneNumber": "13800138000"}, {}),
        (
            "SendInterSms",
            "2017",
            {"PhoneNumbers": "51234567", "CountryCode": "HK"},
            {"phone_number": "85251234567"},
        ),
        ("SendMessageToGlobe", "2018", {"To": "85251234567"}, {"phone_number": "85251234567"}),
        ("SendMessageToGlobe", "2018", {"TaskId": "t"}, {"out_id": "t"}),
        ("SendMessageToGlobe", "2018", {"From": "me"}, {"sign_name": "me"}),
        ("QueryMessage", "2018", {"MessageId": "9"}, {"biz_id": "9"}),
    ],
)
def test_a_trait_may_stand_in_another_parameter(
    client: Client,
    action: str,
    version: str,
    parameters: Mapping[str, str],
    match: Mapping[str, object],
) -> None:
    match = match or {"phone_number": "13800138000"}
    client.emulator.set_faults({"match": {**match, "action": action}, **UNAVAILABLE})
    dates = {"2017": "2017-05-25", "2018": "2018-05-01"}
    assert client.v3(action, parameters, x_acs_version=dates[version]).status == 503


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"PhoneNumbers": ",,x,😀", "OutId": "\x00"},
        {"PhoneNumberJson": "[" * 100_000, "SignNameJson": "{"},
        {"PhoneNumberJson": '{"a":1}', "SignNameJson": "[1,null]"},
        {"CountryCode": "😀", "PhoneNumbers": "1"},
    ],
)
def test_rules_bear_any_request(client: Client, parameters: Mapping[str, str]) -> None:
    match = {"phone_number": "13800138000", "sign_name": "x*", "out_id": "y"}
    client.emulator.set_faults(*({"match": {k: v}, "kind": "reset"} for k, v in match.items()))
    for action in ("SendInterSms", "SendBatchSms", ""):
        assert client.v3(action, {}, parameters).status in {200, 400, 404}


def test_queries_meet_faults_and_slow_visibility(client: Client) -> None:
    client.emulator.clock.set(datetime(2026, 3, 1, 12, 0, tzinfo=CHINA))
    client.emulator.set_faults(
        {"match": {"out_id": "late"}, "visibility_delay_seconds": 60},
        {"match": {"out_id": "lost"}, "visibility_delay_seconds": "never"},
        {
            "match": {"action": "QuerySendDetails"},
            "schedule": [
                {"kind": "error", "code": "isp.SYSTEM_ERROR"},
                {"kind": "none"},
                {"kind": "none"},
                {"visibility_delay_seconds": 3600},
            ],
        },
    )
    for out_id in ("soon", "late", "lost"):
        client.send(OutId=out_id)
    today = {"PhoneNumber": "13800138000", "SendDate": "20260301", "PageSize": "9"}
    failed = client.v3("QuerySendDetails", {**today, "CurrentPage": "1"})
    assert failed.code == "isp.SYSTEM_ERROR"
    assert details(client) == ["soon"]
    client.emulator.clock.advance(60)
    assert details(client) == ["late", "soon"]
    assert details(client) == []  # a node that lags behind
    client.emulator.clock.advance(86_000 / 3)
    assert details(client) == ["late", "soon"]


def test_with_visibility_never_no_query_shows_a_message(client: Client) -> None:
    assert client.emulator.settings(visibility_delay_seconds="never")[
        "visibility_delay_seconds"
    ] == ("never")
    client.send(OutId="a")
    message_id = client.send_abroad().json["MessageId"]
    assert details(client) == []
    assert client.globe("QueryMessage", MessageId=message_id).code == "DATA_NOT_EXIST"
    client.emulator.set_faults({"match": {"action": "Query*"}, "visibility_delay_seconds": 0})
    assert details(client) == ["a"]
    assert client.globe("QueryMessage", MessageId=message_id).code == "OK"
    client.emulator.settings(visibility_delay_seconds=0)
    client.emulator.clear_faults()
    assert details(client) == ["a"]


def test_nodes_take_turns_or_are_chosen(client: Client) -> None:
    client.emulator.reset()
    client.emulator.settings(nonce_scope="node", nodes=3)
    with RawConnection(client) as connection:
        request = signed(client, "QuerySmsSignList", {})

        def code() -> str:
            connection.write(request)
            return str(json.loads(connection.answer().body)["Code"])

        assert [code() for _ in range(4)] == ["OK"] * 3 + ["SignatureNonceUsed"]
        request = signed(client, "QuerySmsSignList", {})
        client.emulator.set_faults({"schedule": [{"node": n} for n in (2, 2, 0, 2)]})
        assert [code() for _ in range(4)] == [
            "OK",
            "SignatureNonceUsed",
            "OK",
            "SignatureNonceUsed",
        ]


def test_a_broken_node_fails_its_share_of_requests(client: Client) -> None:
    client.emulator.reset()
    client.emulator.settings(limits=False)
    client.emulator.set_faults({"match": {"node": 1}, **UNAVAILABLE})
    assert fates(client, 4) == [200, 503, 200, 503]


def test_the_gateways_clock_may_be_off(client: Client) -> None:
    request = signed(client, "QuerySmsSignList", {})
    client.emulator.settings(clock_skew_seconds=-1000)
    assert client.send().code == "InvalidTimeStamp.Expired"
    client.at = time.time() - 1000
    assert client.send().code == "OK"
    client.emulator.settings(clock_skew_seconds=0)
    client.at = None
    client.emulator.set_faults({"clock_skew_seconds": 901, "times": 1})
    assert client.send().code == "InvalidTimeStamp.Expired"
    with RawConnection(client) as connection:
        for expected in (200, 400):
            connection.write(request)
            assert connection.answer().status == expected


def test_the_virtual_clock_ends_the_life_of_a_nonce(client: Client) -> None:
    noon = datetime(2026, 3, 1, 12, 0, tzinfo=CHINA)
    client.emulator.clock.set(noon)
    client.emulator.settings(timestamp_clock="emulator", timestamp_skew_seconds=10**6)
    client.at = noon.timestamp()
    request = signed(client, "QuerySmsSignList", {})
    with RawConnection(client) as connection:
        for seconds, expected in ((0, 200), (899, 400), (1, 200)):
            client.emulator.clock.advance(seconds)
            connection.write(request)
            assert connection.answer().status == expected


def test_reset_forgets_everything_and_lets_go(client: Client) -> None:
    emulator = client.emulator
    before = emulator.call("GET", "/api/settings")
    emulator.clock.set(datetime(2026, 3, 1, 12, 0, tzinfo=CHINA))
    emulator.settings(nonce_scope="off", clock_skew_seconds=3)
    emulator.set_fate("13800138000", "silent")
    client.v3("QueryTokenForMnsQueue", {"MessageType": "SmsReport"})
    emulator.reply("13800138000", "TD")
    client.send()
    emulator.set_faults(
        {"match": {"out_id": "slow"}, "accept_delay_seconds": 100},
        {"match": {"out_id": "stuck"}, "kind": "stall"},
        {"match": {"out_id": "cut*"}, "kind": "reset", "when": "after", "accept_delay_seconds": 1},
    )
    with RawConnection(client) as slow, RawConnection(client) as stuck:
        slow.send(OutId="slow")
        stuck.send(OutId="stuck")
        with RawConnection(client) as cut:
            cut.send(OutId="cut-1")
            assert cut.ending() == (b"", "reset")
        assert slow.ending(0.05).how == stuck.ending(0.05).how == "silent"
        assert emulator.call("GET", "/api/faults")["late_acceptances"] == 2
        assert emulator.call("DELETE", "/api/state") == {"reset": True}
        assert slow.ending() == stuck.ending() == (b"", "reset")
    assert emulator.call("GET", "/api/clock")["mode"] == "real"
    assert emulator.call("GET", "/api/settings") == {**before, "limits": CONFIG_LIMITS}
    for left in ("faults", "messages", "requests", "replies", "receipts"):
        assert not getattr(emulator, left)()
    assert emulator.call("GET", "/api/numbers/13800138000")["fate"] == "deliver"
    assert emulator.call("GET", "/api/messages?wait=1.2")["total"] == 0
    assert client.send().code == "OK"


CONFIG_LIMITS: dict[str, Any] = {
    "enabled": True,
    "verification_per_minute": 1,
    "verification_per_hour": 5,
    "verification_per_day": 10,
    "verification_per_number_per_day": 40,
    "notification_per_day": 50,
    "promotion_per_day": 50,
}


def test_clients_that_leave_stalls_leave_nothing_behind() -> None:
    with emulating(EmulatorServer(read_config(CONFIG, "config"), None, Listening())) as server:
        own = EmulatorClient(server.url)
        client = Client(own)
        own.settings(limits=False)
        own.set_faults(
            {
                "match": {"action": "SendSms"},
                "schedule": [
                    {"kind": "stall"},
                    {"kind": "stall", "when": "after"},
                    {"accept_delay_seconds": 0.3},
                    {"kind": "drip", "seconds": 60},
                ],
                "repeat": True,
            }
        )
        connections = [RawConnection(client) for _ in range(40)]
        for connection in connections:
            connection.send()
        assert own.call("GET", "/api/messages?wait=5&count=30")["total"] == 30
        for connection in connections:
            connection.__exit__()
        deadline = time.monotonic() + 5
        state = server.server_state
        while (state.tasks or state.connections) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not state.tasks
        assert not state.connections
        assert own.call("GET", "/api/faults")["late_acceptances"] == 0


def test_stopping_does_not_wait_for_stalls() -> None:
    with SmsEmulator(CONFIG) as own:
        client = Client(own)
        own.set_faults({"schedule": ["stall", {"accept_delay_seconds": 3600}]})
        stalled = [RawConnection(client), RawConnection(client)]
        for connection in stalled:
            connection.send()
            assert connection.ending(0.02).how == "silent"
    assert [connection.ending() for connection in stalled] == [(b"", "reset")] * 2
    for connection in stalled:
        connection.__exit__()


def test_the_rules_of_the_configuration_come_back_with_a_reset(tmp_path: Path) -> None:
    path = tmp_path / "sms.yaml"
    path.write_text(
        "faults:\n  - {match: {action: SendSms}, kind: reset, when: after, times: 1}\n"
        "  - {schedule: [none, reset]}\n"
        "settings: {visibility_delay_seconds: never, clock_skew_seconds: -3, nodes: 4}\n"
    )
    with SmsEmulator(path) as own:
        assert [r["id"] for r in own.faults()] == ["1", "2"]
        own.set_faults({"id": "x", "kind": "reset"})
        own.reset()
        assert [r.get("kind") for r in own.faults()] == ["reset", None]
        assert own.settings()["visibility_delay_seconds"] == "never"
    for faults in ("{}", "[{kind: explode}]", "7"):
        path.write_text(f"faults: {faults}\n")
        with pytest.raises(ConfigError, match=r"faults(\[0\]\.kind)?: must be"), SmsEmulator(path):
            pass


def test_the_python_client_sets_reads_and_clears_rules(client: Client) -> None:
    emulator = client.emulator
    emulator.set_faults({"kind": "http", "times": 1})
    assert emulator.add_fault(match={"action": "SendSms"}, kind="throttle", times=1) == "2"
    assert fates(client, 3) == [500, 400, 200]
    assert [(r["id"], r["met"], r["fired"]) for r in emulator.faults()] == [
        ("1", 3, 1),
        ("2", 2, 1),
    ]
    emulator.clear_faults()
    assert emulator.faults() == []
    with pytest.raises(ValueError, match=r"^kind: must be one of"):
        emulator.add_fault(kind="explode")


def test_the_record_is_read_by_out_id(client: Client) -> None:
    client.emulator.set_faults({"kind": "reset", "when": "after", "match": {"out_id": "o-7~2"}})
    for out_id in ("o-7~1", "o-7", "o-70"):
        client.send(OutId=out_id)
    with RawConnection(client) as connection:
        connection.send(OutId="o-7~2")
        connection.ending()
    for out_id in ("o-7~1", "o-7", "o-70", "o-7~2"):
        assert [m.out_id for m in client.emulator.messages(out_id=out_id)] == [out_id]
    parts = client.emulator.messages(out_id_prefix="o-7~")
    assert [m.out_id for m in parts] == ["o-7~1", "o-7~2"]
    assert len(client.emulator.messages(out_id_prefix="o-7")) == 4
    assert client.emulator.messages(out_id_prefix="😀") == []
    assert [(r.fault, r.verdict) for r in client.emulator.requests()[-2:]] == [
        ("", "accepted"),
        ("reset after", "accepted"),
    ]


def test_the_log_tells_what_was_not_processed(client: Client) -> None:
    client.emulator.set_faults({"schedule": ["http", "throttle"]})
    client.send()
    client.send()
    records = client.emulator.requests()[-2:]
    assert [(r.fault, r.verdict, r.http_status, r.code) for r in records] == [
        ("http before", "faulted", 500, ""),
        ("throttle before", "refused", 400, "Throttling.User"),
    ]


def test_the_legacy_api_takes_any_text_as_its_full_variable() -> None:
    with SmsEmulator() as own:
        client = Client(own)
        parameters = {
            "CountryCode": "HK",
            "PhoneNumbers": "51234567",
            "SignName": "fc-sms",
            "TemplateCode": "SMS_100005",
            "TemplateParam": '{"intlmsg":"Any text at all"}',
        }
        assert client.v3("SendInterSms", parameters).code == "OK"
        assert own.messages()[0].text == "[fc-sms]Any text at all"
