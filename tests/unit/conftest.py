"""Fixtures of the unit tests: servers on real sockets, a session, the platform, a clock."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
import requests

from shared import transport
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.settings import Credentials, read_settings
from shared.transport import new_session
from tests.unit.manual_clock import ManualClock
from tests.unit.scripted_server import Respond, ScriptedServer
from tests.unit.sms_platform import Platform
from tests.unit.trigger_events import API_KEYS

CREDENTIALS = Credentials("LTAItestid", "test-secret-0123")


class Served(Protocol):
    """Starts a server that lives as long as the test."""

    def __call__(self, respond: Respond, **arguments: Any) -> ScriptedServer: ...


@pytest.fixture
def serve() -> Iterator[Served]:
    with ExitStack() as stack:

        def start(respond: Respond, **arguments: Any) -> ScriptedServer:
            return stack.enter_context(ScriptedServer(respond, **arguments))

        yield start


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with new_session() as session:
        yield session


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log_stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log_lines(log_stream: io.StringIO) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [json.loads(line) for line in log_stream.getvalue().splitlines()]


class ApiTo(Protocol):
    """Makes an SmsApi for an endpoint; `environ` are settings, as the environment gives them."""

    def __call__(
        self, endpoint: str, credentials: Callable[[], Credentials] = ..., **environ: str
    ) -> SmsApi: ...


@pytest.fixture
def api_to(session: requests.Session, clock: ManualClock, log_stream: io.StringIO) -> ApiTo:
    def make(
        endpoint: str,
        credentials: Callable[[], Credentials] = lambda: CREDENTIALS,
        **environ: str,
    ) -> SmsApi:
        settings = read_settings({"SMS_ENDPOINT": endpoint, **environ})
        log = Log("invocation-x", "send_sms", b"hash key", clock.as_clock(), log_stream)
        return SmsApi(settings, credentials, session, clock.as_clock(), log)

    return make


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def endpoint(platform: Platform, serve: Served) -> str:
    return serve(platform.respond).url


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with an API key and nothing else that the functions read."""
    for name in os.environ:
        if name.startswith(("SMS_", "ALIBABA_CLOUD_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SMS_API_KEYS", API_KEYS)
    return monkeypatch


@pytest.fixture
def deployed(environment: pytest.MonkeyPatch, endpoint: str) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a function that is set up and reaches the `platform`."""
    environment.setenv("SMS_ENDPOINT", endpoint)
    environment.setenv("SMS_SIGN_NAME", "签名")
    environment.setenv("SMS_ACCESS_KEY_ID", CREDENTIALS.access_key_id)
    environment.setenv("SMS_ACCESS_KEY_SECRET", CREDENTIALS.access_key_secret)
    yield environment
    transport.SESSION.close()
