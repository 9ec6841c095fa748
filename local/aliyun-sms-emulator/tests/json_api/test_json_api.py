from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from typing import Any

import pytest

from aliyun_sms_emulator import EmulatorClient, SmsEmulator
from aliyun_sms_emulator.clock import CHINA
from aliyun_sms_emulator.config.reading import default_config
from aliyun_sms_emulator.serving.listening import Listening
from aliyun_sms_emulator.serving.server import EmulatorServer
from server_threads import emulating
from signing_client import Client, Reply, raw

JSON = {"Content-Type": "application/json"}


def get(emulator: EmulatorClient, target: str) -> Reply:
    return raw(emulator, "GET", target)


def put(emulator: EmulatorClient, target: str, document: object) -> Reply:
    return raw(emulator, "PUT", target, json.dumps(document).encode(), JSON)


def refusal(reply: Reply, status: int = 400) -> tuple[str | None, str]:
    assert reply.status == status, reply.body
    error: dict[str, Any] = reply.json["error"]
    assert set(reply.json) == {"error"}
    assert set(error) == {"field", "message"}
    return error["field"], error["message"]


def test_health_shows_no_secret(emulator: SmsEmulator) -> None:
    health = get(emulator, "/api/health").json
    assert health["status"] == "ok"
    assert "testid" in health["access_key_ids"]
    assert "secret" not in json.dumps(health)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["one", "two", "three"]),
        ("?order=newest", ["three", "two", "one"]),
        ("?phone_number=13800138001", ["one"]),
        ("?phone_number=%2B8613800138001", ["one"]),
        ("?out_id=two", ["two"]),
        ("?text=Bob", ["two"]),
        ("?text=%25", []),
        ("?template_code=SMS_100001", ["three"]),
        ("?status=delivered", ["one", "two"]),
        ("?status=failed", ["three"]),
        ("?status=accepted", []),
        ("?limit=1&offset=1", ["two"]),
        ("?limit=0", []),
        ("?out_id=", []),
    ],
)
def test_messages_are_found_by_filters(client: Client, query: str, found: list[str]) -> None:
    emulator = client.emulator
    emulator.settings(delivery_delay_seconds=0)
    client.notify("13800138001", OutId="one")
    client.notify("13800138002", OutId="two", TemplateParam='{"name":"Bob","order":"8"}')
    client.send("13900139000", OutId="three")
    messages = get(emulator, f"/api/messages{query}").json["messages"]
    assert [message["out_id"] for message in messages] == found


def test_one_message_is_read_by_its_id(client: Client) -> None:
    client.send()
    (message,) = get(client.emulator, "/api/messages").json["messages"]
    assert get(client.emulator, f"/api/messages/{message['id']}").json == message
    refusal(get(client.emulator, "/api/messages/999999"), 404)
    refusal(get(client.emulator, f"/api/messages/{10**30}"), 404)
    refusal(get(client.emulator, "/api/messages/x"), 404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=-1", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=%D9%A3", "limit"),
        ("offset=1e3", "offset"),
        ("offset=" + "9" * 5000, "offset"),
        ("wait=-1", "wait"),
        ("wait=nan", "wait"),
        ("wait=301", "wait"),
        ("count=x", "count"),
        ("order=up", "order"),
        ("status=sent", "status"),
        ("phone_number=abc", "phone_number"),
        ("phone=1", "phone"),
    ],
)
def test_a_bad_filter_is_refused_by_its_name(emulator: SmsEmulator, query: str, field: str) -> None:
    assert refusal(get(emulator, f"/api/messages?{query}"))[0] == field


def test_wait_answers_as_soon_as_enough_messages_are_there(client: Client) -> None:
    replies: list[tuple[float, Reply]] = []

    def wait() -> None:
        reply = get(client.emulator, "/api/messages?wait=60&count=2&text=Ann")
        replies.append((time.monotonic(), reply))

    waiter = threading.Thread(target=wait)
    waiter.start()
    client.send()
    client.notify()
    assert not replies
    client.notify()
    sent = time.monotonic()
    waiter.join()
    when, reply = replies[0]
    assert reply.json["total"] == 2
    assert when - sent < 50


def test_wait_for_a_status_ends_with_it(client: Client) -> None:
    emulator = client.emulator
    emulator.settings(delivery_delay_seconds=0.2)
    client.send()
    assert emulator.messages(status="delivered") == []
    assert emulator.wait_for_message(status="delivered").receipt_code == "DELIVERED"
    emulator.settings(delivery_delay_seconds=3600)
    client.notify(OutId="late")
    threading.Timer(0.1, emulator.clock.advance, [3600]).start()
    assert emulator.wait_for_message(status="delivered", out_id="late").status == "delivered"


def test_wait_gives_up(emulator: SmsEmulator) -> None:
    assert get(emulator, "/api/messages?wait=0.05").json == {"messages": [], "total": 0}
    with pytest.raises(TimeoutError, match="no message with this out_id came within"):
        emulator.wait_for_message(timeout=0.05, out_id="never")


def test_clearing_deletes_the_messages(client: Client) -> None:
    client.send()
    assert raw(client.emulator, "DELETE", "/api/messages").json == {"deleted": 1}
    assert get(client.emulator, "/api/messages").json == {"messages": [], "total": 0}
    assert client.send().code == "OK"


def test_requests_are_recorded_with_their_verdict(client: Client) -> None:
    client.send()
    client.send("12")
    client.secret = "wrong"
    client.v1("SendSms", {"PhoneNumbers": "1"})
    client.key, client.secret, client.token = "STS.one", "sts-secret", "token-one+/=="
    client.v1("QuerySmsSignList", {}, method="GET")
    raw(client.emulator, "GET", "/?Action=%ff")
    document = get(client.emulator, "/api/requests").json
    seen = [
        (r["action"], r["verdict"], r["http_status"], r["code"], r["signature_method"])
        for r in document["requests"]
    ]
    assert seen == [
        ("SendSms", "accepted", 200, "OK", "ACS3-HMAC-SHA256"),
        ("SendSms", "rejected", 200, "isv.MOBILE_NUMBER_ILLEGAL", "ACS3-HMAC-SHA256"),
        ("SendSms", "refused", 400, "SignatureDoesNotMatch", "HMAC-SHA1"),
        ("QuerySmsSignList", "accepted", 200, "OK", "HMAC-SHA1"),
        ("", "refused", 400, "InvalidParameter", ""),
    ]
    assert document["total"] == 5
    assert document["requests"][0]["parameters"]["PhoneNumbers"] == "13800138000"
    assert document["requests"][3]["parameters"]["SecurityToken"] == "***"
    assert document["requests"][3]["parameters"]["Signature"] == "***"
    assert "token-one" not in json.dumps(document)
    assert all(r["duration_ms"] >= 0 for r in document["requests"])
    assert len(get(client.emulator, "/api/requests?limit=2&offset=4").json["requests"]) == 1
    assert raw(client.emulator, "DELETE", "/api/requests").json == {"deleted": 5}


def test_the_clock_is_set_advanced_and_let_run(emulator: SmsEmulator) -> None:
    assert get(emulator, "/api/clock").json["mode"] == "real"
    moment = datetime(2026, 2, 28, 23, 59, 59, tzinfo=CHINA)
    emulator.clock.set(moment)
    assert emulator.clock.now == moment
    emulator.clock.advance(1.5)
    shown = get(emulator, "/api/clock").json
    assert shown["now"] == "2026-03-01T00:00:00.500+08:00"
    assert (shown["mode"], shown["running"]) == ("virtual", False)
    put(emulator, "/api/clock", {"running": True, "advance_seconds": -0.5})
    first = emulator.clock.now
    assert first >= datetime(2026, 3, 1, tzinfo=CHINA)
    while emulator.clock.now == first:
        assert get(emulator, "/api/clock").json["running"] is True
    put(emulator, "/api/clock", {"now": "2026-03-01T00:00:00Z"})
    assert get(emulator, "/api/clock").json["running"] is False
    emulator.clock.follow_real_time()
    emulator.clock.advance(60)
    assert get(emulator, "/api/clock").json["running"] is True
    assert 55 < emulator.clock.now.timestamp() - time.time() < 65


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"now": "2026-03-01T00:00:00"}, "now"),
        ({"now": "yesterday"}, "now"),
        ({"now": 5}, "now"),
        ({"now": "0001-01-01T00:00:00+08:00"}, "now"),
        ({"advance_seconds": "5"}, "advance_seconds"),
        ({"advance_seconds": True}, "advance_seconds"),
        ({"advance_seconds": 1e300}, "advance_seconds"),
        ({"advance_seconds": 1e11}, "advance_seconds"),
        ({"running": 1}, "running"),
        ({"mode": "fast"}, "mode"),
        ({"mode": "real", "now": "2026-03-01T00:00:00Z"}, "mode"),
        ({"time": 1}, "time"),
    ],
)
def test_a_bad_change_of_the_clock_is_refused(
    emulator: SmsEmulator, change: dict[str, object], field: str
) -> None:
    assert refusal(put(emulator, "/api/clock", change))[0] == field
    assert get(emulator, "/api/clock").json["mode"] == "real"


def test_settings_are_changed_and_restored(emulator: SmsEmulator) -> None:
    before = get(emulator, "/api/settings").json
    changed = put(
        emulator, "/api/settings", {"delivery_delay_seconds": 9, "limits": {"enabled": False}}
    ).json
    assert changed["delivery_delay_seconds"] == 9
    assert changed["limits"] == {**before["limits"], "enabled": False}
    assert get(emulator, "/api/settings").json == changed
    assert raw(emulator, "DELETE", "/api/settings").json == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nonce_scope": "galaxy"}, "nonce_scope"),
        ({"nonce_scope": None}, "nonce_scope"),
        ({"timestamp_clock": 1}, "timestamp_clock"),
        ({"visibility_delay_seconds": -1}, "visibility_delay_seconds"),
        ({"visibility_delay_seconds": "1"}, "visibility_delay_seconds"),
        ({"delivery_delay_seconds": True}, "delivery_delay_seconds"),
        ({"limits": 5}, "limits"),
        ({"limits": {"per_year": 5}}, "limits.per_year"),
        ({"limits": {"verification_per_day": -1}}, "limits.verification_per_day"),
        ({"limits": {"verification_per_day": 1.5}}, "limits.verification_per_day"),
        ({"limits": {"enabled": 1}}, "limits.enabled"),
        ({"speed": 1}, "speed"),
    ],
)
def test_a_bad_setting_is_refused_and_nothing_changes(
    emulator: SmsEmulator, change: dict[str, object], field: str
) -> None:
    before = get(emulator, "/api/settings").json
    good_and_bad = {"timestamp_skew_seconds": 1, **change}
    assert refusal(put(emulator, "/api/settings", good_and_bad))[0] == field
    assert get(emulator, "/api/settings").json == before


def test_an_infinite_delay_is_refused(emulator: SmsEmulator) -> None:
    body = b'{"delivery_delay_seconds": Infinity}'
    reply = raw(emulator, "PUT", "/api/settings", body, JSON)
    assert refusal(reply)[0] == "delivery_delay_seconds"


def test_the_fate_of_a_number_is_set_and_read(emulator: SmsEmulator) -> None:
    path = "/api/numbers/13800138077"
    assert get(emulator, path).json == {"phone_number": "13800138077", "fate": "deliver"}
    put(emulator, path, {"fate": "silent"})
    assert get(emulator, "/api/numbers/+8613800138077").json["fate"] == "silent"
    for fate in ("gone", "", None, 5, "A" * 65, "IS CLOSE"):
        assert refusal(put(emulator, path, {"fate": fate}))[0] == "fate"
    assert refusal(put(emulator, path, {"fate": "silent", "x": 1}))[0] == "x"
    assert refusal(get(emulator, "/api/numbers/abc"))[0] == "phone_number"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {}, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"fate=silent", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b"null", JSON, 400),
        (b'"\xff"', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b"{" + b" " * (1024 * 1024) + b"}", JSON, 413),
        (b"{}", {"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_a_body_has_to_be_a_json_object(
    emulator: SmsEmulator, body: bytes, headers: dict[str, str], status: int
) -> None:
    reply = raw(emulator, "PUT", "/api/settings", body, headers)
    if status == 200:
        assert reply.status == 200
    else:
        refusal(reply, status)


@pytest.mark.parametrize(
    ("method", "target", "status", "right"),
    [
        ("GET", "/api", 404, "the JSON API below /api"),
        ("GET", "/api/nothing", 404, "the JSON API below /api"),
        ("POST", "/sms", 404, "the platform API is at /"),
        ("PUT", "/api/messages", 405, "this path takes DELETE, GET, HEAD, POST, not PUT"),
        ("DELETE", "/api/clock", 405, "this path takes GET, HEAD, PUT, not DELETE"),
    ],
)
def test_unknown_paths_and_methods_are_refused_with_the_right_ones(
    emulator: SmsEmulator, *, method: str, target: str, status: int, right: str
) -> None:
    reply = raw(emulator, method, target)
    assert right in refusal(reply, status)[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Host": "[::1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost"},
    ],
)
@pytest.mark.parametrize("target", ["/api/messages", "/%61pi/messages"])
def test_foreign_hosts_and_origins_are_refused(
    emulator: SmsEmulator, headers: dict[str, str], target: str
) -> None:
    refusal(raw(emulator, "GET", target, b"", headers), 403)
    refusal(raw(emulator, "DELETE", target, b"", headers), 403)


def test_own_hosts_and_origins_are_let_in(emulator: SmsEmulator) -> None:
    port = emulator.endpoint.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert raw(emulator, "GET", "/api/health", b"", headers).status == 200


def test_it_says_when_it_is_ready(emulator: SmsEmulator) -> None:
    assert raw(emulator, "GET", "/readyz").json == {"status": "ready"}


def test_a_database_that_fails_is_not_ready() -> None:
    with emulating(EmulatorServer(default_config(), None, Listening())) as server:
        client = EmulatorClient(server.url)
        server.store.close()
        reply = raw(client, "GET", "/readyz")
        assert reply.status == 503
        assert "database" in reply.json["error"]["message"]
