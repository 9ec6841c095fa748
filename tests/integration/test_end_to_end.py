"""From the HTTP trigger to the inbox and back: what a caller sees, and what really was sent."""

from __future__ import annotations

import base64
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
    assert (message.sign_name, message.out_id) == ("fc-sms", "one-sms")
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
    assert [message.out_id for message in emulator.messages()] == ["send-me-once"]
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
    assert emulator.messages() == []


def test_an_out_id_is_made_up_where_none_is_given(cloud: Cloud, emulator: SmsEmulator) -> None:
    first, second = cloud.send(NOTICE), cloud.send(NOTICE)
    given = [first.body["out_id"], second.body["out_id"]]
    assert [message.out_id for message in emulator.messages()] == given
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
    key_id, secret = "fc-stub-access-key-id", "fc-stub-access-key-secret"
    headers = {
        "content-type": "application/json",
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }
    signed = acs3_authorization("POST", "/sms", {}, headers, body, key_id, secret)
    assert cloud.request("POST", SEND, "sms", body).status in (400, 403)
    assert emulator.messages() == []
    answer = cloud.request("POST", SEND, "sms", body, {**headers, "Authorization": signed})
    assert answer.status == 200, answer.body
    assert len(emulator.messages()) == 1


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Basic bGV0LW1lLWluLTEyMzQ1Njc4OTA=", "Bearer \xe4\xf6\xfc"],
)
@pytest.mark.parametrize(
    ("method", "function", "path"),
    [("POST", SEND, "sms"), ("POST", QUERY, "delivery-status"), ("GET", QUERY, "delivery-status")],
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


BAD_BODIES: dict[str, tuple[bytes, int, str, str]] = {
    "empty": (b"", 400, "malformed-json", "empty"),
    "not JSON": (b"phone_numbers=13800138000", 400, "malformed-json", "not valid JSON"),
    "cut off": (b'{"phone_numbers": "138001', 400, "malformed-json", "not valid JSON"),
    "NaN": (b'{"template_param": {"name": NaN}}', 400, "malformed-json", "not valid JSON"),
    "not UTF-8": (b'{"sign_name": "\xff"}', 400, "malformed-json", "UTF-8"),
    "UTF-16": ('{"phone_numbers": "x"}'.encode("utf-16"), 400, "malformed-json", "UTF-8"),
    "a field twice": (b'{"out_id": "a", "out_id": "b"}', 400, "malformed-json", "twice"),
    "nested deeply": (b"[" * 200_000, 400, "malformed-json", "not valid JSON"),
    "a huge number": (b"1" * 10_000, 400, "malformed-json", "not valid JSON"),
    "5 MB": (b'"' + b"x" * 5_000_000 + b'"', 413, "body-too-large", "1048576"),
    "a list": (b"[]", 422, "invalid-request", "object"),
    "null": (b"null", 422, "invalid-request", "object"),
    "a string": (b'"hello"', 422, "invalid-request", "object"),
    "true": (b"true", 422, "invalid-request", "object"),
}


@pytest.mark.parametrize(("body", "status", "code", "word"), BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize(("function", "path"), [(SEND, "sms"), (QUERY, "delivery-status")])
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
        ({"phone_number": NUMBER}, "phone_number", "known are"),
        ({"PhoneNumbers": NUMBER}, "PhoneNumbers", "known are"),
        ({NUMBER: 1}, "*", "known are"),
        ({"138 0013 8000": 1}, "*", "known are"),
        ({"phone_numbers": None}, "phone_numbers", "list"),
        ({"phone_numbers": 13800138000}, "phone_numbers", "list"),
        ({"phone_numbers": []}, "phone_numbers", "1 to 1000"),
        ({"phone_numbers": [str(13700000000 + n) for n in range(1001)]}, "phone_numbers", "1000"),
        ({"phone_numbers": [NUMBER, f"+86 {NUMBER}"]}, "phone_numbers[1]", "phone_numbers[0]"),
        ({"phone_numbers": [13800138000]}, "phone_numbers[0]", "string"),
        ({"phone_numbers": "+1 862 401 7194"}, "phone_numbers", "international"),
        ({"phone_numbers": f"{NUMBER},13800138001"}, "phone_numbers", "mobile number"),
        ({"phone_numbers": "１３８００１３８０００"}, "phone_numbers", "mobile number"),
        ({"phone_numbers": "\ud800"}, "phone_numbers", "mobile number"),
        ({"template_code": "100002"}, "template_code", "SMS_"),
        ({"template_code": None}, "template_code", "SMS_"),
        ({"sign_name": "【fc-sms】"}, "sign_name", "brackets"),
        ({"sign_name": ""}, "sign_name", "approved"),
        ({"sign_name": "half\ud83d"}, "sign_name", "surrogate"),
        ({"sms_up_extend_code": 7}, "sms_up_extend_code", "digits"),
        ({"out_id": "with space"}, "out_id", "200 characters"),
        ({"out_id": "x" * 201}, "out_id", "200 characters"),
        ({"template_param": "name"}, "template_param", "object"),
        ({"template_param": {"name": "\udc00half"}}, "template_param.name", "surrogate"),
        ({"template_param": {"name": "Party 🎉 time"}}, "template_param.name", "emoji"),
        ({"template_param": {"name": "see www.example.com"}}, "template_param.name", "link"),
        ({"template_param": {"name": "x" * 36}}, "template_param.name", "35"),
        ({"template_param": {"name": ""}}, "template_param.name", "1 to 35"),
        ({"template_param": {"name": 1.5}}, "template_param.name", "decimal"),
        ({"template_param": {"name": True}}, "template_param.name", "string"),
        ({"template_param": {"name": ["Li"]}}, "template_param.name", "string"),
        ({"template_param": {"na me": "Li"}}, "template_param.na me", "variable"),
        ({"messages": []}, "phone_numbers", "messages"),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_a_field_that_breaks_a_rule_is_named(
    cloud: Cloud, emulator: SmsEmulator, changes: dict[str, object], field: str, word: str
) -> None:
    answer = cloud.send({**NOTICE, **changes})
    assert_problem(answer, 422, "invalid-request", field=field, retryable=False)
    assert word in answer.body["detail"]
    assert "field" not in cloud.log()[-1]
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("place", "changes", "field"),
    [
        (0, {"phone_number": "12345678901"}, "messages[0].phone_number"),
        (1, {"phone_number": "13900000000"}, "messages[1].phone_number"),
        (2, {"template_param": {"name": "🎉"}}, "messages[2].template_param.name"),
        (2, {"colour": "red"}, "messages[2].colour"),
        (2, {"sms_up_extend_code": "01"}, "messages"),
    ],
)
def test_a_mistake_in_one_of_many_messages_is_found(
    cloud: Cloud, emulator: SmsEmulator, place: int, changes: dict[str, object], field: str
) -> None:
    body = notices(3)
    body["messages"][place].update(changes)
    assert_problem(cloud.send(body), 422, "invalid-request", field=field)
    assert emulator.requests() == []


def test_more_than_a_thousand_messages_are_refused(cloud: Cloud, emulator: SmsEmulator) -> None:
    assert_problem(cloud.send(notices(1001)), 422, "invalid-request", field="messages")
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phone_number": "1380013"}, "phone_number"),
        ({"phone_number": "not a number"}, "phone_number"),
        ({"phone_number": None}, "phone_number"),
        ({"send_date": "2026-11-20"}, "send_date"),
        ({"send_date": "19990101"}, "send_date"),
        ({"send_date": 20261120}, "send_date"),
        ({"page_size": 51}, "page_size"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": "10"}, "page_size"),
        ({"page_size": True}, "page_size"),
        ({"current_page": 0}, "current_page"),
        ({"include_content": "yes"}, "include_content"),
        ({"out_id": ""}, "out_id"),
        ({"biz_id": 5}, "biz_id"),
        ({"sendDate": "20261120"}, "sendDate"),
    ],
    ids=str,
)
def test_a_question_that_breaks_a_rule_is_refused(
    cloud: Cloud, emulator: SmsEmulator, changes: dict[str, object], field: str
) -> None:
    body = {"phone_number": NUMBER, "send_date": today(emulator), **changes}
    if field == "phone_number" and body["phone_number"] == "1380013":
        body["phone_number"] = "138001"
    assert_problem(cloud.status(body), 422, "invalid-request", field=field)
    assert emulator.requests() == []


@pytest.mark.parametrize("query", ["?out_id=my-order", ""])
def test_asking_by_id_says_what_to_do_instead(cloud: Cloud, query: str) -> None:
    answer = cloud.request("GET", QUERY, f"delivery-status{query}")
    assert_problem(answer, 422, "invalid-request", retryable=False)
    assert "POST phone_number and send_date" in answer.body["detail"]


def test_an_out_id_and_another_idempotency_key_are_refused(cloud: Cloud) -> None:
    answer = cloud.send({**NOTICE, "out_id": "one"}, Idempotency_Key="two")
    assert_problem(answer, 422, "invalid-request", field="out_id")


@pytest.mark.parametrize("path", ["", "sms"])
def test_a_function_answers_at_the_root_and_at_its_path(cloud: Cloud, path: str) -> None:
    assert cloud.request("POST", SEND, path, json.dumps(NOTICE).encode()).status == 200


@pytest.mark.parametrize("path", ["SMS", "sms/", "delivery-status", "sms/..%2F", "%00"])
def test_there_is_nothing_at_other_paths(cloud: Cloud, path: str) -> None:
    assert_problem(cloud.request("POST", SEND, path, b"{}"), 404, "not-found")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "json"])
def test_another_content_type_is_refused(cloud: Cloud, media_type: str) -> None:
    answer = cloud.send(NOTICE, Content_Type=media_type)
    assert_problem(answer, 415, "not-json")
    assert "Content-Type: application/json" in answer.body["detail"]


def test_the_content_type_may_name_the_encoding(cloud: Cloud) -> None:
    answer = cloud.send(NOTICE, Content_Type="Application/JSON; charset=utf-8")
    assert answer.status == 200


def event(**changes: object) -> dict[str, Any]:
    """An HTTP trigger event as Function Compute makes it."""
    body = json.dumps(NOTICE)
    http = {"method": "POST", "path": "/sms", "protocol": "HTTP/1.1"}
    return {
        "version": "v1",
        "rawPath": "/sms",
        "headers": {
            "Content-Type": "application/json",
            "Authorization": "Bearer bGV0LW1lLWluLTEyMzQ1Njc4OTA",
        },
        "queryParameters": {},
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {"http": http},
        **changes,
    }


def invoke(cloud: Cloud, payload: bytes) -> tuple[int, dict[str, Any]]:
    """Invoke send_sms as nobody but Function Compute or somebody with its API can."""
    invocation = cloud.functions.invoke(SEND, payload)
    assert invocation.error_type is None
    answer = json.loads(invocation.payload)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_base64_body_is_read(cloud: Cloud, emulator: SmsEmulator) -> None:
    encoded = base64.b64encode(json.dumps(NOTICE).encode()).decode()
    made = event(body=encoded, isBase64Encoded=True)
    assert invoke(cloud, json.dumps(made).encode())[0] == 200
    assert len(emulator.messages()) == 1


@pytest.mark.parametrize("body", ["{}", "YWJ", "YW Jj", "ä", "\ud800"], ids=ascii)
def test_a_base64_body_that_is_none_is_refused(cloud: Cloud, body: str) -> None:
    made = event(body=body, isBase64Encoded=True)
    status, problem = invoke(cloud, json.dumps(made).encode())
    assert (status, problem["code"]) == (400, "malformed-body")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"[]",
        b"null",
        b'{"phone_numbers": "13800138000"}',
        json.dumps(event(headers=None)).encode(),
        json.dumps(event(requestContext=[])).encode(),
        json.dumps(event(body=5)).encode(),
        b"[" * 200_000,
        b"\xff\xfe",
    ],
    ids=lambda payload: str(payload[:20]),
)
def test_an_event_of_another_kind_is_refused(
    cloud: Cloud, emulator: SmsEmulator, payload: bytes
) -> None:
    status, problem = invoke(cloud, payload)
    assert (status, problem["code"]) == (400, "not-an-http-event")
    assert emulator.requests() == []


def test_a_lone_surrogate_in_the_event_is_refused(cloud: Cloud) -> None:
    status, problem = invoke(cloud, json.dumps(event(body='{"out_id": "\ud800"}')).encode())
    assert (status, problem["code"]) == (400, "malformed-json")
