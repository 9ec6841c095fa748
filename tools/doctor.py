"""Check a configuration before the first deploy: ``make doctor``.

Reads s.yaml with the variables of this shell as `s deploy` would, asks the platform and the state
store what can be asked without sending anything, and says what to fix. Exit code 1 when something
would not work.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

import requests

from aliyun_fc_runtime_stub.model import Function
from aliyun_fc_runtime_stub.s_yaml import load_application
from shared import transport
from shared.clock import Clock, platform_date
from shared.errors import SmsError
from shared.logs import Log
from shared.settings import Settings, read_access, read_credentials, read_settings
from shared.sms_api import ACCEPTED, NOTHING_WRITTEN, Result, SmsApi

ROOT = Path(__file__).resolve().parent.parent
ABROAD = ("cn-hongkong",)  # mainland in name only: SMS to the mainland are refused from there
SKEW_SECONDS = 60
CALL_SECONDS = 10
SOME_NUMBER = "13800138000"  # asked about, never sent to
STATES = {"0": "in review", "1": "approved", "2": "rejected", "10": "cancelled"}


class Finding(NamedTuple):
    """One line of the report: level is ok, hint or FAIL; a remedy where something is amiss."""

    level: str
    what: str
    remedy: str = ""


class Patient(NamedTuple):
    """What is examined: the functions of s.yaml, and their environment."""

    functions: tuple[Function, ...]
    environ: Mapping[str, str]


def main() -> int:
    """Print the findings; return 1 if one of them is a failure."""
    patient = _patient()
    findings = list(examine(patient))
    for finding in findings:
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        print(f"{finding.level:5} {finding.what}{remedy}")
    failures = sum(finding.level == "FAIL" for finding in findings)
    print(f"\n{failures} to fix before `s deploy`." if failures else "\nReady for `s deploy`.")
    return int(failures > 0)


def _patient() -> Patient:
    functions = tuple(load_application(ROOT / "s.yaml").functions)
    endpoints = {name: value for name, value in os.environ.items() if name.endswith("_ENDPOINT")}
    return Patient(functions, {**functions[0].environment, **endpoints})


def examine(patient: Patient) -> Iterator[Finding]:
    """Yield what is found, the things that everything else needs first."""
    yield from _region(patient.functions[0].region)
    yield from _callers(patient)
    try:
        settings = read_settings(patient.environ)
    except SmsError as error:
        yield Finding("FAIL", error.detail)
        return
    yield from _timeouts(patient.functions, settings)
    yield from _store(settings)
    yield from _platform(patient, settings)


def _region(region: str) -> Iterator[Finding]:
    if region.startswith("cn-") and region not in ABROAD:
        yield Finding("ok", f"region {region}")
    else:
        yield Finding(
            "hint",
            f"region {region}: SMS to the Chinese mainland are refused from its addresses",
            "set SMS_REGION to a region of the mainland, unless you only send abroad",
        )


def _callers(patient: Patient) -> Iterator[Finding]:
    try:
        access = read_access(patient.environ)
    except SmsError as error:
        yield Finding("FAIL", error.detail)
        return
    if access.by_trigger:
        yield Finding("ok", "the triggers authenticate callers (SMS_AUTH)")
    elif access.keys:
        yield Finding("ok", f"{len(access.keys)} API key(s)")
    else:
        yield Finding(
            "FAIL",
            "SMS_API_KEYS is empty: every call will be answered 401",
            "make api-key NAME=..., and set SMS_API_KEYS",
        )


def _timeouts(functions: tuple[Function, ...], settings: Settings) -> Iterator[Finding]:
    needed = settings.connect_timeout + settings.read_timeout + settings.settle_seconds + 1
    short = [function.name for function in functions if function.timeout < needed]
    if short:
        yield Finding(
            "FAIL",
            f"the timeout of {', '.join(short)} is shorter than one send may take ({needed:g} s)",
            "lower SMS_CONNECT_TIMEOUT, SMS_READ_TIMEOUT or SMS_SETTLE_SECONDS",
        )
    else:
        yield Finding("ok", f"one send takes at most {needed:g} s, within every timeout")


def _store(settings: Settings) -> Iterator[Finding]:
    if not settings.state_url:
        yield Finding(
            "hint",
            "no shared state: repeats of a call are stopped by the platform's nonce check alone",
            "set SMS_STATE_URL (Redis) and SMS_STATE_SECRET",
        )
        return
    import redis

    try:
        url = settings.state_url
        client: Any = redis.Redis.from_url(url, socket_timeout=5, decode_responses=True)
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
    except redis.RedisError as error:
        yield Finding(
            "FAIL",
            f"the state store cannot be used ({type(error).__name__})",
            "check SMS_STATE_URL; a Redis inside a VPC is reachable from that VPC only",
        )
        return
    if policy == "noeviction":
        yield Finding("ok", "the state store answers and evicts nothing")
    else:
        yield Finding(
            "FAIL",
            f"Redis may evict records (maxmemory-policy {policy})",
            "set maxmemory-policy to noeviction",
        )


def _platform(patient: Patient, settings: Settings) -> Iterator[Finding]:
    skew = _clock_skew(settings.endpoint)
    if skew is None:
        yield Finding("FAIL", f"{settings.endpoint} cannot be reached", "check the network")
        return
    if abs(skew) > SKEW_SECONDS:
        yield Finding("FAIL", f"this machine's clock is off by {skew:.0f} s", "set it")
    api = SmsApi(
        settings,
        lambda: read_credentials(patient.environ),
        transport.SESSION,
        Clock(),
        Log("", "doctor", b"", Clock(), io.StringIO()),  # the findings say it all
    )
    try:
        details = _ask(api, "QuerySendDetails", _details_question())
    except SmsError as error:
        role = patient.functions[0].role
        if role:
            yield Finding("hint", f"the role {role} can be tried on Function Compute only")
        else:
            yield Finding("FAIL", error.detail)
        return
    yield _permission(details)
    if details.verdict == ACCEPTED:
        yield from _approvals(api, settings)


def _permission(result: Result) -> Finding:
    if result.verdict == ACCEPTED:
        return Finding("ok", "the credentials are accepted and may query (QuerySendDetails)")
    if result.verdict == NOTHING_WRITTEN:
        return Finding("FAIL", f"the platform cannot be reached ({result.detail})")
    return Finding(
        "FAIL",
        f"QuerySendDetails is refused ({result.code}): nothing in doubt could be looked up",
        "check the key pair, and grant what docs/ram-policy.json grants",
    )


def _approvals(api: SmsApi, settings: Settings) -> Iterator[Finding]:
    wanted: list[tuple[str, str, str, str]] = []
    if settings.sign_name:
        wanted.append(("QuerySmsSign", "SignName", settings.sign_name, "SignStatus"))
    wanted += [
        ("QuerySmsTemplate", "TemplateCode", code, "TemplateStatus")
        for code in sorted(settings.code_templates)
    ]
    if not settings.sign_name:
        yield Finding("hint", "SMS_SIGN_NAME is empty: every request must name its signature")
    for action, name, value, field in wanted:
        result = _ask(api, action, {name: value})
        state = STATES.get(str(result.body.get(field)), result.code)
        if state == "approved":
            yield Finding("ok", f"{name} {value} is approved")
        else:
            yield Finding("FAIL", f"{name} {value}: {state}", "look at it in the console")


def _ask(api: SmsApi, action: str, parameters: dict[str, str]) -> Result:
    return api.call(action, parameters, deadline=api.clock.monotonic() + CALL_SECONDS)


def _details_question() -> dict[str, str]:
    return {
        "PhoneNumber": SOME_NUMBER,
        "SendDate": platform_date(time.time()),
        "PageSize": "1",
        "CurrentPage": "1",
    }


def _clock_skew(endpoint: str) -> float | None:
    """Return by how many seconds this machine's clock is ahead, by the endpoint's Date header."""
    try:
        answer = requests.get(endpoint, timeout=CALL_SECONDS, allow_redirects=False)
        return time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (requests.RequestException, KeyError, ValueError):
        return None


if __name__ == "__main__":
    sys.exit(main())
