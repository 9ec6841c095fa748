"""The pytest plugin: fixture `sms_emulator`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aliyun_sms_emulator.emulator import SmsEmulator


@pytest.fixture
def sms_emulator() -> Iterator[SmsEmulator]:
    """An emulator of its own for the test, in memory, on a free port of 127.0.0.1."""
    with SmsEmulator() as emulator:
        yield emulator
