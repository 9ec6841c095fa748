"""The official SDKs, unmodified, send and query against the emulator, and are refused by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.conformance.double_delivery import double_delivery
from tests.conformance.sdk_clients import (
    CoreClient,
    DysmsapiClient,
    NodeClient,
    Parameters,
    SdkClient,
    Target,
)

# alibabacloud_tea_openapi asks for the time in a way that Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

ODD = "a+b *~'()!&=%2B中文"

PYTHON_CLIENTS: dict[str, Callable[[], SdkClient]] = {
    "python-dysmsapi20170525": DysmsapiClient,
    "python-dysmsapi20170525-async": lambda: DysmsapiClient(asynchronous=True),
    "python-sdk-core-get": lambda: CoreClient("GET"),
    "python-sdk-core-post": lambda: CoreClient("POST"),
}
NODE_CLIENTS = ["dysmsapi20170525", "pop-core", "pop-core-post", "sms-sdk"]
ALL_CLIENTS = [
    *(pytest.param(name) for name in PYTHON_CLIENTS),
    *(pytest.param(name, id=f"node-{name}", marks=pytest.mark.node) for name in NODE_CLIENTS),
]
# sms-sdk has neither the other queries nor temporary keys.
FULL_CLIENTS = ALL_CLIENTS[:-1]

SEND: Parameters = {
    "PhoneNumbers": "13800138000",
    "SignName": "阿里云短信测试",
    "TemplateCode": "SMS_100002",
    "TemplateParam": json.dumps({"name": ODD, "order": "7"}, ensure_ascii=False),
    "OutId": ODD,
}
DETAILS: Parameters = {
    "PhoneNumber": "13800138000",
    "SendDate": "20260301",
    "PageSize": 10,
    "CurrentPage": 1,
}


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[SdkClient]:
    """The SDK that the test's parameter names."""
    if request.param in PYTHON_CLIENTS:
        yield PYTHON_CLIENTS[request.param]()
        return
    request.getfixturevalue("node_modules")
    node = NodeClient(request.param)
    yield node
    node.close()


every_client = pytest.mark.parametrize("client", ALL_CLIENTS, indirect=True)
every_full_client = pytest.mark.parametrize("client", FULL_CLIENTS, indirect=True)


@every_client
def test_a_message_arrives_as_it_was_written(
    client: SdkClient, emulator: SmsEmulator, permanent: Target
) -> None:
    answer = client.call(permanent, "SendSms", SEND)
    assert (answer.status, answer.code) == (200, "OK")
    [message] = emulator.messages()
    assert message.text == f"【阿里云短信测试】{ODD}，您的订单7已发货。"
    assert message.out_id == ODD
    assert message.biz_id == answer.body["BizId"]


@every_client
def test_a_batch_arrives_personalised(
    client: SdkClient, emulator: SmsEmulator, permanent: Target
) -> None:
    names = {"13800138000": ODD, "13900139000": "李"}
    values = [{"name": name, "order": "7"} for name in names.values()]
    batch: Parameters = {
        "PhoneNumberJson": json.dumps(list(names)),
        "SignNameJson": json.dumps(["阿里云短信测试", "fc-sms"], ensure_ascii=False),
        "TemplateParamJson": json.dumps(values, ensure_ascii=False),
        "TemplateCode": "SMS_100002",
    }
    assert client.call(permanent, "SendBatchSms", batch).code == "OK"
    arrived = {message.phone_number: message.text for message in emulator.messages()}
    assert arrived == {
        "13800138000": f"【阿里云短信测试】{ODD}，您的订单7已发货。",
        "13900139000": "【fc-sms】李，您的订单7已发货。",
    }


@every_client
def test_delivery_can_be_followed(
    client: SdkClient, emulator: SmsEmulator, permanent: Target
) -> None:
    biz_id = client.call(permanent, "SendSms", SEND).body["BizId"]
    question = {**DETAILS, "BizId": biz_id}
    [waiting] = details(client.call(permanent, "QuerySendDetails", question).body)
    assert (waiting["SendStatus"], waiting["OutId"]) == (1, ODD)
    emulator.clock.advance(2)
    [delivered] = details(client.call(permanent, "QuerySendDetails", question).body)
    assert (delivered["SendStatus"], delivered["ErrCode"]) == (3, "DELIVERED")
    assert delivered["SendDate"] == "2026-03-01 12:00:00"
    assert delivered["ReceiveDate"] == "2026-03-01 12:00:01"


def details(body: dict[str, dict[str, list[dict[str, object]]]]) -> list[dict[str, object]]:
    assert str(body["TotalCount"]) == "1"
    return body["SmsSendDetailDTOs"]["SmsSendDetailDTO"]


@every_full_client
def test_statistics_count_what_was_sent(
    client: SdkClient, emulator: SmsEmulator, permanent: Target
) -> None:
    client.call(permanent, "SendSms", SEND)
    emulator.clock.advance(2)
    days: Parameters = {
        "IsGlobe": 1,
        "StartDate": "20260301",
        "EndDate": "20260301",
        "PageIndex": 1,
        "PageSize": 10,
    }
    data = client.call(permanent, "QuerySendStatistics", days).body["Data"]
    [day] = data["TargetList"]
    assert data["TotalSize"] == 1
    assert (day["SendDate"], day["TotalCount"], day["RespondedSuccessCount"]) == ("20260301", 1, 1)


@every_full_client
@pytest.mark.parametrize(
    ("action", "parameters", "name", "value"),
    [
        ("QuerySmsTemplate", {"TemplateCode": "SMS_100001"}, "TemplateStatus", 1),
        ("QuerySmsSign", {"SignName": "阿里云短信测试"}, "SignStatus", 1),
    ],
)
def test_templates_and_signatures_can_be_looked_up(
    client: SdkClient,
    permanent: Target,
    action: str,
    parameters: Parameters,
    name: str,
    value: int,
) -> None:
    answer = client.call(permanent, action, parameters)
    assert (answer.code, answer.body[name]) == ("OK", value)


@every_full_client
@pytest.mark.parametrize(
    ("what", "key", "expected", "total"),
    [
        ("SmsTemplateList", "TemplateCode", ["SMS_100003", "SMS_100004"], 8),
        ("SmsSignList", "SignName", [], 2),
    ],
)
def test_lists_come_page_by_page(
    client: SdkClient, permanent: Target, what: str, key: str, expected: list[str], total: int
) -> None:
    answer = client.call(permanent, f"Query{what}", {"PageIndex": 2, "PageSize": 2})
    assert answer.code == "OK"
    assert [entry[key] for entry in answer.body[what]] == expected
    assert answer.body["TotalCount"] == total


@every_client
def test_a_refusal_by_the_service_reaches_the_caller(
    client: SdkClient, emulator: SmsEmulator, permanent: Target
) -> None:
    answer = client.call(permanent, "SendSms", {**SEND, "TemplateCode": "SMS_1"})
    assert (answer.status, answer.code) == (200, "isv.SMS_TEMPLATE_ILLEGAL")


@every_client
def test_a_wrong_secret_is_refused(
    client: SdkClient, emulator: SmsEmulator, permanent: Target
) -> None:
    answer = client.call(permanent._replace(access_key_secret="wrong"), "SendSms", SEND)
    # sdk-core names it so when the string to sign in the refusal is the one it has signed.
    core = isinstance(client, CoreClient)
    assert answer.code == ("InvalidAccessKeySecret" if core else "SignatureDoesNotMatch")
    assert answer.status == 400
    assert emulator.requests()[-1].code == "SignatureDoesNotMatch"
    assert emulator.messages() == []


@every_client
@pytest.mark.parametrize("minutes", [16, -16])
def test_a_timestamp_that_is_off_is_refused(
    client: SdkClient, emulator: SmsEmulator, permanent: Target, minutes: int
) -> None:
    emulator.settings(timestamp_clock="emulator")
    emulator.clock.follow_real_time()
    emulator.clock.advance(minutes * 60)
    answer = client.call(permanent, "SendSms", SEND)
    assert (answer.status, answer.code) == (400, "InvalidTimeStamp.Expired")
    assert emulator.messages() == []


@every_client
def test_a_nonce_that_comes_again_is_refused(
    client: SdkClient, emulator: SmsEmulator, permanent: Target
) -> None:
    with double_delivery(emulator.url) as url:
        answer = client.call(permanent._replace(url=url), "SendSms", SEND)
    assert (answer.status, answer.code) == (400, "SignatureNonceUsed")
    assert [request.code for request in emulator.requests()] == ["OK", "SignatureNonceUsed"]
    assert len(emulator.messages()) == 1


@every_full_client
def test_a_temporary_key_needs_its_token(
    client: SdkClient, emulator: SmsEmulator, temporary: Target
) -> None:
    assert client.call(temporary, "SendSms", SEND).code == "OK"
    answer = client.call(temporary._replace(security_token=""), "SendSms", SEND)
    assert (answer.status, answer.code) == (400, "MissingSecurityToken")
    assert len(emulator.messages()) == 1
