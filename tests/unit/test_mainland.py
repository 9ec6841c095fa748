"""What a caller may ask to send in the mainland: each rule of each field, and its parts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.ids import new_out_id
from shared.sending.intents import Defaults, Intent, Part
from shared.sending.mainland import read_intent
from shared.sending.protocol import send
from tests.unit.conftest import ApiTo
from tests.unit.sms_platform import Platform

DEFAULTS = Defaults("shop", "签名", frozenset(("SMS_9",)))
NUMBERS = [f"138{number:08}" for number in range(1001)]
ONE: dict[str, Any] = {
    "phone_numbers": "13800138000",
    "template_code": "SMS_1",
    "out_id": "order-1",
}
CODE: dict[str, Any] = {**ONE, "template_code": "SMS_9"}
quick = settings(max_examples=30, deadline=None, database=None)


def read(body: object, key: str = "", defaults: Defaults = DEFAULTS) -> Intent:
    return read_intent(body, key, defaults)


def refusal(body: object, key: str = "", defaults: Defaults = DEFAULTS) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read(body, key, defaults)
    return caught.value


def messages(*entries: object, **fields: Any) -> dict[str, Any]:
    return {"template_code": "SMS_1", "out_id": "order-1", "messages": list(entries), **fields}


def personal(number: object = "13800138000", **fields: Any) -> dict[str, Any]:
    return {"phone_number": number, **fields}


def test_one_number_becomes_one_send_sms() -> None:
    assert read({**ONE, "template_param": {"name": "Li", "n": 7}, "sms_up_extend_code": "12"}) == (
        Intent(
            out_id="order-1",
            space="shop",
            parts=(
                Part(
                    number=0,
                    first=0,
                    last=0,
                    action="SendSms",
                    phone_numbers=("13800138000",),
                    template_code="SMS_1",
                    parameters={
                        "PhoneNumbers": "13800138000",
                        "SignName": "签名",
                        "TemplateCode": "SMS_1",
                        "TemplateParam": '{"name":"Li","n":"7"}',
                        "SmsUpExtendCode": "12",
                    },
                ),
            ),
        )
    )


def test_a_new_attempt_at_what_is_unknown_may_be_asked_for() -> None:
    for body in (ONE, messages(personal())):
        assert read({**body, "resend_unknown": True}) == read(body)._replace(resend_unknown=True)
        assert read({**body, "resend_unknown": False}) == read(body)


def test_what_was_not_given_is_not_sent() -> None:
    for body in (ONE, {**ONE, "template_param": {}}, {**ONE, "template_param": None}):
        (part,) = read(body).parts
        assert set(part.parameters) == {"PhoneNumbers", "SignName", "TemplateCode"}


def test_many_numbers_become_one_send_sms() -> None:
    (part,) = read({**ONE, "phone_numbers": ["+86 138-0013-8000", *NUMBERS[:999]]}).parts
    assert part.parameters["PhoneNumbers"] == ",".join(["13800138000", *NUMBERS[:999]])
    assert (part.first, part.last, len(part.phone_numbers)) == (0, 999, 1000)


@pytest.mark.parametrize(
    ("count", "ranges"),
    [
        (1, [(0, 0)]),
        (100, [(0, 99)]),
        (101, [(0, 99), (100, 100)]),
        (250, [(0, 99), (100, 199), (200, 249)]),
        (1000, [(first, first + 99) for first in range(0, 1000, 100)]),
    ],
)
def test_personal_messages_become_parts_of_a_hundred(
    count: int, ranges: list[tuple[int, int]]
) -> None:
    intent = read(messages(*map(personal, NUMBERS[:count])))
    assert [(part.first, part.last) for part in intent.parts] == ranges
    assert [part.number for part in intent.parts] == list(range(len(ranges)))
    assert [n for part in intent.parts for n in part.phone_numbers] == NUMBERS[:count]
    suffixes = [f"~{number}" for number in range(len(ranges))] if len(ranges) > 1 else [""]
    wire_ids = [intent.wire_id(part).text() for part in intent.parts]
    assert wire_ids == [f"shop~order-1{suffix}" for suffix in suffixes]


def test_personal_messages_keep_their_own_texts_and_signatures() -> None:
    (part,) = read(
        messages(
            personal("13800138000", template_param={"n": "一"}, sms_up_extend_code="1"),
            personal("13900139000", sign_name="另一个", sms_up_extend_code="2"),
        )
    ).parts
    assert part.action == "SendBatchSms"
    assert part.parameters == {
        "TemplateCode": "SMS_1",
        "PhoneNumberJson": '["13800138000","13900139000"]',
        "SignNameJson": '["签名","另一个"]',
        "TemplateParamJson": '[{"n":"一"},{}]',
        "SmsUpExtendCodeJson": '["1","2"]',
    }


def test_personal_messages_without_parameters_send_none() -> None:
    (part,) = read(messages(personal(), sign_name="共同")).parts
    assert part.parameters["SignNameJson"] == '["共同"]'
    assert "TemplateParamJson" not in part.parameters
    assert "SmsUpExtendCodeJson" not in part.parameters


@pytest.mark.parametrize(
    ("body", "wire_ids"),
    [
        (ONE, ["shop~order-1"]),
        (messages(personal()), ["shop~order-1"]),
        (messages(*map(personal, NUMBERS[:101])), ["shop~order-1~0", "shop~order-1~1"]),
    ],
    ids=["SendSms", "a part of SendBatchSms", "parts of SendBatchSms"],
)
def test_each_part_goes_on_the_wire_with_its_id(
    platform: Platform, endpoint: str, api_to: ApiTo, body: object, wire_ids: list[str]
) -> None:
    intent = read(body)
    send(intent, api_to(endpoint), deadline=30)
    expected = [
        {**part.parameters, "OutId": wire_id}
        for part, wire_id in zip(intent.parts, wire_ids, strict=True)
    ]
    assert platform.sends == expected


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("message", "give its template_code"),
        ("phone_number", "here it is phone_numbers"),
        ("purpose", "POST it to /codes of the function verify_code"),
        ("TemplateCode", "known are client_ip, messages, "),
    ],
)
def test_a_field_of_another_call_is_refused_with_what_to_do(field: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        read({field: "x"})


Wrong = list[tuple[Any, str]]


def each(body_with: Callable[[Any], Any], field: str, *values: Any) -> Wrong:
    """Return a wrong body for each of `values`, and the field that is wrong in all of them."""
    return [(body_with(value), field) for value in values]


def one(field: str, *values: Any) -> Wrong:
    return each(lambda value: {**ONE, field: value}, field, *values)


def variable(*values: Any) -> Wrong:
    return each(lambda value: {**ONE, "template_param": {"n": value}}, "template_param.n", *values)


def code(*values: Any) -> Wrong:
    field = "template_param.code"
    return each(lambda value: {**CODE, "template_param": {"code": value}}, field, *values)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *each(lambda value: value, "body", None, [], "x", 1, True),
        ({**ONE, "phone_number": "13800138000"}, "phone_number"),
        ({**ONE, "TemplateCode": "SMS_1"}, "TemplateCode"),
        *one("resend_unknown", None, 1, "true", []),
        ({"template_code": "SMS_1"}, "phone_numbers"),
        *one("phone_numbers", None, "", [], {}, 13800138000, "+85251234567", NUMBERS),
        *one("phone_numbers", "13800138000,13900139000"),
        ({**ONE, "phone_numbers": [NUMBERS[0], None]}, "phone_numbers[1]"),
        ({**ONE, "phone_numbers": [NUMBERS[0], "+18624017194"]}, "phone_numbers[1]"),
        ({**ONE, "phone_numbers": [*NUMBERS[:5], NUMBERS[2]]}, "phone_numbers[5]"),
        ({**ONE, "phone_numbers": ["13800138000", "+86 13800138000"]}, "phone_numbers[1]"),
        *one("template_code", None, "", "SMS_", "sms_1", "SMS_1 ", "SMS_x", "100001", 1),
        *one("template_code", "SMS_" + "1" * 33),
        *one("sign_name", "", None, 1, "【签名】", "[x]", "a\nb", "a\ud800", "x" * 101, "a\u200bb"),
        *one("out_id", "", None, 7, "a b", "a~0", "é", "x" * 201),
        *one("sms_up_extend_code", "", 12, "a", "1" * 21, "１２"),
        *one("template_param", '{"code":"1234"}', [], "x", 1, False),
        ({**ONE, "template_param": {"": "x"}}, "template_param.*"),
        ({**ONE, "template_param": {"a b": "x"}}, "template_param.a b"),
        ({**ONE, "template_param": {"n13800138000": 1.5}}, "template_param.*"),
        ({**ONE, "template_param": {"名": "x"}}, r"template_param.\u540d"),
        *variable("", "x" * 36, 1.5, 1e999, True, None, [], {}, 10**40, "\udc00"),
        ({**CODE, "template_param": {}}, "template_param"),
        ({**CODE, "template_param": None}, "template_param"),
        ({**CODE, "template_param": {"a": "1234", "b": "5678"}}, "template_param"),
        *code("123", "1234567", "12 34", "１２３４", "中文中文", "", 123, 1234567, "12-34"),
        (messages(), "messages"),
        *each(lambda value: {**messages(), "messages": value}, "messages", None, {}, "x"),
        (messages(*map(personal, NUMBERS)), "messages"),
        (messages(personal(), "x"), "messages[1]"),
        (messages({}), "messages[0].phone_number"),
        (messages(personal(out_id="x")), "messages[0].out_id"),
        (messages(personal(NUMBERS[0]), personal(NUMBERS[0])), "messages[1].phone_number"),
        (messages(personal(), personal("+18624017194")), "messages[1].phone_number"),
        (messages(personal(sign_name="")), "messages[0].sign_name"),
        (messages(personal(), sign_name="[x]"), "sign_name"),
        (messages(personal(template_param={"n": "x" * 36})), "messages[0].template_param.n"),
        (messages(personal(NUMBERS[0], sms_up_extend_code="1"), personal(NUMBERS[1])), "messages"),
        (messages(personal(), phone_numbers="13800138000"), "phone_numbers"),
        (messages(personal(), template_param={}), "template_param"),
        (messages(personal(), sms_up_extend_code="1"), "sms_up_extend_code"),
        (messages(personal(), template_code="x"), "template_code"),
    ],
    ids=lambda value: repr(value)[-60:],
)
def test_a_broken_rule_names_its_field(body: object, field: str) -> None:
    error = refusal(body)
    assert (error.status, error.field) == (422, field)
    assert error.detail.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"phone_numbers": []}, "a list of 1 to 1000"),
        ({"phone_numbers": NUMBERS}, "a list of 1 to 1000"),
        ({"phone_numbers": ["13800138000", "+86 13800138000"]}, "the same number as phone_num"),
        ({"phone_numbers": "+1 862 401 7194"}, "international"),
        ({"phone_numbers": "12800138000"}, "mobile number"),
        ({"phone_numbers": "١٣٨٠٠١٣٨٠٠٠"}, "ARABIC-INDIC DIGIT ONE"),
        ({"phone_numbers": [13800138000]}, "must be a string"),
        ({"template_code": "100002"}, "such as SMS_"),
        ({"sign_name": "【签名】"}, "as the console shows it, without brackets"),
        ({"sign_name": "half\ud83d"}, "surrogate"),
        ({"sms_up_extend_code": 7}, "up to 20 digits"),
        ({"template_param": "name"}, "must be an object of strings"),
        ({"template_param": {"na me": "Li"}}, "no template variable"),
        ({"template_param": {"n": ""}}, "1 to 35 characters"),
        ({"template_param": {"n": 1.5}}, "is a decimal"),
        ({"template_param": {"n": True}}, "must be a string"),
        ({"messages": []}, "goes into each of messages"),
    ],
    ids=ascii,
)
def test_a_broken_rule_says_what_is_right(changes: dict[str, Any], says: str) -> None:
    assert says in refusal({**ONE, **changes}).detail


@pytest.mark.parametrize("missing", ["phone_numbers", "template_code"])
def test_what_must_be_given_must_be_given(missing: str) -> None:
    body = {name: value for name, value in ONE.items() if name != missing}
    assert refusal(body).field == missing


def test_a_sign_name_is_needed_from_somewhere() -> None:
    assert "SMS_SIGN_NAME" in refusal(ONE, defaults=Defaults("shop")).detail
    assert read({**ONE, "sign_name": "x"}, defaults=Defaults("shop"))


@pytest.mark.parametrize(
    "value",
    [
        "https://x.example",
        "HTTP:",
        "www.x",
        "a.cn",
        "Example.COM",
        "1.2.3.4",
        "请访问baidu.com查看",
        "地址1.2.3.4查看",
        "点击a.cn领取",
    ],
)
def test_a_link_in_a_variable_is_refused(value: str) -> None:
    assert "link" in refusal({**ONE, "template_param": {"n": value}}).detail


@pytest.mark.parametrize(
    "value",
    [
        "😀",
        "👨‍👩‍👧",
        "🇨🇳",
        "❤️",
        "❤",
        "★",
        "①",
        "™",
        "m²",
        "【a】",
        "「a」",
        "•",
        "※",
        "→",
        "✅",
        "⭐",
        "⏰",
        "⌚",
        "1️⃣",
    ],
)
def test_emoji_and_the_like_in_a_variable_are_refused(value: str) -> None:
    assert "emoji" in refusal({**ONE, "template_param": {"n": f"a{value}"}}).detail


@pytest.mark.parametrize(
    "value",
    [
        "Li",
        "李雷",
        "3.14 元",
        "2026-01-31 08:00",
        "a.b",
        "Ver.2",
        "x" * 35,
        "两\n行",
        '"引号"',
        "#*%&+=~",
        "1.2.3",
        "Mr.Communication",
        "¥5",
    ],
)
def test_an_ordinary_value_is_taken_as_it_is(value: str) -> None:
    (part,) = read({**ONE, "template_param": {"n": value}}).parts
    assert json.loads(part.parameters["TemplateParam"]) == {"n": value}


@pytest.mark.parametrize("value", ["1234", "123456", "12CDE", 1234, 123456])
def test_a_verification_code_has_four_to_six_letters_and_digits(value: object) -> None:
    (part,) = read({**CODE, "template_param": {"code": value}}).parts
    assert json.loads(part.parameters["TemplateParam"]) == {"code": str(value)}


@pytest.mark.parametrize(
    ("body", "key", "out_id"),
    [
        ({"out_id": "a"}, "", "a"),
        ({}, "a", "a"),
        ({}, '"a"', "a"),
        ({"out_id": "a"}, "a", "a"),
        ({"out_id": "a"}, '"a"', "a"),
    ],
)
def test_the_out_id_comes_from_the_body_or_the_header(
    body: dict[str, str], key: str, out_id: str
) -> None:
    given_elsewhere = {name: value for name, value in ONE.items() if name != "out_id"}
    assert read({**given_elsewhere, **body}, key).out_id == out_id


def test_two_different_out_ids_are_refused() -> None:
    assert refusal(ONE, "order-2").field == "out_id"


@pytest.mark.parametrize("key", ["a b", "x" * 201, "é", "a~1", '"a" "b"'])
def test_a_malformed_idempotency_key_is_refused(key: str) -> None:
    body = {name: value for name, value in ONE.items() if name != "out_id"}
    assert refusal(body, key).field == "Idempotency-Key"


def test_an_out_id_is_made_for_a_caller_who_gave_none() -> None:
    body = {name: value for name, value in ONE.items() if name != "out_id"}
    made = {read(body).out_id for _ in range(5)} | {new_out_id() for _ in range(5)}
    assert len(made) == 10
    assert all(len(out_id) == 32 and out_id.isalpha() and out_id.isascii() for out_id in made)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)
fields = st.sampled_from([*ONE, "messages", "template_param", "sign_name", "sms_up_extend_code"])


@quick
@given(st.dictionaries(fields, anything), st.text(max_size=5))
def test_any_json_is_read_or_refused_and_nothing_else(body: dict[str, Any], key: str) -> None:
    for candidate in (body, {**ONE, **body}, messages(body), messages(personal(), **body)):
        with contextlib.suppress(InvalidRequest):
            assert all(part.phone_numbers for part in read(candidate, key).parts)
