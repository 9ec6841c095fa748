"""Nothing that a function lets out holds a secret, whatever it is given and whatever fails.

Let out are: answers, what Function Compute logs (output, logging records, tracebacks) and what the
shared state keeps. An answer to who may know it is the exception: QuerySendDetails by number.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import transport
from shared.errors import NotSettled
from shared.receipts import mns_queue
from tests.unit.conftest import Served
from tests.unit.echoing_platform import ID_SHAPES, SHAPES, EchoingPlatform
from tests.unit.hostile_inputs import (
    CODE_TEMPLATE,
    KEPT,
    MISPLACED,
    Call,
    bodies,
    calls,
    commands,
    hostile_values,
    receipts,
)
from tests.unit.secret_watch import Secrets, new_secrets, written
from tests.unit.source_events import encoded, mns_topic, oss
from tests.unit.trigger_events import Context, http_event
from tests.unit.watched_functions import TIMER, World, every_call, told_to_the_caller

many = functools.partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
seeds = st.integers(0, 2**32)


class EchoWorld(World):
    """A world whose SMS service answers as a shape says."""

    def __init__(self, environment: pytest.MonkeyPatch, serve: Served, folder: Path) -> None:
        self.platform = EchoingPlatform()
        super().__init__(environment, serve(self.platform.respond).url, folder)

    def begin(self, secrets: Secrets, shape: str = "accepts", *, store: bool = True) -> None:
        """Prepare an example, with answers of that shape."""
        self.prepare(secrets, store=store)
        self.platform.shape = shape


@pytest.fixture
def world(environment: pytest.MonkeyPatch, serve: Served, tmp_path: Path) -> Iterator[EchoWorld]:
    yield EchoWorld(environment, serve, tmp_path)
    mns_queue._TOKENS.clear()
    transport.SESSION.close()


@many(max_examples=150)
@given(st.data(), seeds, st.booleans(), st.sampled_from(sorted(SHAPES)))
def test_no_input_and_no_answer_makes_a_function_tell_or_crash(
    world: EchoWorld, data: st.DataObject, seed: int, store: bool, shape: str
) -> None:
    secrets = new_secrets(seed)
    world.begin(secrets, shape, store=store)
    call = data.draw(calls(secrets))
    for _ in range(2 if store else 1):
        world.check(world.run(call), secrets, *call.may_return)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_function_stands_every_answer(world: EchoWorld, shape: str) -> None:
    secrets = new_secrets(len(shape))
    for store in (True, False):
        world.begin(secrets, store=store)
        sends = [call for call in every_call(secrets) if call.function == "send_sms"]
        world.check(world.run(sends[0]), secrets)  # so that there is a message to ask about
        world.platform.shape = shape
        world.platform.queued = [json.dumps(receipts(secrets)).encode()]
        for call in every_call(secrets):
            told = world.run(call)
            world.check(told, secrets, *told_to_the_caller(call))
            assert not told.raised or store
    assert world.platform.requests > 10


@many(max_examples=40)
@given(st.data(), seeds)
def test_nothing_in_a_queue_makes_the_timer_tell_or_crash(
    world: EchoWorld, data: st.DataObject, seed: int
) -> None:
    secrets = new_secrets(seed)
    world.begin(secrets)
    numbers = hostile_values(secrets, only_numbers=True)
    messages = st.lists(st.just(receipts(secrets)) | numbers, max_size=4)
    world.platform.queued = [encoded(message) for message in data.draw(messages)]
    told = world.run(Call("receive_receipts", TIMER))
    world.check(told, secrets)
    assert told.returned["problem"] == ""


def test_a_secret_in_the_wrong_variable_is_not_repeated(world: EchoWorld) -> None:
    secrets = new_secrets(6)
    pasted = itertools.cycle((*secrets.texts, secrets.mainland))
    for name, call in list(itertools.product(MISPLACED, every_call(secrets)))[::3]:
        world.begin(secrets, "is the request")
        secret = next(pasted)
        world.environment.setenv(name, secret)
        if name in ("SMS_STATE_SECRET", "SMS_RECEIPT_TOKEN"):  # a byte more that is no UTF-8
            world.environment.setenv(name, f"{secret}{secret}\udcff")
        world.check(world.run(call), secrets, *told_to_the_caller(call))


@pytest.mark.parametrize("entry", range(3))
def test_a_number_where_a_receipt_has_none_is_not_kept(world: EchoWorld, entry: int) -> None:
    secrets = new_secrets(5)
    report = receipts(secrets)[entry]
    path = f"/receipts/{secrets.receipt_token}"
    plain, *_, wide, _arabic, hidden, _, _ = written(secrets.mainland, "86")
    for name in {*report, "sign_name", "err_code", "ErrorCode", "unknown"}.difference(KEPT):
        for form in (plain, wide, hidden, "--".join(plain)):
            world.begin(secrets)
            event = http_event([{**report, name: form}], path=path)
            told = world.run(Call("receive_receipts", event))
            assert told.status == 200
            world.check(told, secrets)


class _Bomb:
    """A timeout that fails with a text that holds all secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._text = " ".join(secrets)

    def __float__(self) -> float:
        raise RuntimeError(self._text)


def test_a_mistake_of_ours_is_told_without_its_text(world: EchoWorld) -> None:
    secrets = new_secrets(7)
    world.begin(secrets)
    function: Any = type("Function", (), {"timeout": _Bomb(secrets)})
    context = Context(request_id=secrets.mainland, function=function)
    for call in every_call(secrets):
        told = world.run(call, context)
        world.check(told, secrets)
        assert '"RuntimeError", "where": "__float__:' in told.log
    assert world.platform.requests == 0


@pytest.mark.parametrize("shape", ["accepts", "hangs up", "is not documented"])
@pytest.mark.parametrize("name", ["send_sms /sms", "send_international_sms /international-sms"])
def test_an_out_id_that_holds_a_secret_is_told_to_its_caller_alone(
    world: EchoWorld, shape: str, name: str
) -> None:
    secrets = new_secrets(8)
    out_id_form = re.compile("[A-Za-z0-9._:-]+")
    function, path = name.split()
    numbers = [form for form in written(secrets.mainland, "86") if out_id_form.fullmatch(form)]
    assert len(numbers) > 3
    for secret in (*numbers, secrets.api_key, secrets.code, secrets.access_key_secret):
        world.begin(secrets, shape)
        body = {**bodies(secrets)[name], "out_id": f"order-{secret}"}
        told = world.run(Call(function, http_event(body, path=path, key=secrets.api_key)))
        assert secret in told.text
        assert secrets.found_in(told.log) == []
        assert secrets.found_in(world.kept()) == []


@pytest.mark.parametrize("shape", ID_SHAPES)
@pytest.mark.parametrize("name", ["send_sms /sms", "send_international_sms /international-sms"])
def test_the_log_tells_a_number_from_the_id_of_a_message(
    world: EchoWorld, shape: str, name: str
) -> None:
    secrets = new_secrets(18)
    function, path = name.split()
    world.begin(secrets, shape)
    event = http_event(bodies(secrets)[name], path=path, key=secrets.api_key)
    assert secrets.found_in(world.run(Call(function, event)).log) == []


@pytest.mark.parametrize("store", [True, False])
def test_the_owners_commands_tell_nothing_in_the_log(world: EchoWorld, store: bool) -> None:
    secrets = new_secrets(19)
    world.begin(secrets, store=store)
    for name, arguments in commands(secrets).items():
        event = encoded({"command": name, "arguments": arguments})
        told = world.run(Call("operate", event))
        assert told.raised is None
        assert secrets.found_in(told.log) == [], name
        asked_for = ("mainland",) if name == "why" else ()  # its answer names the id
        assert secrets.found_in(told.text, *asked_for) == [], name


def test_an_event_that_is_to_come_again_says_so_without_what_is_in_it(world: EchoWorld) -> None:
    secrets = new_secrets(9)
    world.begin(secrets, "hangs up")
    requests = [bodies(secrets)["send_sms /sms"], bodies(secrets)["send_sms /"]]
    told = world.run(Call("send_on_event", encoded(mns_topic(requests))))
    world.check(told, secrets)
    assert isinstance(told.raised, NotSettled)
    assert str(told.raised).startswith("2 of 2 entries are not settled")


def test_files_of_recipients_leave_no_recipient_behind(world: EchoWorld, tmp_path: Path) -> None:
    secrets = new_secrets(10)
    world.begin(secrets, "refuses the number")
    (tmp_path / "recipients" / "sms-files").mkdir(parents=True)
    cells = [form.replace('"', "") for form in secrets.in_any_form()]
    rows = [
        f'"{secrets.mainland}","{secrets.code}"',
        *(f'"{cell}","{cells[0]}"' for cell in cells),
        *(f'"{secrets.mainland}","{cell}"' for cell in cells),
    ]
    files = {
        "all.csv": "\n".join(["phone_number,code", *rows]),
        "names.csv": f"phone_number,{secrets.code}\n{secrets.mainland},1",
        "all.jsonl": "\n".join(json.dumps({"phone_number": cell, cell: cell}) for cell in cells),
    }
    for name, text in files.items():
        content = text.encode()
        (tmp_path / "recipients" / "sms-files" / name).write_bytes(content)
        world.environment.setenv("SMS_FILE_TEMPLATE_CODE", CODE_TEMPLATE)
        told = world.run(Call("send_on_event", encoded(oss(f"sms-files/{name}", content))))
        world.check(told, secrets)
        (entry,) = told.returned["rejected"]
        results = (tmp_path / "recipients" / entry["results"]).read_bytes()
        assert secrets.found_in(results) == []
    assert world.platform.requests > 0
