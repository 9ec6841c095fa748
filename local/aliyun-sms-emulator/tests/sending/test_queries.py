from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from aliyun_sms_emulator.clock import CHINA
from signing_client import Client, Reply

NIGHT = datetime(2026, 3, 1, 23, 59, 58, tzinfo=CHINA)


def details(client: Client, number: str = "13800138000", **changes: str) -> Reply:
    parameters = {
        "PhoneNumber": number,
        "SendDate": "20260301",
        "PageSize": "10",
        "CurrentPage": "1",
        **changes,
    }
    return client.v3("QuerySendDetails", {n: v for n, v in parameters.items() if v})


def listed(reply: Reply) -> list[dict[str, Any]]:
    assert reply.code == "OK", reply.body
    items: list[dict[str, Any]] = reply.json["SmsSendDetailDTOs"]["SmsSendDetailDTO"]
    return items


def test_a_message_waits_and_is_then_delivered(client: Client) -> None:
    client.emulator.clock.set(NIGHT)
    client.emulator.settings(delivery_delay_seconds=5)
    client.send(OutId="o1")
    (item,) = listed(details(client))
    assert item == {
        "PhoneNum": "13800138000",
        "SendStatus": 1,
        "TemplateCode": "SMS_100001",
        "Content": "【fc-sms】您的验证码为1234。",
        "SendDate": "2026-03-01 23:59:58",
        "OutId": "o1",
    }
    client.emulator.clock.advance(4.9)
    assert listed(details(client))[0]["SendStatus"] == 1
    client.emulator.clock.advance(0.1)
    (item,) = listed(details(client))
    assert (item["SendStatus"], item["ErrCode"]) == (3, "DELIVERED")
    assert item["ReceiveDate"] == "2026-03-02 00:00:03"
    assert client.emulator.messages()[0].status == "delivered"


@pytest.mark.parametrize(
    ("fate", "status", "code"),
    [
        ("deliver", 3, "DELIVERED"),
        ("unreachable", 2, "MOBILE_NOT_ON_SERVICE"),
        ("blacklist", 2, "MOBILE_IN_BLACK"),
        ("silent", 1, None),
        ("MK:0010", 2, "MK:0010"),
        ("DELIVRD", 3, "DELIVRD"),
    ],
)
def test_a_message_ends_as_the_fate_of_its_number_says(
    client: Client, fate: str, status: int, code: str | None
) -> None:
    client.emulator.clock.set(NIGHT)
    client.emulator.set_fate("+8613800138055", fate)
    client.send("13800138055")
    client.emulator.clock.advance(86_400)
    (item,) = listed(details(client, "13800138055"))
    assert (item["SendStatus"], item.get("ErrCode")) == (status, code)


def test_the_configuration_gives_numbers_a_fate(client: Client) -> None:
    client.emulator.settings(delivery_delay_seconds=0)
    client.send("13900139000")
    assert client.emulator.messages()[0].receipt_code == "MOBILE_NOT_ON_SERVICE"


def test_a_message_becomes_visible_after_the_delay(client: Client) -> None:
    client.emulator.clock.set(NIGHT - timedelta(hours=1))
    client.emulator.settings(visibility_delay_seconds=3)
    client.send()
    client.emulator.clock.advance(2.9)
    assert details(client).json["TotalCount"] == 0
    client.emulator.clock.advance(0.1)
    assert details(client).json["TotalCount"] == 1


def test_dates_are_of_utc_plus_8(client: Client) -> None:
    client.emulator.clock.set(NIGHT)
    client.send(OutId="before")
    client.emulator.clock.advance(2)
    client.send(OutId="after")
    assert [item["OutId"] for item in listed(details(client))] == ["before"]
    assert [item["OutId"] for item in listed(details(client, SendDate="20260302"))] == ["after"]


def test_messages_come_in_pages(client: Client) -> None:
    client.emulator.clock.set(NIGHT - timedelta(hours=1))
    for number in range(5):
        client.notify(OutId=f"o{number}")
    pages = [
        [item["OutId"] for item in listed(details(client, PageSize="2", CurrentPage=str(page)))]
        for page in (1, 2, 3, 4)
    ]
    assert pages == [["o4", "o3"], ["o2", "o1"], ["o0"], []]
    assert details(client, PageSize="2", CurrentPage="9").json["TotalCount"] == 5


def test_messages_are_found_by_biz_id_and_any_form_of_the_number(client: Client) -> None:
    client.emulator.clock.set(NIGHT - timedelta(hours=1))
    first = client.notify(OutId="first").json["BizId"]
    client.notify(OutId="second")
    assert [i["OutId"] for i in listed(details(client, BizId=first))] == ["first"]
    assert len(listed(details(client, "8613800138000"))) == 2
    assert listed(details(client, BizId="none")) == []


def test_only_the_own_account_is_shown(client: Client) -> None:
    client.emulator.clock.set(NIGHT)
    client.send()
    client.key, client.secret = "second", "second-secret"
    assert details(client).json["TotalCount"] == 1
    client.key, client.secret = "other", "other-secret"
    assert details(client).json["TotalCount"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SendDate": "20260130"}, "OK"),
        ({"SendDate": "20260129"}, "isv.INVALID_PARAMETERS"),
        ({"SendDate": "20260302"}, "isv.INVALID_PARAMETERS"),
        ({"SendDate": "20260230"}, "isv.INVALID_PARAMETERS"),
        ({"SendDate": "2026-03-01"}, "isv.INVALID_PARAMETERS"),
        ({"PageSize": "0"}, "isv.INVALID_PARAMETERS"),
        ({"PageSize": "50"}, "OK"),
        ({"PageSize": "51"}, "isv.INVALID_PARAMETERS"),
        ({"PageSize": "٣"}, "isv.INVALID_PARAMETERS"),
        ({"CurrentPage": "0"}, "isv.INVALID_PARAMETERS"),
        ({"CurrentPage": "-1"}, "isv.INVALID_PARAMETERS"),
        ({"PhoneNumber": "138"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"PhoneNumber": ""}, "MissingPhoneNumber"),
        ({"SendDate": ""}, "MissingSendDate"),
        ({"PageSize": ""}, "MissingPageSize"),
        ({"CurrentPage": ""}, "MissingCurrentPage"),
    ],
)
def test_query_parameters_are_checked(client: Client, changes: dict[str, str], code: str) -> None:
    client.emulator.clock.set(NIGHT)
    assert details(client, **changes).code == code


def test_statistics_count_by_day_signature_and_kind(client: Client) -> None:
    client.emulator.clock.set(NIGHT)
    client.send()
    client.send("13900139000", SignName="阿里云短信测试")
    client.send("85251234567", TemplateCode="SMS_100003")
    client.emulator.clock.advance(2)
    client.notify()

    def query(**changes: str) -> list[dict[str, Any]]:
        parameters = {
            "IsGlobe": "1",
            "StartDate": "20260301",
            "EndDate": "20260302",
            "PageIndex": "1",
            "PageSize": "10",
            **changes,
        }
        data = client.v3("QuerySendStatistics", parameters).json["Data"]
        assert data["TotalSize"] == len(data["TargetList"])
        return list(data["TargetList"])

    first = {
        "SendDate": "20260301",
        "TotalCount": 2,
        "RespondedSuccessCount": 1,
        "RespondedFailCount": 1,
        "NoRespondedCount": 0,
    }
    assert query()[0] == first
    assert query()[1]["NoRespondedCount"] == 1
    assert query(IsGlobe="2")[0]["TotalCount"] == 1
    assert [day["SendDate"] for day in query(TemplateType="1")] == ["20260302"]
    assert query(SignName="阿里云短信测试")[0]["RespondedFailCount"] == 1
    bad = {"IsGlobe": "3", "StartDate": "20260301", "EndDate": "20260301"}
    reply = client.v3("QuerySendStatistics", {**bad, "PageIndex": "1", "PageSize": "1"})
    assert reply.code == "isv.INVALID_PARAMETERS"


def test_templates_are_shown_and_listed(client: Client) -> None:
    one = client.v3("QuerySmsTemplate", {"TemplateCode": "SMS_100006"}).json
    assert (one["TemplateStatus"], one["TemplateType"]) == (2, 1)
    assert one["TemplateContent"] == "旧模板"
    unknown = client.v3("QuerySmsTemplate", {"TemplateCode": "SMS_1"})
    assert unknown.code == "isv.SMS_TEMPLATE_ILLEGAL"
    page = client.v3("QuerySmsTemplateList", {"PageIndex": "2", "PageSize": "4"}).json
    assert (page["TotalCount"], page["CurrentPage"], page["PageSize"]) == (8, 2, 4)
    codes = [item["TemplateCode"] for item in page["SmsTemplateList"]]
    assert codes == ["SMS_100005", "SMS_100006", "SMS_100007", "SMS_100008"]
    first = client.v3("QuerySmsTemplateList", {}).json["SmsTemplateList"][0]
    assert (first["TemplateType"], first["OuterTemplateType"]) == (2, 0)
    assert first["AuditStatus"] == "AUDIT_STATE_PASS"


def test_signatures_are_shown_and_listed(client: Client) -> None:
    assert client.v3("QuerySmsSign", {"SignName": "旧签名"}).json["SignStatus"] == 10
    assert client.v3("QuerySmsSign", {"SignName": "x"}).code == "isv.SMS_SIGNATURE_ILLEGAL"
    page = client.v3("QuerySmsSignList", {"PageSize": "2"}).json
    assert [item["SignName"] for item in page["SmsSignList"]] == ["fc-sms", "阿里云短信测试"]
    assert page["TotalCount"] == 3
