"""Hostile requests over HTTP, as Function Compute passes them on: none sends more than is allowed.

Each test looks at what the SMS service recorded, and, by the fixture, at every line of the log.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from aliyun_sms_emulator.clock import china_text
from shared.ids import new_out_id
from tests.integration.cloud import (
    API_KEY,
    ONE_NUMBER_AGAIN_AND_AGAIN,
    QUERY,
    SEND,
    Answer,
    Cloud,
)
from tests.integration.contract import Contract
from tests.integration.redis_server import RedisServer

RECEIVE, ON_EVENT, CODES = "fc-sms-receive-receipts", "fc-sms-send-on-event", "fc-sms-verify-code"
TOKEN = "cmVjZWlwdHMtdG9rZW4tMTIz"
NUMBER = "13800138000"
NOTICE: Mapping[str, Any] = {
    "phone_numbers": NUMBER,
    "template_code": "SMS_100002",
    "template_param": {"name": "Li Xiaolong", "order": "A-17-2026"},
}


@pytest.fixture(scope="module")
def _running(
    project: Path,
    running_emulator: SmsEmulator,
    contract: Contract,
    running_redis: RedisServer,
) -> Iterator[Cloud]:
    changes = {
        "SMS_STATE_URL": running_redis.url,
        "SMS_STATE_SECRET": "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz",
        "SMS_RECEIPT_TOKEN": TOKEN,
        "SMS_LIMITS": ONE_NUMBER_AGAIN_AND_AGAIN,
        "SMS_CODE_TEMPLATE": "SMS_100001",
        "SMS_SETTLE_SECONDS": "0.1",
    }
    with Cloud(project, running_emulator, contract, changes=changes) as cloud:
        yield cloud


@pytest.fixture
def cloud(_running: Cloud, emulator: SmsEmulator, redis_server: RedisServer) -> Iterator[Cloud]:
    """The functions with an empty Redis; their log must hold neither key nor token."""
    emulator.settings(limits=False)
    _running.start_test()
    yield _running
    _running.check_log()
    assert not [line for line in _running.log_lines() if TOKEN in line]


@pytest.fixture
def notice() -> dict[str, Any]:
    """A request to send, with an out_id that no other test has."""
    return {**NOTICE, "out_id": new_out_id()}


def push(cloud: Cloud, body: object, token: str = TOKEN, query: str = "") -> int:
    """Push to the receipts' URL and return the status."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(cloud, RECEIVE, f"POST /receipts/{token}{query}", content, key=None)


def raw(
    cloud: Cloud,
    function: str,
    start: str,
    body: bytes = b"",
    *lines: str,
    key: str | None = API_KEY,
) -> int:
    """Send a request byte by byte as it stands here, and return the status of the answer.

    0 when there was none. `lines` are further header lines.
    """
    host, port = re.findall(r"//([^:/]+):([0-9]+)", cloud.functions.url(function))[0]
    head = [f"{start} HTTP/1.1", f"Host: {host}", "Connection: close", *lines]
    head += ["Content-Type: application/json"] if "Content-Type" not in str(lines) else []
    head += [f"Authorization: Bearer {key}"] if key else []
    head += [f"Content-Length: {len(body)}"] if "Content-Length" not in str(lines) else []
    with socket.create_connection((host, int(port)), 20) as sock:
        try:
            sock.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
            answer = sock.makefile("rb").readline()
        except OSError:  # it was cut off while we were talking
            return 0
    match = re.match(rb"HTTP/1\.1 ([0-9]{3})", answer)
    return int(match[1]) if match else 0


def on_wire(out_id: str) -> str:
    """Return how the platform carries an out_id of whoever has API_KEY."""
    return f"tests~{out_id}"


def receipt(wire_id: str, **fields: Any) -> dict[str, Any]:
    now = china_text(time.time())
    times = {"send_time": now, "report_time": now}
    known = {"phone_number": NUMBER, "success": True, "err_code": "DELIVERED", "biz_id": "1^0"}
    return {**known, **times, "out_id": wire_id, "sms_size": "1", **fields}


def statuses(cloud: Cloud, out_id: str) -> list[str]:
    answer = cloud.request("GET", QUERY, f"delivery-status?out_id={out_id}")
    return [each["status"] for each in answer.body] if answer.status == 200 else []


# replay


def test_a_request_that_is_replayed_sends_no_second_sms(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any]
) -> None:
    assert cloud.send(notice).status == 200
    for _ in range(5):
        answer = cloud.send(notice)
        assert (answer.status, answer.body["replayed"]) == (200, True)
    assert cloud.send({**notice, "phone_numbers": "13900139000"}).status == 409
    assert cloud.send({**notice, "resend_unknown": True}).body["replayed"] is True
    assert len(emulator.messages()) == 1


def test_an_idempotency_key_makes_a_replay_as_harmless(cloud: Cloud, emulator: SmsEmulator) -> None:
    key = new_out_id()
    answers = [cloud.send(NOTICE, Idempotency_Key=key).body for _ in range(3)]
    assert [answer.get("replayed", False) for answer in answers] == [False, True, True]
    assert len(emulator.messages()) == 1


def test_without_an_id_of_its_own_each_request_is_another_send(
    cloud: Cloud, emulator: SmsEmulator
) -> None:
    assert len({cloud.send(NOTICE).body["out_id"] for _ in range(2)}) == 2
    assert len(emulator.messages()) == 2


# asynchronous calls of HTTP triggers


def test_an_asynchronous_request_sends_once_however_often_it_comes(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any]
) -> None:
    for _ in range(3):
        assert cloud.send_asynchronously(notice) == 202
    assert cloud.send_asynchronously(NOTICE) == 202  # no out_id: one delivery is one send
    cloud.functions.wait_for_async()
    assert len(cloud.invocations()) == 4
    assert {invocation.attempt for invocation in cloud.invocations()} == {1}
    wire_id = on_wire(notice["out_id"])
    assert sorted(message.out_id == wire_id for message in emulator.messages()) == [False, True]


@pytest.mark.parametrize("key", [None, "", "wrong", API_KEY[:-1]])
def test_an_asynchronous_request_without_the_key_sends_nothing(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any], key: str | None
) -> None:
    body = json.dumps(notice).encode()
    header = "X-Fc-Invocation-Type: Async"
    assert raw(cloud, SEND, "POST /sms", body, header, key=key) == 202  # the trigger asks nobody
    cloud.functions.wait_for_async()
    (invocation,) = cloud.invocations()
    assert (invocation.attempt, invocation.error_type) == (1, None)
    assert json.loads(invocation.payload)["statusCode"] == 401
    assert emulator.requests() == []


# receipts that nobody sent


def test_a_receipt_of_a_message_that_was_never_sent_does_not_stand_in_its_way(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any]
) -> None:
    for success in (True, False):
        forged = receipt(on_wire(notice["out_id"]), success=success, biz_id=f"{success}")
        assert push(cloud, [forged]) == 200
    answer = cloud.send(notice)
    assert (answer.status, answer.body.get("replayed")) == (200, None)
    assert cloud.send(notice).body["replayed"] is True
    assert len(emulator.messages()) == 1


def test_a_final_state_does_not_flip(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any]
) -> None:
    out_id = notice["out_id"]
    biz_id = cloud.send(notice).body["biz_id"]
    assert push(cloud, [receipt(on_wire(out_id), biz_id=biz_id)]) == 200
    for change in ({"success": False}, {"success": "false"}, {"err_code": "UNDELIV"}, {}):
        lie = {"biz_id": biz_id, "sms_size": "9", "success": False, **change}
        forged = receipt(on_wire(out_id), **lie)
        assert push(cloud, [forged, forged]) == 200
    assert statuses(cloud, out_id) == ["delivered"]
    assert cloud.send(notice).body["replayed"] is True
    assert len(emulator.messages()) == 1


def test_a_receipt_that_claims_another_intent_lets_nobody_send_again(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any]
) -> None:
    other = {**notice, "out_id": new_out_id()}
    biz_ids = [cloud.send(each).body["biz_id"] for each in (notice, other)]
    wire_id = on_wire(notice["out_id"])
    crossed = [
        receipt(wire_id, biz_id=biz_ids[1]),
        receipt(on_wire(other["out_id"]), biz_id="0^0"),
    ]
    odd = [receipt(f"{wire_id}~{part}", success=False) for part in (0, 1, 999999)]
    odd += [receipt(notice["out_id"]), receipt(f"another~{notice['out_id']}")]
    assert push(cloud, [*crossed, *odd, receipt("{fc-sms}:part:x"), receipt("'; DROP--")]) == 200
    assert [cloud.send(each).body["replayed"] for each in (notice, other)] == [True, True]
    assert len(emulator.messages()) == 2


def test_a_receipt_with_the_right_out_id_and_a_wrong_number_or_time_changes_nothing(
    cloud: Cloud, emulator: SmsEmulator, redis_server: RedisServer, notice: dict[str, Any]
) -> None:
    out_id = notice["out_id"]
    biz_id = cloud.send(notice).body["biz_id"]
    before = {key: redis_server.ask("GET", key) for key in redis_server.ask("KEYS", "{fc-sms}*")}
    long_ago = china_text(time.time() - 1000)
    lies: tuple[dict[str, Any], ...] = (
        {"phone_number": "13900139000"},
        {"phone_number": "138001*****"},
        {"phone_number": ""},
        {"send_time": long_ago},
        {"send_time": ""},
        {"send_time": "soon", "phone_number": "13900139000"},
    )
    forged = [
        receipt(on_wire(carried), biz_id=biz_id, success=False, sms_size="8", **lie)
        for lie in lies
        for carried in (out_id, f"{out_id}~0", f"{out_id}~1", f"{out_id}~7")
    ]
    assert push(cloud, forged) == 200
    after = {key: redis_server.ask("GET", key) for key in redis_server.ask("KEYS", "{fc-sms}*")}
    changed = {key for key in after if after[key] != before.get(key)}
    assert {key.split(":")[1] for key in changed} <= {"disagreeing", "receipts", "message"}
    assert statuses(cloud, out_id) == ["waiting"]
    assert push(cloud, [receipt(on_wire(out_id), biz_id=biz_id)]) == 200
    assert statuses(cloud, out_id) == ["delivered"]
    assert len(emulator.messages()) == 1


def test_a_forged_size_closes_a_budget_at_most_and_opens_none(
    cloud: Cloud, emulator: SmsEmulator, redis_server: RedisServer, notice: dict[str, Any]
) -> None:
    def spent() -> int:
        keys = redis_server.ask("KEYS", "{fc-sms}+*")
        return sum(int(redis_server.ask("GET", key)) for key in keys)

    assert cloud.send(notice).status == 200
    before = spent()
    sizes: tuple[Any, ...] = (
        "-5",
        "0",
        "1e9",
        "٩",
        "1.5",
        "",
        None,
        -3,
        1e400,
        True,
        [],
        "9999999999",
    )
    entries = [receipt(on_wire(f"order-{n}"), sms_size=size) for n, size in enumerate(sizes)]
    assert push(cloud, json.dumps(entries).replace("Infinity", "1e400").encode()) == 200
    assert push(cloud, [receipt(on_wire("order-x"), sms_size="999")] * 50) == 200
    assert spent() == before  # nothing of ours was sent under these ids
    assert push(cloud, [receipt(on_wire(notice["out_id"]), sms_size="999")] * 50) == 200
    assert spent() == before + 2 * 7  # a day's and a month's budget, once
    ids = [receipt(on_wire(notice["out_id"]), sms_size="8", biz_id=f"{n}^0") for n in range(50)]
    assert push(cloud, ids) == 200
    assert spent() == before + 2 * 7


def test_giant_arrays_of_receipts_are_taken_once_or_refused(
    cloud: Cloud, redis_server: RedisServer
) -> None:
    same = [receipt(on_wire("order-1"), phone_number=f"139{n:08}") for n in range(3000)]
    assert push(cloud, same) == 200
    assert push(cloud, [receipt("a", note="x" * 400_000)] * 3) == 413
    assert push(cloud, b"[" * 500_000) == 400
    assert push(cloud, [[]] * 100_000) == 422
    kept = [key for key in redis_server.ask("KEYS", "{fc-sms}:*") if ":receipts:" in key]
    assert len(kept) == 1
    assert len(json.loads(redis_server.ask("GET", kept[0]))["receipts"]) == 1000


# tokens in queries


@pytest.mark.parametrize(
    "query", ["key={0}", "api_key={0}", "access_token={0}", "Authorization=Bearer%20{0}", "{0}"]
)
def test_a_key_in_a_query_is_not_accepted_and_not_logged(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any], query: str
) -> None:
    body, asked = json.dumps(notice).encode(), query.format(API_KEY)
    assert raw(cloud, SEND, f"POST /sms?{asked}", body, key=None) == 401
    assert raw(cloud, QUERY, f"GET /delivery-status?out_id=a&{asked}", key=None) == 401
    assert raw(cloud, CODES, f"POST /codes?{asked}", b"{}", key=None) == 401
    assert emulator.requests() == []


# requests that are malformed below JSON


@pytest.mark.parametrize(
    ("lines", "statuses"),
    [
        (("Idempotency-Key: order-1\r\nX-Injected: 1",), (200,)),  # is two headers, both known
        (("Idempotency-Key: order-1\nX-Injected: 1",), (200, 400)),
        (("Idempotency-Key: order-1\r\n X-Folded: 1",), (400, 422)),
        (("Idempotency-Key: order-1\0",), (400, 422)),
        (("Idempotency-Key: order-1\x0b",), (400, 422)),
        (("Idempotency-Key: order-1, order-2",), (422,)),
        (("Idempotency-Key: \xff\xfe",), (422,)),
        (("Idempotency-Key: order-1", "Idempotency-Key: order-2"), (200, 400, 422)),
        (("Authorization: Bearer wrong",), (400, 401)),
        (("authorization: Bearer wrong", "AUTHORIZATION: Basic x"), (400, 401)),
        (("Authorization : Bearer wrong",), (200, 400)),
        (("X-Very Odd: 1",), (200, 400)),
        (("Content-Type: text/plain", "Content-Type: application/json"), (200, 400, 415)),
        (("Content-Type: application/json;\tcharset=utf-8",), (200,)),
        (("Content-Type: application/json\x0b",), (400, 415)),
        (("Content-Length: 5", "Content-Length: 500"), (0, 400)),
        (("Content-Length: -1",), (0, 400)),
        (("Content-Length: 5", "Transfer-Encoding: chunked"), (0, 400)),
        ((f"X-Large: {'x' * 9000}",), (400, 431)),
        ((f"X-Large: {'x' * 100_000}",), (0, 400, 431)),
        (tuple(f"X-{n}: {'x' * 90}" for n in range(90)), (400, 431)),
        (("X-HTTP-Method-Override: GET", "X-HTTP-Method: DELETE"), (200,)),
        (("X-Fc-Request-Id: 1-evil", "X-Fc-Access-Key-Secret: evil"), (200, 400)),
    ],
)
def test_a_header_that_is_odd_is_refused_or_harmless(
    cloud: Cloud, emulator: SmsEmulator, lines: tuple[str, ...], statuses: tuple[int, ...]
) -> None:
    status = raw(cloud, SEND, "POST /sms", json.dumps(NOTICE).encode(), *lines)
    assert status in statuses
    assert len(emulator.messages()) == (status == 200)


def test_a_request_hidden_in_another_is_not_served(cloud: Cloud, emulator: SmsEmulator) -> None:
    body = json.dumps(NOTICE).encode()
    inner = f"POST /sms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\n"
    inner += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    chunked = b"0\r\n\r\n" + inner.encode() + body
    lines = (f"Content-Length: {len(chunked)}", "Transfer-Encoding: chunked")
    raw(cloud, SEND, "POST /sms", chunked, *lines, key=None)
    raw(cloud, SEND, "POST /sms", inner.encode() + body, "Content-Length: 0", key=None)
    assert len(emulator.messages()) == 0


@pytest.mark.parametrize(
    "path",
    [
        *("//sms", "/sms/", "/./sms", "/x/../sms", "/../sms", "/%2e%2e/sms", "/sms%2f", "/sms%00"),
        *("/sms.", "/sms;x=1", "/SMS", "/sms%0d%0aX:%201", "/\xff", "/sms/../codes"),
    ],
)
def test_a_path_that_is_odd_leads_nowhere(cloud: Cloud, emulator: SmsEmulator, path: str) -> None:
    assert raw(cloud, SEND, f"POST {path}", json.dumps(NOTICE).encode()) in (400, 404)
    assert push(cloud, [receipt("order-1")], f"..{path}") in (400, 404)
    assert emulator.requests() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_another_method_sends_nothing(cloud: Cloud, emulator: SmsEmulator, method: str) -> None:
    body = json.dumps(NOTICE).encode()
    status = raw(cloud, SEND, f"{method} /sms", body, "X-HTTP-Method-Override: POST")
    assert status in (403, 405)  # the trigger's answer, and the function's
    assert emulator.requests() == []


# events for others


def test_a_request_handed_to_the_event_function_is_refused(
    cloud: Cloud, emulator: SmsEmulator, notice: dict[str, Any]
) -> None:
    http = {"http": {"method": "POST", "path": "/sms"}}
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    event = {"requestContext": http, "headers": headers, "body": json.dumps(notice)}
    for each in (event, [event], {**event, **notice}, {"requests": [event]}):
        invocation = cloud.functions.invoke(ON_EVENT, json.dumps(each).encode())
        assert invocation.error_type is None
        assert json.loads(invocation.payload)["rejected"]
    for function in (SEND, QUERY, RECEIVE, CODES):
        invocation = cloud.functions.invoke(function, json.dumps(notice).encode())
        assert json.loads(invocation.payload)["statusCode"] == 400
    assert emulator.requests() == []


def test_text_that_is_code_elsewhere_is_text_here(
    cloud: Cloud, emulator: SmsEmulator, redis_server: RedisServer, notice: dict[str, Any]
) -> None:
    text = "]] redis.call('FLUSHALL') --"
    redis_server.ask("SET", "witness", "1")
    answer: Answer = cloud.send({**notice, "template_param": {"name": text, "order": "=1+1"}})
    assert answer.status == 200
    (message,) = emulator.messages()
    assert message.template_param == {"name": text, "order": "=1+1"}
    assert redis_server.ask("GET", "witness") == "1"
