"""Inputs for the functions, made from proper ones by chance: values, bytes and files.

Each holds the secrets of its example somewhere: numbers, a code, keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.unit.hostile_inputs import Call, bodies, commands, receipts
from tests.unit.secret_watch import Secrets
from tests.unit.source_events import (
    KINDS_WITH_AN_ID,
    KINDS_WITHOUT_ID,
    encoded,
    oss,
)
from tests.unit.trigger_events import event_fields
from tests.unit.watched_functions import TIMER, hook_calls

DEEPEST = 4
# What breaks readers: other types, giant and tiny numbers, half characters, deep nesting.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1e308, 10**400),
    *("", " ", "\ud800", "\0", "\u202e", "🎁", "x" * 5000),
    *([], {}, [[]], {"": ""}, [[[[[[[[]]]]]]]], {"a": {"a": {"a": {}}}}),
)
ODD_BYTES = (
    *(b"\xff", b"\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b"\r", b'"', b"\\u", b"{", b"[", b","),
)
Put = Callable[[str, bytes], None]


def drawn_call(chance: Random, secrets: Secrets, put: Put) -> Call:
    """Draw an event for one of the functions; `put` lays a file into the bucket."""
    ways = (
        *(_http_call, _http_call, _event_call, _receipt_call, _file_call, _timer_call),
        _hook_call,
        _operate_call,
    )
    call = chance.choice(ways)(chance, secrets, put)
    if chance.random() < 0.25:
        return call._replace(event=_with_odd_bytes(chance, call.event))
    return call


def _http_call(chance: Random, secrets: Secrets, _put: Put) -> Call:
    name, body = chance.choice(sorted(bodies(secrets).items()))
    function, _, path = name.partition(" ")
    if isinstance(body, dict) and chance.random() < 0.2:
        body = {**body, "out_id": chance.choice(secrets.in_any_form()).replace(" ", "-")}
    fields = event_fields(_spoiled(chance, body, secrets), path=path, key=secrets.api_key)
    if chance.random() < 0.3:
        fields = _spoiled(chance, fields, secrets)
    return Call(function, encoded(fields))


def _operate_call(chance: Random, secrets: Secrets, _put: Put) -> Call:
    name, arguments = chance.choice(sorted(commands(secrets).items()))
    event = {"command": name, "arguments": _spoiled(chance, arguments, secrets)}
    return Call("operate", encoded(_spoiled(chance, event, secrets, likely=0.3)))


def _event_call(chance: Random, secrets: Secrets, _put: Put) -> Call:
    body = chance.choice([bodies(secrets)[name] for name in ("send_sms /sms", "send_sms /")])
    kinds = {**KINDS_WITH_AN_ID, **KINDS_WITHOUT_ID}
    event = kinds[chance.choice(sorted(kinds))](_spoiled(chance, body, secrets))
    if chance.random() < 0.5:
        event = _spoiled(chance, event, secrets)
    return Call("send_on_event", encoded(event))


def _receipt_call(chance: Random, secrets: Secrets, _put: Put) -> Call:
    entries = _spoiled(chance, receipts(secrets) * chance.randint(1, 3), secrets)
    path = f"/receipts/{secrets.receipt_token}"
    return Call("receive_receipts", encoded(event_fields(entries, path=path, key=None)))


def _hook_call(chance: Random, secrets: Secrets, _put: Put) -> Call:
    call = chance.choice(hook_calls(secrets))
    event = json.loads(call.event)
    body = event["body"]
    if body.startswith("{"):
        body = json.dumps(_spoiled(chance, json.loads(body), secrets))
    if chance.random() < 0.2:
        body = _with_odd_bytes(chance, body.encode()).decode("utf-8", "replace")
    event = {**event, "body": body}
    return Call("receive_hook", encoded(_spoiled(chance, event, secrets, likely=0.2)))


def _file_call(chance: Random, secrets: Secrets, put: Put) -> Call:
    kind = chance.choice(("csv", "jsonl"))
    rows = [(secrets.mainland, f"name {n}", secrets.code) for n in range(chance.randint(1, 5))]
    if kind == "csv":
        lines = ["phone_number,name,order", *(",".join(row) for row in rows)]
    else:
        lines = [
            json.dumps({"phone_number": number, "template_param": {"name": name, "order": code}})
            for number, name, code in rows
        ]
    content = "\n".join(lines).encode(chance.choice(("utf-8", "utf-8-sig", "gbk", "utf-16")))
    content = _with_odd_bytes(chance, content) if chance.random() < 0.7 else content
    key = f"sms-files/{chance.randrange(10**6)}.{kind}"
    put(key, content)
    event = oss(key, content)
    return Call("send_on_event", encoded(_spoiled(chance, event, secrets, likely=0.2)))


def _timer_call(chance: Random, secrets: Secrets, _put: Put) -> Call:
    event = _spoiled(chance, json.loads(TIMER), secrets, likely=0.5)
    return Call(chance.choice(("receive_receipts", "send_on_event")), encoded(event))


def _spoiled(chance: Random, value: Any, secrets: Secrets, *, likely: float = 0.8) -> Any:
    """Return `value`, most often with something put in, taken out or exchanged inside."""
    if chance.random() >= likely:
        return value
    return _changed(chance, value, secrets, depth=0)


def _changed(chance: Random, value: Any, secrets: Secrets, *, depth: int) -> Any:
    if isinstance(value, dict) and value and depth < DEEPEST and chance.random() < 0.85:
        name = chance.choice(sorted(value))
        how = chance.choice(("inside", "inside", "inside", "drop", "add", "rename"))
        rest = {key: each for key, each in value.items() if key != name}
        if how == "inside":
            return {**value, name: _changed(chance, value[name], secrets, depth=depth + 1)}
        if how == "drop":
            return rest
        made_up = str(_odd_value(chance, secrets))
        return {**(rest if how == "rename" else value), made_up: value[name]}
    if isinstance(value, list) and value and depth < DEEPEST and chance.random() < 0.8:
        place = chance.randrange(len(value))
        changed = _changed(chance, value[place], secrets, depth=depth + 1)
        return [*value[:place], changed, *value[place + chance.randint(0, 1) :]]
    return _odd_value(chance, secrets)


def _odd_value(chance: Random, secrets: Secrets) -> Any:
    secret = chance.choice(secrets.in_any_form())
    with_secret = (secret, secret, f"x{secret}\ud800", {secret: secret}, [secret])
    return chance.choice((*ODD_VALUES, *with_secret))


def _with_odd_bytes(chance: Random, event: bytes) -> bytes:
    """Return bytes with one to four of them exchanged, cut off, doubled or put in."""
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(event) + 1)
        end = min(place + chance.randint(1, 40), len(event))
        event = chance.choice(
            (
                event[:place] + chance.choice(ODD_BYTES) + event[place:],
                event[:place] + event[end:],
                event[:end] + event[place:],
                event[:place],
            )
        )
    return event
