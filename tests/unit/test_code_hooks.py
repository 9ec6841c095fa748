"""A code that a product made is sent once, and the product is answered as it understands."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from functions import verify_code
from shared.hooks.endpoint import within_its_time
from shared.trigger.http_trigger import Request
from shared.trigger.invocation import Invocation
from tests.unit.conftest import ApiTo
from tests.unit.hook_requests import (
    NUMBER,
    SAMPLES,
    SCENES,
    call,
    forget_instance,
    hooked,
    write_scenes,
)
from tests.unit.manual_clock import ManualClock
from tests.unit.scripted_server import Scene, hang_up, stall
from tests.unit.sms_platform import Platform, accepted, refused
from tests.unit.trigger_events import API_KEYS, Context, http_event

CODES = ("auth0", "authentik", "casdoor", "logto", "novu", "supabase", "zitadel")
LOGTO: dict[str, Any] = json.loads(SAMPLES["logto"]["body"])
SUPABASE: dict[str, Any] = json.loads(SAMPLES["supabase"]["body"])


@pytest.fixture(autouse=True)
def _hooked(deployed: pytest.MonkeyPatch, tmp_path: Path, endpoint: str) -> Iterator[None]:
    with hooked(deployed, tmp_path, SMS_INTERNATIONAL_ENDPOINT=endpoint):
        yield


def logto(**members: Any) -> bytes:
    return json.dumps({**LOGTO, **members}).encode()


def supabase(**metadata: str) -> bytes:
    changed = {**SUPABASE["metadata"], **metadata}
    return json.dumps({**SUPABASE, "metadata": changed}).encode()


@pytest.mark.parametrize("product", CODES)
def test_the_code_of_a_product_is_sent_and_answered_by_200(
    product: str, platform: Platform
) -> None:
    answer = call(product)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    (sent,) = platform.sends
    assert (sent["PhoneNumbers"], sent["TemplateCode"]) == (NUMBER, "SMS_100")
    assert json.loads(sent["TemplateParam"])["code"] in ("123456", "561166", "481516")
    assert sent["OutId"].startswith(f".hook-{product}~")


def test_what_each_product_reads_in_its_answer(deployed: pytest.MonkeyPatch) -> None:
    deployed.setenv("SMS_LIMITS", "codes-per-minute=0")
    forget_instance()
    assert set(call("supabase").body) == {"request_id"}
    novu = call("novu").body
    assert novu["data"]["id"] == novu["out_id"]
    assert call("logto").body["outcome"] == "accepted"


def test_any_other_product_may_send_a_form(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_HOOK_GENERIC_FIELDS", "number=to,code=text")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"to=%2B8613800138000&text=Your+code+is+4711"
    assert call("generic", body, headers=form).status == 200
    assert json.loads(platform.sends[0]["TemplateParam"]) == {"code": "4711"}


# Repeats


@pytest.mark.parametrize("product", CODES)
@pytest.mark.parametrize("has_store", [True, False])
def test_a_request_that_is_repeated_sends_no_second_code(
    product: str,
    has_store: bool,
    platform: Platform,
    deployed: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with hooked(deployed, tmp_path, has_store=has_store):
        if not has_store:
            deployed.delenv("SMS_STATE_URL", raising=False)
            forget_instance()
        window = time.time() // 600
        answers = [call(product), call(product)]
    assert [answer.status for answer in answers] == [200, 200]
    out_ids = {sent["OutId"] for sent in platform.sends}
    nonces = {sent["SignatureNonce"] for sent in map(_signed, platform.calls)}
    if has_store:
        assert len(platform.sends) == 1
    elif time.time() // 600 == window:  # else its ten minutes ended in between
        assert (len(out_ids), len(nonces)) == (1, 1)


def _signed(call: Any) -> Mapping[str, str]:
    return {"SignatureNonce": call.arrived.headers["x-acs-signature-nonce"]}


def test_supabase_is_known_by_its_uuid_and_not_by_the_id_of_a_try(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_LIMITS", "codes-per-minute=0")
    forget_instance()
    for _ in range(3):
        assert call("supabase", headers={}).status == 200
    assert len(platform.sends) == 1
    assert call("supabase", supabase(uuid="another-uuid")).status == 200
    assert len(platform.sends) == 2


def test_another_code_another_number_and_another_use_are_other_messages(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_LIMITS", "codes-per-minute=0")
    forget_instance()
    for body in (
        logto(),
        logto(payload={"code": "654321"}),
        logto(to="+8613800138001"),
        logto(type="Register"),
    ):
        assert call("logto", body).status == 200
    assert len(platform.sends) == 4


def test_the_same_code_of_two_products_is_two_messages(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_LIMITS", "codes-per-minute=0")
    forget_instance()
    call("logto", logto())
    call("authentik")
    assert len({sent["OutId"] for sent in platform.sends}) == 2


@pytest.mark.parametrize("product", CODES)
def test_a_code_that_is_unknown_is_answered_as_one_that_arrived(
    product: str, platform: Platform
) -> None:
    platform.on("SendSms", hang_up())
    answers = [call(product) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert "error" not in answers[1].body
    assert len(platform.sends) == 1


# Limits and refusals


def test_a_limit_is_told_to_supabase_so_that_it_does_not_knock_again(platform: Platform) -> None:
    call("supabase")
    other = json.loads(supabase(uuid="another-uuid"))
    other["sms"]["otp"] = "111222"
    answer = call("supabase", json.dumps(other).encode())
    assert answer.status == 200
    assert answer.body["error"]["http_code"] == 429
    assert "codes-per-minute" in answer.body["error"]["message"]
    assert "Retry-After" not in answer.headers
    assert len(platform.sends) == 1


@pytest.mark.parametrize("product", ["logto", "zitadel", "novu", "auth0"])
def test_a_limit_is_told_to_others_as_429_without_retry_after(
    product: str, platform: Platform
) -> None:
    assert call(product).status == 200
    body = SAMPLES[product]["body"].replace("123456", "654321").replace("481516", "654321")
    body = body.replace("66a8f3", "other")
    answer = call(product, body.encode())
    assert (answer.status, answer.body["code"]) == (429, "codes-per-minute")
    assert "Retry-After" not in answer.headers
    assert len(platform.sends) == 1


def test_a_limit_for_an_address_holds_for_the_person_who_asked(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_LIMITS", "address-per-hour=2")
    forget_instance()
    numbers = [f"+861380013800{place}" for place in range(4)]
    statuses = [call("logto", logto(to=number)).status for number in numbers]
    assert statuses == [200, 200, 429, 429]


@pytest.mark.parametrize("client_ip", ["abc", "1.2.3", ":::", "", "1.2.3.4:80", "x" * 5000, None])
def test_an_address_that_is_none_stops_no_code(client_ip: object, platform: Platform) -> None:
    assert call("logto", logto(ip=client_ip)).status == 200
    assert len(platform.sends) == 1


def test_the_first_address_of_a_chain_is_the_persons(
    platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    deployed.setenv("SMS_LIMITS", "address-per-hour=1")
    forget_instance()
    chains = ["203.0.113.7, 10.0.0.1", "203.0.113.7,10.0.0.2", "203.0.113.8, 10.0.0.1"]
    statuses = [
        call("logto", logto(to=f"+861380013800{place}", ip=chain)).status
        for place, chain in enumerate(chains)
    ]
    assert statuses == [200, 429, 200]


@pytest.mark.parametrize(
    ("scene", "status"),
    [
        (refused("isv.AMOUNT_NOT_ENOUGH"), 502),
        (refused("isv.MOBILE_NUMBER_ILLEGAL"), 422),
        (refused("isv.BUSINESS_LIMIT_CONTROL"), 429),
    ],
)
def test_a_refusal_of_the_platform_is_told(scene: Scene, status: int, platform: Platform) -> None:
    platform.on("SendSms", scene, accepted())
    answer = call("logto")
    assert (answer.status, "Retry-After" in answer.headers) == (status, False)
    assert call("logto").status == 200  # the person asks once more


def test_a_number_abroad_is_sent_as_the_scene_says(
    platform: Platform, deployed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    platform.on("SendMessageToGlobe", accepted())
    deployed.setenv("SMS_COUNTRIES", "HK")
    forget_instance()
    scene = {"logto": {"message": "{code} is your code.", "sender_id": "Acme"}}
    write_scenes(tmp_path, {**SCENES, "codes": scene})
    assert call("logto", logto(to="+85251234567")).status == 200
    (sent,) = platform.asked("SendMessageToGlobe")
    assert (sent["To"], sent["Message"], sent["From"]) == (
        "85251234567",
        "123456 is your code.",
        "Acme",
    )


def test_a_country_that_is_closed_leaves_nothing_in_state(tmp_path: Path) -> None:
    scene = {"logto": {"message": "{code} is your code."}}
    write_scenes(tmp_path, {**SCENES, "codes": scene})
    assert call("logto", logto(to="+85251234567")).status == 422
    assert not (tmp_path / "state.db").exists() or _keys(tmp_path) == []


def _keys(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "state.db")) as file:
        return [key for (key,) in file.execute("SELECT key FROM records")]


# Scenes


def test_the_kind_of_a_code_chooses_its_scene(platform: Platform, tmp_path: Path) -> None:
    codes = {
        "logto": {"template_code": "SMS_1"},
        "logto:Register": {"template_code": "SMS_2", "sign_name": "新店", "variable": "otp"},
    }
    write_scenes(tmp_path, {**SCENES, "codes": codes})
    call("logto", logto(to="+8613800138001"))
    call("logto", logto(to="+8613800138002", type="Register"))
    assert [sent["TemplateCode"] for sent in platform.sends] == ["SMS_1", "SMS_2"]
    assert platform.sends[1]["SignName"] == "新店"
    assert json.loads(platform.sends[1]["TemplateParam"]) == {"otp": "123456"}


def test_a_purpose_of_our_own_codes_has_a_scene(
    platform: Platform, deployed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployed.setenv("SMS_API_KEYS", API_KEYS)
    codes = {"purpose:login": {"template_code": "SMS_3", "sign_name": "新店"}}
    write_scenes(tmp_path, {"codes": codes})
    for place, purpose in enumerate(("login", "payment")):
        body = {"phone_number": f"1380013800{place}", "purpose": purpose}
        answered: Any = verify_code.handler(http_event(body, path="/codes"), Context())
        assert answered["statusCode"] == 200
    assert [sent["TemplateCode"] for sent in platform.sends] == ["SMS_3", "SMS_100"]
    assert [sent["SignName"] for sent in platform.sends] == ["新店", "签名"]


def test_scenes_that_cannot_be_read_are_told_in_the_log(
    tmp_path: Path, platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scenes(tmp_path, {"codes": {"logto": {"template": "SMS_1"}}})
    answer = call("logto")
    assert (answer.status, answer.body["code"]) == (500, "configuration")
    assert "scenes.json: codes.logto.template is not known" in capsys.readouterr().out
    assert platform.calls == []


@pytest.mark.parametrize("product", CODES)
def test_a_request_that_cannot_be_read_names_the_field(product: str, platform: Platform) -> None:
    answer = call(product, b"{}")
    problem = answer.body.get("error", answer.body)
    assert "is missing" in problem.get("detail", problem.get("message"))
    assert platform.calls == []


@pytest.mark.parametrize(
    ("product", "field", "body"),
    [
        ("logto", "to", {"to": "13800138000", "payload": {"code": "123456"}}),
        ("supabase", "sms.phone", {"sms": {"phone": "13800138000", "otp": "123456"}}),
        ("authentik", "To", {"To": "+13800138000", "Body": "123456"}),
    ],
)
def test_a_number_without_its_country_code_is_told_how_it_was_read(
    product: str, field: str, body: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = call(product, json.dumps(body).encode())
    told = answer.body.get("error", {}).get("message") or answer.body["detail"]
    assert told == (
        f"{field}: was read with country code 1 (US), and codes are not sent abroad: neither "
        "SMS_CODE_MESSAGE nor SMS_CODE_INTERNATIONAL_TEMPLATE is set; if it is in the Chinese "
        "mainland, write +86 in front of its 11 digits"
    )
    assert told in capsys.readouterr().out


def test_a_country_that_is_closed_is_told_by_the_field_of_the_product(
    deployed: pytest.MonkeyPatch,
) -> None:
    deployed.setenv("SMS_CODE_MESSAGE", "Your code is {code}")
    answer = call("logto", b'{"to": "13800138000", "payload": {"code": "123456"}}')
    assert (answer.body["code"], answer.body["field"]) == ("country-closed", "to")
    assert answer.body["detail"].endswith("write +86 in front of its 11 digits")


# Time


def deadline(clock: ManualClock, api_to: ApiTo, arrived_at: float) -> Invocation:
    """Return a hook's invocation, whose function has 20 seconds left, when monotonic is 0."""
    request = Request("POST", "/", {}, {}, body="", is_base64=False, arrived_at=arrived_at)
    invocation = Invocation(api_to("http://127.0.0.1:9"), clock.passed + 20)
    return within_its_time(request, invocation)


@pytest.mark.parametrize(
    ("seconds_ago", "spent"), [(0, 0), (1.5, 1.5), (2, 2), (600, 2), (-5, 0), (None, 0)]
)
def test_a_hook_has_four_seconds_from_the_arrival_of_its_request(
    seconds_ago: float | None, spent: float, clock: ManualClock, api_to: ApiTo
) -> None:
    """The arrival is held between the handler's entry and two seconds before."""
    arrived_at = 0 if seconds_ago is None else clock.epoch - seconds_ago
    timed = deadline(clock, api_to, arrived_at)
    assert timed.store_deadline == pytest.approx(clock.passed + 3.9 - spent)
    assert timed.deadline == pytest.approx(clock.passed + 3.4 - spent)


def test_a_function_with_less_time_than_a_hook_keeps_its_own(
    clock: ManualClock, api_to: ApiTo
) -> None:
    request = Request("POST", "/", {}, {}, body="", is_base64=False)
    invocation = Invocation(api_to("http://127.0.0.1:9"), clock.passed + 2)
    assert within_its_time(request, invocation).deadline < clock.passed + 2


@pytest.mark.parametrize("product", ["supabase", "logto"])
def test_an_answer_that_does_not_come_is_not_waited_for(
    product: str, platform: Platform, deployed: pytest.MonkeyPatch
) -> None:
    """The read timeout would end after the test's patience."""
    deployed.setenv("SMS_READ_TIMEOUT", "60")
    forget_instance()
    platform.on("SendSms", stall())
    assert call(product).status == 200
    assert len(platform.sends) == 1


def test_no_code_and_no_number_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    for product in CODES:
        call(product)
        call(product, b"{}")
    log = capsys.readouterr().out
    for secret in (NUMBER, "123456", "561166", "481516", "203.0.113.7"):
        assert secret not in log
    assert '"product": "supabase"' in log
