"""Function Compute and the SMS service on this machine, for every test of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.state.choice import open_store
from tests.integration.cloud import Cloud
from tests.integration.contract import Contract
from tests.integration.faulty_network import FaultyNetwork
from tests.integration.redis_server import RedisServer

StartCloud = Callable[..., Cloud]


@pytest.fixture(scope="session")
def contract(project: Path) -> Contract:
    """The HTTP contract."""
    return Contract(project / "openapi.yaml")


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[SmsEmulator]:
    with SmsEmulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running_emulator: SmsEmulator) -> SmsEmulator:
    """The SMS service, with nothing sent yet, its own settings and the real time."""
    running_emulator.clear()
    running_emulator.call("DELETE", "/api/settings")
    running_emulator.clock.follow_real_time()
    for number in ("13800138009", "85251234567"):  # those that tests give another fate
        running_emulator.set_fate(number, "deliver")
    return running_emulator


@pytest.fixture(scope="module")
def network(running_emulator: SmsEmulator) -> Iterator[FaultyNetwork]:
    """A network in front of the SMS service in which a test plans faults."""
    with FaultyNetwork(running_emulator.endpoint) as network:
        yield network


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_server(running_redis: RedisServer) -> RedisServer:
    """A Redis with nothing in it, running."""
    if not running_redis.is_running:
        running_redis.start()
    running_redis.ask("FLUSHALL")
    return running_redis


@pytest.fixture
def redis_url(redis_server: RedisServer) -> Iterator[str]:
    """An empty Redis for functions that run in this process."""
    yield redis_server.url
    open_store(redis_server.url)._client.close()  # type: ignore[attr-defined]
    open_store.cache_clear()


@pytest.fixture(scope="session")
def running_cloud(
    project: Path, running_emulator: SmsEmulator, contract: Contract
) -> Iterator[Cloud]:
    with Cloud(project, running_emulator, contract) as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: Cloud, emulator: SmsEmulator) -> Iterator[Cloud]:
    """The functions with ordinary settings; they keep running from test to test.

    After the test every line they logged is checked: JSON, and no number, value or secret in it.
    """
    running_cloud.start_test()
    yield running_cloud
    running_cloud.check_log()


@pytest.fixture
def start_cloud(project: Path, emulator: SmsEmulator, contract: Contract) -> Iterator[StartCloud]:
    """Start functions with settings of the test: what `Cloud` takes. Logs are checked as well."""
    with ExitStack() as stack:

        def start(**options: Any) -> Cloud:
            cloud = stack.enter_context(Cloud(project, emulator, contract, **options))
            stack.callback(cloud.check_log)
            return cloud

        yield start
