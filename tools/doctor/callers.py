"""Who may call: API keys, the triggers' authentication, and the receipts' token."""

from __future__ import annotations

import hashlib

from aliyun_fc_runtime_stub.template.model import Function
from shared.settings import (
    Access,
    Settings,
    read_access,
    read_event_caller,
    read_queue_settings,
    read_receipt_tokens,
)
from tools.doctor.deployment import EVENTS, Deployment, handler_name
from tools.doctor.findings import ERROR, OK, WARN, Finding, Findings

NO_CALLERS = ("receive_hook", "receive_receipts", "send_on_event")
"""Functions that ask for no caller's key: products and the platform show who they are."""
# The last one is of the README and of the pages.
TRIVIAL_KEYS = ("", "key", "test", "demo", "secret", "password", "123456", "trial-key")
"""Keys that anybody would try; the caller's name is another."""


def examine(deployment: Deployment) -> Findings:
    """Yield who may call the functions; raises ConfigurationError."""
    access = read_access(deployment.environ)
    called = [
        function
        for function in (*deployment.functions, *deployment.with_events)
        if function.http_trigger and handler_name(function) not in NO_CALLERS
    ]
    anonymous = _names(called, anonymous=True)
    authenticated = _names(called, anonymous=False)
    if access.by_trigger and anonymous:
        yield Finding(
            "access",
            ERROR,
            f"open to the world: SMS_AUTH leaves it to the trigger to ask who calls {anonymous}, "
            "and that trigger is anonymous",
            "let its authType in s.yaml follow SMS_AUTH, or set SMS_AUTH=anonymous and use "
            "SMS_API_KEYS",
        )
    elif access.by_trigger:
        yield Finding("access", OK, "the triggers ask who calls (SMS_AUTH)")
    else:
        yield from _keys(access)
        if authenticated:
            yield Finding(
                "access",
                WARN,
                f"callers of {authenticated} need an API key beside what the trigger asks for",
                "set SMS_AUTH to the triggers' authType if the trigger is enough",
            )
    event_caller = read_event_caller(deployment.environ)
    if event_caller and event_caller not in access.keys.values():
        yield Finding(
            "access",
            WARN,
            f"SMS_EVENT_CALLER is {event_caller}, and no API key has that name: nobody can ask "
            "about what events and files send",
            "name a key of SMS_API_KEYS, or leave it empty",
        )
    if any(_auth_type(function) == "jwt" for function in called) and not deployment.has_auth_config:
        yield Finding(
            "access",
            ERROR,
            "authType jwt has no authConfig that says whose tokens are good",
            "add authConfig to the triggers in s.yaml, or set SMS_AUTH=function",
        )
    if any(
        function.http_trigger and handler_name(function) == "send_on_event"
        for function in (*deployment.functions, *deployment.with_events)
    ):
        yield Finding(
            "access",
            WARN,
            "send_on_event has an HTTP trigger, whose requests it refuses",
            f"take it out of s.yaml and {EVENTS}; send_sms is there for HTTP",
        )


def _keys(access: Access) -> Findings:
    if access.malformed:
        what, _, remedy = access.remedy.rpartition("; ")
        yield Finding("access", ERROR, what, remedy)
    if not access.keys and not access.malformed:
        yield Finding(
            "access",
            ERROR,
            "SMS_API_KEYS is empty: every call will be answered 401",
            "`make api-key NAME=my-shop` makes a key; set SMS_API_KEYS to the entry that it prints",
        )
    if not access.keys:
        return
    guessable = [
        name
        for digest, name in access.keys.items()
        if digest in {hashlib.sha256(key.encode()).hexdigest() for key in (*TRIVIAL_KEYS, name)}
    ]
    if guessable:
        yield Finding(
            "access",
            ERROR,
            f"the API key of {', '.join(guessable)} is easy to guess",
            "`make api-key NAME=...` makes one that is not",
        )
    else:
        yield Finding("access", OK, f"{len(access.keys)} API key(s) open the HTTP functions")


def examine_receipts(deployment: Deployment, settings: Settings) -> Findings:
    """Yield whether receipts and replies can be taken and kept; raises ConfigurationError."""
    function = deployment.function("receive_receipts")
    tokens = read_receipt_tokens(deployment.environ)
    queues = read_queue_settings(deployment.environ).queues
    if function is None:
        return
    found = list(_pushes(function, len(tokens)) if tokens else ())
    found += _queues(function, bool(queues))
    if not tokens and not queues:
        found.append(
            Finding(
                "receipts",
                WARN,
                "no receipts are taken, so what was sent abroad stays in doubt when its answer "
                "is lost",
                "set SMS_RECEIPT_TOKEN and push receipts to receive_receipts, or set "
                "SMS_RECEIPT_QUEUES",
            )
        )
    elif not settings.state_url:
        found.append(
            Finding(
                "receipts",
                ERROR,
                "there is nowhere to keep receipts",
                "set SMS_STATE_URL and SMS_STATE_SECRET",
            )
        )
    yield from found or [Finding("receipts", OK, "receipts and replies are taken and kept")]


def _pushes(function: Function, tokens: int) -> Findings:
    if tokens > 1:
        yield Finding(
            "receipts",
            WARN,
            "SMS_RECEIPT_TOKEN holds two tokens, and either lets pushes in",
            "take the old one out as soon as the SMS console has the URL with the new one",
        )
    if function.http_trigger is None:
        yield Finding(
            "receipts",
            ERROR,
            f"{function.resource} has no HTTP trigger to push receipts to",
            "give it one in s.yaml, or leave SMS_RECEIPT_TOKEN empty",
        )
    elif _auth_type(function) != "anonymous":
        yield Finding(
            "receipts",
            ERROR,
            f"the trigger of {function.resource} turns the platform away, which cannot sign its "
            "pushes",
            "set its authType to anonymous in s.yaml: the token in the path does it",
        )


def _queues(function: Function, are_named: bool) -> Findings:
    runs = any(timer.enabled for timer in function.timers)
    if are_named and not runs:
        yield Finding(
            "receipts",
            ERROR,
            "SMS_RECEIPT_QUEUES names queues, but no timer empties them",
            f"set enable: true on the timer of {function.resource} in s.yaml",
        )
    elif runs and not are_named:
        yield Finding(
            "receipts",
            WARN,
            f"the timer of {function.resource} runs, but SMS_RECEIPT_QUEUES names no queue",
            "set SMS_RECEIPT_QUEUES, or switch the timer off",
        )


def _auth_type(function: Function) -> str:
    return function.http_trigger.auth_type if function.http_trigger else ""


def _names(functions: list[Function], *, anonymous: bool) -> str:
    names = [
        function.resource
        for function in functions
        if (_auth_type(function) == "anonymous") == anonymous
    ]
    return ", ".join(dict.fromkeys(names))
