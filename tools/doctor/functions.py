"""Region, runtime, timeouts and asynchronous retries: what Function Compute is told."""

from __future__ import annotations

from shared.settings import Settings
from shared.trigger.invocation import RESERVE_SECONDS
from tools.doctor.deployment import Deployment, handler_name
from tools.doctor.findings import ERROR, OK, WARN, Finding, Findings

MAINLAND = (
    *("cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou"),
    *("cn-huhehaote", "cn-shenzhen", "cn-chengdu"),
)
ABROAD = (  # Hong Kong among them: its addresses are not of the mainland either
    *("cn-hongkong", "ap-northeast-1", "ap-northeast-2", "ap-southeast-7", "eu-central-1"),
    *("eu-west-1", "us-east-1", "us-west-1"),
)
WITHOUT_PYTHON_3_12 = ("ap-southeast-1", "ap-southeast-3", "ap-southeast-5")
"""Regions that the page "Python" of Function Compute leaves out where it lists python3.12's."""
RUNTIMES = ("python3.12", "python3.10")  # on these the functions are tested
SENDERS = ("send_sms", "send_international_sms", "send_on_event", "verify_code")
SHORTEST_READ = 1.0  # seconds; the page of SendSms advises a longer timeout


def examine(deployment: Deployment, settings: Settings) -> Findings:
    """Yield what is to be said about the functions of s.yaml."""
    yield from _region(deployment)
    yield from _timeouts(deployment, settings)
    yield from _retries(deployment, settings)


def _region(deployment: Deployment) -> Findings:
    for region in sorted({function.region for function in deployment.functions}):
        if region in MAINLAND:
            yield Finding("region", OK, f"{region} is in the Chinese mainland")
        elif region in (*ABROAD, *WITHOUT_PYTHON_3_12):
            yield Finding(
                "region",
                WARN,
                f"SMS to the Chinese mainland are refused from {region} (isv.DENY_IP_RANGE)",
                f"set SMS_REGION to {MAINLAND[0]}, say, unless you only send abroad",
            )
        else:
            yield Finding(
                "region",
                WARN,
                f"{region} is not known to have Function Compute",
                f"check the spelling of SMS_REGION; known are {', '.join(MAINLAND)}",
            )
    lacking = [
        function.region
        for function in deployment.functions
        if function.runtime == "python3.12" and function.region in WITHOUT_PYTHON_3_12
    ]
    if lacking:
        yield Finding(
            "runtime",
            ERROR,
            f"python3.12 is not offered in {lacking[0]}",
            "set SMS_RUNTIME=python3.10",
        )
    for runtime in sorted({function.runtime for function in deployment.functions}):
        if runtime not in RUNTIMES:
            yield Finding(
                "runtime",
                ERROR,
                f"the functions do not run on {runtime}",
                f"set SMS_RUNTIME to one of {', '.join(RUNTIMES)}",
            )


def _timeouts(deployment: Deployment, settings: Settings) -> Findings:
    ask = settings.connect_timeout + settings.read_timeout + RESERVE_SECONDS
    found = False
    for function in deployment.functions:
        sends = handler_name(function) in SENDERS
        needed = ask + settings.settle_seconds if sends else ask
        if function.timeout < needed:
            found = True
            yield Finding(
                "timeout",
                ERROR,
                f"{function.resource} may need {needed:g} s for one request, but is ended after "
                f"{function.timeout} s",
                "raise its timeout in s.yaml, or lower SMS_CONNECT_TIMEOUT, SMS_READ_TIMEOUT or "
                "SMS_SETTLE_SECONDS",
            )
    if settings.read_timeout < SHORTEST_READ:
        found = True
        yield Finding(
            "timeout",
            WARN,
            f"an answer is awaited for {settings.read_timeout:g} s only; the platform advises "
            f"{SHORTEST_READ:g} s or more, and what comes later is a lost answer",
            "raise SMS_READ_TIMEOUT",
        )
    if not found:
        yield Finding("timeout", OK, "every function has the time that one request may need")


def _retries(deployment: Deployment, settings: Settings) -> Findings:
    for function in deployment.functions:
        sends = handler_name(function) in SENDERS
        if sends and function.max_async_retries and not settings.state_url:
            yield Finding(
                "retries",
                ERROR,
                f"Function Compute repeats a failed asynchronous call of {function.resource}, "
                "which may send twice without shared state",
                "set maxAsyncRetryAttempts to 0 in s.yaml, or set SMS_STATE_URL",
            )
    events = deployment.function("send_on_event")
    if events and not events.max_async_retries and settings.state_url:
        yield Finding(
            "retries",
            WARN,
            "an event that is not settled at once is not delivered again",
            f"set maxAsyncRetryAttempts to 3 for {events.resource} in s.yaml: with shared state "
            "a repeat only settles what is open",
        )
