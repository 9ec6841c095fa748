"""The requests that the functions sign themselves are accepted by the emulator, or refused."""

from __future__ import annotations

import io
import json
import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.clock import Clock
from shared.logs import Log, hash_key
from shared.platform.sms_api import ACCEPTED, IN_DOUBT, REJECTED, SmsApi
from shared.settings import SIGNATURE_METHODS, Credentials, read_settings
from shared.transport import SESSION
from tests.conformance.double_delivery import double_delivery
from tests.conformance.sdk_clients import Target

NUMBER = "13800138000"
ODD = "a+b *~'()!&=%2B中文"
SEND = {
    "PhoneNumbers": NUMBER,
    "SignName": "阿里云短信测试",
    "TemplateCode": "SMS_100002",
    "TemplateParam": json.dumps({"name": ODD, "order": "7"}, ensure_ascii=False),
    "OutId": ODD,
}
MakeApi = Callable[..., SmsApi]


@pytest.fixture(params=SIGNATURE_METHODS)
def make_api(request: pytest.FixtureRequest, log: io.StringIO) -> Iterator[MakeApi]:
    """Make an SmsApi for a target, with either signature."""

    def make(target: Target, clock: Clock = Clock()) -> SmsApi:
        settings = read_settings(
            {"SMS_ENDPOINT": target.url, "SMS_SIGNATURE_METHOD": request.param}
        )
        credentials = Credentials(*target[1:])
        writer = Log("request", "send_sms", hash_key("secret"), clock, log)
        return SmsApi(settings, lambda: credentials, SESSION, clock, writer)

    yield make
    SESSION.close()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


def in_five_seconds() -> float:
    return time.monotonic() + 5


@pytest.mark.parametrize("key", ["permanent", "temporary"])
def test_our_requests_are_accepted_and_arrive_as_written(
    make_api: MakeApi, emulator: SmsEmulator, key: str, request: pytest.FixtureRequest
) -> None:
    target = request.getfixturevalue(key)
    result = make_api(target).call("SendSms", SEND, deadline=in_five_seconds())
    assert (result.verdict, result.code) == (ACCEPTED, "OK")
    [message] = emulator.messages()
    assert message.text == f"【阿里云短信测试】{ODD}，您的订单7已发货。"
    assert (message.out_id, message.biz_id) == (ODD, result.body["BizId"])


def test_our_queries_are_answered(
    make_api: MakeApi, emulator: SmsEmulator, permanent: Target
) -> None:
    api = make_api(permanent)
    api.call("SendSms", SEND, deadline=in_five_seconds())
    question = {
        "PhoneNumber": NUMBER,
        "SendDate": "20260301",
        "PageSize": "50",
        "CurrentPage": "1",
    }
    body = api.query("QuerySendDetails", question, deadline=in_five_seconds())
    [detail] = body["SmsSendDetailDTOs"]["SmsSendDetailDTO"]
    assert (detail["OutId"], detail["SendStatus"]) == (ODD, 1)


def test_a_wrong_secret_is_rejected_and_nothing_leaks_into_the_log(
    make_api: MakeApi, emulator: SmsEmulator, temporary: Target, log: io.StringIO
) -> None:
    api = make_api(temporary._replace(access_key_secret="wrongsecret"))
    result = api.call("SendSms", SEND, deadline=in_five_seconds(), phone_numbers=(NUMBER,))
    assert (result.verdict, result.code) == (REJECTED, "SignatureDoesNotMatch")
    assert result.body == {}
    assert emulator.messages() == []
    [line] = log.getvalue().splitlines()
    assert json.loads(line)["code"] == "SignatureDoesNotMatch"
    for hidden in ("wrongsecret", temporary.security_token, "STS.keyid", NUMBER, "中文", "%E4"):
        assert hidden not in line


def test_a_nonce_that_comes_again_leaves_it_in_doubt(
    make_api: MakeApi, emulator: SmsEmulator, permanent: Target
) -> None:
    api, nonce = make_api(permanent), secrets.token_hex(16)
    results = [
        api.exchange(api.sign("SendSms", SEND, nonce), deadline=in_five_seconds()) for _ in range(2)
    ]
    assert [result.verdict for result in results] == [ACCEPTED, IN_DOUBT]
    assert results[1].code == "SignatureNonceUsed"
    assert len(emulator.messages()) == 1


def test_a_request_that_is_delivered_twice_sends_one_message(
    make_api: MakeApi, emulator: SmsEmulator, permanent: Target
) -> None:
    with double_delivery(emulator.url) as url:
        api = make_api(permanent._replace(url=url))
        result = api.call("SendSms", SEND, deadline=in_five_seconds())
    assert (result.verdict, result.code) == (IN_DOUBT, "SignatureNonceUsed")
    assert len(emulator.messages()) == 1


def test_an_old_timestamp_is_rejected(
    make_api: MakeApi, emulator: SmsEmulator, permanent: Target
) -> None:
    api = make_api(permanent, Clock(now=lambda: time.time() - 16 * 60))
    result = api.call("SendSms", SEND, deadline=in_five_seconds())
    assert (result.verdict, result.code) == (REJECTED, "InvalidTimeStamp.Expired")
    assert emulator.messages() == []


def test_a_token_that_is_none_of_the_platforms_is_rejected(
    make_api: MakeApi, emulator: SmsEmulator, temporary: Target
) -> None:
    api = make_api(temporary._replace(security_token="another"))
    result = api.call("SendSms", SEND, deadline=in_five_seconds())
    assert (result.verdict, result.code) == (REJECTED, "InvalidSecurityToken.Malformed")
    assert emulator.messages() == []
