from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from signing_client import Client, Reply

LONE_SURROGATE = '{"code":"\\ud83d"}'


def rejected(reply: Reply, code: str) -> None:
    assert (reply.status, reply.code) == (200, code), reply.body
    assert set(reply.json) == {"Code", "Message", "RequestId"}


def test_a_message_is_accepted_and_kept(client: Client) -> None:
    reply = client.send(OutId="order 7~*", SmsUpExtendCode="90997")
    assert set(reply.json) == {"Code", "Message", "RequestId", "BizId"}
    (message,) = client.emulator.messages()
    assert message.text == "【fc-sms】您的验证码为1234。"
    assert (message.phone_number, message.segments) == ("13800138000", 1)
    assert (message.out_id, message.sms_up_extend_code) == ("order 7~*", "90997")
    assert (message.biz_id, message.request_id) == (reply.json["BizId"], reply.json["RequestId"])
    assert message.template_param == {"code": "1234"}
    assert message.status == "accepted"


def test_v1_answers_xml_without_a_format(client: Client) -> None:
    parameters = {
        "PhoneNumbers": "13800138000",
        "SignName": "fc-sms",
        "TemplateCode": "SMS_100002",
        "TemplateParam": '{"name":"<&>","order":"7"}',
    }
    reply = client.v1("SendSms", parameters, Format="")
    assert reply.headers["content-type"] == "text/xml;charset=utf-8"
    root = ElementTree.fromstring(reply.body)
    assert (root.tag, root.findtext("Code")) == ("SendSmsResponse", "OK")
    assert client.emulator.messages()[0].text == "【fc-sms】<&>，订单7已发货。"
    error = ElementTree.fromstring(client.v1("SendSms", {}, Format="XML").body)
    assert (error.tag, error.findtext("Code")) == ("Error", "MissingPhoneNumbers")
    accepts = client.v3("QuerySmsTemplateList", {}, accept="application/xml")
    codes = ElementTree.fromstring(accepts.body).findall("SmsTemplateList/TemplateCode")
    assert [code.text for code in codes][:2] == ["SMS_100001", "SMS_100002"]


@pytest.mark.parametrize("name", ["PhoneNumbers", "SignName", "TemplateCode"])
def test_a_missing_parameter_is_named(client: Client, name: str) -> None:
    reply = client.send(**{name: ""})
    assert (reply.status, reply.code) == (400, f"Missing{name}")
    assert reply.json["Message"] == f"{name} is mandatory for this action."


@pytest.mark.parametrize(
    "number", ["13800138000", "8613800138000", "+8613800138000", "008613800138000", "+13800138000"]
)
def test_every_form_of_a_mainland_number_is_taken(client: Client, number: str) -> None:
    assert client.send(number).code == "OK"
    assert client.emulator.messages()[0].phone_number == "13800138000"


@pytest.mark.parametrize(
    "number",
    [
        "1380013800",
        "138001380000",
        "12800138000",
        "85251234567",
        "1380013800a",
        " 13800138000",
        "13800138000,",
        "13800138000;13800138001",
        "1380013800\uff10",
        "x" * 500,
        "😀",
    ],
)
def test_a_number_that_is_none_is_refused(client: Client, number: str) -> None:
    rejected(client.send(number), "isv.MOBILE_NUMBER_ILLEGAL")
    assert client.emulator.messages() == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("85251234567", "OK"),
        ("447911123456", "OK"),
        ("18624017194", "OK"),
        ("13800138000", "isv.DOMESTIC_NUMBER_NOT_SUPPORTED"),
        ("8613800138000", "isv.DOMESTIC_NUMBER_NOT_SUPPORTED"),
        ("+85251234567", "isv.MOBILE_NUMBER_ILLEGAL"),
        ("00085251234567", "isv.MOBILE_NUMBER_ILLEGAL"),
        ("852", "isv.MOBILE_NUMBER_ILLEGAL"),
        ("8525123456789012", "isv.MOBILE_NUMBER_ILLEGAL"),
    ],
)
def test_an_international_template_goes_abroad_alone(
    client: Client, number: str, code: str
) -> None:
    assert client.send(number, TemplateCode="SMS_100003").code == code


def test_a_number_is_what_its_template_is_meant_for(client: Client) -> None:
    assert client.send("18624017194").code == "OK"
    assert client.send("18624017194", TemplateCode="SMS_100003").code == "OK"
    types = [message.template_type for message in client.emulator.messages()]
    assert types == ["verification", "international"]


def test_a_thousand_numbers_are_taken_and_no_more(client: Client) -> None:
    numbers = [str(13900000000 + n) for n in range(1001)]
    rejected(client.notify(",".join(numbers)), "isv.MOBILE_COUNT_OVER_LIMIT")
    assert client.emulator.messages() == []
    assert client.notify(",".join(numbers[:1000])).code == "OK"
    messages = client.emulator.messages()
    assert len(messages) == 1000
    assert len({message.biz_id for message in messages}) == 1


def test_one_bad_number_refuses_them_all(client: Client) -> None:
    rejected(client.send("13800138000,12345"), "isv.MOBILE_NUMBER_ILLEGAL")
    assert client.emulator.messages() == []


@pytest.mark.parametrize(
    ("param", "code"),
    [
        ("", "isv.TEMPLATE_MISSING_PARAMETERS"),
        ("{}", "isv.TEMPLATE_MISSING_PARAMETERS"),
        ('{"Code":"1234"}', "isv.TEMPLATE_MISSING_PARAMETERS"),
        ('{"code":true}', "isv.INVALID_JSON_PARAM"),
        ('{"code":NaN}', "isv.INVALID_JSON_PARAM"),
        ('{"code":null}', "isv.INVALID_JSON_PARAM"),
        ('["1234"]', "isv.INVALID_JSON_PARAM"),
        ('"1234"', "isv.INVALID_JSON_PARAM"),
        ("{'code':'1234'}", "isv.INVALID_JSON_PARAM"),
        ('{"code":"1234"', "isv.INVALID_JSON_PARAM"),
        ("[" * 5000, "isv.INVALID_JSON_PARAM"),
        ('{"code":"123"}', "isv.PARAM_LENGTH_LIMIT"),
        ('{"code":""}', "isv.INVALID_PARAMETERS"),
        ('{"code":"1234567"}', "isv.PARAM_LENGTH_LIMIT"),
        ('{"code":"12-34"}', "isv.INVALID_PARAMETERS"),
        ('{"code":"验证码一"}', "isv.INVALID_PARAMETERS"),
        (LONE_SURROGATE, "isv.INVALID_PARAMETERS"),
        ('{"code":"12CDE","unused":"x"}', "OK"),
        ('{"code":"123456"}', "OK"),
    ],
)
def test_the_parameter_of_a_verification_is_checked(client: Client, param: str, code: str) -> None:
    reply = client.send(TemplateParam=param)
    assert (reply.status, reply.code) == (200, code)


def test_a_bad_code_is_refused_in_the_platforms_words(client: Client) -> None:
    message = client.send(TemplateParam='{"code":"12 34"}').json["Message"]
    assert message == "params must be [a-zA-Z0-9] for verification sms"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("张", "OK"),
        ("a" * 35, "OK"),
        ("a" * 36, "isv.PARAM_LENGTH_LIMIT"),
        ("", "isv.TEMPLATE_MISSING_PARAMETERS"),
        (" \t", "isv.TEMPLATE_MISSING_PARAMETERS"),
        ("12.5元, 3:30 v1.2", "OK"),
        ("http://x/y", "isv.PARAM_NOT_SUPPORT_URL"),
        ("见 example.com", "isv.PARAM_NOT_SUPPORT_URL"),
        ("www.x", "isv.PARAM_NOT_SUPPORT_URL"),
        ("10.0.0.1", "isv.PARAM_NOT_SUPPORT_URL"),
        ("😀", "isv.UNSUPPORTED_CONTENT"),
        ("【x】", "isv.UNSUPPORTED_CONTENT"),
        ("㎡ m²", "isv.UNSUPPORTED_CONTENT"),
        ("①", "isv.UNSUPPORTED_CONTENT"),
        ("❤", "isv.UNSUPPORTED_CONTENT"),
        ("\ud83d", "isv.UNSUPPORTED_CONTENT"),
        ("36.5℃", "OK"),
    ],
)
def test_the_values_of_a_notification_are_checked(client: Client, value: str, code: str) -> None:
    reply = client.notify(TemplateParam=json.dumps({"name": value, "order": "7"}))
    assert (reply.status, reply.code) == (200, code)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("https://example.com/😀", "OK"),
        ("a" * 200, "OK"),
        ("a" * 201, "isv.PARAM_LENGTH_LIMIT"),
        ("\ud83d", "isv.UNSUPPORTED_CONTENT"),
    ],
)
def test_the_values_of_an_international_template_are_checked(
    client: Client, value: str, code: str
) -> None:
    param = json.dumps({"code": value})
    assert client.send("85251234567", TemplateCode="SMS_100003", TemplateParam=param).code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SignName": "nobody"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"SignName": "旧签名"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"TemplateCode": "SMS_0"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"TemplateCode": "SMS_100006"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"OutId": "x" * 256}, "isv.INVALID_PARAMETERS"),
        ({"OutId": "x" * 255}, "OK"),
        ({"SmsUpExtendCode": "12a"}, "isv.CODE_ERROR"),
        ({"SmsUpExtendCode": "12345678"}, "isv.CODE_ERROR"),
        ({"TemplateCode": "SMS_100005", "TemplateParam": ""}, "OK"),
    ],
)
def test_other_parameters_are_checked(client: Client, changes: dict[str, str], code: str) -> None:
    assert client.send(**changes).code == code


def test_whole_text_has_at_most_500_characters(client: Client) -> None:
    param = json.dumps({f"v{n}": "a" * 35 for n in range(15)})
    reply = client.send(TemplateCode="SMS_100007", TemplateParam=param)
    rejected(reply, "isv.PARAM_LENGTH_LIMIT")


def batch(client: Client, **changes: str) -> Reply:
    parameters = {
        "PhoneNumberJson": '["13800138001","8613800138002"]',
        "SignNameJson": '["fc-sms","阿里云短信测试"]',
        "TemplateParamJson": '[{"name":"Ann","order":"1"},{"name":"张","order":"2"}]',
        **changes,
    }
    form = {name: value for name, value in parameters.items() if value}
    return client.v3("SendBatchSms", {"TemplateCode": "SMS_100002", "OutId": "b1"}, form)


def test_a_batch_is_accepted(client: Client) -> None:
    reply = batch(client, SmsUpExtendCodeJson='["1","2"]')
    assert reply.code == "OK"
    messages = client.emulator.messages(out_id="b1")
    assert [m.phone_number for m in messages] == ["13800138001", "13800138002"]
    assert [m.text for m in messages] == [
        "【fc-sms】Ann，订单1已发货。",
        "【阿里云短信测试】张，订单2已发货。",
    ]
    assert {m.biz_id for m in messages} == {reply.json["BizId"]}
    assert [m.sms_up_extend_code for m in messages] == ["1", "2"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PhoneNumberJson": ""}, "MissingPhoneNumberJson"),
        ({"SignNameJson": ""}, "MissingSignNameJson"),
        ({"PhoneNumberJson": "13800138001"}, "isv.INVALID_JSON_PARAM"),
        ({"PhoneNumberJson": "[]"}, "isv.INVALID_JSON_PARAM"),
        ({"PhoneNumberJson": "[13800138001,13800138002]"}, "isv.INVALID_JSON_PARAM"),
        ({"PhoneNumberJson": '["13800138001"]'}, "isv.INVALID_PARAMETERS"),
        ({"PhoneNumberJson": '["13800138001","\\ud800"]'}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"SignNameJson": '["fc-sms","\\ud800"]'}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"TemplateParamJson": '[{"name":"Ann","order":"1"}]'}, "isv.INVALID_PARAMETERS"),
        ({"TemplateParamJson": '[{"name":"Ann","order":"1"},"x"]'}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParamJson": ""}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"SmsUpExtendCodeJson": '["1"]'}, "isv.INVALID_PARAMETERS"),
    ],
)
def test_a_bad_batch_is_refused(client: Client, changes: dict[str, str], code: str) -> None:
    assert batch(client, **changes).code == code
    assert client.emulator.messages() == []


@pytest.mark.parametrize(("count", "code"), [(100, "OK"), (101, "isv.MOBILE_COUNT_OVER_LIMIT")])
def test_a_batch_holds_a_hundred_messages_at_most(client: Client, count: int, code: str) -> None:
    reply = batch(
        client,
        PhoneNumberJson=json.dumps([str(13900000000 + n) for n in range(count)]),
        SignNameJson=json.dumps(["fc-sms"] * count),
        TemplateParamJson=json.dumps([{"name": "Ann", "order": "1"}] * count),
    )
    assert reply.code == code
