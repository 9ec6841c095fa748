"""From the HTTP trigger to the inbox and back: what a caller sees, and what really was sent."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from aliyun_fc_runtime_stub import find_interpreter
from aliyun_sms_emulator import SmsEmulator
from shared.signing import acs3_authorization
from tests.integration.cloud import QUERY, SEND, Answer, Cloud

StartCloud = Callable[..., Cloud]

NUMBER = "13800138000"
NOTICE: dict[str, Any] = {
    "phone_numbers": NUMBER,
    "template_code": "SMS_100002",
    "template_param": {"name": "Li Xiaolong", "order": "A-17-2026"},
}
CODE: dict[str, Any] = {
    "phone_numbers": NUMBER,
    "template_code": "SMS_100001",
    "template_param": {"code": "481516"},
}


def notices(count: int, first: int = 13900000000) -> dict[str, Any]:
    """A personalised send to `count` numbers."""
    messages = [
        {
            "phone_number": str(first + place),
            "template_param": {"name": f"Name-{place:04}", "order": f"Order-{place:04}"},
        }
        for place in range(count)
    ]
    return {"template_code": "SMS_100002", "messages": messages}


def today(emulator: SmsEmulator) -> str:
    return f"{emulator.clock.now:%Y%m%d}"


def assert_problem(answer: Answer, status: int, code: str, **members: object) -> None:
    """Assert that `answer` is a problem document with these members."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["request_id"] == answer.headers["X-Fc-Request-Id"]
    expected = {"type": f"urn:fc-sms:problem:{code}", "status": status, "code": code, **members}
    assert {name: answer.body.get(name) for name in expected} == expected


def test_one_sms_is_sent_as_it_was_asked_for(cloud: Cloud, emulator: SmsEmulator) -> None:
    answer = cloud.send({**NOTICE, "out_id": "one-sms"})
    (message,) = emulator.messages()
    assert message.phone_number == NUMBER
    assert message.text == "【fc-sms】Li Xiaolong，您的订单A-17-2026已发货。"
    assert (message.sign_name, message.out_id) == ("fc-sms", "tests~one-sms")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body == {
        "out_id": "one-sms",
        "outcome": "accepted",
        "biz_id": message.biz_id,
        "platform_request_id": message.request_id,
        "request_id": answer.headers["X-Fc-Request-Id"],
    }


def test_a_message_is_waiting_until_it_is_delivered(cloud: Cloud, emulator: SmsEmulator) -> None:
    emulator.clock.set(emulator.clock.now)
    question = {"phone_number": f"+86 {NUMBER}", "send_date": today(emulator), "out_id": "my-order"}
    assert cloud.status(question).body == []
    cloud.send({**NOTICE, "out_id": "my-order"})
    cloud.send({**NOTICE, "out_id": "another-order"})
    assert [found["status"] for found in cloud.status(question).body] == ["waiting"]
    emulator.clock.advance(10)
    answer = cloud.status(question)
    assert (answer.status, answer.headers["X-Total-Count"]) == (200, "1")
    (found,) = answer.body
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", found.pop("send_date"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", found.pop("receive_date"))
    assert found.pop("meaning")
    assert found == {
        "phone_number": NUMBER,
        "status": "delivered",
        "err_code": "DELIVERED",
        "out_id": "my-order",
        "template_code": "SMS_100002",
    }


def test_a_message_that_does_not_arrive_has_failed(cloud: Cloud, emulator: SmsEmulator) -> None:
    emulator.set_fate("13800138009", "unreachable")
    date = today(emulator)
    cloud.send({**NOTICE, "phone_numbers": "13800138009"})
    emulator.clock.advance(10)
    (found,) = cloud.status({"phone_number": "13800138009", "send_date": date}).body
    assert (found["status"], found["err_code"]) == ("failed", "MOBILE_NOT_ON_SERVICE")
    assert found["meaning"]


def test_the_text_comes_only_when_asked_for_and_without_its_code(
    cloud: Cloud, emulator: SmsEmulator
) -> None:
    cloud.send(CODE)
    question = {"phone_number": NUMBER, "send_date": today(emulator)}
    assert "content" not in cloud.status(question).body[0]
    (found,) = cloud.status({**question, "include_content": True}).body
    assert found["content"] == "【fc-sms】您的验证码为****，5分钟内有效。"


def test_pages_count_all_messages(cloud: Cloud, emulator: SmsEmulator) -> None:
    for place in range(3):
        cloud.send({**NOTICE, "out_id": f"page-{place}"})
    question = {"phone_number": NUMBER, "send_date": today(emulator), "page_size": 2}
    first, second = (cloud.status({**question, "current_page": page}) for page in (1, 2))
    assert [found["out_id"] for found in first.body + second.body] == ["page-2", "page-1", "page-0"]
    assert first.headers["X-Total-Count"] == second.headers["X-Total-Count"] == "3"


def test_many_numbers_go_out_in_one_request(cloud: Cloud, emulator: SmsEmulator) -> None:
    numbers = [str(13700000000 + place) for place in range(1000)]
    answer = cloud.send({**NOTICE, "phone_numbers": numbers})
    assert answer.status == 200
    assert [request.action for request in emulator.requests()] == ["SendSms"]
    assert sorted(message.phone_number for message in emulator.messages()) == numbers
    assert {message.biz_id for message in emulator.messages()} == {answer.body["biz_id"]}


def test_a_personalised_send_goes_out_in_parts_of_a_hundred(
    cloud: Cloud, emulator: SmsEmulator
) -> None:
    answer = cloud.send({**notices(250), "out_id": "in-parts"})
    assert answer.status == 200
    assert answer.body["outcome"] == "accepted"
    ranges = [(part["part"], part["first"], part["last"]) for part in answer.body["parts"]]
    assert ranges == [(0, 0, 99), (1, 100, 199), (2, 200, 249)]
    texts = {message.phone_number: message.text for message in emulator.messages()}
    assert len(texts) == 250
    assert texts["13900000249"] == "【fc-sms】Name-0249，您的订单Order-0249已发货。"
    found = cloud.status({"phone_number": "13900000249", "send_date": today(emulator)}).body
    assert [entry["out_id"] for entry in found] == ["in-parts"]


def test_a_refused_part_stops_no_other(cloud: Cloud, emulator: SmsEmulator) -> None:
    body = notices(250)
    body["messages"][120]["sign_name"] = "no such signature"
    answer = cloud.send(body)
    assert answer.status == 207
    assert answer.body["outcome"] == "mixed"
    assert [part["outcome"] for part in answer.body["parts"]] == [
        "accepted",
        "rejected",
        "accepted",
    ]
    refused = answer.body["parts"][1]
    assert (refused["first"], refused["last"]) == (100, 199)
    assert refused["code"] == "isv.SMS_SIGNATURE_ILLEGAL"
    assert "approved" in refused["detail"]
    sent = {message.phone_number for message in emulator.messages()}
    assert sent == {str(13900000000 + place) for place in (*range(100), *range(200, 250))}


def test_parts_that_are_all_refused_alike_are_one_problem(cloud: Cloud) -> None:
    answer = cloud.send({**notices(101), "sign_name": "no such signature"})
    assert_problem(answer, 502, "isv.SMS_SIGNATURE_ILLEGAL", outcome="rejected", retryable=False)
    assert [part["last"] for part in answer.body["parts"]] == [99, 100]


def test_a_repeat_with_the_same_out_id_sends_no_second_sms(
    cloud: Cloud, emulator: SmsEmulator
) -> None:
    first = cloud.send({**NOTICE, "out_id": "send-me-once"})
    second = cloud.send({**NOTICE, "out_id": "send-me-once"})
    third = cloud.send(NOTICE, Idempotency_Key='"send-me-once"')
    assert (first.status, second.status, third.status) == (200, 200, 200)
    assert second.body["reconciled"] is third.body["reconciled"] is True
    assert [message.out_id for message in emulator.messages()] == ["tests~send-me-once"]
    refusals = [request.code for request in emulator.requests() if request.action == "SendSms"]
    assert refusals == ["OK", "SignatureNonceUsed", "SignatureNonceUsed"]


def test_a_repeat_of_a_refused_send_is_unknown_and_says_what_to_do(
    cloud: Cloud, emulator: SmsEmulator
) -> None:
    refused = {**NOTICE, "sign_name": "no such signature", "out_id": "refused-once"}
    assert cloud.send(refused).status == 502
    answer = cloud.send(refused)
    assert_problem(
        answer, 504, "SignatureNonceUsed", outcome="unknown", retryable=False, out_id="refused-once"
    )
    assert "/delivery-status" in answer.body["detail"]
    assert "was answered with a refusal, nothing was sent" in answer.body["detail"]
    assert emulator.messages() == []


def test_an_out_id_is_made_up_where_none_is_given(cloud: Cloud, emulator: SmsEmulator) -> None:
    first, second = cloud.send(NOTICE), cloud.send(NOTICE)
    given = [first.body["out_id"], second.body["out_id"]]
    sent = [message.out_id for message in emulator.messages()]
    assert sent == [f"tests~{out_id}" for out_id in given]
    assert given[0] != given[1]


def test_a_frequency_limit_says_how_long_to_wait(cloud: Cloud, emulator: SmsEmulator) -> None:
    emulator.clock.set(emulator.clock.now)
    assert cloud.send(CODE).status == 200
    answer = cloud.send({**CODE, "out_id": "too-soon"})
    assert_problem(
        answer,
        429,
        "isv.BUSINESS_LIMIT_CONTROL",
        outcome="rejected",
        retryable=False,
        out_id="too-soon",
    )
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "new out_id" in answer.body["detail"]
    assert len(emulator.messages()) == 1


@pytest.mark.parametrize("method", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_both_signatures_are_accepted(
    start_cloud: StartCloud, emulator: SmsEmulator, method: str
) -> None:
    cloud = start_cloud(changes={"SMS_SIGNATURE_METHOD": method})
    strange = {"name": "李 ~*+%&=/?'\"", "order": "空 格\\"}
    assert cloud.send({**NOTICE, "template_param": strange}).status == 200
    date = today(emulator)
    assert len(cloud.status({"phone_number": NUMBER, "send_date": date}).body) == 1
    assert emulator.messages()[0].template_param == strange
    assert {request.signature_method for request in emulator.requests()} == {method}


@pytest.mark.parametrize(
    "runtime", [name for name in ("python3.10", "python3.12") if find_interpreter(name)]
)
def test_the_functions_run_on_every_runtime_that_is_here(
    start_cloud: StartCloud, emulator: SmsEmulator, runtime: str
) -> None:
    cloud = start_cloud(variables={"SMS_RUNTIME": runtime})
    assert cloud.functions.warnings == []
    assert {function.runtime for function in cloud.functions.application.functions} == {runtime}
    assert cloud.send(NOTICE).body["outcome"] == "accepted"
    date = today(emulator)
    assert cloud.status({"phone_number": NUMBER, "send_date": date}).headers["X-Total-Count"] == "1"


def test_the_trigger_may_authenticate_callers(
    start_cloud: StartCloud, emulator: SmsEmulator
) -> None:
    cloud = start_cloud(variables={"SMS_AUTH": "function"}, changes={"SMS_API_KEYS": ""})
    body = json.dumps(NOTICE).encode()
    key_id, secret = cloud.functions.access_key
    headers = {
        "content-type": "application/json",
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }
    signed = acs3_authorization(
        "POST",
        "/sms",
        query={},
        headers=headers,
        body=body,
        access_key_id=key_id,
        access_key_secret=secret,
    )
    assert cloud.request("POST", SEND, "sms", body).status in (400, 403)
    assert emulator.messages() == []
    answer = cloud.request("POST", SEND, "sms", body, {**headers, "Authorization": signed})
    assert answer.status == 200, answer.body
    assert len(emulator.messages()) == 1


@pytest.mark.parametrize(
    ("method", "function", "path", "authorization"),
    [
        ("POST", SEND, "sms", "Bearer wrong"),
        ("POST", QUERY, "delivery-status", ""),
        ("GET", QUERY, "delivery-status", "Bearer \xe4\xf6\xfc"),
    ],
)
def test_a_caller_without_a_valid_key_is_turned_away(
    cloud: Cloud, emulator: SmsEmulator, method: str, function: str, path: str, authorization: str
) -> None:
    headers = {"Authorization": authorization}
    answer = cloud.request(method, function, path, json.dumps(NOTICE).encode(), headers)
    assert_problem(answer, 401, "not-authenticated", retryable=False)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.body["detail"]
    assert emulator.requests() == []


def test_without_api_keys_nobody_may_call_and_the_log_says_what_to_set(
    start_cloud: StartCloud, emulator: SmsEmulator
) -> None:
    cloud = start_cloud(changes={"SMS_API_KEYS": ""})
    assert_problem(cloud.send(NOTICE), 401, "not-authenticated")
    assert emulator.requests() == []
    closed, _ = cloud.log()
    assert (closed["level"], closed["outcome"]) == ("error", "closed")
    assert "SMS_API_KEYS" in closed["remedy"]


def test_a_send_can_be_followed_in_the_log(cloud: Cloud, emulator: SmsEmulator) -> None:
    answer = cloud.send(NOTICE)
    sent, answered = cloud.log()
    assert sent["request_id"] == answered["request_id"] == answer.body["request_id"]
    assert sent["platform_request_id"] == emulator.messages()[0].request_id
    assert (sent["function"], sent["action"], sent["outcome"], sent["code"]) == (
        "send_sms",
        "SendSms",
        "accepted",
        "OK",
    )
    assert sent["number"] == "*00"
    assert re.fullmatch(r"[0-9a-f]{16}", sent["number_hash"])
    assert sent["duration_ms"] >= 0
    assert (answered["caller"], answered["outcome"]) == ("tests", "200")


# What is refused: one of each kind. Every rule has its test in tests/unit.


@pytest.mark.parametrize(
    ("function", "path", "body", "status", "code", "word"),
    [
        (QUERY, "delivery-status", b"phone_number=13800138000", 400, "malformed-json", "JSON"),
        (SEND, "sms", b'{"sign_name": "\xff"}', 400, "malformed-json", "UTF-8"),
        (SEND, "sms", b'"' + b"x" * 5_000_000 + b'"', 413, "body-too-large", "1048576"),
        (SEND, "sms", b"[]", 422, "invalid-request", "object"),
    ],
    ids=["not JSON", "not UTF-8", "5 MB", "a list"],
)
def test_a_body_that_is_no_request_is_refused(
    cloud: Cloud,
    emulator: SmsEmulator,
    function: str,
    path: str,
    body: bytes,
    status: int,
    code: str,
    word: str,
) -> None:
    answer = cloud.request("POST", function, path, body)
    assert_problem(answer, status, code, retryable=False)
    assert word in answer.body["detail"]
    assert emulator.requests() == []
    assert cloud.log()[-1]["code"] == code


@pytest.mark.parametrize(
    ("changes", "field", "word"),
    [
        ({NUMBER: 1}, "*", "known are"),
        ({"template_param": {"name": "Party 🎉 time"}}, "template_param.name", "emoji"),
    ],
    ids=ascii,
)
def test_a_field_that_breaks_a_rule_is_named(
    cloud: Cloud, emulator: SmsEmulator, changes: dict[str, object], field: str, word: str
) -> None:
    answer = cloud.send({**NOTICE, **changes})
    assert_problem(answer, 422, "invalid-request", field=field, retryable=False)
    assert word in answer.body["detail"]
    assert cloud.log()[-1]["field"] == field
    assert emulator.requests() == []


def test_a_mistake_in_one_of_many_messages_is_found(cloud: Cloud, emulator: SmsEmulator) -> None:
    body = notices(3)
    body["messages"][2]["template_param"] = {"name": "🎉"}
    field = "messages[2].template_param.name"
    assert_problem(cloud.send(body), 422, "invalid-request", field=field)
    assert emulator.requests() == []


def test_a_question_that_breaks_a_rule_is_refused(cloud: Cloud, emulator: SmsEmulator) -> None:
    answer = cloud.status({"phone_number": NUMBER, "send_date": "2026-11-20"})
    assert_problem(answer, 422, "invalid-request", field="send_date")
    assert emulator.requests() == []


def test_asking_by_no_id_says_what_to_do_instead(cloud: Cloud) -> None:
    answer = cloud.request("GET", QUERY, "delivery-status")
    assert_problem(answer, 422, "invalid-request", retryable=False)
    assert "POST phone_number and send_date" in answer.body["detail"]


@pytest.mark.parametrize("path", ["", "sms"])
def test_a_function_answers_at_the_root_and_at_its_path(cloud: Cloud, path: str) -> None:
    assert cloud.request("POST", SEND, path, json.dumps(NOTICE).encode()).status == 200


def test_there_is_nothing_at_another_path(cloud: Cloud) -> None:
    assert_problem(cloud.request("POST", SEND, "delivery-status", b"{}"), 404, "not-found")


def test_another_content_type_is_refused(cloud: Cloud) -> None:
    answer = cloud.send(NOTICE, Content_Type="text/plain")
    assert_problem(answer, 415, "not-json")
    assert "Content-Type: application/json" in answer.body["detail"]
