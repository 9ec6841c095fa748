"""SendMessageWithTemplate, BatchSendMessageToGlobe, and reports of used codes."""

from __future__ import annotations

import json
import time

import pytest

from aliyun_sms_emulator import SmsEmulator
from signing_client import Client, Reply


def with_template(client: Client, to: str = "8613800138000", **changes: str) -> Reply:
    """SendMessageWithTemplate; `changes` replace parameters, empty ones are left out."""
    parameters = {
        "To": to,
        "From": "fc-sms",
        "TemplateCode": "SMS_100001",
        "TemplateParam": '{"code":"1234"}',
        **changes,
    }
    return client.globe("SendMessageWithTemplate", **parameters)


def test_a_template_goes_to_a_mainland_number_by_the_international_api(client: Client) -> None:
    answer = with_template(client, SmsUpExtendCode="9").json
    assert {n: v for n, v in answer.items() if n not in {"RequestId", "MessageId"}} == {
        "ResponseCode": "OK",
        "ResponseDescription": "The SMS Send Request was accepted",
        "To": "8613800138000",
        "Segments": "1",
        "NumberDetail": {"Country": "China", "Region": "China", "Carrier": "Emulator"},
    }
    (message,) = client.emulator.messages()
    assert (message.phone_number, message.sign_name) == ("13800138000", "fc-sms")
    assert (message.api, message.biz_id) == ("SendMessageWithTemplate", answer["MessageId"])
    assert message.text.startswith("【fc-sms】")
    assert client.emulator.requests()[-1].notes == []
    client.emulator.clock.advance(5)
    found = client.globe("QueryMessage", MessageId=answer["MessageId"]).json
    assert (found["To"], found["Status"], found["Message"]) == ("8613800138000", "1", message.text)


def test_a_template_goes_abroad_with_a_note(client: Client) -> None:
    assert with_template(client, "85251234567", TemplateCode="SMS_100003").code == "OK"
    assert [note["cause"] for note in client.emulator.requests()[-1].notes] == ["template-abroad"]
    client.emulator.settings(strict=True)
    reply = with_template(client, "85251234567", TemplateCode="SMS_100003")
    assert reply.code == "isv.COUNTRY_RESTRICTED"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, "MissingTo"),
        ({"From": ""}, "MissingFrom"),
        ({"to": "85251234567"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"TemplateCode": "SMS_100003"}, "isv.COUNTRY_RESTRICTED"),
        ({"From": "nobody"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"TemplateParam": "{"}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParam": ""}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"ValidityPeriod": "soon"}, "INVALID_PARAMETERS"),
        ({"SmsUpExtendCode": "x"}, "isv.CODE_ERROR"),
    ],
)
def test_a_template_of_the_international_api_is_checked(
    client: Client, changes: dict[str, str], code: str
) -> None:
    reply = with_template(client, **changes)
    document = reply.json
    assert (document.get("ResponseCode") or document["Code"]) == code
    assert client.emulator.messages() == []


def test_the_limits_of_a_number_count_both_apis() -> None:
    with SmsEmulator() as emulator:
        client = Client(emulator)
        assert with_template(client).code == "OK"
        assert client.send().code == "isv.BUSINESS_LIMIT_CONTROL"


def test_a_batch_abroad_sends_what_can_be_sent(client: Client) -> None:
    answer = client.globe(
        "BatchSendMessageToGlobe",
        To='["85251234567","8613800138000","12125550123"]',
        Message='["one","two","three"]',
        Type="NOTIFY",
        From="Shop",
        TaskId="task",
    ).json
    ids = json.loads(answer["MessageIdList"])
    assert (answer["ResponseCode"], answer["SuccessCount"], answer["From"]) == ("OK", "2", "Shop")
    assert json.loads(answer["FailedList"]) == ["8613800138000"]
    messages = client.emulator.messages()
    assert [(m.phone_number, m.text, m.biz_id, m.out_id) for m in messages] == [
        ("85251234567", "one", ids[0], "task"),
        ("12125550123", "three", ids[1], "task"),
    ]
    client.emulator.clock.advance(5)
    assert client.globe("QueryMessage", MessageId=ids[1]).json["Message"] == "three"


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("85251234567", '["x"]'),
        ('["85251234567"]', "x"),
        ('["85251234567"]', '["x","y"]'),
        ("[]", "[]"),
        ("[85251234567]", '["x"]'),
        ('["85251234567"]', '[""]'),
        (json.dumps(["85251234567"] * 1001), json.dumps(["x"] * 1001)),
    ],
)
def test_an_impossible_batch_is_refused(client: Client, to: str, message: str) -> None:
    reply = client.globe("BatchSendMessageToGlobe", To=to, Message=message)
    assert reply.code == "INVALID_PARAMETERS"
    assert client.emulator.messages() == []


def test_a_rule_meets_each_number_of_a_batch(client: Client) -> None:
    client.emulator.add_fault(match={"phone_number": "12125550123"}, kind="http", status=503)
    batch = {"To": '["85251234567","12125550123"]', "Message": '["x","y"]'}
    assert client.globe("BatchSendMessageToGlobe", **batch).status == 503


NOW_MS = str(int(time.time() * 1000))


@pytest.mark.parametrize(
    ("action", "changes", "code"),
    [
        ("SmsConversionIntl", {}, "OK"),
        ("SmsConversionIntl", {"ConversionTime": NOW_MS}, "OK"),
        ("SmsConversionIntl", {"Delivered": "yes"}, "INVALID_PARAMETERS"),
        ("SmsConversionIntl", {"MessageId": "1"}, "DATA_NOT_EXIST"),
        ("SmsConversionIntl", {"ConversionTime": f"{NOW_MS}000"}, "INVALID_PARAMETERS"),
        ("SmsConversionIntl", {"Delivered": ""}, "MissingDelivered"),
        ("SmsConversion", {}, "OK"),
        ("ConversionDataIntl", {"ConversionRate": "0.53"}, "OK"),
        ("ConversionDataIntl", {"ConversionRate": "1.1"}, "INVALID_PARAMETERS"),
        ("ConversionData", {"ConversionRate": "1", "ReportTime": NOW_MS}, "OK"),
    ],
)
def test_the_use_of_codes_is_reported(
    client: Client, action: str, changes: dict[str, str], code: str
) -> None:
    message_id = client.send_abroad().json["MessageId"]
    parameters = {"MessageId": message_id, "Delivered": "true", **changes}
    version = "2017-05-25" if action.endswith("Intl") else "2018-05-01"
    query = {name: value for name, value in parameters.items() if value}
    assert client.v3(action, query, x_acs_version=version).code == code
