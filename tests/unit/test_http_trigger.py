"""The HTTP trigger: events in, answers out, and every way a request can be wrong."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import settings as environment_settings
from shared.errors import ConfigurationError, ConnectionFailed, InvalidRequest, PlatformRefused
from shared.settings import Credentials
from shared.trigger.event_size import MAX_BODY_BYTES
from shared.trigger.http_trigger import Request, Response, problem, serve
from shared.trigger.invocation import Invocation
from shared.version import VERSION
from tests.unit.manual_clock import ManualClock
from tests.unit.trigger_events import (
    API_KEY,
    API_KEYS,
    INVOCATION_ID,
    Context,
    Context310,
    ContextCredentials,
    FunctionInfo,
    base64_event,
    event_fields,
    http_event,
)

Lines = Callable[[], list[dict[str, Any]]]
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "retryable"}
# Of 100,000 names the last stands twice: whoever counts each name needs minutes to find it.
LAST_NAME_TWICE = "{" + ",".join(f'"{min(n, 99_998)}":0' for n in range(100_000)) + "}"


def echo(request: Request, _invocation: Invocation) -> Response:
    return Response(200, {"got": request.json(), "query": dict(request.query)})


ROUTES = {("POST", "/sms"): echo}


def call(
    event: bytes, route: Any = echo, context: Context | None = None, **arguments: Any
) -> tuple[int, dict[str, str], Any]:
    """Serve `event`; return status, headers and the body read as JSON."""
    answer = serve(
        event,
        context or Context(),
        function="send_sms",
        routes={("POST", "/sms"): route},
        **arguments,
    )
    status, headers, body = answer["statusCode"], answer["headers"], answer["body"]
    assert set(answer) == {"statusCode", "headers", "isBase64Encoded", "body"}
    assert answer["isBase64Encoded"] is False
    assert isinstance(status, int)
    assert isinstance(headers, dict)
    assert isinstance(body, str)
    assert headers["Cache-Control"] == "no-store"
    kind = "application/json" if status < 400 else "application/problem+json"
    assert headers["Content-Type"] == kind
    return status, headers, json.loads(body.encode("utf-8"))


def failing(error: Exception) -> Callable[[Request, Invocation], Response]:
    def route(_request: Request, _invocation: Invocation) -> Response:
        raise error

    return route


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def _closed_but_for_the_test_key(environment: pytest.MonkeyPatch) -> None:
    """Every test here starts from an environment with one API key."""


# events


@pytest.mark.parametrize(
    "event",
    [
        http_event({"a": "名"}),
        http_event('\ufeff{"a": "名"}'),
        http_event(' {"a":"\\u540d"}\n'),
        base64_event('{"a": "名"}'.encode()),
        base64_event('\ufeff{"a": "名"}'.encode()),
        http_event({"a": "名"}, path="/"),
        http_event({"a": "名"}, headers={"Content-Type": "Application/JSON; charset=UTF-8"}),
        http_event({"a": "名"}, headers={"Content-Type": "application/json;charset=utf-8"}),
    ],
)
def test_a_json_body_reaches_the_route(event: bytes) -> None:
    status, _, body = call(event)
    assert (status, body["got"]) == (200, {"a": "名"})


def test_a_body_without_a_content_type_is_json() -> None:
    fields = event_fields({"a": 1})
    del fields["headers"]["Content-Type"]
    assert call(json.dumps(fields).encode())[0] == 200


def test_header_names_are_case_insensitive_and_queries_kept() -> None:
    fields = event_fields({"a": 1}, query={"x": "1,2"})
    for change in (str.lower, str.upper, str.title):
        fields["headers"] = {change(name): value for name, value in fields["headers"].items()}
        status, _, body = call(json.dumps(fields).encode())
        assert (status, body["query"]) == (200, {"x": "1,2"})


def test_an_answer_carries_the_invocations_request_id() -> None:
    assert call(http_event({}))[2]["request_id"] == INVOCATION_ID


def test_an_answer_that_is_a_list_stays_one() -> None:
    assert call(http_event({}), lambda *_: Response(200, [{"a": 1}], {"X-Total-Count": "1"})) == (
        200,
        {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Total-Count": "1",
            "X-Fc-Sms-Version": VERSION,
        },
        [{"a": 1}],
    )


def test_any_answer_can_be_encoded() -> None:
    assert call(http_event({}), lambda *_: Response(200, {"biz_id": "\ud800"}))[0] == 200


TIMER = {"triggerTime": "2022-07-29T10:02:58Z", "triggerName": "t", "payload": "x"}


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"{",
        b"\xff\xfe\xfd",
        b"null",
        b"[]",
        b'"x"',
        b"7",
        b"{}",
        b"[" * 100_000,
        b'{"body":' * 100_000,
        json.dumps(TIMER).encode(),
        json.dumps([TIMER]).encode(),
        json.dumps({**event_fields({}), "requestContext": None}).encode(),
        json.dumps({**event_fields({}), "requestContext": []}).encode(),
        json.dumps({**event_fields({}), "requestContext": {"http": {}}}).encode(),
        json.dumps({**event_fields({}), "headers": None}).encode(),
        json.dumps({**event_fields({}), "headers": ["a"]}).encode(),
        json.dumps({**event_fields({}), "body": 7}).encode(),
        json.dumps({**event_fields({}), "body": {"a": 1}}).encode(),
        json.dumps({**event_fields({}), "queryParameters": [1]}).encode(),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_is_no_event_of_an_http_trigger_is_refused(event: bytes, said: Lines) -> None:
    status, _, body = call(event)
    assert (status, body["code"]) == (400, "not-an-http-event")
    assert said()[-1]["code"] == "not-an-http-event"


@pytest.mark.parametrize("body", ["%%%", "e30", "e30=é", "{}", "\udc00", "e3 0="])
def test_a_base64_body_that_is_none_is_refused(body: str) -> None:
    event = json.dumps({**event_fields(body), "isBase64Encoded": True}).encode()
    status, _, answered = call(event)
    assert (status, answered["code"]) == (400, "malformed-body")


@settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=60) | st.text(max_size=30).map(lambda text: http_event(text)))
def test_any_event_gets_an_answer(event: bytes) -> None:
    assert call(event)[0] in (200, 400, 401)


# who may call


def test_without_keys_nobody_may_call_and_the_log_says_what_to_set(
    environment: pytest.MonkeyPatch, said: Lines
) -> None:
    environment.delenv("SMS_API_KEYS")
    status, headers, body = call(http_event({}))
    assert (status, body["code"]) == (401, "not-authenticated")
    assert headers["WWW-Authenticate"] == "Bearer"
    closed, answered = said()
    assert (closed["level"], closed["action"], closed["outcome"]) == (
        "error",
        "authenticate",
        "closed",
    )
    assert "SMS_API_KEYS" in closed["remedy"]
    assert answered["outcome"] == "401"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_known_key_is_let_in_and_its_name_logged(scheme: str, said: Lines) -> None:
    event = http_event({}, headers={"Authorization": f"{scheme} {API_KEY}"})
    assert call(event)[0] == 200
    assert said()[-1]["caller"] == "tester"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {API_KEY}x",
        f"Bearer {API_KEY[:-1]}",
        API_KEY,
        f"Basic {API_KEY}",
        f"Basic {base64.b64encode(API_KEY.encode()).decode()}",
        f"Bearer {hashlib.sha256(API_KEY.encode()).hexdigest()}",
        "Bearer ключ",
        "Bearer \udc00",
    ],
)
def test_anything_else_is_not(value: str, said: Lines) -> None:
    event = json.dumps(event_fields({}, key=None, headers={"Authorization": value})).encode()
    status, headers, body = call(event)
    assert (status, body["code"], body["retryable"]) == (401, "not-authenticated", False)
    assert headers["WWW-Authenticate"] == "Bearer"
    assert "caller" not in said()[-1]


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "has no API key"),
        ({"X-Api-Key": API_KEY}, "has no API key"),
        ({"Authorization": API_KEY}, "has another form"),
        ({"Authorization": "Basic x"}, "has another form"),
        ({"Authorization": f"Bearer tester:{API_KEY}"}, "not its entry of SMS_API_KEYS"),
    ],
)
def test_a_caller_without_a_valid_key_is_told_what_is_wrong_with_it(
    headers: dict[str, str], says: str
) -> None:
    status, _, body = call(http_event({}, key=None, headers=headers))
    assert (status, body["code"]) == (401, "not-authenticated")
    assert says in body["detail"]
    assert "Authorization: Bearer <key>" in body["detail"]
    assert API_KEY not in body["detail"]


@pytest.mark.parametrize("auth", ["trigger", "function", "jwt"])
def test_with_a_trigger_that_authenticates_no_key_is_asked_for(
    environment: pytest.MonkeyPatch, said: Lines, auth: str
) -> None:
    environment.delenv("SMS_API_KEYS")
    environment.setenv("SMS_AUTH", auth)
    assert call(http_event({}, key=None))[0] == 200
    assert said()[-1]["caller"] == ".trigger"


def test_one_malformed_key_locks_nobody_else_out_and_the_log_names_it(
    environment: pytest.MonkeyPatch, said: Lines
) -> None:
    environment.setenv("SMS_API_KEYS", f"secret-key,{API_KEYS}")
    assert call(http_event({}))[0] == 200
    assert "remedy" not in str(said())
    status, _, body = call(http_event({}, key="secret-key"))
    assert (status, body["code"]) == (401, "not-authenticated")
    named, _answered = said()
    assert (named["action"], named["outcome"]) == ("authenticate", "malformed")
    assert "SMS_API_KEYS: entry 1 is not of the form" in named["remedy"]
    assert "secret-key" not in f"{body}{named}"


def test_a_stranger_learns_nothing_of_paths_bodies_or_settings(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("SMS_ENDPOINT", "ftp://x")
    for event in (
        http_event({}, key="wrong", path="/nothing"),
        http_event({}, key="wrong", method="DELETE"),
        http_event("{", key="wrong"),
        http_event("x" * (MAX_BODY_BYTES + 1), key="wrong"),
    ):
        assert call(event)[0] == 401


# what a request may be


@pytest.mark.parametrize("path", ["/x", "/SMS", "/v1/sms", "//", ""])
def test_another_path_is_not_found(path: str) -> None:
    fields = event_fields({}, path=path)
    fields["rawPath"] = path or "/x"
    status, _, body = call(json.dumps(fields).encode())
    assert (status, body["code"]) == (404, "not-found")
    assert body["detail"] == "there is nothing at this path; this function takes POST /sms"


def detail_of(event: bytes, *routes: tuple[str, str]) -> str:
    """Return the detail of what a function with `routes` answers."""
    served = dict.fromkeys(routes, echo)
    answer = serve(event, Context(), function="f", routes=served)
    return str(json.loads(str(answer["body"]))["detail"])


def test_a_path_that_is_not_found_names_all_that_the_function_takes() -> None:
    routes = [("POST", "/delivery-status"), ("GET", "/delivery-status")]
    assert detail_of(http_event({}, path="/status"), *routes).endswith(
        "; this function takes GET /delivery-status and POST /delivery-status"
    )


def test_a_path_that_ends_in_a_secret_is_not_named() -> None:
    said = detail_of(http_event({}, path="/nothing"), ("POST", "/receipts/{token}"))
    assert said == "there is nothing at this path"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/sms/", "has a / too many"),
        ("//sms", "has a / too many"),
        ("/delivery-status", "/delivery-status has another URL, that of the function "),
        ("/codes/check", "/codes has another URL, that of the function verify_code"),
        ("/hooks/logto", "/hooks has another URL, that of the function receive_hook"),
        ("/receipts/a-token", "/receipts has another URL, that of the function receive_receipts"),
    ],
)
def test_a_path_that_is_nearly_right_or_of_another_function_is_put_right(
    path: str, says: str
) -> None:
    said = detail_of(http_event({}, path=path), ("POST", "/sms"))
    assert said.startswith("there is nothing at this path; this function takes POST /sms; ")
    assert says in said
    assert "a-token" not in said


def test_a_function_is_not_said_to_be_elsewhere() -> None:
    said = detail_of(http_event({}, path="/codes/verify"), ("POST", "/codes/check"))
    assert said == "there is nothing at this path; this function takes POST /codes/check"


def test_a_path_that_is_not_found_is_not_repeated() -> None:
    said = detail_of(http_event({}, path="/13800138000"), ("POST", "/sms"))
    assert "13800138000" not in said


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_another_method_is_not_allowed(method: str) -> None:
    status, headers, body = call(http_event({}, method=method))
    assert (status, body["code"]) == (405, "method-not-allowed")
    assert headers["Allow"] == "POST"  # RFC 9110, section 15.5.6
    assert body["detail"] == f"this path takes POST, not {method}"


def test_a_method_that_is_no_word_is_not_repeated() -> None:
    said = detail_of(http_event({}, method="13800138000"), ("POST", "/sms"))
    assert said == "this path takes POST"


def test_a_method_in_lower_case_is_known() -> None:
    assert call(http_event({}, method="post"))[0] == 200


@pytest.mark.parametrize("event", [http_event, lambda text: base64_event(text.encode())])
def test_a_body_that_is_too_large_is_refused(event: Callable[[str], bytes]) -> None:
    exactly = '"' + "x" * (MAX_BODY_BYTES - 2) + '"'
    assert call(event(exactly))[0] == 200
    for text in (exactly + " ", "x" * 5_000_000):
        status, _, body = call(event(text))
        assert (status, body["code"]) == (413, "body-too-large")


@pytest.mark.parametrize(
    ("kind", "marked"),
    [
        ("text/plain", "marked as text/plain"),
        ("application/x-www-form-urlencoded", "marked as application/x-www-form-urlencoded"),
        ("Text/Plain; charset=utf-8", "marked as text/plain"),
        ("application/jsonx", "marked as application/jsonx"),
        ("", "not marked as JSON"),
        ("json", "not marked as JSON"),
        ("text/<b>", "not marked as JSON"),
        ("text/13800138000", "marked as text/*00"),
    ],
)
def test_another_content_type_is_refused_with_the_right_one(kind: str, marked: str) -> None:
    status, _, body = call(http_event({}, headers={"Content-Type": kind}))
    assert (status, body["code"]) == (415, "not-json")
    assert body["detail"] == (
        f"the body is {marked}; send JSON with the header Content-Type: application/json"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("{", "not valid JSON"),
        ("{'a': 1}", "not valid JSON (line 1, column 2: expecting property name"),
        ('{"a": 1,\n "b" 2}', "not valid JSON (line 2, column 6: expecting ':' delimiter)"),
        ("phone_numbers=13800138000", "not valid JSON"),
        ('{"a": NaN}', "not valid JSON (NaN is no number of JSON)"),
        ('{"a": Infinity}', "not valid JSON"),
        ('{"a": -Infinity}', "not valid JSON"),
        ("{} {}", "not valid JSON"),
        ("[" * 100_000, "not valid JSON (it is nested too deep)"),
        ('{"a":' * 100_000, "not valid JSON"),
        ("1" * 100_000, "not valid JSON"),
        ('{"a": 1, "a": 2}', "names a field twice: a; give each once"),
        ('{"13800138000": 1, "13800138000": 2}', "names a field twice; give each once"),
        ('{"b": [{"a": 1, "a": 1}]}', "names a field twice"),
        (LAST_NAME_TWICE, "names a field twice"),
    ],
    ids=lambda value: value[:30],
)
def test_a_body_that_is_not_json_is_refused(text: str, says: str) -> None:
    status, _, body = call(http_event(text))
    assert (status, body["code"]) == (400, "malformed-json")
    assert says in body["detail"]


@pytest.mark.parametrize(
    "body", [b'{"a": "\xff"}', "{}".encode("utf-16"), b'{"a": "\xed\xa0\x80"}']
)
def test_a_body_that_is_not_utf_8_is_refused(body: bytes) -> None:
    status, _, answered = call(base64_event(body))
    assert (status, answered["code"]) == (400, "malformed-json")
    assert "UTF-8" in answered["detail"]


def test_a_lone_surrogate_in_the_event_is_no_utf_8() -> None:
    event = json.dumps(event_fields('{"a": "\ud800"}')).encode()
    assert call(event)[2]["detail"].startswith("the body is not UTF-8")


def test_a_huge_whole_number_that_can_be_read_reaches_the_route() -> None:
    assert call(http_event('{"a": 1' + "0" * 400 + "}"))[0] == 200


# problems


@pytest.mark.parametrize(
    ("error", "status", "members", "retry_after"),
    [
        (InvalidRequest("is bad", field="a[3].b"), 422, {"field": "a[3].b"}, None),
        (ConfigurationError("SMS_X is bad"), 500, {"code": "configuration"}, None),
        (ConnectionFailed("no"), 503, {"code": "connection-failed", "retryable": True}, "1"),
        (
            PlatformRefused("no", code="isv.X", request_id="R-1", status=429, retry_after=60),
            429,
            {"code": "isv.X", "platform_request_id": "R-1", "retryable": True},
            "60",
        ),
    ],
)
def test_an_error_becomes_a_problem_document(
    error: Exception, status: int, members: dict[str, Any], retry_after: str | None
) -> None:
    answered, headers, body = call(http_event({}), failing(error))
    assert answered == body["status"] == status
    assert headers.get("Retry-After") == retry_after
    assert set(body) >= PROBLEM_MEMBERS
    assert members.items() <= body.items()
    assert body["type"] == f"urn:fc-sms:problem:{body['code']}"
    assert body["request_id"] == INVOCATION_ID
    assert body["detail"] == str(error)


def test_a_problem_leaves_empty_members_out() -> None:
    response = problem(404, "no", "not-found", out_id="", field=None, outcome="unknown")
    assert response.body == {
        "type": "urn:fc-sms:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "no",
        "code": "not-found",
        "retryable": False,
        "outcome": "unknown",
    }
    assert response.headers == {}


@pytest.mark.parametrize(
    "error", [RuntimeError("13800138000 secret"), KeyError("secret"), RecursionError(), OSError(5)]
)
def test_an_error_that_nobody_expected_shows_its_place_and_not_its_text(
    error: Exception, said: Lines
) -> None:
    status, _, body = call(http_event({}), failing(error))
    assert (status, body["code"], body["retryable"]) == (500, "internal-error", False)
    bug, answered = said()
    assert (bug["level"], bug["action"], bug["outcome"]) == (
        "error",
        "internal-error",
        type(error).__name__,
    )
    assert bug["where"].startswith("route:")
    assert answered["outcome"] == "500"
    assert "secret" not in f"{body}{bug}{answered}"


# settings, credentials, time


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_ENDPOINT", "http://example.com"),
        ("SMS_SIGNATURE_METHOD", "MD5"),
        ("SMS_CONNECT_TIMEOUT", "soon"),
        ("SMS_READ_TIMEOUT", "0"),
        ("SMS_AUTH", "open"),
    ],
)
def test_a_malformed_setting_is_named_in_answer_and_log_but_not_shown(
    environment: pytest.MonkeyPatch, said: Lines, name: str, value: str
) -> None:
    environment.setenv(name, value)
    status, _, body = call(http_event({}))
    assert (status, body["code"], body["retryable"]) == (500, "configuration", False)
    assert name in body["detail"]
    lines = said()
    assert any(name in line.get("remedy", "") for line in lines)


def credentials_seen(context: Context) -> Credentials:
    """Return what a route would sign with."""
    seen: list[Credentials] = []

    def route(_request: Request, invocation: Invocation) -> Response:
        seen.append(invocation.api.credentials())
        return Response(200, {})

    status, _, body = call(http_event({}), route, context)
    if status != 200:
        raise ConfigurationError(body["detail"])
    return seen[0]


def test_credentials_come_from_the_context_where_it_has_them(
    environment: pytest.MonkeyPatch,
) -> None:
    from_context = Context310(credentials=ContextCredentials("STS.c", "secret-c", "token-c"))
    environment.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.e")
    environment.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret-e")
    environment.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "token-e")
    in_environment = Credentials("STS.e", "secret-e", "token-e")
    assert credentials_seen(from_context) == Credentials("STS.c", "secret-c", "token-c")
    assert credentials_seen(Context()) == in_environment
    assert credentials_seen(Context310()) == in_environment
    environment.setenv("SMS_ACCESS_KEY_ID", "LTAI")
    environment.setenv("SMS_ACCESS_KEY_SECRET", "secret-x")
    assert credentials_seen(from_context) == Credentials("LTAI", "secret-x")


@pytest.mark.parametrize("context", [Context(), Context310()])
def test_no_credentials_is_an_error_that_says_what_to_do(context: Context) -> None:
    with pytest.raises(ConfigurationError, match="attach a role"):
        credentials_seen(context)


def test_half_a_pair_is_an_error_that_names_the_other_half(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("SMS_ACCESS_KEY_SECRET", "half-secret")
    with pytest.raises(ConfigurationError, match="SMS_ACCESS_KEY_ID is empty") as caught:
        credentials_seen(Context())
    assert "half-secret" not in str(caught.value)


def test_settings_are_read_at_every_invocation(environment: pytest.MonkeyPatch) -> None:
    seen: list[environment_settings.Settings] = []

    def route(_request: Request, invocation: Invocation) -> Response:
        seen.append(invocation.api.settings)
        return Response(200, {})

    for sign_name in ("一", "二"):
        environment.setenv("SMS_SIGN_NAME", sign_name)
        call(http_event({}), route)
    assert [known.sign_name for known in seen] == ["一", "二"]


def test_the_deadline_is_the_functions_timeout_less_a_second(clock: ManualClock) -> None:
    seen: list[float] = []

    def route(_request: Request, invocation: Invocation) -> Response:
        seen.append(invocation.deadline)
        clock.advance(0.25)
        return Response(200, {})

    clock.advance(100.0)
    context = Context(function=FunctionInfo(timeout=30))
    call(http_event({}), route, context, clock=clock.as_clock())
    assert seen == [129.0]


def test_an_answer_leaves_a_line_in_the_log(clock: ManualClock, said: Lines) -> None:
    def route(_request: Request, _invocation: Invocation) -> Response:
        clock.advance(0.25)
        raise InvalidRequest("is bad", field="a[3].b")

    call(http_event({}), route, clock=clock.as_clock())
    assert said() == [
        {
            "time": "2027-01-15T08:00:00Z",
            "level": "warning",
            "request_id": INVOCATION_ID,
            "version": VERSION,
            "function": "send_sms",
            "action": "answer",
            "outcome": "422",
            "code": "invalid-request",
            "field": "a[3].b",
            "detail": "is bad",
            "caller": "tester",
            "duration_ms": 250,
        }
    ]
