from __future__ import annotations

from collections.abc import Iterator

import pytest

from aliyun_sms_emulator import SmsEmulator
from emulator_config import CONFIG
from receiver import Receiver, receiving
from signing_client import Client


@pytest.fixture(scope="session")
def running() -> Iterator[SmsEmulator]:
    with SmsEmulator(CONFIG) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: SmsEmulator) -> SmsEmulator:
    running.reset()
    return running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def client(emulator: SmsEmulator) -> Client:
    return Client(emulator)
