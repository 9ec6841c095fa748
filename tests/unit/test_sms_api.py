"""One signed call: what goes over the wire, and what each kind of answer means."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

from shared.errors import (
    AnswerLost,
    ConfigurationError,
    ConnectionFailed,
    PlatformRefused,
    SmsError,
)
from shared.platform.sms_api import (
    ACCEPTED,
    IN_DOUBT,
    NOTHING_WRITTEN,
    REJECTED,
    Result,
    classify,
    query_error,
)
from shared.settings import Credentials
from shared.version import VERSION
from tests.unit.conftest import CREDENTIALS, ApiTo, Served
from tests.unit.manual_clock import AFTERNOON, ManualClock
from tests.unit.scripted_server import (
    Arrived,
    Scene,
    ScriptedServer,
    answer,
    hang_up,
    one_by_one,
    reset,
    say,
    stall,
)
from tests.unit.sms_platform import BIZ_ID, REQUEST_ID, accepted, refused

with (Path(__file__).resolve().parent.parent / "data" / "error-codes.csv").open(
    encoding="utf-8", newline=""
) as stream:
    CODES = [row for row in csv.DictReader(stream) if row["layer"] != "manage"]  # never called
IN_ANSWERS = ("business", "gateway", "intl", "pnvs")
SECRET_MESSAGE = (
    "Specified signature is not matched with our calculation. server string to sign is:"
    "POST&%2F&AccessKeyId%3DLTAItestid%26PhoneNumbers%3D13800138000%26code%3D918273"
)
PARAMETERS = {
    "PhoneNumbers": "13800138000",
    "SignName": "签名 *~+",
    "TemplateCode": "SMS_1",
    "TemplateParam": '{"code":"918273"}',
    "OutId": "",
}
METHODS = ("ACS3-HMAC-SHA256", "HMAC-SHA1")
Lines = Callable[[], list[dict[str, Any]]]


def verdict_of(code: str, status: int = 200, **members: Any) -> str:
    return classify(status, json.dumps({"Code": code, **members}).encode(), AFTERNOON).verdict


def listed_verdict(row: dict[str, str]) -> str:
    """Return what the protocol says about the answer to a send that carries the code of `row`."""
    if row["layer"] not in IN_ANSWERS or row["retryable"] == "reconcile":
        return IN_DOUBT
    if row["code"] == "UNKNOWN (VerifyResult)":  # a value of another field, never one of Code
        return IN_DOUBT
    return ACCEPTED if row["class"] == "ok" else REJECTED


@pytest.mark.parametrize("row", CODES, ids=lambda row: f"{row['layer']}-{row['code']}")
def test_every_listed_code_ends_as_the_protocol_says(row: dict[str, str]) -> None:
    assert verdict_of(row["code"]) == listed_verdict(row)


@pytest.mark.parametrize("row", CODES, ids=lambda row: f"{row['layer']}-{row['code']}")
def test_no_listed_code_is_believed_from_a_failing_server(row: dict[str, str]) -> None:
    assert verdict_of(row["code"], 500) == IN_DOUBT


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (200, b'{"Code":"OK","RequestId":"R-1"}', Result(ACCEPTED, "OK", "R-1")),
        (200, b'{"code":"OK","requestId":"R-1"}', Result(ACCEPTED, "OK", "R-1")),
        (200, b'{"Code":"isv.BRAND_NEW"}', Result(REJECTED, "isv.BRAND_NEW")),
        (
            400,
            b'{"code":"isv.MOBILE_NUMBER_ILLEGAL"}',
            Result(REJECTED, "isv.MOBILE_NUMBER_ILLEGAL"),
        ),
        (200, b'{"Code":"isp.BRAND_NEW"}', Result(IN_DOUBT, "isp.BRAND_NEW")),
        (400, b'{"Code":"BrandNew"}', Result(IN_DOUBT, "BrandNew")),
        (200, b'{"Code":"ok"}', Result(IN_DOUBT, "ok")),
        (200, b'{"Code":" OK"}', Result(IN_DOUBT, "unreadable")),
        (400, b'{"Code":"OK"}', Result(IN_DOUBT, "http-400")),
        (500, b'{"Code":"OK"}', Result(IN_DOUBT, "http-500")),
        (
            503,
            b'{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}',
            Result(IN_DOUBT, "isv.MOBILE_NUMBER_ILLEGAL"),
        ),
        (200, b"", Result(IN_DOUBT, "http-200")),
        (502, b"<html>Bad Gateway 13800138000</html>", Result(IN_DOUBT, "http-502")),
        (200, b'{"Code":"OK"', Result(IN_DOUBT, "http-200")),
        (200, b"\xff\xfe\x00", Result(IN_DOUBT, "http-200")),
        (200, b'["OK"]', Result(IN_DOUBT, "http-200")),
        (200, b'"OK"', Result(IN_DOUBT, "http-200")),
        (200, b"null", Result(IN_DOUBT, "http-200")),
        (200, b"[" * 200_000, Result(IN_DOUBT, "http-200")),
        (200, b'{"a":' * 200_000, Result(IN_DOUBT, "http-200")),
        (200, b"1" * 10_000, Result(IN_DOUBT, "http-200")),
        (200, b"{}", Result(IN_DOUBT, "http-200")),
        (200, b'{"Code":null}', Result(IN_DOUBT, "http-200")),
        (200, b'{"Code":true}', Result(IN_DOUBT, "unreadable")),
        (200, b'{"Code":["OK"]}', Result(IN_DOUBT, "unreadable")),
        (400, b'{"Code":"isv.13800138000"}', Result(IN_DOUBT, "unreadable")),
        (400, b'{"Code":"isv.' + b"X" * 100 + b'"}', Result(IN_DOUBT, "unreadable")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_answer_means(status: int, content: bytes, expected: Result) -> None:
    assert classify(status, content, AFTERNOON)._replace(body={}) == expected


@pytest.mark.parametrize("claimed", ["13800138000", "+8613800138000", "a b", "", None, 7, "x" * 65])
def test_a_request_id_that_is_none_is_not_passed_on(claimed: object) -> None:
    content = json.dumps({"Code": "OK", "RequestId": claimed}).encode()
    assert classify(200, content, AFTERNOON).request_id == ""


MINUTE, HOUR, DAY = "触发分钟级流控Permits:1", "触发小时级流控Permits:5", "触发天级流控Permits:10"


@pytest.mark.parametrize(
    ("message", "seconds_past_the_hour", "retry_after"),
    [
        (MINUTE, 0, 60),
        (MINUTE, 1, 59),
        (MINUTE, 59, 1),
        (MINUTE, 59.9, 1),
        (MINUTE, 60, 60),
        (HOUR, 0, 3600),
        (HOUR, 1, 3599),
        (HOUR, 3599, 1),
        (HOUR, 3600, 3600),
        (DAY, 0, 86400),
        (DAY, 1234, 86400),
        ("触发号码级流控Permits:1", 0, 60),
    ],
)
def test_a_limits_window_ends_by_the_platforms_clock(
    message: str, seconds_past_the_hour: float, retry_after: int
) -> None:
    body = {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": message}
    result = classify(200, json.dumps(body).encode(), AFTERNOON + seconds_past_the_hour)
    assert (result.verdict, result.retry_after) == (REJECTED, retry_after)


def test_the_window_is_read_from_a_lower_case_message_too() -> None:
    body = {"code": "isv.BUSINESS_LIMIT_CONTROL", "message": HOUR}
    assert classify(200, json.dumps(body).encode(), AFTERNOON).retry_after == 3600


@pytest.mark.parametrize("code", ["Throttling", "Throttling.User", "Throttling.Api"])
def test_throttling_is_over_after_a_moment(code: str) -> None:
    result = classify(400, json.dumps({"Code": code}).encode(), AFTERNOON)
    assert (result.verdict, result.retry_after) == (REJECTED, 1)


@pytest.mark.parametrize(
    ("body", "retry_after"),
    [
        ({"Code": "isv.BUSINESS_LIMIT_HOUR"}, 3599),
        ({"Code": "isv.BUSINESS_LIMIT_DAY"}, 86400),
        ({"ResponseCode": "BUSINESS_LIMIT_CONTROL_MINUTE"}, 59),
        ({"ResponseCode": "BUSINESS_LIMIT_CONTROL_PHONE"}, 60),
        ({"ResponseCode": "BUSINESS_LIMIT_CONTROL", "ResponseDescription": "触发小时级流控"}, 3599),
    ],
)
def test_a_limit_abroad_names_its_window_in_code_or_description(
    body: dict[str, str], retry_after: int
) -> None:
    result = classify(200, json.dumps(body).encode(), AFTERNOON + 1)
    assert (result.verdict, result.retry_after) == (REJECTED, retry_after)


@pytest.mark.parametrize("code", ["isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"])
@pytest.mark.parametrize(("hours", "retry_after"), [(0, 28800), (7.999, 4), (8, 86400)])
def test_the_accounts_own_cap_holds_until_midnight_in_china(
    code: str, hours: float, retry_after: int
) -> None:
    content = json.dumps({"Code": code, "Message": "no"}).encode()
    assert classify(200, content, AFTERNOON + hours * 3600).retry_after == retry_after


@pytest.mark.parametrize("code", ["isv.MOBILE_NUMBER_ILLEGAL", "isv.BLACK_KEY_CONTROL_LIMIT"])
def test_what_waiting_cannot_change_has_no_retry_after(code: str) -> None:
    body = {"Code": code, "Message": MINUTE}
    assert classify(200, json.dumps(body).encode(), AFTERNOON).retry_after == 0


# what is signed, and what arrives


def verify_acs3(arrived: Arrived, secret: str) -> None:
    """Check the signature of the bytes that arrived, by the documented steps alone."""
    scheme, _, rest = arrived.headers["authorization"].partition(" ")
    fields = dict(item.split("=", 1) for item in rest.split(","))
    names = fields["SignedHeaders"].split(";")
    for name in arrived.headers:
        assert name in names or not (name.startswith("x-acs-") or name in ("host", "content-type"))
    hashed = hashlib.sha256(arrived.body).hexdigest()
    assert arrived.headers["x-acs-content-sha256"] == hashed
    lines = [f"{name}:{arrived.headers[name]}\n" for name in names]
    canonical = "\n".join(["POST", "/", "", "".join(lines), ";".join(names), hashed])
    text = f"{scheme}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    expected = hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()
    assert (scheme, names) == ("ACS3-HMAC-SHA256", sorted(names))
    assert fields["Signature"] == expected
    assert fields["Credential"] == CREDENTIALS.access_key_id


def verify_v1(arrived: Arrived, secret: str) -> None:
    """Check the signature of the form that arrived, by the documented steps alone."""
    pairs = [pair.split("=", 1) for pair in arrived.body.decode("ascii").split("&")]
    joined = "&".join(f"{name}={value}" for name, value in sorted(pairs) if name != "Signature")
    text = f"POST&%2F&{quote(joined, safe='~')}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), "sha1").digest()
    assert dict(pairs)["Signature"] == quote(base64.b64encode(digest), safe="")


VERIFY = {"ACS3-HMAC-SHA256": verify_acs3, "HMAC-SHA1": verify_v1}


def told(arrived: Arrived, method: str, name: str) -> str | None:
    """Return what a request says of itself: in a header with ACS3, in the form with V1."""
    if method == "HMAC-SHA1":
        return parse_qs(arrived.body.decode()).get(name, [None])[0]
    headers = {
        "Action": "x-acs-action",
        "Version": "x-acs-version",
        "Timestamp": "x-acs-date",
        "SignatureNonce": "x-acs-signature-nonce",
        "SecurityToken": "x-acs-security-token",
    }
    return arrived.headers.get(headers[name])


@pytest.mark.parametrize("token", ["", "STS.token+/=="])
@pytest.mark.parametrize("method", METHODS)
def test_what_arrives_is_byte_for_byte_what_was_signed(
    api_to: ApiTo, serve: Served, method: str, token: str
) -> None:
    server = serve(one_by_one(accepted()))
    credentials = CREDENTIALS._replace(security_token=token)
    api = api_to(server.url, lambda: credentials, SMS_SIGNATURE_METHOD=method)
    result = api.exchange(api.sign("SendSms", PARAMETERS, "nonce-1"), deadline=10.0)
    assert result.verdict == ACCEPTED
    arrived = server.arrived[0]
    VERIFY[method](arrived, credentials.access_key_secret)
    form = parse_qs(arrived.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert {name: [value] for name, value in PARAMETERS.items()}.items() <= form.items()
    expected = ("SendSms", "2017-05-25", "2027-01-15T08:00:00Z", "nonce-1", token or None)
    names = ("Action", "Version", "Timestamp", "SignatureNonce", "SecurityToken")
    assert tuple(told(arrived, method, name) for name in names) == expected
    assert arrived.start_line == "POST / HTTP/1.1"
    assert arrived.headers["host"] == server.url.removeprefix("http://")
    assert arrived.headers["content-type"] == "application/x-www-form-urlencoded"
    assert credentials.access_key_secret not in repr(arrived)


@pytest.mark.parametrize("method", METHODS)
def test_credentials_are_asked_for_at_every_call(api_to: ApiTo, serve: Served, method: str) -> None:
    server = serve(one_by_one(accepted()))
    rotating = (Credentials(CREDENTIALS[0], f"secret-{n}", f"token-{n}") for n in itertools.count())
    api = api_to(server.url, lambda: next(rotating), SMS_SIGNATURE_METHOD=method)
    for _ in range(3):
        api.call("SendSms", PARAMETERS, deadline=10.0)
    for number, arrived in enumerate(server.arrived):
        VERIFY[method](arrived, f"secret-{number}")
        assert told(arrived, method, "SecurityToken") == f"token-{number}"


def test_each_call_without_a_nonce_gets_one_of_its_own(api_to: ApiTo, serve: Served) -> None:
    server = serve(one_by_one(accepted()))
    api = api_to(server.url)
    for _ in range(5):
        api.call("SendSms", PARAMETERS, deadline=10.0)
    nonces = {arrived.headers["x-acs-signature-nonce"] for arrived in server.arrived}
    assert len(nonces) == 5
    assert all(len(nonce) == 32 for nonce in nonces)


def test_without_credentials_nothing_is_sent(api_to: ApiTo, serve: Served) -> None:
    def none() -> Credentials:
        raise ConfigurationError("no credentials")

    server = serve(one_by_one(accepted()))
    with pytest.raises(ConfigurationError):
        api_to(server.url, none).call("SendSms", PARAMETERS, deadline=10.0)
    assert server.connections == []


# what was written, and what was not


@pytest.fixture
def refusing() -> Iterator[ScriptedServer]:
    """A server that refuses every connection until it is started."""
    server = ScriptedServer(one_by_one(accepted()))
    yield server
    server.stop()


def test_while_nothing_was_written_the_request_is_tried_again(
    api_to: ApiTo, clock: ManualClock, refusing: ScriptedServer
) -> None:
    result = api_to(refusing.url).call("SendSms", PARAMETERS, deadline=10.0)
    assert (result.verdict, result.code) == (NOTHING_WRITTEN, "connection-failed")
    assert clock.sleeps == [0.1, 0.4]


def test_a_server_that_comes_back_gets_the_request_once(
    api_to: ApiTo, clock: ManualClock, refusing: ScriptedServer
) -> None:
    clock.on_sleep = lambda: len(clock.sleeps) == 2 and refusing.start()
    result = api_to(refusing.url).call("SendSms", PARAMETERS, deadline=10.0)
    assert result.verdict == ACCEPTED
    assert len(refusing.arrived) == 1


def test_no_new_try_begins_after_the_deadline(
    api_to: ApiTo, clock: ManualClock, refusing: ScriptedServer
) -> None:
    result = api_to(refusing.url).call("SendSms", PARAMETERS, deadline=0.3)
    assert result.verdict == NOTHING_WRITTEN
    assert clock.sleeps == [0.1]


def test_after_the_deadline_nothing_is_sent(
    api_to: ApiTo, clock: ManualClock, serve: Served
) -> None:
    server = serve(one_by_one(accepted()))
    clock.advance(10.0)
    result = api_to(server.url).call("SendSms", PARAMETERS, deadline=10.0)
    assert (result.verdict, result.code) == (NOTHING_WRITTEN, "out-of-time")
    assert server.connections == []


def test_a_wait_for_an_answer_ends_at_the_deadline(api_to: ApiTo, serve: Served) -> None:
    server = serve(one_by_one(stall()))
    api = api_to(server.url, SMS_READ_TIMEOUT="60")
    result = api.call("SendSms", PARAMETERS, deadline=0.2)
    assert (result.verdict, result.code) == (IN_DOUBT, "answer-lost")


@pytest.mark.parametrize(
    ("scene", "code"),
    [
        pytest.param(stall(), "answer-lost", id="stalls"),
        pytest.param(reset(), "answer-lost", id="resets"),
        pytest.param(hang_up(), "answer-lost", id="hangs up"),
        pytest.param(
            say(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"Code":"OK"}'),
            "answer-lost",
            id="truncated",
        ),
        pytest.param(say(b"HTTP/1.1 200 OK\r\nContent-"), "answer-lost", id="half a head"),
        pytest.param(answer(b"<html>"), "http-200", id="html"),
        pytest.param(answer({}, "302 Found", "Location: /"), "http-302", id="redirect"),
        pytest.param(
            answer({}, "302 Found", "Location: http://["), "http-302", id="redirect nowhere"
        ),
        pytest.param(answer({"Code": "OK"}, "500 No"), "http-500", id="500"),
        pytest.param(answer({}, "204 No Content"), "http-204", id="204"),
        pytest.param(
            refused("SignatureNonceUsed", status="400 No"), "SignatureNonceUsed", id="nonce"
        ),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_what_may_have_been_processed_is_in_doubt_and_never_sent_again(
    api_to: ApiTo, clock: ManualClock, serve: Served, method: str, scene: Scene, code: str
) -> None:
    server = serve(one_by_one(scene))
    api = api_to(server.url, SMS_READ_TIMEOUT="0.2", SMS_SIGNATURE_METHOD=method)
    result = api.call("SendSms", PARAMETERS, deadline=10.0)
    assert (result.verdict, result.code) == (IN_DOUBT, code)
    assert len(server.arrived) == 1
    assert clock.sleeps == []


# what the log and the errors say


def test_a_call_leaves_one_line_in_the_log(api_to: ApiTo, serve: Served, log_lines: Lines) -> None:
    server = serve(one_by_one(accepted()))
    api_to(server.url).call("SendSms", PARAMETERS, deadline=9.0, phone_numbers=("13800138000",))
    (line,) = log_lines()
    assert len(line.pop("number_hash")) == 16
    assert line == {
        "time": "2027-01-15T08:00:00Z",
        "level": "info",
        "request_id": "invocation-x",
        "version": VERSION,
        "biz_id": BIZ_ID,
        "function": "send_sms",
        "action": "SendSms",
        "outcome": "accepted",
        "code": "OK",
        "platform_request_id": REQUEST_ID,
        "duration_ms": 0,
        "limits": "static-only",
        "number": "*00",
    }


@pytest.mark.parametrize("code_key", ["Code", "code"])
def test_the_message_of_a_refused_signature_goes_nowhere(
    api_to: ApiTo, serve: Served, log_stream: io.StringIO, code_key: str
) -> None:
    body = {code_key: "SignatureDoesNotMatch", "Message": SECRET_MESSAGE, "message": SECRET_MESSAGE}
    server = serve(one_by_one(answer(body, "400 Bad Request")))
    api = api_to(server.url)
    result = api.call("SendSms", PARAMETERS, deadline=9.0, phone_numbers=("13800138000",))
    assert (result.verdict, result.code) == (REJECTED, "SignatureDoesNotMatch")
    with pytest.raises(PlatformRefused) as caught:
        api.query("QuerySendDetails", PARAMETERS, deadline=9.0)
    said = f"{result!r} {caught.value!r} {caught.value} {log_stream.getvalue()}"
    for secret in (
        "13800138000",
        "918273",
        "LTAItestid",
        CREDENTIALS.access_key_secret,
        "Specified",
    ):
        assert secret not in said


def test_a_failed_connection_is_explained_in_the_log(
    api_to: ApiTo, refusing: ScriptedServer, log_lines: Lines
) -> None:
    api_to(refusing.url).call("SendSms", PARAMETERS, deadline=9.0)
    (line,) = log_lines()
    assert (line["level"], line["outcome"]) == ("warning", "nothing-written")
    assert "127.0.0.1" in line["detail"]


# calls that only read


def test_a_query_returns_the_body(api_to: ApiTo, serve: Served) -> None:
    server = serve(one_by_one(answer({"Code": "OK", "TotalCount": 3})))
    assert api_to(server.url).query("QuerySendDetails", {}, deadline=9.0)["TotalCount"] == 3


@pytest.mark.parametrize(
    ("scene", "error", "code", "status", "retryable"),
    [
        (
            refused("isp.RAM_PERMISSION_DENY"),
            PlatformRefused,
            "isp.RAM_PERMISSION_DENY",
            502,
            False,
        ),
        (refused("isv.INVALID_PARAMETERS"), PlatformRefused, "isv.INVALID_PARAMETERS", 422, False),
        (refused("Throttling.User"), PlatformRefused, "Throttling.User", 429, True),
        (refused("Throttling.Api"), PlatformRefused, "Throttling.Api", 503, True),
        (refused("isv.WHO_KNOWS"), PlatformRefused, "isv.WHO_KNOWS", 502, False),
        (refused("InternalError", status="500 No"), AnswerLost, "InternalError", 504, True),
        (answer(b"<html>"), AnswerLost, "http-200", 504, True),
        (hang_up(), AnswerLost, "answer-lost", 504, True),
    ],
)
def test_a_query_that_fails_raises(
    api_to: ApiTo,
    serve: Served,
    scene: Scene,
    error: type[SmsError],
    code: str,
    status: int,
    retryable: bool,
) -> None:
    server = serve(one_by_one(scene))
    with pytest.raises(error) as caught:
        api_to(server.url).query("QuerySendDetails", {}, deadline=9.0)
    problem = caught.value
    assert (problem.code, problem.status, problem.retryable) == (code, status, retryable)
    assert problem.request_id in ("", REQUEST_ID)
    assert (problem.retry_after > 0) == (retryable and isinstance(problem, PlatformRefused))


def test_a_query_of_which_nothing_was_written_raises(
    api_to: ApiTo, refusing: ScriptedServer
) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        api_to(refusing.url).query("QuerySendDetails", {}, deadline=9.0)
    assert (caught.value.status, caught.value.retryable) == (503, True)


def test_a_query_out_of_time_says_so() -> None:
    assert query_error(Result(NOTHING_WRITTEN, "out-of-time")).code == "out-of-time"
