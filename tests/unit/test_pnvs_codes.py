"""Verification codes of the platform: what goes over the wire, and what passes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.codes import code_requests, verification
from shared.errors import (
    AnswerLost,
    ConfigurationError,
    ConnectionFailed,
    InvalidRequest,
    PlatformRefused,
    SmsError,
)
from shared.sending.part_records import record_key
from shared.settings import read_code_settings
from shared.state.store import Store
from shared.trigger.http_trigger import Response
from shared.trigger.invocation import Invocation
from tests.unit.conftest import CREDENTIALS, ApiTo
from tests.unit.manual_clock import ManualClock
from tests.unit.other_versions import add_member, has_later_member, members_at, take_member
from tests.unit.scripted_server import Scene, answer, hang_up
from tests.unit.sms_platform import REQUEST_ID, Platform, refused

NUMBER = "13800138000"
SECRET = "a-secret-of-the-tests"
ID = "a" * 64


def sent(*, success: object = True) -> Scene:
    model = {"BizId": "1^0", "OutId": "order-1", "RequestId": REQUEST_ID}
    return pnvs_answer(success, model)


def checked(result: object, *, success: object = True) -> Scene:
    return pnvs_answer(success, {"VerifyResult": result, "OutId": ""})


def pnvs_answer(success: object, model: object) -> Scene:
    body = {"Code": "OK", "Message": "成功", "RequestId": REQUEST_ID, "Model": model}
    return answer({**body, "Success": success})


class Desk:
    """Asks the platform for codes and lets it check them; `environ` are settings of the test."""

    def __init__(
        self, platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock
    ) -> None:
        self.platform = platform
        self.clock = clock
        self.environ = {
            "SMS_CODE_BACKEND": "pnvs",
            "SMS_CODE_SIGN_NAME": "赠送签名",
            "SMS_CODE_TEMPLATE": "100001",
            "SMS_PNVS_ENDPOINT": endpoint,
            "SMS_READ_TIMEOUT": "5",
        }
        self._api_to = api_to
        platform.on("SendSmsVerifyCode", sent())
        platform.on("CheckSmsVerifyCode", checked("PASS"))

    def keep_state(self, path: Path) -> None:
        self.environ["SMS_STATE_URL"] = f"sqlite://{path}"
        self.environ["SMS_ALLOW_LOCAL_STATE"] = "1"
        self.environ["SMS_STATE_SECRET"] = SECRET

    @property
    def store(self) -> Store:
        store = self.invocation().store
        assert store
        return store

    def part_key(self, out_id: str) -> str:
        """Return the key of the record of a send of one part."""
        return record_key(out_id, 0, SECRET)

    def invocation(self) -> Invocation:
        nowhere = "http://127.0.0.1:1"  # nothing goes to Dysmsapi
        api = self._api_to(nowhere, lambda: CREDENTIALS, **self.environ)
        return Invocation(api, self.clock.passed + 20)

    def create(self, **fields: Any) -> Response:
        body = {"phone_number": NUMBER, "purpose": "login", **fields}
        request = code_requests.read_request(body, "")
        invocation, codes = self.invocation(), read_code_settings(self.environ)
        created = verification.create(request, invocation, codes)
        has_store = invocation.store is not None
        return verification.created_response(created, request.out_id, has_store=has_store)

    def check(self, verification_id: str = ID, **fields: Any) -> bool:
        body = {"verification_id": verification_id, "phone_number": NUMBER, "code": "4815"}
        check = code_requests.read_check({**body, **fields})
        return verification.check(check, self.invocation(), read_code_settings(self.environ))

    @property
    def sends(self) -> list[Mapping[str, str]]:
        return self.platform.asked("SendSmsVerifyCode")

    @property
    def checks(self) -> list[Mapping[str, str]]:
        return self.platform.asked("CheckSmsVerifyCode")


def body_of(response: Response) -> dict[str, Any]:
    assert isinstance(response.body, dict)
    return response.body


@pytest.fixture
def desk(platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock) -> Desk:
    return Desk(platform, endpoint, api_to, clock)


def test_the_platform_makes_and_sends_the_code(desk: Desk) -> None:
    response = desk.create(out_id="order-1")
    body = body_of(response)
    assert response.status == 200
    assert re.fullmatch("[a-p]{64}", body.pop("verification_id"))
    assert body == {"out_id": "order-1", "expires_in": 300, "resend_in": 60}
    (parameters,) = desk.sends
    assert re.fullmatch("[a-p]{20}", parameters["SchemeName"])
    assert parameters == {
        "PhoneNumber": NUMBER,
        "CountryCode": "86",
        "SignName": "赠送签名",
        "TemplateCode": "100001",
        "TemplateParam": '{"code":"##code##","min":"5"}',
        "SchemeName": parameters["SchemeName"],
        "CodeLength": "6",
        "CodeType": "1",
        "ValidTime": "300",
        "Interval": "60",
        "DuplicatePolicy": "1",
        "ReturnVerifyCode": "false",
        "OutId": "order-1",
    }


def test_settings_go_over_the_wire(desk: Desk) -> None:
    desk.environ.update(
        SMS_CODE_LENGTH="8", SMS_CODE_LIFETIME="179", SMS_CODE_VARIABLE="n", SMS_SIGN_NAME="mine"
    )
    assert body_of(desk.create())["expires_in"] == 179
    (parameters,) = desk.sends
    assert (parameters["CodeLength"], parameters["ValidTime"]) == ("8", "179")
    assert json.loads(parameters["TemplateParam"]) == {"n": "##code##", "min": "2"}
    assert parameters["SignName"] == "赠送签名"


def test_a_check_asks_under_the_name_of_the_verification(desk: Desk) -> None:
    verification_id = body_of(desk.create())["verification_id"]
    assert desk.check(verification_id)
    assert desk.check(verification_id, purpose="login")
    scheme = desk.sends[0]["SchemeName"]
    asked = {"PhoneNumber": NUMBER, "CountryCode": "86", "SchemeName": scheme, "VerifyCode": "4815"}
    assert desk.checks == [asked, asked]


def test_what_is_not_the_same_is_asked_under_another_name(desk: Desk) -> None:
    verification_id = body_of(desk.create(out_id="order-1"))["verification_id"]
    others = [
        body_of(desk.create(out_id="order-1", purpose="pay"))["verification_id"],
        body_of(desk.create(out_id="order-2"))["verification_id"],
        verification_id[:32],
    ]
    for other in others:
        desk.check(other)
    desk.check(verification_id, purpose="pay")
    desk.check(verification_id, phone_number="13800138001")
    desk.check(verification_id, phone_number="+1 800 138 0000")
    asked = {check["SchemeName"] for check in desk.checks}
    assert desk.sends[0]["SchemeName"] not in asked
    assert len(asked) == 5  # asking for purpose "pay" names the verification that was made for it


@pytest.mark.parametrize(
    ("scene", "passes"),
    [
        (checked("PASS"), True),
        (checked("PASS", success=False), False),
        (checked("PASS", success="true"), False),
        (checked("PASS", success=None), False),
        (checked("UNKNOWN"), False),
        (checked("pass"), False),
        (checked(True), False),
        (pnvs_answer(True, None), False),
        (pnvs_answer(True, "PASS"), False),
        (answer({"Code": "OK", "Success": True}), False),
        (refused("isv.ValidateFail", status="400 No"), False),
        (refused("isv.ValidateFail"), False),
    ],
)
def test_only_success_and_pass_verify(desk: Desk, scene: Scene, passes: bool) -> None:
    desk.platform.on("CheckSmsVerifyCode", scene)
    assert desk.check() is passes


@pytest.mark.parametrize(
    ("scene", "error"),
    [
        (refused("isv.RAM_PERMISSION_DENY"), PlatformRefused),
        (refused("Throttling.User", status="400 No"), PlatformRefused),
        (refused("isp.SYSTEM_ERROR"), AnswerLost),
        (hang_up(), AnswerLost),
        (answer(b"<html>"), AnswerLost),
    ],
)
def test_a_check_without_a_verdict_is_an_error(
    desk: Desk, scene: Scene, error: type[SmsError]
) -> None:
    desk.platform.on("CheckSmsVerifyCode", scene)
    with pytest.raises(error):
        desk.check()


def test_a_platform_out_of_reach_is_an_error(desk: Desk) -> None:
    desk.environ["SMS_PNVS_ENDPOINT"] = "http://127.0.0.1:1"
    with pytest.raises(ConnectionFailed):
        desk.check()
    assert desk.create().status == 503


def test_too_many_sends_are_429(desk: Desk) -> None:
    desk.platform.on("SendSmsVerifyCode", refused("biz.FREQUENCY"))
    response = desk.create()
    assert (response.status, body_of(response)["code"]) == (429, "biz.FREQUENCY")
    assert response.headers["Retry-After"] == "60"


@pytest.mark.parametrize("scene", [hang_up(), sent(success=False), refused("isp.SYSTEM_ERROR")])
@pytest.mark.parametrize("stateful", [False, True])
def test_a_code_that_may_be_on_its_way_is_told_of(
    desk: Desk, scene: Scene, stateful: bool, tmp_path: Path
) -> None:
    if stateful:
        desk.keep_state(tmp_path / "state")
    desk.platform.on("SendSmsVerifyCode", scene)
    response = desk.create(out_id="order-1")
    body = body_of(response)
    assert (response.status, body["outcome"], body["retryable"]) == (504, "unknown", stateful)
    assert "wait for it" in body["detail"]
    assert desk.check(body["verification_id"])
    assert desk.checks[0]["SchemeName"] == desk.sends[0]["SchemeName"]
    if stateful:
        assert desk.create(out_id="order-1").status == 504
        assert len(desk.sends) == 1


def test_a_repeat_presents_the_same_nonce(desk: Desk) -> None:
    """Without state that is what the platform can tell it by."""
    first, again = desk.create(out_id="order-1"), desk.create(out_id="order-1")
    assert first == again
    nonces = {call.arrived.headers["x-acs-signature-nonce"] for call in desk.platform.calls}
    assert len(nonces) == 1
    assert desk.sends[0] == desk.sends[1]


def test_with_state_a_repeat_is_one_sms(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    first = body_of(desk.create(out_id="order-1"))
    desk.clock.advance(45)
    again = body_of(desk.create(out_id="order-1"))
    assert again == {**first, "expires_in": 255, "resend_in": 15}
    assert len(desk.sends) == 1


def test_with_state_of_a_later_version_a_repeat_is_one_sms(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    first = body_of(desk.create(out_id="order-1"))
    desk.clock.advance(45)
    add_member(desk.store, desk.part_key("order-1"))
    again = body_of(desk.create(out_id="order-1"))
    assert again == {**first, "expires_in": 255, "resend_in": 15}
    assert has_later_member(members_at(desk.store, desk.part_key("order-1")))
    assert len(desk.sends) == 1


def test_when_a_code_was_sent_is_not_known_it_is_not_said_to_be_valid(
    desk: Desk, tmp_path: Path
) -> None:
    desk.keep_state(tmp_path / "state")
    first = body_of(desk.create(out_id="order-1"))
    take_member(desk.store, desk.part_key("order-1"), "last_at")
    again = body_of(desk.create(out_id="order-1"))
    assert again == {**first, "expires_in": 0, "resend_in": 0}
    assert len(desk.sends) == 1


@pytest.mark.parametrize("name", ["SMS_CODE_TEMPLATE", "SMS_CODE_SIGN_NAME"])
def test_a_missing_setting_is_named(desk: Desk, name: str) -> None:
    desk.environ[name] = ""
    with pytest.raises(ConfigurationError, match=name):
        desk.create()
    assert desk.platform.calls == []


def test_no_code_goes_abroad(desk: Desk) -> None:
    with pytest.raises(InvalidRequest) as caught:
        desk.create(phone_number="+85251234567")
    assert caught.value.field == "phone_number"
    assert desk.platform.calls == []
