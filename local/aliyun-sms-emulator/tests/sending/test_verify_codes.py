"""SendSmsVerifyCode and CheckSmsVerifyCode."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from aliyun_sms_emulator.clock import CHINA
from signing_client import Client, Reply

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=CHINA)


def create(client: Client, **changes: str) -> Reply:
    parameters = {
        "PhoneNumber": "13800138000",
        "SignName": "验证码服务",
        "TemplateCode": "100001",
        "TemplateParam": '{"code":"##code##","min":"5"}',
        "ReturnVerifyCode": "true",
        **changes,
    }
    return client.v3("SendSmsVerifyCode", {n: v for n, v in parameters.items() if v})


def created(client: Client, **changes: str) -> str:
    reply = create(client, **changes)
    assert (reply.code, reply.json["Success"]) == ("OK", True), reply.body
    return str(reply.json["Model"]["VerifyCode"])


def checked(client: Client, code: str, **changes: str) -> str:
    parameters = {"PhoneNumber": "13800138000", "VerifyCode": code, **changes}
    answer: dict[str, Any] = client.v3("CheckSmsVerifyCode", parameters).json
    assert (answer["Code"], answer["Success"]) == ("OK", True)
    return str(answer["Model"]["VerifyResult"])


def test_code_is_sent_and_passes_once(client: Client) -> None:
    reply = create(client, OutId="o1")
    model = reply.json["Model"]
    assert set(model) == {"BizId", "OutId", "RequestId", "VerifyCode"}
    (message,) = client.emulator.messages(out_id="o1", biz_id=model["BizId"])
    assert message.text == f"【验证码服务】码{model['VerifyCode']}，5分钟内有效。"
    assert re.fullmatch("[0-9]{4}", model["VerifyCode"])
    wrong = "0000" if model["VerifyCode"] != "0000" else "1111"
    assert checked(client, wrong) == "UNKNOWN"
    assert checked(client, model["VerifyCode"]) == "PASS"
    assert checked(client, model["VerifyCode"]) == "UNKNOWN"


def test_code_stays_unknown_to_the_caller_unless_asked_for(client: Client) -> None:
    assert "VerifyCode" not in create(client, ReturnVerifyCode="").json["Model"]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("1", "[0-9]+"),
        ("2", "[A-Z]+"),
        ("3", "[a-z]+"),
        ("4", "[A-Za-z]+"),
        ("5", "[0-9A-Z]+"),
        ("6", "[0-9a-z]+"),
        ("7", "[0-9A-Za-z]+"),
    ],
)
def test_a_code_has_the_length_and_type_that_were_asked_for(
    client: Client, kind: str, pattern: str
) -> None:
    code = created(client, CodeLength="8", CodeType=kind)
    assert len(code) == 8
    assert re.fullmatch(pattern, code)


def test_upper_and_lower_case_count_only_if_asked(client: Client) -> None:
    code = created(client, CodeType="2")
    assert checked(client, code.lower(), CaseAuthPolicy="2") == "UNKNOWN"
    assert checked(client, code.lower()) == "PASS"


def test_a_code_is_valid_for_its_time(client: Client) -> None:
    client.emulator.clock.set(NOON)
    first = created(client, ValidTime="90")
    client.emulator.clock.advance(89.9)
    second = created(client, DuplicatePolicy="2")
    assert checked(client, first) == "PASS"
    client.emulator.clock.advance(300)
    assert checked(client, second) == "UNKNOWN"


def test_a_new_code_overwrites_unless_told_otherwise(client: Client) -> None:
    client.emulator.clock.set(NOON)
    first = created(client, CodeLength="8")
    client.emulator.clock.advance(60)
    second = created(client, CodeLength="8", DuplicatePolicy="2")
    client.emulator.clock.advance(60)
    assert checked(client, first) == "PASS"
    third = created(client, CodeLength="8")
    assert checked(client, second) == "UNKNOWN"
    assert checked(client, third) == "PASS"


def test_a_number_gets_no_second_code_within_the_interval(client: Client) -> None:
    client.emulator.clock.set(NOON)
    assert create(client).code == "OK"
    client.emulator.clock.advance(59.9)
    refused = create(client)
    assert (refused.status, refused.code, refused.json["Success"]) == (200, "biz.FREQUENCY", False)
    assert create(client, PhoneNumber="13800138001").code == "OK"
    assert create(client, Interval="30").code == "OK"
    client.emulator.clock.advance(60)
    assert create(client).code == "OK"


def test_schemes_and_accounts_are_separate(client: Client) -> None:
    code = created(client, SchemeName="login", CodeLength="8")
    other = Client(client.emulator, "other", "other-secret")
    assert checked(client, code) == "UNKNOWN"
    assert checked(other, code, SchemeName="login") == "UNKNOWN"
    assert checked(client, code, SchemeName="login", PhoneNumber="13800138001") == "UNKNOWN"
    assert checked(client, code, SchemeName="login", PhoneNumber="+8613800138000") == "PASS"


def test_a_code_of_the_callers_own_cannot_be_checked(client: Client) -> None:
    model = create(client, TemplateParam='{"code":"123456","min":"5"}').json["Model"]
    assert "VerifyCode" not in model
    assert checked(client, "123456") == "UNKNOWN"


def test_gifts_work_only_here(client: Client) -> None:
    assert create(client, SignName="fc-sms").code == "isv.SMS_SIGNATURE_ILLEGAL"
    assert create(client, TemplateCode="SMS_100001").code == "isv.SMS_TEMPLATE_ILLEGAL"
    assert client.send(SignName="验证码服务").code == "isv.SMS_SIGNATURE_ILLEGAL"
    assert client.send(TemplateCode="100001").code == "isv.SMS_TEMPLATE_ILLEGAL"
    assert '"100001"' not in client.v3("QuerySmsTemplateList", {"PageSize": "50"}).body.decode()
    assert "验证码服务" not in client.v3("QuerySmsSignList", {}).body.decode()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CountryCode": "852"}, "isv.INVALID_PARAMETERS"),
        ({"PhoneNumber": "85251234567"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"CodeLength": "3"}, "isv.INVALID_PARAMETERS"),
        ({"CodeLength": "9"}, "isv.INVALID_PARAMETERS"),
        ({"CodeType": "8"}, "isv.INVALID_PARAMETERS"),
        ({"DuplicatePolicy": "3"}, "isv.INVALID_PARAMETERS"),
        ({"ValidTime": "0"}, "isv.INVALID_PARAMETERS"),
        ({"Interval": "-1"}, "isv.INVALID_PARAMETERS"),
        ({"ReturnVerifyCode": "yes"}, "isv.INVALID_PARAMETERS"),
        ({"SchemeName": "x" * 21}, "isv.INVALID_PARAMETERS"),
        ({"OutId": "x" * 256}, "isv.INVALID_PARAMETERS"),
        ({"TemplateParam": "{"}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParam": '{"code":"##code##"}'}, "isv.TEMPLATE_MISSING_PARAMETERS"),
    ],
)
def test_a_bad_request_is_refused(client: Client, changes: dict[str, str], code: str) -> None:
    reply = create(client, **changes)
    assert (reply.status, reply.code, reply.json["Success"]) == (200, code, False)
    assert client.emulator.messages() == []


def test_a_missing_parameter_is_named(client: Client) -> None:
    assert create(client, TemplateParam="").code == "MissingTemplateParam"
    assert client.v3("CheckSmsVerifyCode", {"PhoneNumber": "1"}).code == "MissingVerifyCode"
    reply = client.v3("CheckSmsVerifyCode", {"PhoneNumber": "1", "VerifyCode": "😀"})
    assert reply.code == "isv.MOBILE_NUMBER_ILLEGAL"
    assert checked(client, "😀") == "UNKNOWN"
