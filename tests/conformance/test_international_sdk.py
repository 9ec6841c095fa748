"""The official SDK of version 2018-05-01, unmodified, against the emulator."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_dysmsapi20180501 import models
from alibabacloud_dysmsapi20180501.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from aliyun_sms_emulator import SmsEmulator
from tests.conformance.double_delivery import double_delivery
from tests.conformance.sdk_clients import Target

# alibabacloud_tea_openapi asks for the time in a way that Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

ODD = "a+b *~'()!&=%2B中文"
HELLO = {"to": "85251234567", "message": ODD}


def client(target: Target) -> Client:
    return Client(
        Config(
            access_key_id=target.access_key_id,
            access_key_secret=target.access_key_secret,
            security_token=target.security_token or None,
            endpoint=urlsplit(target.url).netloc,
            protocol="http",
        )
    )


def send(target: Target, **fields: Any) -> dict[str, Any]:
    request = models.SendMessageToGlobeRequest(**{**HELLO, **fields})
    answer = client(target).send_message_to_globe_with_options(request, RuntimeOptions())
    body: dict[str, Any] = answer.body.to_map()
    return body


def query(target: Target, message_id: str) -> dict[str, Any]:
    request = models.QueryMessageRequest(message_id=message_id)
    answer = client(target).query_message_with_options(request, RuntimeOptions())
    body: dict[str, Any] = answer.body.to_map()
    return body


def refusal(target: Target) -> tuple[int, str]:
    with pytest.raises(AlibabaCloudException) as caught:
        send(target)
    return caught.value.status_code, caught.value.code


def test_a_message_arrives_as_it_was_written(emulator: SmsEmulator, permanent: Target) -> None:
    answer = send(permanent, from_="Alicloud321", type="OTP", task_id=ODD, validity_period=600)
    (message,) = emulator.messages()
    assert answer == {
        "ResponseCode": "OK",
        "ResponseDescription": "The SMS Send Request was accepted",
        "RequestId": message.request_id,
        "MessageId": message.biz_id,
        "To": "85251234567",
        "From": "Alicloud321",
        "Segments": "1",
        "NumberDetail": {"Country": "China", "Region": "HongKong", "Carrier": "Emulator"},
    }
    assert (message.text, message.out_id) == (ODD, ODD)
    assert (message.sign_name, message.phone_number) == ("Alicloud321", "85251234567")


def test_delivery_can_be_followed(emulator: SmsEmulator, permanent: Target) -> None:
    message_id = send(permanent)["MessageId"]
    waiting = query(permanent, message_id)
    assert (waiting["ResponseCode"], waiting["Status"]) == ("OK", "3")
    emulator.clock.advance(2)
    delivered = query(permanent, message_id)
    assert (delivered["Status"], delivered["ErrorCode"]) == ("1", "DELIVERED")
    assert delivered["SendDate"] == "Sun, 01 Mar 2026 12:00:00 +0800"
    assert delivered["ReceiveDate"] == "Sun, 01 Mar 2026 12:00:01 +0800"
    assert (delivered["To"], delivered["Message"]) == ("85251234567", ODD)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "8613800138000"}, "isv.COUNTRY_RESTRICTED"),
        ({"to": "+85251234567"}, "MOBILE_NUMBER_ILLEGAL"),
        ({"from_": "Alicloud3210"}, "INVALID_SENDERID"),
    ],
)
def test_a_refusal_by_the_service_reaches_the_caller(
    emulator: SmsEmulator, permanent: Target, fields: dict[str, str], code: str
) -> None:
    assert send(permanent, **fields)["ResponseCode"] == code
    assert emulator.messages() == []


def test_a_message_that_is_not_there_cannot_be_queried(permanent: Target) -> None:
    assert query(permanent, "1")["ResponseCode"] == "DATA_NOT_EXIST"


def test_a_wrong_secret_is_refused(emulator: SmsEmulator, permanent: Target) -> None:
    wrong = permanent._replace(access_key_secret="wrong")
    assert refusal(wrong) == (400, "SignatureDoesNotMatch")
    assert emulator.messages() == []


def test_a_nonce_that_comes_again_is_refused(emulator: SmsEmulator, permanent: Target) -> None:
    with double_delivery(emulator.url) as url:
        assert refusal(permanent._replace(url=url)) == (400, "SignatureNonceUsed")
    assert len(emulator.messages()) == 1


def test_a_temporary_key_needs_its_token(emulator: SmsEmulator, temporary: Target) -> None:
    assert send(temporary)["ResponseCode"] == "OK"
    assert refusal(temporary._replace(security_token="")) == (400, "MissingSecurityToken")
    assert len(emulator.messages()) == 1
