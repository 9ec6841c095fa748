"""What callers and triggers may hand to the functions: proper requests, and what becomes of them
when somebody puts a secret where none belongs.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from shared.clock import platform_date
from tests.unit.secret_watch import Secrets, written
from tests.unit.source_events import KINDS_WITH_AN_ID, KINDS_WITHOUT_ID, encoded, text_of
from tests.unit.trigger_events import event_fields

CODE_TEMPLATE, TEMPLATE = "SMS_100001", "SMS_100002"
MISPLACED = (
    *("SMS_SIGN_NAME", "SMS_ENDPOINT", "SMS_INTERNATIONAL_ENDPOINT", "SMS_PNVS_ENDPOINT"),
    *("SMS_BASE_ENDPOINT", "SMS_MNS_ENDPOINT", "SMS_SIGNATURE_METHOD", "SMS_CODE_TEMPLATES"),
    *("SMS_CONNECT_TIMEOUT", "SMS_READ_TIMEOUT", "SMS_SETTLE_SECONDS", "SMS_NONCE_REPLAY"),
    *("SMS_STATE_URL", "SMS_STATE_SECRET", "SMS_INTENT_TTL", "SMS_LIMITS", "SMS_COUNTRIES"),
    *("SMS_BLOCKED_PREFIXES", "SMS_LIMIT_MODE", "SMS_CONFIRMATION_MODE", "SMS_AUTH"),
    *("SMS_API_KEYS", "SMS_RECEIPT_TOKEN", "SMS_RECEIPT_QUEUES", "SMS_ACCESS_KEY_ID"),
    *("SMS_CODE_BACKEND", "SMS_CODE_TEMPLATE", "SMS_CODE_VARIABLE", "SMS_CODE_MESSAGE"),
    *("SMS_CODE_SENDER_ID", "SMS_CODE_LENGTH", "SMS_CODE_LIFETIME", "SMS_CODE_SIGN_NAME"),
    *("SMS_FILE_PREFIX", "SMS_FILE_RESULTS_PREFIX", "SMS_FILE_ENCODING", "SMS_FILE_COLUMNS"),
    *("SMS_LOCAL_BUCKETS", "SMS_FILE_TEMPLATE_CODE", "SMS_OSS_ENDPOINT", "SMS_ALLOW_LOCAL_STATE"),
    *("SMS_HOOKS", "SMS_HOOK_CLOUDMONITOR_SECRET", "SMS_HOOK_GENERIC_FIELDS"),
    *("SMS_LOCAL_SCENES", "SMS_TEST_NUMBERS"),
)
"""The variables into which a secret may be pasted by mistake."""
KEPT = ("TaskId", "MessageId", "biz_id", "content", "dest_code", "out_id", "sequence_id")
"""What is kept of receipts and replies as it came: ids, our own numbers and a reply's text."""


class Call(NamedTuple):
    """An event for the handler of the module `function`; `may_return` names secrets that its
    caller gets back.
    """

    function: str
    event: bytes
    may_return: tuple[str, ...] = ()


def bodies(secrets: Secrets) -> Mapping[str, Any]:
    """Return a proper body for each path; the key is the function and the path."""
    mainland, abroad = written(secrets.mainland, "86")[3], f"+{secrets.abroad}"
    param = {"name": "Li", "order": secrets.code}
    return {
        "send_sms /sms": {
            "phone_numbers": [mainland],
            "template_code": CODE_TEMPLATE,
            "template_param": {"code": secrets.code},
            "client_ip": secrets.client_ip,
        },
        "send_sms /": {
            "messages": [{"phone_number": mainland, "template_param": param}],
            "template_code": TEMPLATE,
        },
        "send_international_sms /international-sms": {
            "phone_numbers": abroad,
            "message": f"Your code is {secrets.code}.",
            "type": "OTP",
            "client_ip": secrets.client_ip,
        },
        "query_delivery_status /delivery-status": {
            "phone_number": mainland,
            "send_date": "20270115",
            "include_content": True,
        },
        "verify_code /codes": {
            "phone_number": mainland,
            "purpose": "login",
            "client_ip": secrets.client_ip,
        },
        "verify_code /codes/check": {
            "verification_id": "abcdefghijklmnop" * 2,
            "phone_number": abroad,
            "purpose": "login",
            "code": secrets.code,
        },
        f"receive_receipts /receipts/{secrets.receipt_token}": receipts(secrets),
    }


def receipts(secrets: Secrets) -> list[dict[str, Any]]:
    """Return one entry of each shape that the platform pushes."""
    return [
        {
            "phone_number": secrets.mainland,
            "out_id": "tests~order-1",
            "biz_id": "900619746936498440^0",
            "success": True,
            "err_code": "DELIVERED",
            "err_msg": f"to {secrets.mainland}",
            "send_time": "2027-01-15 16:00:00",
            "report_time": "2027-01-15 16:00:04",
            "sms_size": "2",
        },
        {
            "To": secrets.abroad,
            "TaskId": "tests~order-2",
            "MessageId": "1008030300001234",
            "Status": "1",
            "ErrorCode": "success",
            "ErrorDescription": secrets.abroad,
        },
        {"phone_number": secrets.mainland, "content": "yes", "sequence_id": 7},
    ]


def commands(secrets: Secrets) -> dict[str, dict[str, Any]]:
    """Return proper arguments of each of the owner's commands, by its name."""
    day = platform_date(time.time())
    return {
        "budget": {},
        "forget": {"phone_number": secrets.mainland},
        "hashes": {"text": secrets.mainland},
        "replies": {"day": day},
        "unread": {"raw": True},
        "why": {"id": f"order-{secrets.mainland}", "caller": "tests"},
        "why-number": {"phone_number": secrets.mainland, "day": day},
    }


@st.composite
def calls(draw: st.DrawFn, secrets: Secrets) -> Call:
    """Draw an event for one of the six functions; about half of them are proper."""
    known = bodies(secrets)
    name = draw(st.sampled_from(sorted(known)))
    function, _, path = name.partition(" ")
    hostile = hostile_values(secrets, only_numbers=function == "receive_receipts")
    body = draw(st.just(known[name]) | _spoiled(known[name], hostile))
    may_return = ("mainland",) if function == "query_delivery_status" else ()
    if function.startswith("send") and draw(st.booleans()):
        kinds: Mapping[str, Callable[[Any], Any]] = {**KINDS_WITH_AN_ID, **KINDS_WITHOUT_ID}
        event = kinds[draw(st.sampled_from(sorted(kinds)))](body)
        if draw(st.booleans()):
            event = draw(_spoiled(event, hostile))
        return Call("send_on_event", encoded(event))
    fields = event_fields(draw(_text_of(body, secrets)), path=path, key=secrets.api_key)
    if draw(st.booleans()):
        fields = draw(_spoiled_fields(fields, secrets))
    if draw(st.integers(0, 9)) == 0:
        fields = draw(_spoiled(fields, hostile))
    event = encoded(fields)
    return Call(function, draw(st.sampled_from((event, event, event, event[:-7]))), may_return)


def hostile_values(secrets: Secrets, *, only_numbers: bool = False) -> st.SearchStrategy[Any]:
    """Draw what no field is meant to hold; most of it holds a secret."""
    numbers = written(secrets.mainland, "86")
    secret = st.sampled_from(numbers if only_numbers else secrets.in_any_form())
    plain: list[Any] = [None, True, -1, 1.5, 10**400, float("inf"), "", "\ud800", [], {}]
    return st.one_of(
        secret,
        secret.map(lambda text: f"x{text}\ud800\r\n\0"),
        secret.map(lambda text: text * 40),
        secret.map(lambda text: {text: text, "a": [text]}),
        secret.map(lambda text: [text, {text: None}]),
        secret.map(lambda text: base64.b64encode(text.encode("utf-8", "replace")).decode()),
        st.sampled_from([int(secrets.mainland), float(secrets.mainland), *plain]),
    )


@st.composite
def _spoiled(draw: Any, value: Any, hostile: st.SearchStrategy[Any]) -> Any:
    """Put a hostile value, or a hostile name, somewhere into `value`."""
    names = sorted(set(value).difference(KEPT)) if isinstance(value, dict) else []
    if names and draw(st.integers(0, 7)):
        name = draw(st.sampled_from(names))
        how = draw(st.sampled_from(("inside", "inside", "rename", "add", "drop")))
        rest = {key: each for key, each in value.items() if key != name}
        if how == "inside":
            return {**value, name: draw(_spoiled(value[name], hostile))}
        if how == "drop":
            return rest
        return {**(rest if how == "rename" else value), str(draw(hostile)): value[name]}
    if isinstance(value, list) and value and draw(st.integers(0, 7)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(_spoiled(value[place], hostile)), *value[place:]]
    return draw(hostile)


@st.composite
def _text_of(draw: st.DrawFn, body: Any, secrets: Secrets) -> str:
    text = text_of(body)
    secret = draw(st.sampled_from(secrets.in_any_form()))
    broken = (text[: len(text) // 2], f"{text}{secret}", f"{secret}={text}", f"\ufeff{text}")
    return draw(st.sampled_from((text, text, text, *broken, json.dumps([body, body]))))


@st.composite
def _spoiled_fields(draw: st.DrawFn, fields: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    """Put a secret into headers, query, path or method of an event of an HTTP trigger."""
    secret = draw(st.sampled_from(secrets.in_any_form()))
    http = fields["requestContext"]["http"]
    headers, path = fields["headers"], http["path"]
    where = draw(st.integers(0, 8))
    if where < 4:
        name = ("Authorization", "Content-Type", "X-Forwarded-For", secret)[where]
        return {**fields, "headers": {**headers, name: f"Bearer {secret}"}}
    if where == 4:
        return {**fields, "queryParameters": {secret: secret, "out_id": secret}}
    change = ({"path": f"{path}/{secret}"}, {"path": secret}, {"method": secret}, {"method": "GET"})
    spoiled = {**http, **change[where - 5]}
    query = {"out_id": "order-1"} if where == 8 else fields["queryParameters"]
    return {**fields, "queryParameters": query, "requestContext": {"http": spoiled}}
