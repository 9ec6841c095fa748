"""The emulator that the clients talk to, and a way to it without a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from aliyun_sms_emulator import SmsEmulator
from tests.conformance.sdk_clients import Target

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=8)))
TOKEN = "CAIS+token/with=signs*~!"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the proxies of this machine: some SDKs ask them even for 127.0.0.1."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[SmsEmulator]:
    """The one emulator of all tests here, with a permanent and a temporary key."""
    keys = [
        {"id": "keyid", "secret": "keysecret"},
        {"id": "STS.keyid", "secret": "stssecret", "security_token": TOKEN},
    ]
    with SmsEmulator({"access_keys": keys}) as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: SmsEmulator) -> SmsEmulator:
    """An empty emulator at noon of 2026-03-01; the real time still judges timestamps."""
    running_emulator.clear()
    running_emulator.call("DELETE", "/api/settings")
    running_emulator.clock.set(NOON)
    return running_emulator


@pytest.fixture
def permanent(emulator: SmsEmulator) -> Target:
    """The emulator as a caller with a permanent key sees it."""
    return Target(emulator.url, "keyid", "keysecret")


@pytest.fixture
def temporary(emulator: SmsEmulator) -> Target:
    """The emulator as a caller with a temporary key sees it."""
    return Target(emulator.url, "STS.keyid", "stssecret", TOKEN)
