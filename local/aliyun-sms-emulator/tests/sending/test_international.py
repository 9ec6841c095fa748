"""SendMessageToGlobe, QueryMessage, and the older ways to numbers abroad."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree

import pytest

from aliyun_sms_emulator.clock import CHINA
from aliyun_sms_emulator.rules.countries import all_countries, country_named, country_of
from signing_client import Client, Reply

NOON = datetime(2018, 12, 24, 16, 58, 22, tzinfo=CHINA)


def status(client: Client, sent: Reply) -> dict[str, object]:
    answer = client.globe("QueryMessage", MessageId=sent.json["MessageId"]).json
    assert answer["ResponseCode"] == "OK"
    return answer


def test_a_message_abroad_is_accepted(client: Client) -> None:
    sent = client.send_abroad(From="Shop", TaskId="order-7", Type="OTP", ValidityPeriod="600")
    assert sent.json == {
        "ResponseCode": "OK",
        "ResponseDescription": "The SMS Send Request was accepted",
        "RequestId": sent.json["RequestId"],
        "MessageId": sent.json["MessageId"],
        "To": "85251234567",
        "From": "Shop",
        "Segments": "1",
        "NumberDetail": {"Country": "China", "Region": "HongKong", "Carrier": "Emulator"},
    }
    (message,) = client.emulator.messages(out_id="order-7", biz_id=sent.json["MessageId"])
    assert (message.api, message.text, message.sign_name) == ("SendMessageToGlobe", "Hello", "Shop")
    assert client.emulator.requests()[-1].code == "OK"


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("12025550123", "United States"),
        ("18624017194", "United States"),
        ("16045550123", "Canada"),
        ("12425550123", "Bahamas"),
        ("447911123456", "United Kingdom"),
        ("77012345678", "Kazakhstan"),
        ("79161234567", "Russia"),
        ("6591234567", "Singapore"),
    ],
)
def test_the_country_of_a_number_is_told(client: Client, number: str, country: str) -> None:
    assert client.send_abroad(number).json["NumberDetail"]["Country"] == country


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("8613800138000", "isv.COUNTRY_RESTRICTED"),
        ("+8613800138000", "isv.COUNTRY_RESTRICTED"),
        ("008613800138000", "isv.COUNTRY_RESTRICTED"),
        ("13800138000", "isv.COUNTRY_RESTRICTED"),
        ("861065551234", "isv.COUNTRY_RESTRICTED"),
        ("+85251234567", "MOBILE_NUMBER_ILLEGAL"),
        ("0085251234567", "MOBILE_NUMBER_ILLEGAL"),
        ("8525123456", "MOBILE_NUMBER_ILLEGAL"),
        ("85251234567,85251234568", "MOBILE_NUMBER_ILLEGAL"),
        ("99912345678", "NOT_SUPPORTED_COUNTRY"),
        ("852\uff15\uff11234567", "MOBILE_NUMBER_ILLEGAL"),
        ("😀", "MOBILE_NUMBER_ILLEGAL"),
        ("9" * 5000, "MOBILE_NUMBER_ILLEGAL"),
    ],
)
def test_a_number_that_it_does_not_serve_is_refused(client: Client, number: str, code: str) -> None:
    reply = client.send_abroad(number)
    assert (reply.status, reply.code) == (200, code)
    assert set(reply.json) == {"ResponseCode", "ResponseDescription", "RequestId"}
    assert client.emulator.messages() == []


@pytest.mark.parametrize("sender", ["a", "Alicloud321", "1" * 15, "1a"])
def test_a_sender_id_is_shown(client: Client, sender: str) -> None:
    assert client.send_abroad(From=sender).json["From"] == sender


@pytest.mark.parametrize("sender", ["Alicloud3210", "1" * 16, "a b", "店", "1" * 11 + "a"])
def test_a_bad_sender_id_is_refused(client: Client, sender: str) -> None:
    assert client.send_abroad(From=sender).code == "INVALID_SENDERID"


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "otp"},
        {"TaskId": "x" * 256},
        {"ValidityPeriod": "-1"},
        {"ValidityPeriod": "soon"},
        {"ValidityPeriod": "9" * 19},
    ],
)
def test_a_bad_parameter_is_refused(client: Client, changes: dict[str, str]) -> None:
    assert client.send_abroad(**changes).code == "INVALID_PARAMETERS"


@pytest.mark.parametrize("name", ["To", "Message"])
def test_missing_parameters_are_gateway_errors(client: Client, name: str) -> None:
    reply = client.send_abroad(**{name: ""})
    assert (reply.status, reply.json["Code"]) == (400, f"Missing{name}")


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, "1"),
        ("a" * 161, "2"),
        ("€" * 80, "1"),
        ("€" * 80 + "a", "2"),
        ("a" * 306, "2"),
        ("a" * 307, "3"),
        ("你" * 70, "1"),
        ("你" * 71, "2"),
        ("你" * 135, "3"),
        ("😀" * 35, "1"),
        ("😀" * 36, "2"),
    ],
)
def test_segments_are_counted(client: Client, text: str, segments: str) -> None:
    assert client.send_abroad(Message=text).json["Segments"] == segments


def test_each_version_has_its_own_operations(client: Client) -> None:
    assert client.globe("SendSms").json["Code"] == "InvalidAction.NotFound"
    assert client.v3("SendMessageToGlobe", {}).json["Code"] == "InvalidAction.NotFound"


def test_an_answer_may_be_xml(client: Client) -> None:
    parameters = {"To": "85251234567", "Message": "Hello"}
    reply = client.v1("SendMessageToGlobe", parameters, Version="2018-05-01", Format="XML")
    root = ElementTree.fromstring(reply.body)
    assert root.findtext("ResponseCode") == "OK"
    assert root.findtext("NumberDetail/Region") == "HongKong"


def test_query_message_says_waiting_and_then_delivered(client: Client) -> None:
    client.emulator.clock.set(NOON)
    sent = client.send_abroad()
    waiting = status(client, sent)
    assert waiting == {
        "ResponseCode": "OK",
        "ResponseDescription": "OK",
        "RequestId": waiting["RequestId"],
        "MessageId": sent.json["MessageId"],
        "To": "85251234567",
        "Message": "Hello",
        "Status": "3",
        "SendDate": "Mon, 24 Dec 2018 16:58:22 +0800",
        "NumberDetail": {"Country": "China", "Region": "HongKong", "Carrier": "Emulator"},
    }
    client.emulator.clock.advance(1)
    delivered = status(client, sent)
    assert (delivered["Status"], delivered["ErrorCode"]) == ("1", "DELIVERED")
    assert delivered["ErrorDescription"] == "success"
    assert delivered["ReceiveDate"] == "Mon, 24 Dec 2018 16:58:23 +0800"


def test_query_message_says_failed(client: Client) -> None:
    client.emulator.settings(delivery_delay_seconds=0)
    client.emulator.set_fate("85251230001", "EXPIRED")
    failed = status(client, client.send_abroad("85251230001"))
    assert (failed["Status"], failed["ErrorCode"]) == ("2", "EXPIRED")


def test_query_message_speaks_in_the_meaning_of_2019_if_asked(client: Client) -> None:
    client.emulator.settings(query_message_status="2019")
    client.emulator.clock.set(NOON)
    sent = client.send_abroad()
    assert status(client, sent)["Status"] == "1"
    client.emulator.clock.advance(1)
    assert status(client, sent)["Status"] == "3"


def test_query_message_does_not_see_everything(client: Client) -> None:
    client.emulator.clock.set(NOON)
    client.emulator.settings(visibility_delay_seconds=5)
    sent = client.send_abroad()
    message_id = sent.json["MessageId"]
    assert client.globe("QueryMessage", MessageId=message_id).code == "DATA_NOT_EXIST"
    client.emulator.clock.advance(5)
    assert client.globe("QueryMessage", MessageId=message_id).code == "OK"
    stranger = Client(client.emulator, "other", "other-secret")
    assert stranger.globe("QueryMessage", MessageId=message_id).code == "DATA_NOT_EXIST"
    mainland = client.send().json["BizId"]
    client.emulator.clock.advance(5)
    assert client.globe("QueryMessage", MessageId=mainland).code == "DATA_NOT_EXIST"


def inter(client: Client, **changes: str) -> Reply:
    parameters = {
        "CountryCode": "HK",
        "PhoneNumbers": "51234567",
        "SignName": "fc-sms",
        "TemplateCode": "SMS_100008",
        "TemplateParam": '{"intlmsg":"Your order has left."}',
        **changes,
    }
    return client.v1("SendInterSms", {n: v for n, v in parameters.items() if v})


def test_send_inter_sms_is_accepted(client: Client) -> None:
    sent = inter(client, PhoneNumbers="51234567,61234567", OutId="o1")
    assert set(sent.json) == {"Code", "Message", "RequestId", "BizId"}
    first, second = client.emulator.messages(out_id="o1")
    assert (first.phone_number, second.phone_number) == ("85251234567", "85261234567")
    assert (first.text, first.api) == ("[fc-sms]Your order has left.", "SendInterSms")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CountryCode": "CHN"}, "isv.NOT_SUPPORTED_COUNTRY"),
        ({"CountryCode": "852"}, "isv.NOT_SUPPORTED_COUNTRY"),
        ({"CountryCode": "CN"}, "isv.DOMESTIC_NUMBER_NOT_SUPPORTED"),
        ({"PhoneNumbers": "85251234567"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"PhoneNumbers": "+51234567"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"PhoneNumbers": "51234567,"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"TemplateCode": "SMS_100005"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"TemplateParam": ""}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": '{"intlmsg":"%s"}' % ("x" * 201)}, "isv.PARAM_LENGTH_LIMIT"),
        ({"SignName": "旧签名"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"OutId": "x" * 256}, "isv.INVALID_PARAMETERS"),
        ({"PhoneNumbers": ",".join(["51234567"] * 1001)}, "isv.MOBILE_COUNT_OVER_LIMIT"),
    ],
)
def test_a_bad_send_inter_sms_is_refused(
    client: Client, changes: dict[str, str], code: str
) -> None:
    assert inter(client, **changes).code == code
    assert client.emulator.messages() == []


def test_query_inter_sms_iso_info_lists_the_countries(client: Client) -> None:
    china = {"CountryName": "中国", "CountryCode": "CN", "IsoCode": "86"}
    answer = client.v1("QueryInterSmsIsoInfo", {"CountryName": "中国"}).json
    assert (answer["TotalCount"], answer["IsoSupportDTOs"]) == (1, {"IsoSupportDTO": [china]})
    everything = client.v1("QueryInterSmsIsoInfo", {}).json
    assert everything["TotalCount"] == len(all_countries()) > 200
    assert client.v1("QueryInterSmsIsoInfo", {"CountryName": "x"}).json["TotalCount"] == 0


def test_country_table_is_consistent() -> None:
    for country in all_countries():
        assert country.country_code.isalpha()
        assert country.dial_code.isdigit()
        assert country.name
        assert country.chinese_name
        assert 0 < country.shortest <= country.longest <= 14
        found = country_of(country.dial_code + "0" * 10)
        assert found is not None
        assert found.dial_code == country.dial_code
    assert country_named("hk") is None
    assert country_of("") is None
