"""Two callers of send_sms who choose the same out_id: neither blocks the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions import send_sms
from tests.unit.sms_platform import Platform, accepted, refused
from tests.unit.trigger_events import Context, http_event

ONE = {"phone_numbers": "13800138000", "template_code": "SMS_1", "out_id": "order-17"}
OTHER = {**ONE, "phone_numbers": "13900139000"}
KEYS = {"shop": "key-of-the-shop", "shop, renewed": "new-key-of-the-shop", "web": "key-of-the-web"}


@pytest.fixture(autouse=True)
def keys(deployed: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    name_keys(deployed)
    deployed.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.db")
    deployed.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    deployed.setenv("SMS_STATE_SECRET", "a-secret-of-the-tests")
    return deployed


def name_keys(environment: pytest.MonkeyPatch, **renamed: str) -> None:
    names = {label: label.partition(",")[0] for label in KEYS}
    entries = [
        f"{renamed.get(name, name)}:{hashlib.sha256(KEYS[label].encode()).hexdigest()}"
        for label, name in names.items()
    ]
    environment.setenv("SMS_API_KEYS", ",".join(entries))


def send(key: str | None, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    event = http_event(body, key=KEYS[key] if key else None)
    answered = send_sms.handler(event, Context())
    answer: dict[str, Any] = json.loads(str(answered["body"]))
    return int(str(answered["statusCode"])), answer


def out_ids(platform: Platform) -> list[str]:
    return [sent["OutId"] for sent in platform.sends]


@pytest.mark.parametrize("has_state", [True, False])
def test_two_keys_may_use_the_same_out_id_for_different_content(
    keys: pytest.MonkeyPatch, platform: Platform, has_state: bool
) -> None:
    if not has_state:
        keys.delenv("SMS_STATE_URL")
    assert [send("shop", ONE)[0], send("web", OTHER)[0]] == [200, 200]
    assert out_ids(platform) == ["shop~order-17", "web~order-17"]


def test_two_keys_of_one_name_are_one_caller(platform: Platform) -> None:
    """So a key can be changed while both are in use."""
    assert send("shop", ONE)[0] == 200
    assert send("shop, renewed", ONE)[1]["replayed"] is True
    assert send("shop, renewed", OTHER)[1]["code"] == "out-id-conflict"
    assert out_ids(platform) == ["shop~order-17"]


def test_a_key_that_was_renamed_begins_anew(keys: pytest.MonkeyPatch, platform: Platform) -> None:
    send("shop", ONE)
    name_keys(keys, shop="store")
    assert "replayed" not in send("shop", ONE)[1]
    assert out_ids(platform) == ["shop~order-17", "store~order-17"]


def test_callers_whom_the_trigger_knows_are_one_and_not_a_key_of_any_name(
    keys: pytest.MonkeyPatch, platform: Platform
) -> None:
    send("shop", ONE)
    keys.setenv("SMS_AUTH", "function")
    assert "replayed" not in send(None, ONE)[1]
    assert send("web", ONE)[1]["replayed"] is True
    assert out_ids(platform) == ["shop~order-17", ".trigger~order-17"]


def test_limits_of_keys_count_only_what_api_keys_send(
    keys: pytest.MonkeyPatch, platform: Platform
) -> None:
    keys.setenv("SMS_LIMITS", "key-per-day=1")
    bodies = [
        {**ONE, "phone_numbers": f"1380013800{place}", "out_id": f"order-{place}"}
        for place in range(4)
    ]
    assert send("shop", bodies[0])[0] == 200
    assert send("shop, renewed", bodies[1])[1]["code"] == "key-per-day"
    assert send("web", bodies[1])[0] == 200
    keys.setenv("SMS_AUTH", "jwt")
    assert [send(None, body)[0] for body in bodies] == [200] * 4


@pytest.mark.parametrize("has_state", [True, False])
def test_who_posts_anothers_out_id_first_with_a_bad_template_blocks_nobody(
    keys: pytest.MonkeyPatch, platform: Platform, has_state: bool
) -> None:
    if not has_state:
        keys.delenv("SMS_STATE_URL")
    platform.on("SendSms", refused("isv.SMS_TEMPLATE_ILLEGAL"), accepted())
    assert send("web", {**ONE, "template_code": "SMS_404"})[1]["code"] == "isv.SMS_TEMPLATE_ILLEGAL"
    status, answer = send("shop", ONE)
    assert (status, answer["outcome"]) == (200, "accepted")


def test_a_template_that_was_mistyped_does_not_use_its_own_out_id_up(platform: Platform) -> None:
    platform.on("SendSms", refused("isv.SMS_TEMPLATE_ILLEGAL"), accepted())
    assert send("shop", {**ONE, "template_code": "SMS_404"})[1]["outcome"] == "rejected"
    assert send("shop", ONE)[1]["outcome"] == "accepted"
    assert send("shop", {**ONE, "template_code": "SMS_404"})[1]["code"] == "out-id-conflict"
