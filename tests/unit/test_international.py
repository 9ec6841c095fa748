"""Messages abroad: each rule of each field, what goes on the wire, and what is answered."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.sending.intents import MAX_GLOBE, Defaults, Intent, Part
from shared.sending.international import MAX_MESSAGE, read_intent
from shared.sending.protocol import send
from shared.trigger.answers import send_response
from tests.unit.conftest import ApiTo, Served
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sms_platform import REQUEST_ID, Platform, accepted

DEFAULTS = Defaults("shop", "Shop", frozenset(("SMS_1",)))
TEXT: dict[str, Any] = {"phone_numbers": "+85251234567", "message": "Hello", "out_id": "order-1"}
TEMPLATE: dict[str, Any] = {
    "phone_numbers": "+85251234567",
    "template_code": "SMS_1",
    "out_id": "order-1",
}
OLD: dict[str, Any] = {
    **TEMPLATE,
    "api": "SendInterSms",
    "country_code": "HK",
    "phone_numbers": "51234567",
}
MESSAGE_ID = "1008030300300300"
GLOBE_ANSWER: dict[str, Any] = {
    "ResponseCode": "OK",
    "ResponseDescription": "The SMS Send Request was accepted",
    "MessageId": MESSAGE_ID,
    "To": "85251234567",
    "From": "Shop",
    "Segments": "2",
    "NumberDetail": {"Country": "China", "Region": "HongKong", "Carrier": "CMI"},
    "RequestId": REQUEST_ID,
}
quick = settings(max_examples=30, deadline=None, database=None)


def read(body: object, key: str = "", defaults: Defaults = DEFAULTS) -> Intent:
    return read_intent(body, key, defaults)


def refusal(body: object, **arguments: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(body, **arguments)
    return caught.value


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**TEXT, "template_code": "SMS_1"}, "message: "),
        ({**TEXT, "template_param": {"a": "b"}}, "template_param: "),
        ({**TEXT, "sign_name": "Shop"}, "sign_name: "),
        ({**TEXT, "country_code": "HK"}, "country_code: "),
        ({**TEMPLATE, "sender_id": "Shop"}, "sender_id: "),
        ({**TEMPLATE, "type": "OTP"}, "type: "),
    ],
)
def test_a_field_of_another_api_is_refused_with_what_it_goes_with(
    body: dict[str, Any], says: str
) -> None:
    text = str(refusal(body))
    assert text.startswith(f"{says}is not a field of this request; ")
    assert "known are" not in text


def numbers(count: int) -> list[str]:
    return [f"+8525{number:07}" for number in range(count)]


# what becomes of a request


def test_a_text_becomes_a_message_to_the_globe() -> None:
    assert read({**TEXT, "sender_id": "Shop", "type": "OTP"}) == Intent(
        out_id="order-1",
        space="shop",
        parts=(
            Part(
                number=0,
                first=0,
                last=0,
                action="SendMessageToGlobe",
                phone_numbers=("85251234567",),
                template_code="",
                parameters={
                    "From": "Shop",
                    "Message": "Hello",
                    "To": "85251234567",
                    "Type": "OTP",
                },
                is_abroad=True,
            ),
        ),
    )


def test_what_was_not_given_is_not_sent() -> None:
    (part,) = read(TEXT).parts
    assert set(part.parameters) == {"Message", "To"}
    (part,) = read({**TEMPLATE, "template_param": None}).parts
    assert set(part.parameters) == {"PhoneNumbers", "SignName", "TemplateCode"}


def test_a_text_to_many_numbers_becomes_a_part_for_each() -> None:
    intent = read({**TEXT, "phone_numbers": numbers(MAX_GLOBE)})
    parts, places = intent.parts, range(MAX_GLOBE)
    assert [(part.number, part.first, part.last) for part in parts] == [(n, n, n) for n in places]
    assert [intent.wire_id(part).text() for part in parts] == [
        f"shop~order-1~{place}" for place in places
    ]
    for place, part in enumerate(parts):
        number = f"8525{place:07}"
        assert part.phone_numbers == (number,)
        assert part.parameters == {"Message": "Hello", "To": number}


def test_a_template_to_many_numbers_becomes_one_send_sms() -> None:
    body = {
        **TEMPLATE,
        "phone_numbers": ["0085251234567", "+1 212 555 0123", *numbers(998)],
        "template_param": {"code": 123456},
    }
    intent = read(body)
    (part,) = intent.parts
    assert (part.action, part.first, part.last) == ("SendSms", 0, 999)
    assert intent.wire_id(part).text() == "shop~order-1"
    assert part.phone_numbers[:2] == ("85251234567", "12125550123")
    assert part.is_abroad
    assert part.parameters == {
        "PhoneNumbers": ",".join(part.phone_numbers),
        "SignName": "Shop",
        "TemplateCode": "SMS_1",
        "TemplateParam": '{"code":"123456"}',
    }


def test_the_old_way_takes_a_country_and_its_numbers() -> None:
    body = {
        **OLD,
        "phone_numbers": ["51234567", "+852 6123 4567"],
        "template_param": {"intlmsg": "Your order has left. 您的订单"},
        "sign_name": "Other",
    }
    (part,) = read(body).parts
    assert (part.action, part.first, part.last) == ("SendInterSms", 0, 1)
    assert part.phone_numbers == ("85251234567", "85261234567")
    assert part.parameters == {
        "CountryCode": "HK",
        "PhoneNumbers": "51234567,61234567",
        "SignName": "Other",
        "TemplateCode": "SMS_1",
        "TemplateParam": '{"intlmsg":"Your order has left. 您的订单"}',
    }


def test_numbers_of_a_country_with_a_shared_code_keep_their_area_code() -> None:
    (part,) = read({**OLD, "country_code": "BS", "phone_numbers": ["+12425550123"]}).parts
    assert part.phone_numbers == ("12425550123",)
    assert part.parameters["PhoneNumbers"] == "2425550123"


@pytest.mark.parametrize(
    ("body", "action"),
    [
        (TEXT, "SendMessageToGlobe"),
        (TEMPLATE, "SendSms"),
        ({**TEXT, "api": "SendMessageToGlobe"}, "SendMessageToGlobe"),
        ({**TEMPLATE, "api": "SendSms"}, "SendSms"),
        (OLD, "SendInterSms"),
    ],
)
def test_the_operation_follows_from_the_body_or_is_named(
    body: Mapping[str, Any], action: str
) -> None:
    (part,) = read(body).parts
    assert part.action == action


def test_the_out_id_may_be_a_header_or_be_made_up() -> None:
    without = {name: value for name, value in TEXT.items() if name != "out_id"}
    assert read(without, '"key-1"').out_id == "key-1"
    assert len(read(without).out_id) == 32
    assert refusal(TEXT, key="other").field == "out_id"


def test_a_text_goes_to_a_number_of_north_america_that_looks_like_one_of_the_mainland() -> None:
    (part,) = read({**TEXT, "phone_numbers": "+1 862 401 7194"}).parts
    assert part.phone_numbers == ("18624017194",)
    error = refusal({**TEMPLATE, "phone_numbers": "+1 862 401 7194"})
    assert (error.code, error.field) == ("ambiguous-number", "phone_numbers")


def test_the_address_of_whom_it_is_sent_for_may_be_told() -> None:
    assert read({**TEXT, "client_ip": "2001:DB8:0::7"}).client_ip == "2001:db8::7"
    assert read(TEXT).client_ip == ""


def test_an_unknown_message_may_be_attempted_anew_when_asked_for() -> None:
    assert read({**TEXT, "resend_unknown": True}).resend_unknown
    assert not read(TEXT).resend_unknown


# the rules of the fields


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ({}, "message"),
        ({"message": "Hello"}, "phone_numbers"),
        ({**TEXT, "api": "SendBatchSms"}, "api"),
        ({**TEXT, "api": ["SendSms"]}, "api"),
        ({**TEXT, "api": "SendSms"}, "message"),
        ({**TEMPLATE, "api": "SendMessageToGlobe"}, "template_code"),
        ({**TEXT, "template_code": "SMS_1"}, "message"),
        ({**TEXT, "sign_name": "Shop"}, "sign_name"),
        ({**TEXT, "country_code": "HK"}, "country_code"),
        ({**TEMPLATE, "country_code": "HK"}, "country_code"),
        ({**TEMPLATE, "messages": []}, "messages"),
        ({**TEXT, "message": ""}, "message"),
        ({**TEXT, "message": " \n"}, "message"),
        ({**TEXT, "message": None}, "message"),
        ({**TEXT, "message": 7}, "message"),
        ({**TEXT, "message": "\ud83d"}, "message"),
        ({**TEXT, "message": "x" * (MAX_MESSAGE + 1)}, "message"),
        ({**TEXT, "sender_id": ""}, "sender_id"),
        ({**TEXT, "sender_id": "Alicloud3210"}, "sender_id"),
        ({**TEXT, "sender_id": "1" * 16}, "sender_id"),
        ({**TEXT, "sender_id": "My Shop"}, "sender_id"),
        ({**TEXT, "sender_id": "店"}, "sender_id"),
        ({**TEXT, "sender_id": "Shop\n"}, "sender_id"),
        ({**TEXT, "sender_id": None}, "sender_id"),
        ({**TEXT, "sender_id": 4477}, "sender_id"),
        ({**TEXT, "type": "otp"}, "type"),
        ({**TEXT, "type": None}, "type"),
        ({**TEXT, "resend_unknown": "yes"}, "resend_unknown"),
        ({**TEXT, "client_ip": "300.1.1.1"}, "client_ip"),
        ({**TEXT, "out_id": "a b"}, "out_id"),
        ({**TEXT, "phone_numbers": []}, "phone_numbers"),
        ({**TEXT, "phone_numbers": numbers(MAX_GLOBE + 1)}, "phone_numbers"),
        ({**TEXT, "phone_numbers": "18624017194"}, "phone_numbers"),
        ({**TEXT, "phone_numbers": "+8613800138000"}, "phone_numbers"),
        ({**TEXT, "phone_numbers": ["+85251234567", "13800138000"]}, "phone_numbers[1]"),
        ({**TEXT, "phone_numbers": ["+85251234567", "85251234567"]}, "phone_numbers[1]"),
        ({**TEXT, "phone_numbers": [85251234567]}, "phone_numbers[0]"),
        ({**TEMPLATE, "phone_numbers": numbers(1001)}, "phone_numbers"),
        ({**TEMPLATE, "phone_numbers": "0086 138 0013 8000"}, "phone_numbers"),
        ({**TEMPLATE, "phone_numbers": ["+85251234567", "+18624017194"]}, "phone_numbers[1]"),
        ({**TEMPLATE, "template_code": "1"}, "template_code"),
        ({**TEMPLATE, "template_code": None}, "template_code"),
        ({**TEMPLATE, "sign_name": "[Shop]"}, "sign_name"),
        ({**TEMPLATE, "template_param": ["x"]}, "template_param"),
        ({**TEMPLATE, "template_param": {"n": ""}}, "template_param.n"),
        ({**TEMPLATE, "template_param": {"n": "x" * 201}}, "template_param.n"),
        ({**TEMPLATE, "template_param": {"n": 1.5}}, "template_param.n"),
        ({**TEMPLATE, "template_param": {"n": None}}, "template_param.n"),
        ({**TEMPLATE, "template_param": {"a b": "x"}}, "template_param.a b"),
        ({**OLD, "country_code": "hk"}, "country_code"),
        ({**OLD, "country_code": "HKG"}, "country_code"),
        ({**OLD, "country_code": "852"}, "country_code"),
        ({**OLD, "country_code": "CN"}, "country_code"),
        ({**OLD, "country_code": "XX"}, "country_code"),
        ({**OLD, "country_code": None}, "country_code"),
        ({**OLD, "country_code": ["HK"]}, "country_code"),
        ({**OLD, "phone_numbers": "+8535123456"}, "phone_numbers"),
        ({**OLD, "phone_numbers": ["51234567", "0085251234567"]}, "phone_numbers[1]"),
    ],
)
def test_a_broken_rule_names_its_field(body: object, field: str) -> None:
    error = refusal(body)
    assert error.field == field
    assert error.status == 422


def test_a_template_needs_a_signature_from_somewhere() -> None:
    assert "SMS_SIGN_NAME" in str(refusal(TEMPLATE, defaults=Defaults("shop")))
    assert read(TEXT, defaults=Defaults("shop")).parts


@pytest.mark.parametrize("sender", ["a", "Alicloud321", "1" * 15, "1a"])
def test_sender_ids(sender: str) -> None:
    assert read({**TEXT, "sender_id": sender}).parts[0].parameters["From"] == sender


@pytest.mark.parametrize(
    "text",
    ["x" * 200, "https://example.com/1", "10.0.0.1", "❤ 【】 ①", "訂單已寄出", "a\nb", "1234567"],
)
def test_variables_abroad_may_hold_what_is_refused_in_the_mainland(text: str) -> None:
    (part,) = read({**TEMPLATE, "template_param": {"n": text}}).parts
    assert json.loads(part.parameters["TemplateParam"]) == {"n": text}


@pytest.mark.parametrize("text", ["x" * 161, "你" * 71, "😀", "a\nb", "x" * MAX_MESSAGE])
def test_messages_of_any_length_and_alphabet_are_sent_as_they_are(text: str) -> None:
    assert read({**TEXT, "message": text}).parts[0].parameters["Message"] == text


@quick
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*OLD, *TEXT, "sender_id", "type", "template_param", "x"]),
                inner,
                max_size=6,
            )
        ),
    )
)
def test_whatever_is_asked_for_is_read_or_refused(body: Any) -> None:
    with contextlib.suppress(InvalidRequest):
        assert read(body).parts
    if isinstance(body, dict):
        for whole in (TEXT, TEMPLATE, OLD):
            with contextlib.suppress(InvalidRequest):
                assert read({**whole, **body}).parts


# the answer to a send


def globe(endpoint: str, api_to: ApiTo, body: Mapping[str, Any]) -> tuple[int, Any]:
    api = api_to("http://127.0.0.1:1", SMS_INTERNATIONAL_ENDPOINT=endpoint, SMS_COUNTRIES="HK")
    intent = read(body)
    response = send_response(intent.out_id, send(intent, api, deadline=30))
    return response.status, response.body


def test_a_message_goes_to_the_endpoint_abroad_and_its_answer_comes_back(
    platform: Platform, endpoint: str, api_to: ApiTo
) -> None:
    platform.on("SendMessageToGlobe", answer(GLOBE_ANSWER))
    assert globe(endpoint, api_to, TEXT) == (
        200,
        {
            "out_id": "order-1",
            "outcome": "accepted",
            "message_id": MESSAGE_ID,
            "platform_request_id": REQUEST_ID,
            "segments": 2,
            "number_detail": {"country": "China", "region": "HongKong", "carrier": "CMI"},
        },
    )
    (call,) = platform.calls
    assert call.arrived.headers["x-acs-version"] == "2018-05-01"
    assert call.parameters == {"Message": "Hello", "TaskId": "shop~order-1", "To": "85251234567"}


@pytest.mark.parametrize(("body", "name"), [(TEXT, "TaskId"), (TEMPLATE, "OutId"), (OLD, "OutId")])
def test_the_out_id_goes_on_the_wire_under_the_name_that_the_operation_has_for_it(
    platform: Platform, endpoint: str, api_to: ApiTo, body: Mapping[str, Any], name: str
) -> None:
    for action in ("SendMessageToGlobe", "SendInterSms"):
        platform.on(action, accepted())
    api = api_to(endpoint, SMS_INTERNATIONAL_ENDPOINT=endpoint, SMS_COUNTRIES="HK")
    intent = read(body)
    send(intent, api, deadline=30)
    (part,), (call,) = intent.parts, platform.calls
    assert call.parameters == {**part.parameters, name: "shop~order-1"}


@pytest.mark.parametrize(
    "odd",
    [
        {"Segments": None, "NumberDetail": None},
        {"Segments": "many", "NumberDetail": "Hong Kong"},
        {"Segments": [1], "NumberDetail": []},
        {"Segments": "²", "NumberDetail": 7},
    ],
)
def test_an_odd_answer_is_still_an_acceptance(
    platform: Platform, endpoint: str, api_to: ApiTo, odd: Mapping[str, Any]
) -> None:
    platform.on("SendMessageToGlobe", answer({**GLOBE_ANSWER, **odd}))
    status, body = globe(endpoint, api_to, TEXT)
    assert (status, body["message_id"]) == (200, MESSAGE_ID)
    assert body.keys().isdisjoint({"segments", "number_detail"})


def test_each_number_has_its_own_outcome(platform: Platform, endpoint: str, api_to: ApiTo) -> None:
    refused = {"ResponseCode": "NOT_SUPPORTED_COUNTRY", "RequestId": REQUEST_ID}
    platform.on("SendMessageToGlobe", answer(GLOBE_ANSWER), answer(refused))
    status, body = globe(endpoint, api_to, {**TEXT, "phone_numbers": numbers(2)})
    assert (status, body["outcome"]) == (207, "mixed")
    first, second = body["parts"]
    assert (first["message_id"], first["segments"]) == (MESSAGE_ID, 2)
    assert (second["outcome"], second["code"]) == ("rejected", "NOT_SUPPORTED_COUNTRY")
    assert [call.parameters["TaskId"] for call in platform.calls] == [
        "shop~order-1~0",
        "shop~order-1~1",
    ]


def test_a_lost_answer_cannot_be_looked_up_and_is_not_sent_again(
    platform: Platform, endpoint: str, api_to: ApiTo
) -> None:
    platform.on("SendMessageToGlobe", hang_up())
    status, body = globe(endpoint, api_to, TEXT)
    assert (status, body["code"], body["retryable"]) == (504, "answer-lost", False)
    assert "receipt" in body["detail"]
    assert [call.action for call in platform.calls] == ["SendMessageToGlobe"]


@pytest.mark.parametrize(
    ("scene", "status", "code", "retry_after"),
    [
        (answer({"ResponseCode": "INVALID_SENDERID"}), 502, "INVALID_SENDERID", None),
        (answer({"ResponseCode": "QPS_LIMIT_CONTROL"}), 429, "QPS_LIMIT_CONTROL", "1"),
        (answer({"ResponseCode": "SYSTEM_ERROR"}), 504, "SYSTEM_ERROR", None),
        (answer({"ResponseCode": "NEW_CODE"}), 504, "NEW_CODE", None),
        (answer({"Code": "SignatureDoesNotMatch"}, "400 Bad Request"), 502, None, None),
    ],
)
def test_refusals_abroad_are_told_apart(
    serve: Served, api_to: ApiTo, scene: Scene, status: int, code: str | None, retry_after: object
) -> None:
    url = serve(lambda _: scene).url
    api = api_to("http://127.0.0.1:1", SMS_INTERNATIONAL_ENDPOINT=url, SMS_COUNTRIES="HK")
    response = send_response("order-1", send(read(TEXT), api, deadline=30))
    assert response.status == status
    assert isinstance(response.body, dict)
    assert response.body["code"] == (code or "SignatureDoesNotMatch")
    assert response.headers.get("Retry-After") == retry_after


def test_no_number_and_no_text_is_logged(
    platform: Platform, endpoint: str, api_to: ApiTo, log_stream: Any
) -> None:
    platform.on("SendMessageToGlobe", answer(GLOBE_ANSWER))
    platform.on("SendSms", accepted())
    api = api_to(endpoint, SMS_INTERNATIONAL_ENDPOINT=endpoint, SMS_COUNTRIES="HK")
    for body in ({**TEXT, "message": "Code 481516"}, TEMPLATE):
        send(read(body), api, deadline=30)
    lines = log_stream.getvalue()
    assert lines.count("\n") == 2
    assert f'"message_id": "{MESSAGE_ID}"' in lines
    for secret in ("51234567", "481516", "Hello"):
        assert secret not in lines
