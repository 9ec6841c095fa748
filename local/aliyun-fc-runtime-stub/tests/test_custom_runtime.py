"""What the program of a custom runtime is asked, and what becomes of its answers.

Sources: "Web functions" and "Specifications" of custom runtimes, "Function instance lifecycle
hooks" in them, "Configure instance concurrency"
(https://www.alibabacloud.com/help/en/functioncompute/fc/).
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from stub_project import Project, until
from test_http_trigger import send

TELL = """
    self.answer(json.dumps([self.command, self.path, self.headers.items(), body.decode("latin-1")]))
"""


def test_an_event_is_a_post_to_invoke(project: Project) -> None:
    """ "Web functions": path /invoke, the event as body, application/octet-stream."""
    project.program("f", TELL, handler="any text", role="fc-role")
    fc = project.start()
    invocation = fc.invoke("f", b"\x00\xff")
    method, path, headers, body = json.loads(invocation.payload)
    told = dict(headers)
    assert (method, path, body) == ("POST", "/invoke", "\x00\xff")
    assert told["content-type"] == "application/octet-stream"
    assert told["x-fc-request-id"] == invocation.request_id
    assert told["x-fc-control-path"] == "/invoke"
    assert told["x-fc-function-name"] == "f"
    assert told["x-fc-function-handler"] == "any text"
    assert told["x-fc-function-memory"] == "256"
    assert told["x-fc-region"] == "cn-hangzhou"
    assert told["x-fc-account-id"] == "1234567890123456"
    assert told["x-fc-access-key-id"].startswith("STS.")
    assert told["x-fc-security-token"]


@pytest.mark.parametrize(
    ("status", "headers", "error_type"),
    [
        (200, [], None),
        (400, [], None),
        (200, [("x-fc-status", "404")], "UnhandledInvocationError"),
        (404, [("X-Fc-Status", "200")], None),
    ],
)
def test_the_status_of_an_event_is_lost_and_x_fc_status_counts(
    project: Project, status: int, headers: list[tuple[str, str]], error_type: str | None
) -> None:
    """ "Web functions": the body becomes the result; only x-fc-status reports a failure."""
    project.program("f", f"self.answer('result', {status}, {headers})")
    invocation = project.start().invoke("f")
    assert invocation.status == 200
    assert invocation.payload == b"result"
    assert invocation.error_type == error_type


def test_a_request_of_a_trigger_is_passed_on_as_it_is(project: Project) -> None:
    """ "Web functions": method, path, query, headers, body; not the client's own x-fc- headers."""
    project.program("f", TELL)
    fc = project.start()
    sent = [("X-Fc-Fake", "1"), ("Keep-Alive", "1"), ("Cookie", "a=b; c")]
    reply = send(fc.url("f"), "PUT", "/a%20b/%E4?q=%2F&q=2", b"body\xff", sent)
    method, path, headers, body = reply.json()
    told = dict(headers)
    assert (method, path, body) == ("PUT", "/a%20b/%E4?q=%2F&q=2", "body\xff")
    assert told["host"] == urlsplit(fc.url("f")).netloc
    assert told["cookie"] == "a=b; c"
    assert told["x-fc-control-path"] == "/http-invoke"
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert told["x-fc-request-id"] == reply.headers["x-fc-request-id"]
    assert not {"x-fc-fake", "keep-alive", "connection"} & set(told)


def test_a_response_goes_back_as_it_is(project: Project) -> None:
    """ "Web functions": status, headers and body; reserved headers and x-fc- ones do not pass."""
    headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Fc-Own", "1"), ("Server", "x")]
    project.program("f", f"self.answer(b'\\x00\\xff', 418, {headers})")
    fc = project.start()
    connection = http.client.HTTPConnection(urlsplit(fc.url("f")).netloc)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert (response.status, response.read()) == (418, b"\x00\xff")
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.headers["x-fc-own"] is None
    assert "x" not in (response.headers["server"] or "")
    connection.request("HEAD", "/")
    response = connection.getresponse()
    assert (response.headers["content-length"], response.read()) == ("2", b"")
    connection.close()


def test_the_end_of_the_log_comes_with_a_response_where_it_is_asked_for(project: Project) -> None:
    """ "Web functions": X-Fc-Log-Type Tail; not with several requests at a time."""
    text = "print(self.path, flush=True); self.answer('ok')"
    project.program("f", text)
    project.program("g", text, instanceConcurrency=2)
    fc = project.start()
    asked = [("X-Fc-Log-Type", "Tail")]
    told = send(fc.url("f"), "GET", "/a", b"", asked).headers["x-fc-log-result"]
    assert base64.b64decode(told) == b"/a\n"
    assert "x-fc-log-result" not in send(fc.url("f"), "GET", "/a").headers
    assert "x-fc-log-result" not in send(fc.url("g"), "GET", "/a", b"", asked).headers


def test_the_environment_is_that_of_a_custom_runtime(project: Project) -> None:
    """ "Environment variables", by the Debian of the runtime; FC_SERVER_PORT is a free port."""
    project.program(
        "f",
        "self.answer(json.dumps(dict(os.environ)))",
        '("0.0.0.0", int(os.environ["FC_SERVER_PORT"]))',
        environmentVariables={"A": "1", "PATH": "/code/bin:/usr/bin:/bin"},
    )
    project.program("g", "self.answer(json.dumps(dict(os.environ)))")
    project.document["resources"]["g"]["props"]["runtime"] = "custom.debian10"
    fc = project.start()
    seen = json.loads(fc.invoke("f").payload)
    assert seen["A"] == "1"
    assert seen["FC_FUNCTION_VERSION"] == "LATEST"
    assert seen["FC_FUNC_CODE_PATH"] == seen["PWD"]
    assert seen["PATH"].startswith(f"{seen['PWD']}/bin:/usr/bin")
    assert seen["FC_SERVER_PORT"] == seen["FC_CUSTOM_LISTEN_PORT"] != "9000"
    older = json.loads(fc.invoke("g").payload)
    assert older["FC_VER_ID"] == "LATEST"
    assert "FC_FUNCTION_VERSION" not in older


def test_hooks_are_asked_by_their_paths(project: Project) -> None:
    """ "Function instance lifecycle hooks": POST /initialize once, GET /pre-stop at the end."""
    text = "print(self.command, self.path, self.headers['x-fc-control-path']); self.answer('ok')"
    hooks = {name: {"handler": "x", "timeout": 5} for name in ("initializer", "preStop")}
    project.program("f", text, instanceLifecycleConfig=hooks)
    fc = project.start()
    first, second = fc.invoke("f"), fc.invoke("f")
    assert first.log == "POST /initialize /initialize\nPOST /invoke /invoke\n"
    assert second.log == "POST /invoke /invoke\n"
    assert fc.stop() == "GET /pre-stop /pre-stop\n"


@pytest.mark.parametrize(
    ("body", "error"), [("self.answer('', 500)", "answered 500"), ("time.sleep(9)", "timed out")]
)
def test_an_initializer_that_fails_fails_its_calls(project: Project, body: str, error: str) -> None:
    """The page: answered 200 with X-Fc-Error-Type InitializationError; the instance ends."""
    text = f"""
        if self.path == "/initialize":
            {body}
        else:
            self.answer("ok")
    """
    hooks = {"initializer": {"handler": "x", "timeout": 1}}
    project.program("f", text, instanceLifecycleConfig=hooks)
    fc = project.start()
    reply = send(fc.url("f"), "GET", "/")
    assert reply.status == 200
    assert reply.headers["x-fc-error-type"] == "InitializationError"
    assert error in reply.json()["errorMessage"]
    invocation = fc.invoke("f")
    assert (invocation.status, invocation.error_type) == (200, "InitializationError")


SLOW = "time.sleep(0.5); self.answer(os.getpid())"


@pytest.mark.parametrize(("concurrency", "processes"), [(1, 4), (4, 1)])
def test_an_instance_takes_as_many_requests_as_s_yaml_says(
    project: Project, concurrency: int, processes: int
) -> None:
    """ "Configure instance concurrency"; each program listens on 9000, whatever it is told."""
    project.program("f", SLOW, instanceConcurrency=concurrency)
    project.program("g", SLOW)
    fc = project.start()
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(fc.invoke, ["f"] * 4 + ["g"]))
    found = [answer.payload for answer in answers]
    assert len(set(found[:4])) == processes
    assert found[4] not in found[:4]


def test_a_stream_comes_as_it_is_made(project: Project) -> None:
    """FAQ on SSE: chunked responses are streams: a piece arrives before the next is made."""
    text = f"""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(2):
            self.wfile.write(b"6\\r\\ndata\\n\\n\\r\\n")
            while not os.path.exists({str(project.folder / "go")!r}): time.sleep(0.01)
        self.wfile.write(b"0\\r\\n\\r\\n")
    """
    project.program("f", text)
    fc = project.start()
    connection = http.client.HTTPConnection(urlsplit(fc.url("f")).netloc)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-fc-request-id"]
    assert response.read1() == b"data\n\n"
    assert not fc.invocations()
    (project.folder / "go").touch()
    assert response.read() == b"data\n\n"
    assert until(fc.invocations)[0].payload == b"data\n\ndata\n\n"
    connection.close()


HANDSHAKE = (
    "GET /chat?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n"
)
WEB_SOCKET = """
    import socketserver
    class Program(socketserver.StreamRequestHandler):
        def handle(self):
            lines = [self.rfile.readline().decode()]
            while lines[-1].strip():
                lines.append(self.rfile.readline().decode())
            told = "".join(line for line in lines if line.lower().startswith(("get", "x-fc-con")))
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n" + told.encode())
            while data := self.request.recv(100):
                self.wfile.write(data.upper())
    socketserver.ThreadingTCPServer(("", 9000), Program).serve_forever()
"""


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))


def read_until(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += connection.recv(1000) or pytest.fail(f"closed after {data!r}")
    return data


def test_a_web_socket_joins_client_and_program(project: Project) -> None:
    """The page on WebSocket: upgraded, bytes both ways, closed at the function's timeout."""
    project.program("f", "", timeout=2)
    project.files({"f.py": WEB_SOCKET})
    fc = project.start()
    with connected(fc.url("f")) as client:
        client.sendall(HANDSHAKE.format("").encode())
        answer = read_until(client, b"x-fc-control-path: /http-invoke\r\n")
        assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n\r\nGET /chat?x=1 HTTP/1.1")
        for word in (b"one", b"two"):
            client.sendall(word)
            assert read_until(client, word.upper())
        assert client.recv(1) == b""
    assert b"timed out after 2 seconds" in until(fc.invocations)[0].payload


def test_a_web_socket_is_refused_as_any_request(project: Project) -> None:
    project.program("f", "", methods=["POST"])
    project.http("g", "def handler(event, context): return 'ok'")
    fc = project.start()
    for name, header, status in (
        ("f", "", b"403"),
        ("f", "Origin: https://evil.example\r\n", b"403"),
        ("g", "", b"400"),
    ):
        with connected(fc.url(name)) as client:
            client.sendall(HANDSHAKE.format(header).encode())
            answer = read_until(client, b"}")
            assert answer.split(b" ")[1] == status
            assert b'"Code": ' in answer
    assert not fc.invocations()
