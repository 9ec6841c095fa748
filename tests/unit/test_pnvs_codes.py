"""Verification codes of the platform: what goes over the wire, and what passes."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.codes import code_requests, verification
from shared.errors import (
    AnswerLost,
    ConfigurationError,
    ConnectionFailed,
    InvalidRequest,
    OutIdConflict,
    PlatformRefused,
    SmsError,
    StoreUnavailable,
)
from shared.ids import WireId
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
from tests.unit.trigger_events import SPACE

NUMBER, OTHER = "13800138000", "13800138001"
SECRET = "a-secret-of-the-tests"


def sent(*, success: object = True) -> Scene:
    model = {"BizId": "1^0", "OutId": "order-1", "RequestId": REQUEST_ID}
    return pnvs_answer(success, model)


def checked(result: object, *, success: object = True) -> Scene:
    return pnvs_answer(success, {"VerifyResult": result, "OutId": ""})


def pnvs_answer(success: object, model: object) -> Scene:
    body = {"Code": "OK", "Message": "成功", "RequestId": REQUEST_ID, "Model": model}
    return answer({**body, "Success": success})


class Desk:
    """Asks the platform for codes and lets it check them, for a caller of `space`.

    `environ` are settings of the test.
    """

    def __init__(
        self, platform: Platform, endpoint: str, api_to: ApiTo, clock: ManualClock
    ) -> None:
        self.platform = platform
        self.clock = clock
        self.space = SPACE
        self.environ = {
            "SMS_CODE_BACKEND": "pnvs",
            "SMS_CODE_SIGN_NAME": "赠送签名",
            "SMS_CODE_TEMPLATE": "100001",
            "SMS_PNVS_ENDPOINT": endpoint,
            "SMS_STATE_SECRET": SECRET,
            "SMS_READ_TIMEOUT": "5",
        }
        self._api_to = api_to
        platform.on("SendSmsVerifyCode", sent())
        platform.on("CheckSmsVerifyCode", checked("PASS"))

    def keep_state(self, path: Path) -> None:
        self.environ["SMS_STATE_URL"] = f"sqlite://{path}"
        self.environ["SMS_ALLOW_LOCAL_STATE"] = "1"

    @property
    def store(self) -> Store:
        store = self.invocation().store
        assert store
        return store

    def part_key(self, out_id: str) -> str:
        """Return the key of the record of a send of one part."""
        return record_key(WireId(self.space, out_id), SECRET)

    def invocation(self) -> Invocation:
        nowhere = "http://127.0.0.1:1"  # nothing goes to Dysmsapi
        api = self._api_to(nowhere, lambda: CREDENTIALS, **self.environ)
        return Invocation(api, self.clock.passed + 20, self.space)

    def create(self, **fields: Any) -> Response:
        body = {"phone_number": NUMBER, "purpose": "login", **fields}
        request = code_requests.read_request(body, "")._replace(space=self.space)
        invocation, codes = self.invocation(), read_code_settings(self.environ)
        created = verification.create(request, invocation, codes)
        has_store = invocation.store is not None
        return verification.created_response(created, request.out_id, has_store=has_store)

    def created(self, **fields: Any) -> str:
        """Create and return the verification_id; fails unless the code was sent."""
        response = self.create(**fields)
        assert response.status == 200, response
        return str(body_of(response)["verification_id"])

    def check(self, verification_id: str, **fields: Any) -> bool:
        body = {"phone_number": NUMBER, "purpose": "login", "code": "4815", **fields}
        check = code_requests.read_check({**body, "verification_id": verification_id})
        check = check._replace(space=self.space)
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


def kept(state: Path) -> list[str]:
    """Everything in a state file, row by row."""
    with closing(sqlite3.connect(state)) as database:
        tables = ("records", "counts", "moments")
        rows = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    return [str(row) for table in rows for row in table]


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
        "OutId": "tester~order-1",
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
    verification_id = desk.created()
    assert desk.check(verification_id)
    assert desk.check(verification_id, phone_number="+86 138 0013 8000")
    scheme = desk.sends[0]["SchemeName"]
    asked = {"PhoneNumber": NUMBER, "CountryCode": "86", "SchemeName": scheme, "VerifyCode": "4815"}
    assert desk.checks == [asked, asked]


def test_what_is_not_the_same_is_sent_and_asked_under_another_name(desk: Desk) -> None:
    verification_id = desk.created(out_id="order-1")
    pay = desk.created(out_id="order-1", purpose="pay")
    second = desk.created(out_id="order-2")
    other = desk.created(out_id="order-1", phone_number=OTHER)
    desk.space = "another"
    anothers = desk.created(out_id="order-1")
    desk.space = SPACE
    assert len({verification_id, pay, second, other, anothers}) == 5
    schemes = [sent["SchemeName"] for sent in desk.sends]
    assert len(set(schemes)) == 5
    assert desk.check(pay, purpose="pay")
    assert desk.check(second)
    assert desk.check(other, phone_number=OTHER)
    desk.space = "another"
    assert desk.check(anothers)
    assert [check["SchemeName"] for check in desk.checks] == schemes[1:]


def test_what_is_not_the_same_does_not_pass_and_is_not_asked(desk: Desk) -> None:
    """The platform would let every check pass here."""
    verification_id = desk.created(out_id="order-1")
    other, code = desk.created(out_id="order-2"), "4815"
    for wrong in (
        {"purpose": "pay"},
        {"phone_number": OTHER},
        {"phone_number": "+1 800 138 0000"},
        {"code": code, "purpose": "Login"},
    ):
        assert not desk.check(verification_id, **wrong)
    for made_up in (verification_id[:32], verification_id[32:], "a" * 32, "a" * 64):
        assert not desk.check(made_up)
    assert not desk.check(verification_id[:32] + other[32:])
    assert not desk.check(other[:32] + verification_id[32:])
    desk.space = "another"
    assert not desk.check(verification_id)
    assert desk.checks == []
    desk.space = SPACE
    assert desk.check(verification_id)


def test_a_check_from_another_space_does_what_one_of_no_verification_does(
    desk: Desk, tmp_path: Path
) -> None:
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    desk.space = "attacker"
    before, calls = kept(tmp_path / "state"), len(desk.platform.calls)
    for _ in range(5):
        assert not desk.check(verification_id)
        assert not desk.check("a" * 64)
    assert kept(tmp_path / "state") == before
    assert len(desk.platform.calls) == calls
    desk.space = SPACE
    assert desk.check(verification_id)


@pytest.mark.parametrize("stateful", [False, True])
def test_without_a_secret_there_are_no_codes(desk: Desk, tmp_path: Path, stateful: bool) -> None:
    verification_id = desk.created()
    for secret in ("", "short"):
        desk.environ["SMS_STATE_SECRET"] = secret
        if stateful:
            desk.keep_state(tmp_path / "state")
        with pytest.raises(ConfigurationError, match="SMS_STATE_SECRET"):
            desk.create()
        with pytest.raises(ConfigurationError, match="SMS_STATE_SECRET"):
            desk.check(verification_id)
    assert len(desk.platform.calls) == 1


def test_a_verification_of_another_secret_is_none(desk: Desk) -> None:
    verification_id = desk.created()
    desk.environ["SMS_STATE_SECRET"] = "another-secret-of-the-tests"
    assert not desk.check(verification_id)
    assert desk.created(out_id="order-1") != verification_id
    assert desk.checks == []


# tries


def test_with_state_tries_are_counted_and_then_the_platform_is_not_asked(
    desk: Desk, tmp_path: Path
) -> None:
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_CODE_TRIES"] = "3"
    verification_id = desk.created()
    desk.platform.on("CheckSmsVerifyCode", checked("UNKNOWN"))
    for _ in range(3):
        assert not desk.check(verification_id)
    desk.platform.on("CheckSmsVerifyCode", checked("PASS"))
    assert not desk.check(verification_id)
    assert len(desk.checks) == 3


def test_the_last_try_may_be_right(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_CODE_TRIES"] = "2"
    verification_id = desk.created()
    desk.platform.on("CheckSmsVerifyCode", checked("UNKNOWN"), checked("PASS"))
    assert [desk.check(verification_id) for _ in range(3)] == [False, True, False]
    assert len(desk.checks) == 2


def test_each_verification_has_tries_of_its_own(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    desk.environ.update(SMS_CODE_TRIES="1", SMS_LIMITS="codes-per-minute=0")
    first, second = desk.created(), desk.created()
    assert desk.check(first)
    assert not desk.check(first)
    assert desk.check(second)


def test_a_try_is_taken_before_the_platform_is_asked(desk: Desk, tmp_path: Path) -> None:
    """So checks that are made at once share the tries."""
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    at_once: list[bool] = []

    def decide(_parameters: Mapping[str, str]) -> Scene:
        at_once.append(desk.check(verification_id))
        desk.invocation().api.session.close()  # the connections of this thread
        return checked("PASS")

    desk.platform.decide("CheckSmsVerifyCode", decide)
    assert desk.check(verification_id)
    assert at_once == [False]
    assert len(desk.checks) == 1


def test_of_many_guesses_at_once_so_many_are_asked(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    verification_id = desk.created()
    desk.platform.on("CheckSmsVerifyCode", checked("UNKNOWN"))
    together = threading.Barrier(12)
    verdicts: list[bool] = []

    def guess() -> None:
        together.wait()
        verdicts.append(desk.check(verification_id))
        desk.invocation().api.session.close()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [False] * 12
    assert len(desk.checks) == 5


@pytest.mark.parametrize(
    "scene", [hang_up(), refused("isp.SYSTEM_ERROR"), refused("Throttling.User", status="400 No")]
)
def test_a_try_that_the_platform_did_not_answer_is_given_back(
    desk: Desk, tmp_path: Path, scene: Scene
) -> None:
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    desk.platform.on("CheckSmsVerifyCode", scene)
    for _ in range(3):
        with pytest.raises(SmsError):
            desk.check(verification_id)
    desk.platform.on("CheckSmsVerifyCode", checked("PASS"))
    assert desk.check(verification_id)
    assert not desk.check(verification_id)
    assert len(desk.checks) == 4


def test_a_try_of_a_platform_out_of_reach_is_given_back(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id, endpoint = desk.created(), desk.environ["SMS_PNVS_ENDPOINT"]
    desk.environ["SMS_PNVS_ENDPOINT"] = "http://127.0.0.1:1"
    with pytest.raises(ConnectionFailed):
        desk.check(verification_id)
    desk.environ["SMS_PNVS_ENDPOINT"] = endpoint
    assert desk.check(verification_id)


def test_no_more_tries_are_given_back_than_there_were(desk: Desk, tmp_path: Path) -> None:
    """The record may be gone when the platform's answer is: a lifetime or a failover later."""
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_CODE_TRIES"] = "1"
    verification_id = desk.created()
    key = f"tries:{verification_id}"

    def forget(_parameters: Mapping[str, str]) -> Scene:
        text = desk.store.get(key)
        assert text is not None
        assert desk.store.delete(key, text)
        return hang_up()

    desk.platform.decide("CheckSmsVerifyCode", forget)
    with pytest.raises(AnswerLost):
        desk.check(verification_id)
    desk.platform.on("CheckSmsVerifyCode", checked("UNKNOWN"))
    assert not desk.check(verification_id)
    assert not desk.check(verification_id)
    assert len(desk.checks) == 2


def test_a_state_that_cannot_be_used_lets_no_guess_through(desk: Desk, tmp_path: Path) -> None:
    verification_id = desk.created()
    desk.keep_state(tmp_path / "nowhere" / "state")
    with pytest.raises(StoreUnavailable):
        desk.check(verification_id)
    assert desk.checks == []


def test_the_record_of_tries_hands_on_what_a_later_version_wrote(
    desk: Desk, tmp_path: Path
) -> None:
    desk.keep_state(tmp_path / "state")
    verification_id = desk.created()
    desk.platform.on("CheckSmsVerifyCode", checked("UNKNOWN"), hang_up())
    assert not desk.check(verification_id)
    key = f"tries:{verification_id}"
    add_member(desk.store, key)
    with pytest.raises(AnswerLost):
        desk.check(verification_id)
    assert has_later_member(members_at(desk.store, key))
    assert members_at(desk.store, key)["left"] == 4
    take_member(desk.store, key, "left")
    assert not desk.check(verification_id)  # none is left, as far as is known
    assert len(desk.checks) == 2


def test_the_record_of_tries_tells_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    desk.check(desk.created(out_id="order-1"))
    for row in kept(tmp_path / "state"):
        assert not [text for text in (NUMBER, "order-1", "4815", SECRET) if text in row]


# what goes wrong


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
    assert desk.check(desk.created()) is passes
    assert len(desk.checks) == 1


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
    verification_id = desk.created()
    desk.platform.on("CheckSmsVerifyCode", scene)
    with pytest.raises(error):
        desk.check(verification_id)


def test_a_platform_out_of_reach_is_an_error(desk: Desk) -> None:
    verification_id = desk.created()
    desk.environ["SMS_PNVS_ENDPOINT"] = "http://127.0.0.1:1"
    with pytest.raises(ConnectionFailed):
        desk.check(verification_id)
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


@pytest.mark.parametrize("change", [{"phone_number": OTHER}, {"purpose": "pay"}])
def test_with_state_an_out_id_is_for_one_number_and_purpose_unless_it_was_refused(
    desk: Desk, tmp_path: Path, change: dict[str, str]
) -> None:
    desk.keep_state(tmp_path / "state")
    desk.platform.on("SendSmsVerifyCode", refused("isv.MOBILE_NUMBER_ILLEGAL"), sent())
    assert desk.create(out_id="order-1").status == 422
    verification_id = desk.created(out_id="order-1", **change)
    with pytest.raises(OutIdConflict):
        desk.create(out_id="order-1")
    assert not desk.check(verification_id)
    assert desk.check(verification_id, **change)
    assert len(desk.sends) == 2


def test_what_a_limit_refuses_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.keep_state(tmp_path / "state")
    desk.environ["SMS_LIMITS"] = "mainland-per-day=1"
    desk.created()
    before = kept(tmp_path / "state")
    response = desk.create(phone_number=OTHER)
    assert (response.status, body_of(response)["code"]) == (429, "mainland-per-day")
    assert kept(tmp_path / "state") == before
