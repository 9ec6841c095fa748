"""Cold start of every function: a new process, the import, and the first invocation."""

from __future__ import annotations

import json
import sys
from statistics import median
from typing import NamedTuple

from benchmarks.lanes import INVOCATION, REQUESTS, WITH_OSS2, WITH_REDIS, Field, FirstSend
from benchmarks.report import Row, difference
from tests.integration.oss_server import OssServer, etag_of

ROUNDS = 6
_CONTENT = b"phone_number,name,order\n13800138000,Li,A-17\n13800138001,Wu,A-18\n"
_KEY = "sms-files/two.csv"
_OWN = {"benchmarks", "functions", "shared"}
_TELL = "from benchmarks.clients.loaded import tell\ntell({lane!r})"

Environment = dict[str, str]
Starts = dict[str, list[FirstSend]]


class _Case(NamedTuple):
    """An invocation, or a bare program; `bare` is the one that it is compared with."""

    lane: str
    environment: Environment
    bare: str = REQUESTS


def measure(field: Field) -> list[Row]:
    """Start every function in turn, as uploaded and with bytecode, beside bare programs."""
    with OssServer() as oss:
        oss.objects[_KEY] = _CONTENT
        cases = _cases(field, oss.url)
        uploaded: Starts = {name: [] for name in cases}
        compiled: Starts = {name: [] for name in cases}
        for round_ in range(ROUNDS + 1):
            for starts, bytecode in ((uploaded, False), (compiled, True)):
                for name, case in cases.items():
                    first = _first(field, case, bytecode)
                    if round_ > 0:  # the first one brings the files into memory
                        starts[name].append(first)
        return [
            _row(field, name, cases, uploaded, compiled)
            for name, case in cases.items()
            if case.lane == INVOCATION
        ]


def _cases(field: Field, oss: str) -> dict[str, _Case]:
    store = field.with_store(field.redis)
    file = {
        "BENCHMARK_OBJECT": f"{_KEY} {etag_of(_CONTENT)}",
        "SMS_FILE_TEMPLATE_CODE": "SMS_100002",
        "SMS_OSS_ENDPOINT": oss,
    }

    def case(name: str, environment: Environment, bare: str = REQUESTS) -> _Case:
        return _Case(INVOCATION, {"BENCHMARK_CASE": name, **environment}, bare)

    return {
        REQUESTS: _Case(REQUESTS, {}),
        "send_sms": case("send_sms", {}),
        "send_international_sms": case("send_international_sms", {"SMS_COUNTRIES": "HK"}),
        "query_delivery_status": case("query_delivery_status", {}),
        "send_on_event, a message": case("send_on_event", {}),
        WITH_REDIS: _Case(WITH_REDIS, store),
        "send_sms, Redis": case("send_sms", store, WITH_REDIS),
        "receive_receipts, Redis": case("receive_receipts", store, WITH_REDIS),
        "receive_hook, Redis": case("receive_hook", store, WITH_REDIS),
        "verify_code, Redis": case("verify_code", store, WITH_REDIS),
        WITH_OSS2: _Case(WITH_OSS2, file),
        "send_on_event, a file in OSS": case("send_on_event:file", file, WITH_OSS2),
    }


def _first(field: Field, case: _Case, bytecode: bool) -> FirstSend:
    process = field.process(case.lane, field.http, case.environment, bytecode=bytecode)
    process.close()
    return process.first


def _row(
    field: Field, name: str, cases: dict[str, _Case], uploaded: Starts, compiled: Starts
) -> Row:
    bare = cases[name].bare
    wall, cpu = (
        {each: [start[place] * 1000 for start in uploaded[each]] for each in (name, bare)}
        for place in range(2)
    )
    compiled_cpu = {
        each: [start.cpu_seconds * 1000 for start in compiled[each]] for each in (name, bare)
    }
    beside = bare.removeprefix("bare_").replace("_", " ")
    return Row(
        f"cold, {name}: function - {beside}",
        difference(wall[name], wall[bare]),
        " ms",
        detail=f"{median(wall[name]):.0f} ms - {median(wall[bare]):.0f} ms; of processor time "
        f"{difference(cpu[name], cpu[bare]):.0f} ms, with bytecode "
        f"{difference(compiled_cpu[name], compiled_cpu[bare]):.0f} ms; "
        f"{_loaded(field, cases[name], cases[bare])}",
    )


def _loaded(field: Field, case: _Case, bare: _Case) -> str:
    """Say which modules a first invocation loads that the bare program does not."""
    ours, theirs = (
        json.loads(field.told(each.lane, _TELL.format(lane=each.lane), each.environment))
        for each in (case, bare)
    )
    shared = {name for name in ours["loaded"] if name.startswith("shared.")}
    idle = sorted(name.partition(".")[2] for name in shared - set(ours["ran"]))
    more = {name.partition(".")[0] for name in set(ours["loaded"]) - set(theirs["loaded"])}
    libraries = more - set(sys.stdlib_module_names) - _OWN
    return (
        f"{len(ours['loaded'])} modules / {len(theirs['loaded'])}, {len(shared)} of shared/ "
        f"(idle: {', '.join(idle) or 'none'}), more libraries: "
        f"{', '.join(sorted(libraries)) or 'none'}"
    )
