"""HTTP triggers.

Sources: https://www.alibabacloud.com/help/en/functioncompute/fc/http-trigger-invoking-function,
the "HTTP trigger overview" page, and the errors table of http://help.aliyun.com/document_detail/85445.html.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stub_project import Project

ECHO = "def handler(event, context): return event"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def send(
    url: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: list[tuple[str, str]] | None = None,
) -> Reply:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.putrequest(method, path)
        connection.putheader("Content-Length", str(len(body)))
        for name, value in headers or []:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, fields, response.read())
    finally:
        connection.close()


def test_an_event_holds_the_request_as_documented(project: Project) -> None:
    """Event v1: raw and decoded path, Title-Case names, values joined by commas, string epoch."""
    project.http("echo", ECHO)
    fc = project.start()
    headers = [("X-A", "1"), ("x-a", "2"), ("User-Agent", "me")]
    path = "/a%20b/%E4%BD%A0?q=1&q=2%2C3&empty=&x=%E4%BD%A0"
    reply = send(fc.url("echo"), "POST", path, "hi 你".encode(), headers)
    event = reply.json()
    assert event["version"] == "v1"
    assert event["rawPath"] == "/a%20b/%E4%BD%A0"
    assert (event["body"], event["isBase64Encoded"]) == ("hi 你", False)
    assert event["headers"]["X-A"] == "1,2"
    assert event["headers"]["User-Agent"] == "me"
    assert event["queryParameters"] == {"q": "1,2,3", "empty": "", "x": "你"}
    context = event["requestContext"]
    assert context["http"] == {
        "method": "POST",
        "path": "/a b/你",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "me",
    }
    assert context["accountId"] == "1234567890123456"
    assert context["domainName"] == f"{context['domainPrefix']}.cn-hangzhou.fcapp.run"
    assert context["requestId"] == reply.headers["x-fc-request-id"]
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}", context["requestId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", context["time"])
    assert abs(int(context["timeEpoch"]) / 1000 - time.time()) < 60
    assert isinstance(context["timeEpoch"], str)


def test_header_values_are_utf_8_and_numbers_are_written_as_in_json(project: Project) -> None:
    """Not confirmed, as no page says what becomes of them."""
    headers = {"X-City": "杭州", "X-Latin": "é", "X-Real": 1.5, "X-True": True}
    returned = {"statusCode": 200, "headers": headers, "body": ""}
    project.http("f", f"def handler(event, context): return {returned!r}")
    found = send(project.start().url("f"), "GET", "/").headers
    assert found["x-city"].encode("latin-1").decode() == "杭州"
    assert found["x-latin"].encode("latin-1").decode() == "é"
    assert (found["x-real"], found["x-true"]) == ("1.5", "true")


def test_a_base64_body_may_have_line_breaks(project: Project) -> None:
    """base64.encodebytes and MIME break lines after 76 characters."""
    text = """
        import base64
        def handler(event, context):
            body = base64.encodebytes(bytes(range(256))).decode()
            return {"statusCode": 200, "body": body, "isBase64Encoded": True}
    """
    project.http("f", text)
    assert send(project.start().url("f"), "GET", "/").body == bytes(range(256))


def test_a_binary_body_comes_as_base64(project: Project) -> None:
    """A binary body is base64. What counts as binary is not documented; here: not UTF-8."""
    project.http("echo", ECHO)
    url = project.start().url("echo")
    for body in [b"\xff\xfe", b"\x80abc", bytes(range(256))]:
        event = send(url, "POST", "/", body).json()
        assert event["isBase64Encoded"] is True
        assert base64.b64decode(event["body"]) == body


RETURN = "import json\ndef handler(event, context): return eval(json.loads(event)['body'])"


def test_a_response_is_sent_as_structured_and_reserved_headers_are_dropped(
    project: Project,
) -> None:
    """The structure: statusCode, headers, isBase64Encoded, body. Reserved headers are dropped."""
    headers = {"Content-Type": "text/x", "Server": "s", "DATE": "d", "X-Fc-A": "1", "X-N": 5}
    returned = {"statusCode": 201, "headers": headers, "isBase64Encoded": False, "body": "你"}
    project.http("f", RETURN)
    reply = send(project.start().url("f"), "POST", "/", repr(returned).encode())
    assert (reply.status, reply.body) == (201, "你".encode())
    assert reply.headers["content-type"] == "text/x"
    assert reply.headers["x-n"] == "5"
    assert "server" not in reply.headers
    assert "x-fc-a" not in reply.headers
    assert reply.headers["date"] != "d"
    assert "content-disposition" not in reply.headers


RESPONSES: list[tuple[Any, int, bytes]] = [
    ({"statusCode": 200, "isBase64Encoded": True, "body": "AP8="}, 200, b"\x00\xff"),
    ({"statusCode": "202"}, 202, b""),
    ({"statusCode": 204, "body": ""}, 204, b""),
    ("bare", 200, b"bare"),
    (b"\xff", 200, b"\xff"),
    ({"a": 1}, 200, b'{\n    "a": 1\n}'),
    ('{"statusCode": 418, "body": "x"}', 418, b"x"),
]


def test_bare_values_are_answered_as_they_are(project: Project) -> None:
    """Bare values are answered with 200 as they are (the samples do so)."""
    project.http("f", RETURN)
    url = project.start().url("f")
    for returned, status, body in RESPONSES:
        reply = send(url, "POST", "/", repr(returned).encode())
        assert (reply.status, reply.body) == (status, body)


BAD_RESPONSES: list[tuple[Any, str]] = [
    ({"statusCode": 99}, "statusCode"),
    ({"statusCode": None}, "statusCode"),
    ({"statusCode": True}, "statusCode"),
    ({"statusCode": 200, "body": {"a": 1}}, "body must be a string"),
    ({"statusCode": 200, "body": "?", "isBase64Encoded": True}, "not base64"),
    ({"statusCode": 200, "headers": ["a"]}, "headers must be a map"),
    ({"statusCode": 200, "headers": {"a": ["b"]}}, "'a' must be a string"),
    ({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, "'a' is not valid"),
    ({"statusCode": 200, "headers": {"a b": "c"}}, "'a b' is not valid"),
    ({"statusCode": 200, "headers": {"a": "b\x7f"}}, "'a' is not valid"),
    ({"statusCode": 200, "headers": {"a": None}}, "'a' must be a string, not null"),
    ({"statusCode": 200, "headers": {"a": "x" * 9000}}, "over 8 KB"),
]


def test_a_response_that_is_not_well_formed_is_answered_with_502(project: Project) -> None:
    """502 BadResponse, documented for headers over 8 KB; here for all that is not well-formed."""
    project.http("f", RETURN)
    url = project.start().url("f")
    for returned, message in BAD_RESPONSES:
        reply = send(url, "POST", "/", repr(returned).encode())
        assert (reply.status, reply.json()["Code"]) == (502, "BadResponse")
        assert message in reply.json()["Message"]


def test_an_unhandled_error_is_answered_with_502(project: Project) -> None:
    """502 and UnhandledInvocationError (errors table; for FC 3.0 not confirmed)."""
    project.http("f", "def handler(event, context): raise ValueError('x')")
    reply = send(project.start().url("f"), "GET", "/")
    assert reply.status == 502
    assert reply.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert reply.json()["errorMessage"] == "x"


def test_a_method_that_is_not_listed_is_refused(project: Project) -> None:
    """403 FCCommonError, HEAD and OPTIONS included; the code is never reached."""
    project.http("f", ECHO, methods=["GET"])
    fc = project.start()
    for method in ("POST", "OPTIONS", "DELETE", "PATCH"):
        reply = send(fc.url("f"), method, "/")
        assert (reply.status, reply.json()["Code"]) == (403, "FCCommonError")
    assert send(fc.url("f"), "HEAD", "/").status == 403
    assert fc.invocations() == []


def test_a_request_beyond_the_limits_is_refused(project: Project) -> None:
    """ "HTTP trigger overview": headers 8 KB, path and query 4 KB, body 32 MB; 400 otherwise."""
    project.http("f", ECHO)
    fc = project.start()
    mega = 1024 * 1024
    too_much = {
        "4 KB": send(fc.url("f"), "POST", "/" + "a" * 4100),
        "8 KB": send(fc.url("f"), "POST", "/", b"", [("X-A", "a" * 8200)]),
        "32 MB": send(fc.url("f"), "POST", "/", bytes(32 * mega + 1)),
        "over 32 MB": send(fc.url("f"), "POST", "/", bytes(40 * mega)),  # read before the answer
    }
    for limit, reply in too_much.items():
        assert (reply.status, reply.json()["Code"]) == (400, "InvalidArgument")
        assert limit in reply.json()["Message"]
    assert fc.invocations() == []


def test_a_body_that_does_not_come_whole_runs_nothing(project: Project) -> None:
    project.http("f", ECHO)
    fc = project.start()
    with socket.create_connection(("127.0.0.1", urlsplit(fc.url("f")).port or 0)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\npart")
        time.sleep(0.1)
    time.sleep(0.1)
    assert send(fc.url("f"), "GET", "/").status == 200
    assert len(fc.invocations()) == 1


def test_each_function_has_its_own_address(project: Project) -> None:
    """On FC each trigger has its own host; here its own port."""
    project.http("a", "def handler(event, context): return 'a'")
    project.http("b", "def handler(event, context): return 'b'")
    fc = project.start()
    assert [send(fc.url(name), "GET", "/").body for name in "ab"] == [b"a", b"b"]


def signed(secret: str, **changes: str) -> list[tuple[str, str]]:
    values = {
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-content-sha256": hashlib.sha256(b"body").hexdigest(),
        "id": "key",
        **changes,
    }
    names = ["x-acs-content-sha256", "x-acs-date"]
    lines = "".join(f"{name}:{values[name]}\n" for name in names)
    digest = values["x-acs-content-sha256"]
    canonical = f"POST\n/p%20q\na=1&b=%20\n{lines}\n{';'.join(names)}\n{digest}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    value = f"ACS3-HMAC-SHA256 Credential={values['id']},SignedHeaders={';'.join(names)},"
    return [
        *((name, values[name]) for name in names),
        ("Authorization", f"{value}Signature={signature}"),
    ]


def test_a_signed_trigger_checks_key_signature_and_time(project: Project) -> None:
    """authType function: ACS3-HMAC-SHA256 with the local key pair, 15 minutes of clock skew."""
    project.http("f", "def handler(event, context): return 'in'", auth_type="function")
    url = project.start(access_key=("key", "secret")).url("f")

    def attempt(headers: list[tuple[str, str]]) -> tuple[int, str]:
        reply = send(url, "POST", "/p%20q?b=%20&a=1", b"body", headers)
        return reply.status, "" if reply.status == 200 else reply.json()["Code"]

    assert attempt(signed("secret")) == (200, "")
    assert attempt(signed("secret", **{"x-acs-content-sha256": ""})) == (200, "")
    assert attempt([]) == (400, "MissingRequiredHeader")
    assert attempt(signed("wrong")) == (403, "SignatureNotMatch")
    assert attempt(signed("secret", id="other")) == (403, "InvalidAccessKeyID")
    assert attempt(signed("secret", **{"x-acs-date": "2020-01-01T00:00:00Z"}))[1] == "AccessDenied"
    assert attempt(signed("secret", **{"x-acs-date": "now"}))[1] == "InvalidArgument"


def test_jwt_needs_no_auth(project: Project) -> None:
    """jwt is not checked here: refused with the remedy, unless checking is switched off."""
    project.http("f", "def handler(event, context): return 'in'", auth_type="jwt")
    reply = send(project.start().url("f"), "GET", "/")
    assert reply.status == 403
    assert "--no-auth" in reply.json()["Message"]
    assert send(project.start(authentication=False).url("f"), "GET", "/").body == b"in"


def test_any_caller_may_ask_for_async(project: Project) -> None:
    """ "HTTP trigger overview": X-Fc-Invocation-Type: Async is answered 202, run, and repeated."""
    project.http(
        "f",
        "def handler(event, context): raise ValueError",
        asyncInvokeConfig={"maxAsyncRetryAttempts": 1},
    )
    fc = project.start(retry_delay=0.01)
    reply = send(fc.url("f"), "POST", "/", b"x", [("X-Fc-Invocation-Type", "Async")])
    assert (reply.status, reply.body) == (202, b"")
    fc.wait_for_async()
    assert [one.attempt for one in fc.invocations()] == [1, 2]
    assert {one.request_id for one in fc.invocations()} == {reply.headers["x-fc-request-id"]}
