"""What a client sees of each kind of fault, byte by byte, on connections that are kept alive."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
import requests
from requests.exceptions import ChunkedEncodingError

from aliyun_sms_emulator import SmsEmulator
from raw_connection import Answered, RawConnection, query_details, signed
from signing_client import Client

Rule = Mapping[str, object]


@pytest.fixture
def client(emulator: SmsEmulator) -> Client:
    emulator.settings(limits=False)
    return Client(emulator)


def faulted(client: Client, **rule: object) -> RawConnection:
    """A connection that has carried one good exchange, and the fault for the next SendSms."""
    connection = RawConnection(client)
    connection.write(signed(client, "QuerySmsSignList", {}))
    assert connection.answer().status == 200
    client.emulator.set_faults({"match": {"action": "SendSms"}, "times": 1, **rule})
    return connection


def accepted(client: Client, enough: int = 0) -> int:
    """How many messages were accepted, after waiting for `enough` of them."""
    return int(client.emulator.call("GET", f"/api/messages?wait=5&count={enough}")["total"])


def moments(kind: str, **fields: object) -> list[Rule]:
    return [{"kind": kind, "when": when, **fields} for when in ("before", "after")]


@pytest.mark.parametrize(
    ("rule", "shortest", "how"),
    [
        *((rule, 0, "reset") for rule in moments("reset")),
        *((rule, 30, "reset") for rule in moments("reset", bytes=30)),
        *((rule, 150, "reset") for rule in moments("reset", bytes="half")),
        *((rule, 200, "reset") for rule in moments("reset", bytes=-1)),
        *((rule, 150, "closed") for rule in moments("truncate")),
        *((rule, 0, "closed") for rule in moments("truncate", bytes=0)),
        *((rule, 200, "closed") for rule in moments("truncate", bytes=10**6)),
    ],
)
def test_an_answer_is_cut_where_and_how_the_rule_says(
    client: Client, rule: Rule, shortest: int, how: str
) -> None:
    with faulted(client, **rule) as connection:
        connection.send()
        received, ended = connection.ending()
    assert ended == how
    if shortest == 0:
        assert received == b""
    elif shortest == 30:
        assert received == b"HTTP/1.1 200 OK\r\ncontent-type: "[:30]
    else:
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].split()[0])
        assert shortest <= len(received)
        assert body.startswith(b'{"Message":"OK","RequestId"')
        assert len(body) == (length - 1 if shortest == 200 else length // 2)
    assert accepted(client) == (rule["when"] == "after")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("fault", "status", "expected"),
    [
        ({}, 200, b"<html>\n<head><title>200 OK"),
        ({"content": "html", "status": 404}, 404, b"<html>\n<head><title>404 Not Found"),
        ({"content": "binary"}, 200, bytes(range(256)) * 4),
        ({"content": "empty"}, 200, b""),
        ({"content": "huge", "size": 3_000_000}, 200, b" " * 3_000_000),
        ({"content": "list"}, 200, b"[1,2,3]"),
        ({"content": "types"}, 200, b'{"Code":0,'),
        ({"content": "broken-json"}, 200, b'{"Code":"OK","Message":"OK",,}'),
        ({"body": '{"Code":"OK 😀"}'}, 200, '{"Code":"OK 😀"}'.encode()),
    ],
)
def test_garbage_comes_in_place_of_the_answer(
    client: Client, when: str, fault: Mapping[str, object], status: int, expected: bytes
) -> None:
    with faulted(client, kind="garbage", when=when, **fault) as connection:
        connection.send()
        answer = connection.answer()
        assert answer.status == status
        assert answer.body == expected or (expected and answer.body.startswith(expected))
        goes_on(connection)
    assert accepted(client) == (when == "after") + 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_bytes_that_are_no_http_end_the_connection(client: Client, when: str) -> None:
    with faulted(client, kind="garbage", content="not-http", when=when) as connection:
        connection.send()
        received, how = connection.ending()
    assert (received[:3], how) == (b"\x16\x03\x03", "closed")
    assert accepted(client) == (when == "after")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", ["platform", "html", "empty"])
def test_a_gateway_fails_with_the_status_and_body_of_the_rule(
    client: Client, when: str, status: int, body: str
) -> None:
    rule = {"kind": "http", "when": when, "status": status, "body": body, "retry_after": 7}
    with faulted(client, **rule) as connection:
        connection.send()
        answer = connection.answer()
        assert (answer.status, answer.headers["x-acs-retry-after"]) == (status, "7")
        if body == "platform":
            expected = "InternalError" if status == 500 else "ServiceUnavailable"
            assert code(answer) == expected
            assert {"RequestId", "HostId", "Recommend", "Message"} <= json.loads(answer.body).keys()
        else:
            assert answer.body.startswith(b"<html>") == (body == "html")
            assert (answer.body == b"") == (body == "empty")
        goes_on(connection)
    assert accepted(client) == (when == "after") + 1


@pytest.mark.parametrize(
    ("rule", "status", "expected"),
    [
        ({"kind": "throttle"}, 400, "Throttling.User"),
        ({"kind": "throttle", "code": "Throttling.Api"}, 400, "Throttling.Api"),
        *((r, 200, "isp.SYSTEM_ERROR") for r in moments("error", code="isp.SYSTEM_ERROR")),
        *((r, 200, "isv.NEW") for r in moments("error", code="isv.NEW", message="新")),
        *((r, 503, "X.Y") for r in moments("error", code="X.Y", status=503)),
        *((r, 500, "InternalError") for r in moments("error", code="InternalError")),
        *((r, 400, "isv.A") for r in moments("error", code="isv.A", status=400)),
    ],
)
def test_a_refusal_on_demand_has_its_status_and_code(
    client: Client, rule: Rule, status: int, expected: str
) -> None:
    with faulted(client, **rule) as connection:
        connection.send()
        answer = connection.answer()
        assert (answer.status, code(answer)) == (status, expected)
        document = json.loads(answer.body)
        assert ("HostId" in document) == (status != 200)
        assert "BizId" not in document
        assert document["Message"] == rule.get("message", document["Message"] or "a text")
        goes_on(connection)
    assert accepted(client) == (rule.get("when") == "after") + 1


@pytest.mark.parametrize(("fault_code", "again"), [("Throttling.User", "OK"), ("isv.A", "used")])
def test_a_nonce_is_remembered_by_what_the_service_refuses(
    client: Client, fault_code: str, again: str
) -> None:
    client.emulator.set_faults({"kind": "error", "code": fault_code, "times": 1})
    request = signed(client)
    with RawConnection(client) as connection:
        connection.write(request)
        assert code(connection.answer()) == fault_code
        connection.write(request)
        assert code(connection.answer()) == {"OK": "OK", "used": "SignatureNonceUsed"}[again]


def test_a_bad_signature_is_refused_before_the_service_refuses(client: Client) -> None:
    client.emulator.set_faults({"kind": "error", "code": "isv.AMOUNT_NOT_ENOUGH"})
    assert Client(client.emulator, secret="wrong").send().code == "SignatureDoesNotMatch"
    assert client.send().code == "isv.AMOUNT_NOT_ENOUGH"


def test_a_stall_that_ends_delivers_what_was_done(client: Client) -> None:
    with faulted(client, kind="stall", seconds=0.2, when="after") as connection:
        connection.send()
        assert connection.ending(0.1) == (b"", "silent")
        assert accepted(client) == 1
        assert code(connection.answer()) == "OK"
        goes_on(connection)
    with faulted(client, kind="stall", seconds=0.1) as connection:
        connection.send()
        assert connection.ending() == (b"", "reset")
    assert accepted(client) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stall_lasts_until_the_client_gives_up(client: Client, when: str) -> None:
    with faulted(client, kind="stall", when=when) as connection:
        connection.send()
        assert connection.ending(0.1) == (b"", "silent")
    assert accepted(client) == (when == "after")
    assert client.send().code == "OK"


def test_an_answer_that_drips_comes_whole_and_late(client: Client) -> None:
    with faulted(client, kind="drip", seconds=0.3, chunks=6) as connection:
        started = time.monotonic()
        connection.send()
        first, how = connection.ending(0.04)
        assert (first.endswith(b"}"), how) == (False, "silent")
        assert 100 < len(first) < 200
        rest, _ = connection.ending(1)  # a busy machine drips slower
        assert rest.endswith(b'"Code":"OK"}')
        assert time.monotonic() - started > 0.2
        goes_on(connection)
    assert accepted(client) == 2


def test_a_client_that_leaves_a_dripping_answer_harms_nobody(client: Client) -> None:
    with faulted(client, kind="drip", seconds=30) as connection:
        connection.send()
        assert connection.ending(0.05).how == "silent"
    assert (accepted(client), client.send().code) == (1, "OK")


def test_a_slow_acceptance_is_seen_when_it_has_happened(client: Client) -> None:
    client.emulator.clock.set(client.emulator.clock.now)
    with (
        faulted(client, accept_delay_seconds=10) as connection,
        RawConnection(client) as observer,
    ):
        due = client.emulator.clock.now.timestamp() + 10
        connection.send(OutId="slow")
        assert connection.ending(0.1) == (b"", "silent")
        assert found(observer, client) == []
        assert client.emulator.call("GET", "/api/faults")["late_acceptances"] == 1
        client.emulator.clock.advance(25)
        assert found(observer, client) == ["slow"]
        assert code(connection.answer()) == "OK"
        goes_on(connection)
    message = client.emulator.messages(out_id="slow")[0]
    assert client.emulator.call("GET", "/api/faults")["late_acceptances"] == 0
    accepted_at = datetime.fromisoformat(message.accepted_at).timestamp()
    assert abs(accepted_at - due) < 0.002


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "none"},
        {"kind": "stall", "when": "after"},
        {"kind": "reset", "when": "after"},
        {"kind": "http", "when": "after"},
        {"kind": "error", "code": "isp.SYSTEM_ERROR", "when": "after"},
        {"kind": "reset", "bytes": "half", "when": "after"},
        {"kind": "drip", "seconds": 0.1},
    ],
)
def test_a_slow_acceptance_happens_although_the_client_has_hung_up(
    client: Client, fault: Mapping[str, object]
) -> None:
    with faulted(client, accept_delay_seconds=0.3, **fault) as connection:
        connection.send()
        connection.ending(0.05)
        assert accepted(client) == 0
    assert accepted(client, 1) == 1
    assert [m.status for m in client.emulator.messages()] == ["accepted"]


def test_a_slow_acceptance_uses_its_nonce_at_once(client: Client) -> None:
    request = signed(client)
    with faulted(client, accept_delay_seconds=0.2) as connection, RawConnection(client) as other:
        connection.write(request)
        other.write(request)
        assert code(other.answer()) == "SignatureNonceUsed"
        assert code(connection.answer()) == "OK"
    assert accepted(client) == 1


@pytest.mark.parametrize("refusal", ["Throttling.User", "isv.A"])
def test_a_refusal_on_demand_is_not_slow(client: Client, refusal: str) -> None:
    client.emulator.set_faults({"accept_delay_seconds": 300}, {"kind": "error", "code": refusal})
    assert client.send().code == refusal


def test_a_slow_refusal_by_the_gateway_is_not_slow(client: Client) -> None:
    client.emulator.set_faults({"accept_delay_seconds": 300})
    assert Client(client.emulator, secret="wrong").send().code == "SignatureDoesNotMatch"
    assert client.send(PhoneNumbers="").code == "MissingPhoneNumbers"


def test_pipelined_requests_are_faulted_one_by_one(client: Client) -> None:
    with faulted(client, times=2, schedule=["http", "none"]) as connection:
        connection.write(signed(client) + signed(client) + signed(client))
        assert [connection.answer().status for _ in range(3)] == [500, 200, 200]
    assert accepted(client) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset after", requests.ConnectionError),
        ({"kind": "reset", "bytes": "half", "when": "after"}, ChunkedEncodingError),
        ("truncate after", ChunkedEncodingError),
        ("stall after", requests.ReadTimeout),
        ("http after", None),
    ],
)
def test_a_session_of_requests_goes_on_after_each(
    client: Client, fault: object, error: type[Exception] | None
) -> None:
    with requests.Session() as session:
        session.trust_env = False

        def send() -> int:
            head, _, _ = signed(client).decode().partition("\r\n\r\n")
            first, *lines = head.split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            url = f"{client.emulator.url}{first.split()[1]}"
            return session.post(url, headers=headers, timeout=0.3).status_code

        client.emulator.set_faults({"skip": 1, "schedule": [fault]})
        assert send() == 200
        if error is None:
            assert send() == 500
        else:
            with pytest.raises(error):
                send()
        assert send() == 200
    assert accepted(client) == 3


def test_xml_answers_are_cut_and_refused_as_xml(client: Client) -> None:
    client.emulator.set_faults({"schedule": ["http", {"kind": "error", "code": "isv.A"}]})
    parameters = {"PhoneNumbers": "13800138000", "SignName": "fc-sms", "TemplateCode": "SMS_100001"}
    for expected in ("InternalError", "isv.A"):
        reply = client.v1("SendSms", parameters, Format="XML")
        assert f"<Code>{expected}</Code>".encode() in reply.body


def test_the_international_api_is_refused_in_its_own_shape(client: Client) -> None:
    client.emulator.set_faults(
        {"schedule": [{"kind": "error", "code": "isv.A"}, {"kind": "error", "code": "B.C"}]}
    )
    assert client.send_abroad().json["ResponseCode"] == "isv.A"
    assert client.send_abroad().json["Code"] == "B.C"


def goes_on(connection: RawConnection) -> None:
    """The next request on the same connection is answered as always."""
    connection.send()
    assert code(connection.answer()) == "OK"


def code(answer: Answered) -> str:
    document: dict[str, Any] = json.loads(answer.body)
    return str(document["Code"])


def found(connection: RawConnection, client: Client) -> list[str]:
    """The OutIds QuerySendDetails finds."""
    connection.write(query_details(client))
    document = json.loads(connection.answer().body)
    return [entry["OutId"] for entry in document["SmsSendDetailDTOs"]["SmsSendDetailDTO"]]
