"""Runs of the functions on inputs made by chance, and the rules that each answer keeps.

No function crashes; an answer over HTTP is of the contract; no log line holds what was planted.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

import pytest
import yaml

from shared import transport
from shared.errors import NotSettled
from shared.receipts import mns_queue
from shared.trigger.invocation import instance_settings
from tests.fuzz.mutations import drawn_call
from tests.integration.redis_server import RedisServer
from tests.unit.echoing_platform import SHAPES, EchoingPlatform
from tests.unit.hostile_inputs import Call
from tests.unit.scripted_server import ScriptedServer
from tests.unit.secret_watch import Secrets, Told, new_secrets
from tests.unit.watched_functions import World

ROOT = Path(__file__).resolve().parents[2]
STORES = ("none", "sqlite", "redis")
BUCKET = "recipients"  # as the events about objects name it
_PROBLEM = ("type", "title", "status", "detail", "code", "retryable", "request_id")
_CASES_A_WORLD = 50  # with one store and one set of secrets


class Run(NamedTuple):
    """Cases from `seed` on, until `cases` were done or `seconds` have passed."""

    seed: int = 1
    cases: int = 10**9
    seconds: float = 10**9


class _Environment:
    """Sets variables as pytest's monkeypatch does, and lets a new instance begin each time."""

    def __init__(self) -> None:
        self._before = dict(os.environ)

    def setenv(self, name: str, value: str) -> None:
        os.environ[name] = value
        instance_settings.cache_clear()

    def delenv(self, name: str, raising: bool = True) -> None:
        os.environ.pop(name, None)
        instance_settings.cache_clear()

    def undo(self) -> None:
        os.environ.clear()
        os.environ.update(self._before)
        instance_settings.cache_clear()


def fuzz(run: Run, folder: Path) -> Counter[str]:
    """Do the cases of a run; returns what was counted, raises AssertionError for a broken rule."""
    counted: Counter[str] = Counter()
    statuses = documented_statuses()
    end = time.monotonic() + run.seconds
    (folder / "redis").mkdir()
    with RedisServer(folder / "redis") as redis, _world(folder) as (world, platform):
        seed = run.seed
        while counted["cases"] < run.cases and time.monotonic() < end:
            chance, secrets = Random(seed), new_secrets(seed)
            store = STORES[seed % len(STORES)]
            redis.ask("FLUSHALL")
            world.prepare(secrets, store=store != "none")
            if store == "redis":
                world.environment.setenv("SMS_STATE_URL", redis.url)
            for number in range(min(_CASES_A_WORLD, run.cases - counted["cases"])):
                platform.shape = chance.choice(sorted(SHAPES))
                call = drawn_call(chance, secrets, _bucket(folder))
                told = world.run(call)
                try:
                    _check(call, told, secrets, statuses)
                except AssertionError as error:
                    again = f"python -m tests.fuzz --seed {seed} --cases {number + 1}"
                    raise AssertionError(f"{error}\n{call.event!r}\nAgain: {again}") from error
                counted["cases"] += 1
                counted[f"store {store}"] += 1
                counted[f"{call.function} {_ended(told)}"] += 1
            seed += 1
    return counted


def documented_statuses() -> dict[str, set[int]]:
    """Return the statuses that openapi.yaml names, by the function that answers a path."""
    paths = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))["paths"]
    functions = {
        "/sms": "send_sms",
        "/international-sms": "send_international_sms",
        "/delivery-status": "query_delivery_status",
        "/codes": "verify_code",
        "/codes/check": "verify_code",
        "/receipts/{token}": "receive_receipts",
        "/hooks/{product}": "receive_hook",
        "/hooks/cloudmonitor/{token}": "receive_hook",
    }
    known: dict[str, set[int]] = {"operate": {403}}  # it takes no HTTP requests
    for path, operations in paths.items():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                statuses = {int(status) for status in operation["responses"]}
                known.setdefault(functions[path], {400, 404, 405}).update(statuses)
    return known


@contextmanager
def _world(folder: Path) -> Iterator[tuple[World, EchoingPlatform]]:
    platform = EchoingPlatform()
    server = ScriptedServer(platform.respond).start()
    environment = _Environment()
    try:
        yield World(cast(pytest.MonkeyPatch, environment), server.url, folder), platform
    finally:
        environment.undo()
        mns_queue._TOKENS.clear()
        transport.SESSION.close()
        server.stop()


def _bucket(folder: Path) -> Any:
    def put(key: str, content: bytes) -> None:
        path = folder / BUCKET / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return put


def _check(call: Call, told: Told, secrets: Secrets, statuses: dict[str, set[int]]) -> None:
    assert told.raised is None or isinstance(told.raised, NotSettled), told.log
    assert '"action": "internal-error"' not in told.log, told.log
    assert secrets.found_in(told.log) == [], told.log
    if told.returned and "statusCode" in told.returned:
        assert told.status in statuses[call.function], told.text
        body = json.loads(told.returned["body"])
        if told.status >= 400:
            assert all(name in body for name in _PROBLEM), told.text
            assert body["status"] == told.status
            assert told.returned["headers"]["Content-Type"] == "application/problem+json"


def _ended(told: Told) -> str:
    if told.raised is not None:
        return type(told.raised).__name__
    return str(told.status) if told.status else "returned"
