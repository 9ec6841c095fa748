"""`templates: any`: every template and signature is taken, and the text is the code and values."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from aliyun_sms_emulator import ConfigError, SmsEmulator
from aliyun_sms_emulator.config.reading import read_config
from signing_client import Client, raw

ANY = {"templates": "any"}


@pytest.fixture(scope="module")
def taking_any() -> Iterator[SmsEmulator]:
    with SmsEmulator(ANY) as emulator:
        yield emulator


@pytest.fixture
def client(taking_any: SmsEmulator) -> Client:
    taking_any.reset()
    return Client(taking_any)


def test_the_text_is_the_code_and_the_values(client: Client) -> None:
    values = '{"code":"1234","min":"5"}'
    assert client.send(TemplateCode="SMS_1", SignName="店", TemplateParam=values).code == "OK"
    assert client.send(TemplateCode="SMS_2", SignName="Shop", TemplateParam="").code == "OK"
    texts = [message.text for message in client.emulator.messages()]
    assert texts == ["【店】SMS_1: code=1234, min=5", "【Shop】SMS_2"]


def test_the_number_says_whether_a_template_is_for_the_mainland(client: Client) -> None:
    for number in ("13800138000", "+8613800138000", "85251234567"):
        assert client.send(number, TemplateCode=number, SignName="Shop").code == "OK"
    types = [message.template_type for message in client.emulator.messages()]
    assert types == ["notification", "notification", "international"]
    assert client.send("abc", TemplateCode="SMS_1").code == "isv.MOBILE_NUMBER_ILLEGAL"


def test_every_way_of_sending_takes_any(client: Client) -> None:
    batch = {
        "PhoneNumberJson": '["13800138000","13800138001"]',
        "SignNameJson": '["one","two"]',
        "TemplateParamJson": '[{"a":"1"},{"b":"2"}]',
        "TemplateCode": "SMS_9",
    }
    assert client.v3("SendBatchSms", {}, batch).code == "OK"
    abroad = {
        "PhoneNumbers": "51234567",
        "CountryCode": "HK",
        "SignName": "Shop",
        "TemplateCode": "SMS_9",
    }
    assert client.v1("SendInterSms", abroad).code == "OK"
    code = {
        "PhoneNumber": "13800138000",
        "SignName": "店",
        "TemplateCode": "1",
        "TemplateParam": json.dumps({"code": "##code##"}),
    }
    assert client.v3("SendSmsVerifyCode", code).code == "OK"
    texts = [message.text for message in client.emulator.messages()]
    assert texts[:3] == ["【one】SMS_9: a=1", "【two】SMS_9: b=2", "[Shop]SMS_9"]
    assert texts[3] == f"【店】1: code={client.emulator.messages()[3].code}"


def test_what_is_sent_is_still_checked(client: Client) -> None:
    for values in ("{", '{"code":null}', '{"code":"http://a.cn"}', json.dumps({"code": "x" * 36})):
        answer = client.send(TemplateCode="SMS_1", TemplateParam=values)
        assert answer.code.startswith("isv.")
    for _ in range(50):
        assert client.send(TemplateCode="SMS_1").code == "OK"
    assert client.send(TemplateCode="SMS_1").code == "isv.BUSINESS_LIMIT_CONTROL"


def test_templates_that_are_added_are_as_they_say(client: Client) -> None:
    hello = {"type": "notification", "content": "Hi ${name}"}
    client.emulator.call("PUT", "/api/templates/SMS_1", hello)
    assert client.send(TemplateCode="SMS_1").code == "isv.TEMPLATE_MISSING_PARAMETERS"


def test_the_page_is_there(client: Client) -> None:
    assert raw(client.emulator, "GET", "/inbox").status == 200


@pytest.mark.parametrize(
    ("document", "templates", "signatures"),
    [
        ({}, False, False),
        (ANY, True, True),
        ({**ANY, "signatures": [{"name": "shop"}]}, True, False),
        ({"signatures": "any"}, False, True),
    ],
)
def test_what_is_listed_is_listed(
    document: dict[str, object], templates: bool, signatures: bool
) -> None:
    config = read_config(document, "test")
    assert (config.any_template, config.any_signature) == (templates, signatures)
    assert (bool(config.templates), bool(config.signatures)) == (not templates, not signatures)


def test_other_words_are_errors() -> None:
    with pytest.raises(ConfigError, match="or any; or leave the key out"):
        read_config({"templates": "all"}, "test")
