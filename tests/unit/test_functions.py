"""The functions as deployed: event in, requests at the platform, answer and log out."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import query_delivery_status, send_sms
from shared.clock import platform_date
from tests.unit.conftest import CREDENTIALS
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sms_platform import BIZ_ID, REQUEST_ID, Platform, accepted, detail, details, refused
from tests.unit.trigger_events import (
    API_KEY,
    INVOCATION_ID,
    SPACE,
    Context,
    FunctionInfo,
    base64_event,
    http_event,
)

TODAY = platform_date(time.time())
ONE = {"phone_numbers": "13800138000", "template_code": "SMS_1", "template_param": {"n": "李雷"}}
QUESTION = {"phone_number": "13800138000", "send_date": TODAY}
Handler = Callable[[bytes, Any], dict[str, Any]]


def run(
    handler: Handler, event: bytes, context: Context | None = None
) -> tuple[int, Mapping[str, str], Any]:
    answered = handler(event, context or Context())
    return answered["statusCode"], answered["headers"], json.loads(answered["body"])


def send(body: object, **arguments: Any) -> tuple[int, Mapping[str, str], Any]:
    return run(send_sms.handler, http_event(body, **arguments))


def query(body: object, **arguments: Any) -> tuple[int, Mapping[str, str], Any]:
    event = http_event(body, **{"path": "/delivery-status", **arguments})
    return run(query_delivery_status.handler, event)


@pytest.fixture(autouse=True)
def _deployed(deployed: pytest.MonkeyPatch) -> None:
    """Every test here has a function that is set up and a platform that accepts."""


# send_sms


def test_one_text_to_one_number_is_sent_and_answered(platform: Platform) -> None:
    status, _, body = send({**ONE, "out_id": "order-1"})
    assert (status, body) == (
        200,
        {
            "out_id": "order-1",
            "outcome": "accepted",
            "biz_id": BIZ_ID,
            "platform_request_id": REQUEST_ID,
            "request_id": INVOCATION_ID,
        },
    )
    assert platform.sends == [
        {
            "OutId": "tester~order-1",
            "PhoneNumbers": "13800138000",
            "SignName": "签名",
            "TemplateCode": "SMS_1",
            "TemplateParam": '{"n":"李雷"}',
        }
    ]


def test_a_base64_body_is_sent_alike(platform: Platform) -> None:
    event = base64_event(json.dumps({**ONE, "out_id": "order-1"}).encode())
    assert run(send_sms.handler, event)[0] == 200
    assert platform.sends[0]["TemplateParam"] == '{"n":"李雷"}'


def test_an_out_id_is_made_and_answered_where_none_was_given(platform: Platform) -> None:
    body = send(ONE)[2]
    assert re.fullmatch("[a-z]{32}", body["out_id"])
    assert platform.sends[0]["OutId"] == f"{SPACE}~{body['out_id']}"


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key"])
@pytest.mark.parametrize("key", ["order-7", '"order-7"'])
def test_an_idempotency_key_is_the_out_id(platform: Platform, name: str, key: str) -> None:
    assert send(ONE, headers={name: key})[2]["out_id"] == "order-7"
    assert send({**ONE, "out_id": "order-7"}, headers={name: key})[0] == 200
    assert [sent["OutId"] for sent in platform.sends] == ["tester~order-7"] * 2


def test_an_idempotency_key_that_differs_from_the_out_id_is_refused(platform: Platform) -> None:
    status, _, body = send({**ONE, "out_id": "order-1"}, headers={"Idempotency-Key": "order-2"})
    assert (status, body["field"]) == (422, "out_id")
    assert platform.calls == []


def test_one_text_to_many_numbers_is_one_request(platform: Platform) -> None:
    numbers = [f"138{number:08}" for number in range(1000)]
    assert send({**ONE, "phone_numbers": numbers})[0] == 200
    assert [sent["PhoneNumbers"] for sent in platform.sends] == [",".join(numbers)]


def test_personal_texts_are_sent_in_parts(platform: Platform) -> None:
    messages = [
        {"phone_number": f"138{number:08}", "template_param": {"n": f"第{number}位"}}
        for number in range(250)
    ]
    platform.on("SendBatchSms", accepted(), refused("isv.AMOUNT_NOT_ENOUGH"), accepted())
    status, _, body = send({"messages": messages, "template_code": "SMS_1", "out_id": "order-1"})
    assert (status, body["outcome"]) == (207, "mixed")
    assert [(part["first"], part["last"], part["outcome"]) for part in body["parts"]] == [
        (0, 99, "accepted"),
        (100, 199, "rejected"),
        (200, 249, "accepted"),
    ]
    sent = [json.loads(each["TemplateParamJson"]) for each in platform.sends]
    assert [param["n"] for batch in sent for param in batch] == [f"第{n}位" for n in range(250)]


@pytest.mark.parametrize(
    ("scene", "status", "code", "retry_after"),
    [
        (refused("isv.MOBILE_NUMBER_ILLEGAL"), 422, "isv.MOBILE_NUMBER_ILLEGAL", None),
        (refused("isv.SMS_SIGNATURE_ILLEGAL"), 502, "isv.SMS_SIGNATURE_ILLEGAL", None),
        (refused("Throttling.User", status="400 No"), 429, "Throttling.User", "1"),
        (refused("Throttling.Api", status="400 No"), 503, "Throttling.Api", "1"),
        (refused("SignatureDoesNotMatch", status="400 No"), 502, "SignatureDoesNotMatch", None),
    ],
)
def test_a_refusal_becomes_a_problem(
    platform: Platform, scene: Scene, status: int, code: str, retry_after: str | None
) -> None:
    platform.on("SendSms", scene)
    answered, headers, body = send({**ONE, "out_id": "order-1"})
    assert (answered, body["code"], body["retryable"]) == (status, code, False)
    assert (body["out_id"], body["platform_request_id"]) == ("order-1", REQUEST_ID)
    assert headers.get("Retry-After") == retry_after
    assert len(platform.sends) == 1


@pytest.mark.parametrize(
    ("code", "about"),
    [
        ("isv.SMS_TEMPLATE_ILLEGAL", "The template was SMS_1."),
        ("isv.SMS_SIGNATURE_ILLEGAL", "The signature was 阿里云."),
    ],
)
@pytest.mark.parametrize("is_list", [False, True], ids=["one text", "a text to each"])
def test_a_template_or_signature_that_was_refused_is_named_in_answer_and_log(
    code: str, about: str, is_list: bool, platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = [{"phone_number": f"1380013{n:04}", "template_param": {"n": "A"}} for n in range(2)]
    several = {"messages": messages, "template_code": "SMS_1"}
    platform.on("SendBatchSms" if is_list else "SendSms", refused(code))
    _, _, body = send({**(several if is_list else ONE), "sign_name": "阿里云"})
    assert body["detail"].endswith(about)
    (line,) = [each for each in capsys.readouterr().out.splitlines() if '"remedy"' in each]
    assert json.loads(line)["remedy"] == body["detail"]


def test_a_lost_answer_ends_as_unknown_and_not_as_a_second_sms(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_SETTLE_SECONDS", "0.1")
    platform.on("SendSms", hang_up(), accepted())
    status, _, body = send({**ONE, "out_id": "order-1"})
    assert (status, body["code"], body["retryable"]) == (504, "answer-lost", False)
    assert "/delivery-status" in body["detail"]
    assert [call.action for call in platform.calls] == ["SendSms", "QuerySendDetails"]


def test_nothing_is_sent_when_there_is_no_time_left(platform: Platform) -> None:
    context = Context(function=FunctionInfo(timeout=1))
    status, headers, body = run(send_sms.handler, http_event(ONE), context)
    assert (status, body["code"], body["retryable"]) == (503, "out-of-time", True)
    assert headers["Retry-After"] == "1"
    assert platform.calls == []


def test_a_platform_that_refuses_connections_got_nothing(deployed: pytest.MonkeyPatch) -> None:
    deployed.setenv("SMS_ENDPOINT", "http://127.0.0.1:1")
    status, headers, body = send(ONE)
    assert (status, body["code"], body["retryable"]) == (503, "connection-failed", True)
    assert headers["Retry-After"] == "1"


def test_a_biz_id_that_cannot_be_encoded_does_not_hide_that_it_was_sent(platform: Platform) -> None:
    platform.on("SendSms", answer(b'{"Code":"OK","BizId":"\\ud800"}'))
    answered = send_sms.handler(http_event(ONE), Context())
    assert answered["statusCode"] == 200
    assert str(answered["body"]).encode("utf-8")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({**ONE, "text": "hi"}, 422, "text"),
        ({**ONE, "phone_numbers": []}, 422, "phone_numbers"),
        ({**ONE, "phone_numbers": [f"138{n:08}" for n in range(1001)]}, 422, "phone_numbers"),
        ({**ONE, "phone_numbers": ["13800138000"] * 2}, 422, "phone_numbers[1]"),
        ({**ONE, "phone_numbers": "+18624017194"}, 422, "phone_numbers"),
        ({**ONE, "template_param": {"n": "😀"}}, 422, "template_param.n"),
        ('{"phone_numbers": "\\ud800", "template_code": "SMS_1"}', 422, "phone_numbers"),
        ([ONE], 422, "body"),
        ("", 400, None),
        ("{", 400, None),
        ("x" * 5_000_000, 413, None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_request_reaches_nobody(
    platform: Platform, body: object, status: int, field: str | None
) -> None:
    answered, _, problem = send(body)
    assert (answered, problem.get("field"), problem["retryable"]) == (status, field, False)
    assert platform.calls == []


@pytest.mark.parametrize("missing", ["SMS_ACCESS_KEY_ID", "SMS_ACCESS_KEY_SECRET"])
def test_half_a_key_pair_sends_nothing(
    deployed: pytest.MonkeyPatch, platform: Platform, missing: str
) -> None:
    deployed.setenv(missing, "")
    status, _, body = send(ONE)
    assert (status, body["code"]) == (500, "configuration")
    assert missing in body["detail"]
    assert platform.calls == []


# query_delivery_status


def test_a_delivery_is_looked_up(platform: Platform) -> None:
    own = [detail(OutId=f"tester~order-{number}") for number in (1, 2)]
    platform.on("QuerySendDetails", details(*own, total=7))
    status, headers, body = query(QUESTION)
    assert (status, headers["X-Total-Count"]) == (200, "7")
    assert [found["out_id"] for found in body] == ["order-1", "order-2"]
    assert "content" not in body[0]


def test_an_out_id_is_looked_up(platform: Platform) -> None:
    platform.on("QuerySendDetails", details(detail(), detail(OutId="tester~order-2~1")))
    question = {**QUESTION, "out_id": "order-2", "include_content": True}
    status, headers, body = query(question, path="/")
    assert (status, headers["X-Total-Count"]) == (200, "1")
    assert body[0]["out_id"] == "order-2"
    assert body[0]["content"] == "【签名】Your code is ****."


def test_the_text_of_a_code_is_not_shown(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"OutId": "tester~order-1"}
    platform.on("QuerySendDetails", details(detail(**own), detail(**own, TemplateCode="SMS_2")))
    monkeypatch.setenv("SMS_CODE_TEMPLATE", "SMS_2")
    _, _, body = query({**QUESTION, "include_content": True})
    assert [row.get("content") for row in body] == ["【签名】Your code is ****.", None]


def test_a_lookup_by_out_id_alone_says_what_to_do_instead(platform: Platform) -> None:
    status, _, body = query(None, method="GET", query={"out_id": "order-1"})
    assert (status, body["field"]) == (422, "out_id")
    assert "POST phone_number and send_date" in body["detail"]
    assert platform.calls == []


@pytest.mark.parametrize(
    ("scene", "status", "code", "retryable"),
    [
        (refused("isp.RAM_PERMISSION_DENY"), 502, "isp.RAM_PERMISSION_DENY", False),
        (refused("Throttling.User", status="400 No"), 429, "Throttling.User", True),
        (hang_up(), 504, "answer-lost", True),
        (answer(b"<html>"), 504, "http-200", True),
    ],
)
def test_a_lookup_that_fails_becomes_a_problem(
    platform: Platform, scene: Scene, status: int, code: str, retryable: bool
) -> None:
    platform.on("QuerySendDetails", scene)
    answered, _, body = query(QUESTION)
    assert (answered, body["code"], body["retryable"]) == (status, code, retryable)


# the log


def logged(handler: Handler, event: bytes) -> tuple[dict[str, Any], str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        answered = handler(event, Context())
    for line in said.getvalue().splitlines():
        assert isinstance(json.loads(line), dict)
    return answered, said.getvalue()


phone_numbers = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
secrets = st.text("abcdefghjkmn", min_size=12, max_size=16).map("值".__add__)
texts = st.text(max_size=40) | st.sampled_from(["😀", "\ud800", "http://x.cn", "", "x" * 40])
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
written = st.sampled_from(
    [
        *(
            form.format
            for form in ("{}", "+86{}", "0086{}", "+1{}", "x{}", "{}0", "n_{}", "+86 {}")
        ),
        lambda number: f"{number[:3]}-{number[3:7]}-{number[7:]}",
        lambda number: f"{number[:3]} {number[3:7]} {number[7:]}",
    ]
)


@st.composite
def requests_and_secrets(draw: st.DrawFn) -> tuple[dict[Any, Any], list[str]]:
    """Draw a body, right or wrong in any place, and the texts in it that no log may hold."""
    numbers = draw(st.lists(phone_numbers, min_size=1, max_size=3))
    value = draw(secrets)
    given_numbers = [draw(written)(number) for number in numbers]
    name = draw(st.sampled_from(["n", "code", *given_numbers]))
    param: dict[Any, Any] = {name: draw(st.sampled_from([value, 1.5, None]))}
    body: dict[Any, Any] = {
        "phone_numbers": draw(st.sampled_from([given_numbers, given_numbers[0], numbers])),
        "template_code": draw(st.sampled_from(["SMS_1", "SMS_9", "x", numbers[0]])),
        "template_param": draw(st.just(param) | junk),
    }
    if draw(st.booleans()):
        entries = [{"phone_number": number, "template_param": param} for number in given_numbers]
        body = {"messages": entries, "template_code": "SMS_1"}
    if draw(st.booleans()):
        body["out_id"] = draw(st.sampled_from([numbers[0], f"order-{numbers[0]}", "order-1"]))
    if draw(st.booleans()):
        body[draw(st.sampled_from([*given_numbers, "x", "sign_name"]) | texts)] = draw(junk)
    return body, [*numbers, value]


REPLIES = [
    accepted(),
    refused("isv.MOBILE_NUMBER_ILLEGAL", "13800138000"),
    refused("SignatureDoesNotMatch", "AccessKeyId=LTAI&PhoneNumbers=13800138000", "400 No"),
    refused("Throttling.User", status="400 No"),
]


@settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(requests_and_secrets(), st.sampled_from(REPLIES))
def test_the_log_holds_no_number_key_secret_or_text_of_any_request(
    platform: Platform, request_and_secrets: tuple[dict[Any, Any], list[str]], reply: Scene
) -> None:
    body, kept_out = request_and_secrets
    platform.on("SendSms", reply)
    platform.on("SendBatchSms", reply)
    answered, said = logged(send_sms.handler, http_event(json.dumps(body)))
    assert answered["statusCode"] in (200, 207, 400, 422, 429, 502)
    for text in (*kept_out, *CREDENTIALS[:2], API_KEY, "13800138000"):
        assert text not in said.replace(" ", "").replace("-", "")


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(st.sampled_from([*QUESTION, "out_id", "page_size"]) | texts, junk),
    phone_numbers,
)
def test_the_log_of_a_lookup_holds_no_number(
    platform: Platform, body: dict[str, Any], number: str
) -> None:
    question = {**body, "phone_number": number, "send_date": TODAY}
    platform.on("QuerySendDetails", details(detail(PhoneNum=number, Content="code 918273")))
    event = http_event(json.dumps(question), path="/delivery-status")
    answered, said = logged(query_delivery_status.handler, event)
    assert answered["statusCode"] in (200, 400, 422)
    for text in (number, "918273", *CREDENTIALS[:2], API_KEY):
        assert text not in said


def test_a_send_leaves_two_lines(platform: Platform) -> None:
    _, said = logged(send_sms.handler, http_event({**ONE, "out_id": "order-1"}))
    call, answered = map(json.loads, said.splitlines())
    assert (call["action"], call["outcome"], call["number"]) == ("SendSms", "accepted", "*00")
    assert (answered["action"], answered["outcome"]) == ("answer", "200")
    assert call["request_id"] == answered["request_id"] == INVOCATION_ID


# what an import costs

LOADED = "import sys{imports}\nprint(*sys.modules)"


def modules_after(imports: str, project: Path) -> set[str]:
    """Return the modules that a fresh interpreter holds after `imports`."""
    code = LOADED.format(imports=f"\n{imports}")
    return set(
        subprocess.run(
            [sys.executable, "-c", code], cwd=project, check=True, capture_output=True, text=True
        ).stdout.split()
    )


@pytest.mark.parametrize("function", ["send_sms", "query_delivery_status"])
def test_a_function_loads_nothing_but_requests_and_our_own(project: Path, function: str) -> None:
    ours = modules_after(f"import functions.{function}", project)
    extra = ours - modules_after("import requests", project)
    assert {name.partition(".")[0] for name in extra} == {"functions", "shared"}
    assert not {"dataclasses", "asyncio", "redis", "shared.platform.error_codes"} & extra


def test_an_accepted_send_loads_no_error_codes(
    project: Path, platform: Platform, endpoint: str
) -> None:
    send_one = (
        "from functions import send_sms\n"
        "from tests.unit.trigger_events import Context, http_event\n"
        f"answer = send_sms.handler(http_event({ONE!r}), Context())\n"
        "assert answer['statusCode'] == 200, answer"
    )
    assert "shared.platform.error_codes" not in modules_after(send_one, project)
    assert len(platform.sends) == 1
