"""What the platform says when it is asked and nothing is sent: key pair, permissions, clock."""

from __future__ import annotations

import time

from shared.clock import platform_date
from shared.errors import ConfigurationError
from shared.platform.refusals import explain
from shared.platform.sms_api import ACCEPTED, IN_DOUBT, NOTHING_WRITTEN, Result
from shared.sending.scenes import Scenes, load_scenes
from shared.settings import Settings, read_credentials, read_queue_settings
from tools.doctor import approvals
from tools.doctor.deployment import Deployment
from tools.doctor.findings import ERROR, NOT_CHECKED, OK, WARN, Finding, Findings, of_setting
from tools.doctor.questions import GRANT, Questioner, is_forbidden, questioner, seconds_ahead

SOME_NUMBER = "13800138000"  # asked about, never sent to
SOME_MESSAGE = "1"  # there is none of this id
NOT_FOUND = ("DATA_NOT_EXIST", "isv.DATA_NOT_EXIST")
LARGEST_SKEW = 60.0  # seconds; from 15 minutes on the platform refuses requests
LATE = "InvalidTimeStamp.Expired"
KEY_CODES = ("InvalidAccessKey", "InvalidSecurityToken", "SignatureDoesNotMatch")


def examine(deployment: Deployment, settings: Settings) -> Findings:
    """Yield what the platform says; raises ConfigurationError."""
    if deployment.is_trial:
        yield Finding(
            "endpoint",
            WARN,
            f"{settings.endpoint} is asked (SMS_ENDPOINT) instead of the platform",
            "unset SMS_ENDPOINT to check what will be deployed",
        )
    if deployment.role != deployment.role.lower():
        yield Finding(
            "role",
            ERROR,
            "SMS_ROLE has capital letters, which `s` makes small ones",
            "create a role whose name is in lower case",
        )
    try:
        credentials = read_credentials(deployment.environ)
    except ConfigurationError as error:
        yield _no_key_pair(deployment, error)
        return
    with questioner(settings, credentials) as asking:
        yield from _examine(asking, deployment)


def _no_key_pair(deployment: Deployment, error: ConfigurationError) -> Finding:
    names = ("SMS_ACCESS_KEY_ID", "SMS_ACCESS_KEY_SECRET")
    if any(deployment.environ.get(name) for name in names):
        return of_setting("credentials", error)
    if not deployment.role:
        return Finding(
            "credentials",
            ERROR,
            "there are none: no role and no key pair, so nothing could be sent",
            "set SMS_ROLE to the name of a role (docs/permissions.md), or SMS_ACCESS_KEY_ID and "
            "SMS_ACCESS_KEY_SECRET",
        )
    return Finding(
        "credentials",
        NOT_CHECKED,
        f"what the role {deployment.role} may do, and all that has to be asked for with it: only "
        "a function gets its credentials",
        f"{GRANT}; to check signatures and templates, run make doctor once with a key pair",
    )


def _examine(asking: Questioner, deployment: Deployment) -> Findings:
    details = asking.ask(
        "QuerySendDetails",
        {
            "PhoneNumber": SOME_NUMBER,
            "SendDate": platform_date(time.time()),
            "PageSize": "1",
            "CurrentPage": "1",
        },
    )
    if details.verdict != NOTHING_WRITTEN:
        yield from _clock(details, seconds_ahead(asking.api.settings.endpoint))
    yield from _key_pair(details)
    if details.verdict != ACCEPTED and not is_forbidden(details):
        yield Finding(
            "approvals", NOT_CHECKED, "signatures and templates", "correct the above first"
        )
        return
    if deployment.may_ask("SMS_INTERNATIONAL_ENDPOINT"):
        yield _lookups_abroad(asking.ask("QueryMessage", {"MessageId": SOME_MESSAGE}))
    yield from approvals.examine(
        asking, asking.api.settings, deployment.environ, _scenes(deployment)
    )
    if deployment.may_ask("SMS_BASE_ENDPOINT"):
        for queue in read_queue_settings(deployment.environ).queues:
            asked = {"MessageType": queue.rpartition("-")[2], "QueueName": queue}
            yield _queue(queue, asking.ask("QueryTokenForMnsQueue", asked))


def _scenes(deployment: Deployment) -> Scenes:
    """Return the scenes that will be uploaded; what is wrong with the file is said elsewhere."""
    try:
        return load_scenes(str(deployment.scenes_file))
    except ConfigurationError:
        return Scenes()


def _clock(result: Result, ahead: float | None) -> Findings:
    if result.code == LATE:
        yield Finding("clock", ERROR, "the clock is off by more than 15 minutes", "set the clock")
    elif ahead is not None and abs(ahead) > LARGEST_SKEW:
        way = "ahead" if ahead > 0 else "behind"
        yield Finding(
            "clock", WARN, f"this machine's clock is {abs(ahead):.0f} s {way}", "set the clock"
        )
    elif ahead is not None:
        yield Finding("clock", OK, "this machine's clock is right")


def _key_pair(result: Result) -> Findings:
    code, (meaning, _) = result.code, explain(result.code)
    is_of_key = code.startswith(KEY_CODES)
    if result.verdict == ACCEPTED:
        yield Finding("credentials", OK, "the key pair is accepted")
        yield Finding("lookups", OK, "QuerySendDetails is permitted")
    elif is_forbidden(result):
        yield Finding("credentials", OK, "the key pair is accepted")
        yield Finding(
            "lookups",
            ERROR,
            f"QuerySendDetails is refused ({code}): nothing in doubt could be looked up",
            GRANT,
        )
    elif result.verdict == NOTHING_WRITTEN:
        what = f"the platform cannot be reached: {result.detail or code}"
        yield Finding("endpoint", ERROR, what, "check the network and SMS_ENDPOINT")
    elif result.verdict == IN_DOUBT and not is_of_key:
        what = f"the platform gave no usable answer ({code})"
        yield Finding("credentials", NOT_CHECKED, what, "try again")
    elif code != LATE:
        check = "credentials" if is_of_key else "account"
        yield Finding(check, ERROR, f"the platform refuses ({code})", meaning)


def _lookups_abroad(result: Result) -> Finding:
    if result.verdict == ACCEPTED or result.code in NOT_FOUND:
        return Finding("lookups abroad", OK, "QueryMessage is permitted")
    return Finding(
        "lookups abroad",
        WARN,
        f"QueryMessage fails ({result.code}): what is sent abroad could not be looked up",
        GRANT if is_forbidden(result) else "see whether the account may send abroad",
    )


def _queue(name: str, result: Result) -> Finding:
    if result.verdict == ACCEPTED:
        return Finding("queues", OK, f"{name} may be emptied")
    return Finding(
        "queues",
        ERROR,
        f"{name} may not be emptied ({result.code})",
        GRANT if is_forbidden(result) else "copy the name from the SMS console",
    )
