"""The memory that events take, whoever made them: refused ones, and the largest that are read."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import NamedTuple

from aliyun_fc_runtime_stub import FunctionCompute
from benchmarks import packages
from benchmarks.clients.events import API_KEY
from benchmarks.lanes import INVOCATION, Field
from benchmarks.report import Row
from tests.unit.large_events import MB, enveloped, huge_event, largest_bodies

_FUNCTIONS = (
    "send_sms",
    "send_international_sms",
    "query_delivery_status",
    "send_on_event",
    "receive_receipts",
    "verify_code",
)
_TELL = "from benchmarks.clients.memory import tell\ntell({function!r}, {path!r})"
_REFUSED = ("413", "event-too-large")
_AT_ONCE = 10
_LARGE_REQUEST = 31 * MB


class _Taken(NamedTuple):
    """What an event of `size` bytes took beyond itself, in MB, and how it was answered."""

    what: str
    size: float
    added: float
    code: str


def measure(field: Field) -> list[Row]:
    """Measure each function in a process of its own, then ten requests at once as deployed."""
    rows = [_refused_row(field, size) for size in (43, 192)]
    return [*rows, _read_row(field), _at_once_row()]


def _refused_row(field: Field, size: int) -> Row:
    event = huge_event(size * MB, key=None)
    taken = [_taken(field, function, event, what=function) for function in _FUNCTIONS]
    if any(each.code not in _REFUSED for each in taken):
        raise RuntimeError(f"an event of {size} MB was not refused: {taken}")
    return Row(
        f"memory, {size} MB refused: added to the event's own",
        max(each.added for each in taken),
        " MB",
        limit=1,
        detail=", ".join(f"{each.what} {each.added:.2f}" for each in taken),
    )


def _read_row(field: Field) -> Row:
    taken = []
    for name, body in largest_bodies().items():
        for who, key in (("a stranger's", None), ("a caller's", API_KEY)):
            event = enveloped(body, key=key)
            taken.append(_taken(field, "send_sms", event, what=f"{who} ({name})"))
    most = max(taken, key=lambda each: each.size + each.added)
    return Row(
        "memory, largest requests read: all in all",
        most.size + most.added,
        " MB",
        limit=64,
        detail=f"{most.what}: {most.size:.1f} MB of event; of {len(taken)} that are the worst",
    )


def _taken(field: Field, function: str, event: bytes, *, what: str) -> _Taken:
    path = field.folder / "event.json"
    path.write_bytes(event)
    code = _TELL.format(function=function, path=str(path))
    size, added, answer = field.told(INVOCATION, code, {}).split()
    return _Taken(what, int(size) / MB, int(added) / MB, answer)


def _at_once_row() -> Row:
    body = "\U0001f600".encode().ljust(_LARGE_REQUEST, b"x")
    keys = f"benchmark:{hashlib.sha256(API_KEY.encode()).hexdigest()}"
    s_yaml = packages.ROOT / "s.yaml"
    with FunctionCompute(s_yaml, {"SMS_API_KEYS": keys}, port=0, variables={}) as cloud:
        address = cloud.url("fc-sms-send-sms").split("/")[2]
        with ThreadPoolExecutor(_AT_ONCE) as strangers:
            answers = list(strangers.map(lambda _: _post(address, body), range(_AT_ONCE)))
        next_caller = _post(address, b"{}", key=API_KEY)
        invocations = cloud.invocations()
    failed = [each.error_type for each in invocations if each.error_type]
    if answers != [413] * _AT_ONCE or next_caller != 422 or failed:
        raise RuntimeError(f"answers {answers}, then {next_caller}; errors {failed}")
    return Row(
        f"memory, {_AT_ONCE} requests of 31 MB at once: peak of an instance",
        max(each.memory_mb for each in invocations),
        " MB",
        limit=256,
        detail=f"{_AT_ONCE} answered with 413, no instance ended; the next caller was served",
    )


def _post(address: str, body: bytes, key: str = "") -> int:
    connection = HTTPConnection(address, timeout=120)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    connection.request("POST", "/sms", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status
