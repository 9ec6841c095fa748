"""Whole requests, signed by the official SDK, are accepted byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from signing_client import join, raw

WIRE: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[1].joinpath("data", "vectors.json").read_text("utf-8")
)["wire"]
CONFIG = {
    "access_keys": [{"id": "testid", "secret": "testsecret"}],
    "templates": [
        {"code": "SMS_154950909", "type": "verification", "content": "您的验证码为${code}。"}
    ],
    "signatures": [{"name": "阿里云短信测试"}, {"name": "阿里云"}],
    "settings": {"timestamp_clock": "emulator"},
}


@pytest.fixture(scope="module", params=[None, "STS.token+/=="], ids=["key", "sts"])
def old_time(request: pytest.FixtureRequest) -> Iterator[tuple[SmsEmulator, str | None]]:
    keys = [{"id": "testid", "secret": "testsecret"}]
    if request.param:
        keys[0]["security_token"] = request.param
    with SmsEmulator({**CONFIG, "access_keys": keys}) as emulator:
        emulator.clock.set(datetime(2025, 1, 2, 3, 4, 5, tzinfo=timezone.utc))
        yield emulator, request.param


@pytest.mark.parametrize("call", sorted({v["call"] for v in WIRE}))
def test_sdk_request_is_accepted(old_time: tuple[SmsEmulator, str | None], call: str) -> None:
    emulator, token = old_time
    emulator.settings(nonce_scope="off", limits=False)
    vector = next(v for v in WIRE if v["call"] == call and v["security_token"] == token)
    target = f"{vector['pathname']}?{join(vector['query'])}"
    body = (vector["body"] or "").encode()
    reply = raw(emulator, vector["method"], target, body, vector["headers"])
    assert (reply.status, reply.code) == (200, "OK"), reply.body
