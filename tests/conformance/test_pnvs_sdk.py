"""The official SDK of the verification service against the emulator, and beside our requests."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_dypnsapi20170525 import models
from alibabacloud_dypnsapi20170525.client import Client as Dypnsapi
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from aliyun_sms_emulator import SmsEmulator
from shared.clock import Clock
from shared.codes import code_requests, verification
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.settings import CodeSettings, Credentials, read_code_settings, read_settings
from shared.transport import new_session
from shared.trigger.invocation import Invocation
from tests.conformance.sdk_clients import Parameters, Target

# alibabacloud_tea_openapi asks for the time in a way that Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

NUMBER, SIGN_NAME, TEMPLATE = "13800138000", "验证码服务", "100001"
SPACE = "tests"
SEND: Parameters = {
    "PhoneNumber": NUMBER,
    "SignName": SIGN_NAME,
    "TemplateCode": TEMPLATE,
    "TemplateParam": '{"code":"##code##","min":"5"}',
    "SchemeName": "登录",
    "CodeLength": 6,
    "ValidTime": 300,
    "OutId": "order-1",
}


class Desk:
    """Our function's part that talks to the platform, as `target` sees it."""

    def __init__(self, target: Target) -> None:
        environ = {
            "SMS_PNVS_ENDPOINT": target.url,
            "SMS_CODE_BACKEND": "pnvs",
            "SMS_CODE_SIGN_NAME": SIGN_NAME,
            "SMS_CODE_TEMPLATE": TEMPLATE,
            "SMS_STATE_SECRET": "a-secret-of-the-tests",
        }
        self.codes: CodeSettings = read_code_settings(environ)
        settings, clock = read_settings(environ), Clock()
        self.session = new_session()
        log = Log("1-test", "verify_code", b"key", clock)
        credentials = Credentials(*target[1:])
        api = SmsApi(settings, lambda: credentials, self.session, clock, log)
        self.invocation = Invocation(api, clock.monotonic() + 20, SPACE)

    def create(self) -> str:
        request = code_requests.read_request({"phone_number": NUMBER, "purpose": "login"}, "")
        request = request._replace(space=SPACE)
        created = verification.create(request, self.invocation, self.codes)
        assert created.outcome
        assert created.outcome.outcome == "accepted"
        return created.verification_id

    def check(self, verification_id: str, code: str) -> bool:
        body = {"phone_number": NUMBER, "purpose": "login", "code": code}
        typed = code_requests.read_check({**body, "verification_id": verification_id})
        typed = typed._replace(space=SPACE)
        return verification.check(typed, self.invocation, self.codes)


@pytest.fixture(params=["permanent", "temporary"])
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.getfixturevalue(request.param)
    return found


def call(target: Target, action: str, parameters: Parameters) -> dict[str, Any]:
    """Let the SDK make one call, and return the body it read."""
    client = Dypnsapi(
        Config(
            access_key_id=target.access_key_id,
            access_key_secret=target.access_key_secret,
            security_token=target.security_token or None,
            endpoint=urlsplit(target.url).netloc,
            protocol="http",
        )
    )
    request = getattr(models, f"{action}Request")().from_map(dict(parameters))
    method = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower() + "_with_options"
    body: dict[str, Any] = getattr(client, method)(request, RuntimeOptions()).body.to_map()
    return body


def sent_code(emulator: SmsEmulator) -> str:
    (message,) = emulator.messages()
    (code,) = re.findall("[0-9]{6}", message.text)
    return str(code)


def verdict(target: Target, code: str, scheme: str) -> str:
    check = {"PhoneNumber": NUMBER, "VerifyCode": code, "SchemeName": scheme}
    body = call(target, "CheckSmsVerifyCode", check)
    assert (body["Code"], body["Success"]) == ("OK", True)
    return str(body["Model"]["VerifyResult"])


def test_the_sdk_has_a_code_sent_and_checked(target: Target, emulator: SmsEmulator) -> None:
    body = call(target, "SendSmsVerifyCode", SEND)
    assert (body["Code"], body["Success"], body["Model"]["OutId"]) == ("OK", True, "order-1")
    code = sent_code(emulator)
    assert verdict(target, code, "注册") == "UNKNOWN"
    assert verdict(target, code, "登录") == "PASS"
    assert verdict(target, code, "登录") == "UNKNOWN"


def test_the_sdk_is_told_of_the_interval(target: Target) -> None:
    call(target, "SendSmsVerifyCode", SEND)
    body = call(target, "SendSmsVerifyCode", SEND)
    assert (body["Code"], body["Success"]) == ("biz.FREQUENCY", False)


def test_the_sdk_knows_every_parameter_of_ours(target: Target, emulator: SmsEmulator) -> None:
    desk = Desk(target)
    desk.check(desk.create(), "000000")
    asked = [(record.action, record.parameters) for record in emulator.requests()]
    assert [action for action, _ in asked] == ["SendSmsVerifyCode", "CheckSmsVerifyCode"]
    for action, parameters in asked:
        request = getattr(models, f"{action}Request")().from_map(parameters)
        assert request.to_map() == parameters
    desk.session.close()


def test_the_sdk_and_we_speak_of_the_same_verification(
    target: Target, emulator: SmsEmulator
) -> None:
    desk = Desk(target)
    verification_id = desk.create()
    code = sent_code(emulator)
    (record,) = emulator.requests()
    assert json.loads(record.parameters["TemplateParam"])["code"] == "##code##"
    assert verdict(target, code, record.parameters["SchemeName"]) == "PASS"
    assert not desk.check(verification_id, code)  # the SDK has used it up
    desk.session.close()
