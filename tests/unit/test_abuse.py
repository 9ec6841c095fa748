"""Hostile requests and events: each is refused or harmless, and none takes long or sends too much.

What a network is needed for is tested in tests/integration/test_abuse.py.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared import fields, ids, logs, phone_numbers
from shared.errors import InvalidRequest
from shared.events import event_sources
from shared.receipts import delivery_status, mns_queue, push_endpoint, pushed
from shared.sending import intents, international, mainland, request_fields
from shared.sending.template_values import check_variable
from tests.unit.conftest import Served
from tests.unit.echoing_platform import KEY_OF_QUEUES
from tests.unit.scripted_server import Arrived, Scene, answer
from tests.unit.sms_platform import Platform, accepted
from tests.unit.source_events import encoded, mns_topic, oss, timer
from tests.unit.trigger_events import Context, base64_event, event_fields, http_event

NUMBER = "13800138000"
TOKEN = "a-token-of-the-receipts"
ONE: Mapping[str, Any] = {"phone_numbers": NUMBER, "template_code": "SMS_1"}
ABROAD: Mapping[str, Any] = {"phone_numbers": "+85251234567", "message": "hello"}
PATHS = {
    "send_sms": "/sms",
    "send_international_sms": "/international-sms",
    "query_delivery_status": "/delivery-status",
    "verify_code": "/codes",
    "receive_receipts": f"/receipts/{TOKEN}",
}
MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def _deployed(
    deployed: pytest.MonkeyPatch, endpoint: str, platform: Platform, tmp_path: Path
) -> None:
    """Functions with a state file, and a platform that accepts everything."""
    deployed.setenv("SMS_INTERNATIONAL_ENDPOINT", endpoint)
    deployed.setenv("SMS_COUNTRIES", "HK")
    deployed.setenv("SMS_RECEIPT_TOKEN", TOKEN)
    deployed.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.db")
    deployed.setenv("SMS_STATE_SECRET", "a-secret-of-the-tests")
    deployed.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    deployed.setenv("SMS_LOCAL_BUCKETS", str(tmp_path))
    deployed.setenv("SMS_CODE_TEMPLATE", "SMS_1")
    deployed.setenv("SMS_LIMITS", "number-per-minute=0,number-per-hour=0,number-per-day=0")
    platform.on("SendMessageToGlobe", accepted())


def run(function: str, event: bytes) -> Any:
    return importlib.import_module(f"functions.{function}").handler(event, Context())


def call(function: str, event: bytes) -> tuple[int, dict[str, Any]]:
    answer = run(function, event)
    return answer["statusCode"], json.loads(answer["body"])


def refused(function: str, event: bytes) -> str:
    """Return the code of the problem document that an event is answered with."""
    status, body = call(function, event)
    assert 400 <= status < 500, body
    assert body["status"] == status
    assert body["detail"]
    return str(body["code"])


def _lists(result: Mapping[str, list[object]]) -> set[str]:
    """Return the names of the lists of a result that hold anything."""
    return {name for name, entries in result.items() if entries}


# bodies

BOMBS: Mapping[str, str | bytes] = {
    "deep lists": "[" * 100_000,
    "deep lists, closed": "[" * 100_000 + "]" * 100_000,
    "deep objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "deep in a field": '{"phone_numbers":' + "[" * 900 + "]" * 900 + "}",
    "a whole number of 100,000 digits": "1" + "0" * 100_000,
    "such a number in a field": '{"phone_numbers": 1%s}' % ("0" * 100_000),
    "a fraction of 100,000 digits": '{"phone_numbers": 0.%s}' % ("3" * 100_000),
    "1e400": '{"phone_numbers": 1e400, "template_code": 1e400, "messages": 1e400}',
    "1e-400": '{"template_param": {"a": 1e-400}, "phone_numbers": -1e400}',
    "not a number": '{"phone_numbers": NaN}',
    "infinity": '{"phone_numbers": [-Infinity]}',
    "a name twice": '{"phone_numbers": "13800138000", "phone_numbers": "13900139000"}',
    "a name twice, escaped": '{"phone_numbers": "1", "phone_\\u006eumbers": "2"}',
    "one string of a megabyte": '{"phone_numbers": "%s"}' % ("1" * (MEGABYTE - 30)),
    "a name of a megabyte": '{"%s": 1}' % ("a" * (MEGABYTE - 30)),
    "a hundred thousand names": json.dumps(dict.fromkeys(map(str, range(60_000)), 1)),
    "more than a megabyte": '{"a": "%s"}' % ("1" * MEGABYTE),
    "half a surrogate pair": '{"phone_numbers": "\\ud800", "template_code": "\\udfff"}',
    "a null byte": '{"phone_numbers": "13800138000\\u0000", "template_code": "SMS_1"}',
    "byte order marks": '\ufeff\ufeff{"phone_numbers": "13800138000"}',
    "UTF-16": '{"phone_numbers": "13800138000"}'.encode("utf-16"),
    "UTF-7": b"+AHsAIgBhACIAOgAxAH0-",
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "compressed": bytes.fromhex("1f8b08000000000002ffab564a54b2320400"),
    "a form": "phone_numbers=13800138000&template_code=SMS_1",
    "XML": "<a><phone_numbers>13800138000</phone_numbers></a>",
    "two documents": '{"phone_numbers": "13800138000"}{"template_code": "SMS_1"}',
    "blanks alone": " \n\t" * 100_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_body_made_to_break_readers_is_refused(platform: Platform, bomb: str | bytes) -> None:
    raw = bomb if isinstance(bomb, bytes) else bomb.encode()
    for function, path in PATHS.items():
        assert refused(function, base64_event(raw, path=path))
    assert platform.calls == []


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_an_event_made_to_break_readers_sends_nothing(
    platform: Platform, bomb: str | bytes
) -> None:
    raw = bomb if isinstance(bomb, bytes) else bomb.encode()
    text = raw.decode("latin-1")
    for event in (raw, encoded(mns_topic(text)), encoded(timer(text)), encoded({"body": text})):
        for function in ("send_on_event", *PATHS):
            result = run(function, event)
            if function == "send_on_event":
                assert _lists(result) == {"rejected"}
            else:
                assert result.get("statusCode") == 400 or "problem" in result, result
    assert platform.calls == []


def _deepest() -> int:
    """Return how deep a list may be that JSON is read from here."""
    low, high = 1, 200_000
    while high - low > 1:
        depth = (low + high) // 2
        try:
            json.loads("[" * depth + "]" * depth)
            low = depth
        except RecursionError:
            high = depth
    return low


def test_no_depth_lies_between_what_is_read_and_what_is_refused(platform: Platform) -> None:
    deepest = _deepest()
    for depth in range(deepest - 60, deepest + 6, 5):
        nested = "[" * depth + "]" * depth
        for text in (
            nested,
            f'{{"requests": {nested}}}',
            f'{{"specversion": 1, "source": {nested}, "id": {nested}, "data": {nested}}}',
            f'{{"specversion": 1, "subject": {nested}, "data": {{"topic": {nested}, "value": 1}}}}',
            f'{{"events": [{{"oss": {nested}, "region": {nested}, "eventName": {nested}}}]}}',
            f'{{"TopicName": {nested}, "Message": {nested}, "MessageId": {nested}}}',
            f'{{"phone_numbers": {nested}, "template_code": {nested}, "out_id": "a"}}',
            f'{{"message": {nested}, "phone_numbers": {nested}, "api": {nested}, "out_id": "a"}}',
        ):
            assert _lists(run("send_on_event", text.encode())) == {"rejected"}
        for function, path in PATHS.items():
            for body in (nested, f"[{nested}]", f'[{{"out_id": {nested}, "success": {nested}}}]'):
                status, answer = call(function, http_event(body, path=path))
                # Receipts that cannot be read are kept, if they are small; 503 brings them again.
                is_too_large = function == "receive_receipts" and answer["code"] == "unread-full"
                assert status == 503 if is_too_large else 400 <= status < 500, answer
    assert platform.calls == []


# paths, methods, headers, queries


@pytest.mark.parametrize(
    "path",
    [
        *("//sms", "/sms/", "/sms//", "//", "/./sms", "/x/../sms", "/sms/..", "/sms.", "/sms;a"),
        *("/sms%2f", "/%73ms", "/%2e%2e/sms", "/sms\0", "/SMS", "sms", "/sms?x", "/sms#", "/ｓms"),
        *("/receipts/sms", "/codes/check/../sms", "\\sms", "/sms\r\nX: 1", "http://x/sms"),
    ],
)
def test_only_the_very_path_leads_anywhere(platform: Platform, path: str) -> None:
    assert refused("send_sms", http_event(ONE, path=path)) == "not-found"
    assert refused("receive_receipts", http_event([], path=f"{path}/{TOKEN}")) == "not-found"
    assert platform.calls == []


@pytest.mark.parametrize(
    "path",
    [
        *(f"/receipts/{TOKEN}/", f"/receipts//{TOKEN}", f"/receipts/{TOKEN}%00", "/receipts/"),
        *(f"/receipts/{TOKEN[:-1]}", f"/receipts/{TOKEN}\0", f"/receipts/{TOKEN.upper()}", "/"),
        *(f"/receipts/x/../{TOKEN}", f"/receipts/{TOKEN}é", f"/{TOKEN}", f"/receipts?{TOKEN}"),
        *(f"/receipts/{TOKEN}?", f"/receipts/ {TOKEN}", "/receipts/\ud800", "/receipts/*"),
    ],
)
def test_only_the_very_token_leads_to_the_receipts(path: str) -> None:
    event = event_fields([{"out_id": "order-1", "success": True}], path=path)
    event["queryParameters"] = {"token": TOKEN, "": TOKEN}
    event["headers"] |= {"Authorization": f"Bearer {TOKEN}", "X-Token": TOKEN}
    assert refused("receive_receipts", encoded(event)) == "not-found"


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
def test_a_method_cannot_be_overridden(platform: Platform, header: str) -> None:
    get = event_fields(ONE, method="GET", headers={header: "POST"}, query={header: "POST"})
    assert refused("send_sms", encoded(get)) == "method-not-allowed"
    post = event_fields(ONE, headers={header: "DELETE"}, query={header: "DELETE"})
    assert call("send_sms", encoded(post))[0] == 200
    assert len(platform.sends) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"Authorization": ""}},
        {"headers": {"Authorization": "Bearer \r\nX-Key: test-key-4f1d0c5b8e"}},
        {"headers": {"Authorization": "Bearer test-key-4f1d0c5b8e\r\nX: 1"}},
        {"headers": {"Authorization": "Bearer test-key-4f1d0c5b8e, Bearer x"}},
        {"headers": {"Authorization": "Basic test-key-4f1d0c5b8e"}},
        {"headers": {"Authorization": "Bearer test-key-4f1d0c5b8e\0"}},
        {"headers": {"Authorization": "Bearer TEST-KEY-4F1D0C5B8E"}},
        {"headers": {"Authorization": "Bearer \ud800"}},
        {"headers": {"Authorization": "x" * MEGABYTE}},
        {"headers": {"X-Authorization": "Bearer test-key-4f1d0c5b8e"}},
        {"headers": {"Authorization ": "Bearer test-key-4f1d0c5b8e"}},
        {"headers": {"Proxy-Authorization": "Bearer test-key-4f1d0c5b8e"}},
        {"headers": {"Cookie": "Authorization=Bearer test-key-4f1d0c5b8e"}},
        {"queryParameters": {"Authorization": "Bearer test-key-4f1d0c5b8e"}},
        {"queryParameters": {"access_token": "test-key-4f1d0c5b8e", "key": "test-key-4f1d0c5b8e"}},
    ],
)
def test_a_key_counts_in_its_header_alone(
    platform: Platform, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    for function in PATHS.keys() - {"receive_receipts"}:
        event = event_fields(ONE, path=PATHS[function], key=None)
        event |= {**change, "headers": {**event["headers"], **change.get("headers", {})}}
        assert refused(function, encoded(event)) == "not-authenticated"
    assert platform.calls == []
    assert "4f1d0c5b8e" not in capsys.readouterr().out.casefold()


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"Idempotency-Key": "order-1\r\nX-Injected: 1"}, "invalid-request"),
        ({"Idempotency-Key": "order-1\nSet-Cookie: a=b"}, "invalid-request"),
        ({"Idempotency-Key": "a~1"}, "invalid-request"),
        ({"Idempotency-Key": "x" * 201}, "invalid-request"),
        ({"Idempotency-Key": "order-1, order-2"}, "invalid-request"),
        ({"Idempotency-Key": '"order-1" ; a'}, "invalid-request"),
        ({"Idempotency-Key": "ordеr-1"}, "invalid-request"),  # a Cyrillic letter
        ({"Content-Type": "application/json\r\nX: 1"}, "not-json"),
        ({"Content-Type": "text/plain, application/json"}, "not-json"),
        ({"Content-Type": "application/json,application/json"}, "not-json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "not-json"),
        ({"Content-Type": "multipart/form-data; boundary=application/json"}, "not-json"),
    ],
)
def test_a_header_that_is_not_as_it_should_be_is_refused(
    platform: Platform, header: dict[str, str], code: str
) -> None:
    answer = run("send_sms", http_event(ONE, headers=header))
    assert json.loads(answer["body"])["code"] == code
    assert platform.calls == []
    for name, value in answer["headers"].items():
        assert re.fullmatch(r"[A-Za-z-]+: [ -~]*", f"{name}: {value}")


# fields

# One shows what follows from right to left, others are drawn on the digit before them.
MARKS = ("\u202e", "\u0301", "\u20e3", "\u0338", "\u20dd")


@pytest.mark.parametrize(
    "number",
    [
        *(
            "١٣٨٠٠١٣٨٠٠٠",
            "१३८००१३८०००",
            "𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎",
            "138001380①⓪",
            "13800138²³⁴",
            "138०0138000",
        ),
        *(f"138{mark}00138000" for mark in MARKS),
        *(f"{mark}13800138000" for mark in MARKS),
        *(f"13800138000{mark}" for mark in MARKS),
        *(
            "13800138000\n1",
            "13800138000,13900139000",
            "13800138000;1",
            "13800138000&To=1",
            "tel:1",
        ),
        *("13800138000#", "13800138000w1", "13800138000x12", "=13800138000", "='13800138000'"),
    ],
    ids=ascii,
)
def test_a_number_is_digits_with_nothing_added_to_them(platform: Platform, number: str) -> None:
    for function, body in (
        ("send_sms", {**ONE, "phone_numbers": number}),
        ("send_sms", {**ONE, "phone_numbers": ["13900139000", number]}),
        ("send_international_sms", {**ABROAD, "phone_numbers": f"+852{number}"}),
        ("send_international_sms", {**ABROAD, "phone_numbers": number}),
        ("verify_code", {"phone_number": number, "purpose": "login"}),
        ("query_delivery_status", {"phone_number": number, "send_date": "20270115"}),
    ):
        event = http_event(body, path=PATHS[function])
        assert refused(function, event) in ("invalid-request", "ambiguous-number")
    assert platform.calls == []


INJECTIONS = (
    *("'; DROP TABLE records; --", "1 OR 1=1", "x\r\nFLUSHALL\r\n", "*1\r\n$8\r\nFLUSHALL\r\n"),
    *("]] redis.call('FLUSHALL') --[[", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "`id`", "$(id)"),
    *("../../etc/passwd", "order~1", "order~0~1", "a%00b", "{fc-sms}:part", "a:b\n", "<script>"),
    *("__proto__/x", "=HYPERLINK(1)", "\ud800", "🙂", "\u202e", " ", "a b", "\0"),
)


@pytest.mark.parametrize("text", INJECTIONS, ids=ascii)
def test_ids_and_purposes_have_no_room_for_code(platform: Platform, text: str) -> None:
    for function, body in (
        ("send_sms", {**ONE, "out_id": text}),
        ("send_sms", {**ONE, "client_ip": text}),
        ("send_sms", {**ONE, "template_code": text}),
        ("send_sms", {**ONE, "sms_up_extend_code": text}),
        ("send_sms", {**ONE, "template_param": {text: "a"}}),
        ("send_international_sms", {**ABROAD, "out_id": text}),
        ("send_international_sms", {**ABROAD, "sender_id": text}),
        ("send_international_sms", {**ABROAD, "api": text}),
        ("verify_code", {"phone_number": NUMBER, "purpose": text}),
        ("verify_code", {"phone_number": NUMBER, "purpose": "a", "out_id": text}),
        ("verify_code", {"phone_number": NUMBER, "purpose": "a", "client_ip": text}),
        ("query_delivery_status", {"phone_number": NUMBER, "send_date": text}),
    ):
        event = http_event(json.dumps(body), path=PATHS[function])
        assert refused(function, event) == "invalid-request"
    for query in ({"out_id": text}, {"message_id": text}, {"out_id": "a", "first_part": text}):
        event = http_event(method="GET", path=PATHS["query_delivery_status"], query=query)
        assert refused("query_delivery_status", event) == "invalid-request"
    assert platform.calls == []


@pytest.mark.parametrize("first_part", [5, None, ["0"], {"a": 1}, "٣", "1e3", "-1", "9" * 7])
def test_a_query_of_another_type_is_no_mistake_of_ours(first_part: object) -> None:
    event = event_fields(method="GET", path="/delivery-status")
    for query in ({"first_part": first_part, "out_id": "a"}, {"out_id": first_part, "a": {}}):
        event["queryParameters"] = {**query, "b": None}
        assert run("query_delivery_status", encoded(event))["statusCode"] in (200, 404, 422)


def test_a_formula_is_text_to_us_and_stays_out_of_the_results(
    platform: Platform, tmp_path: Path
) -> None:
    formulas = ("=HYPERLINK(1)", "+1+cmd|x", "@SUM(A1)", "-2+3", "\t=1")
    rows = [f"138000000{n:02},{text}" for n, text in enumerate(formulas, 10)]
    content = "\n".join(["phone_number,name", *rows, "=1+2,Li", "13800000001,=A1,more"]).encode()
    folder = tmp_path / "recipients" / "sms-files"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(content)
    event = oss("sms-files/a.csv", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMS_FILE_TEMPLATE_CODE", "SMS_1")
        (entry,) = run("send_on_event", encoded(event))["accepted"]
    assert entry["rows"] == {"accepted": 5, "rejected": 2, "unknown": 0}
    (sent,) = platform.sends
    names = [each["name"] for each in json.loads(sent["TemplateParamJson"])]
    assert names == [text.strip() for text in formulas]
    results = (tmp_path / "recipients" / entry["results"]).read_text()
    assert not [text for text in (*formulas, "=1+2", "=A1") if text.strip() in results]


# events for others

EVENTS: Mapping[str, Callable[[], bytes]] = {
    "HTTP": lambda: http_event(ONE),
    "HTTP, several": lambda: encoded([event_fields(ONE), event_fields(ONE)]),
    "HTTP in a message": lambda: encoded(mns_topic(event_fields(ONE))),
    "HTTP without its context": lambda: encoded({"rawPath": "/sms", "headers": {}, "body": "{}"}),
    "HTTP with a send beside": lambda: encoded({**event_fields(ONE), **ONE, "out_id": "a"}),
    "HTTP in requests": lambda: encoded({"requests": [event_fields(ONE)]}),
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_no_request_over_http_becomes_an_event(
    platform: Platform, event: Callable[[], bytes]
) -> None:
    result = run("send_on_event", event())
    assert {entry["code"] for entry in result["rejected"]} <= {"http-refused", "no-request"}
    assert _lists(result) == {"rejected"}
    assert platform.calls == []


@pytest.mark.parametrize("function", PATHS)
def test_a_function_over_http_takes_no_event_of_another_kind(
    platform: Platform, function: str
) -> None:
    for event in (mns_topic(ONE), [mns_topic(ONE)], ONE, oss("sms-files/a.csv"), {"body": ONE}):
        assert refused(function, encoded(event)) == "not-an-http-event"
    for other, path in PATHS.items():
        if other != function:
            assert refused(function, http_event(ONE, path=path)) == "not-found"
    assert platform.calls == []


def test_a_request_dressed_as_a_timer_is_no_timer(platform: Platform) -> None:
    event = {**event_fields([], path="/receipts/x"), "triggerTime": "now", "payload": "{}"}
    assert refused("receive_receipts", encoded(event)) == "not-found"
    del event["requestContext"]["http"]
    assert refused("receive_receipts", encoded(event)) == "not-an-http-event"
    assert platform.calls == []


# queues

LAUGHS = "".join(f"<!ENTITY l{n} '{10 * f'&l{n - 1};'}'>" for n in range(1, 10))
ANSWERS_OF_A_QUEUE: Mapping[str, bytes] = {
    "an unknown encoding": b'<?xml version="1.0" encoding="x-none"?><a/>',
    "an encoding of several bytes": '<?xml version="1.0" encoding="gbk"?><a>短</a>'.encode("gbk"),
    "a billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>'.encode(),
    "an entity from a file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "no end": b"<Messages><Message>",
    "nothing": b"",
}


@pytest.mark.parametrize("content", ANSWERS_OF_A_QUEUE.values(), ids=ANSWERS_OF_A_QUEUE)
def test_xml_made_to_break_readers_is_no_answer(
    deployed: pytest.MonkeyPatch, serve: Served, content: bytes
) -> None:
    def respond(arrived: Arrived) -> Scene:
        key = answer({"Code": "OK", "MessageTokenDTO": KEY_OF_QUEUES})
        return key if arrived.start_line.startswith("POST") else answer(content)

    url = serve(respond).url
    deployed.setenv("SMS_BASE_ENDPOINT", url)
    deployed.setenv("SMS_MNS_ENDPOINT", url)
    deployed.setenv("SMS_RECEIPT_QUEUES", "Alicom-Queue-1-SmsReport")
    mns_queue._TOKENS.clear()
    timer_event = encoded({"triggerTime": "now", "triggerName": "queues", "payload": ""})
    told = run("receive_receipts", timer_event)
    mns_queue._TOKENS.clear()
    assert told["problem"] == "answer-lost"


# time


class Regex(NamedTuple):
    """A regular expression in the code, and the method that it is used with."""

    place: str
    source: str
    flags: int
    method: str


def _regexes(project: Path) -> Iterator[Regex]:
    for path in sorted((project / "shared").rglob("*.py")):
        text = path.read_text()
        module = importlib.import_module(".".join(path.relative_to(project).with_suffix("").parts))
        for name, value in vars(module).items():
            found = value.items() if isinstance(value, dict) else [(value, None)]
            for pattern, _ in found:
                if isinstance(pattern, re.Pattern):
                    used = re.findall(rf"\b{name}\.(match|fullmatch|search|sub)\(", text)
                    for method in dict.fromkeys(used) or ("search",):
                        source = pattern.pattern
                        source = source.decode() if isinstance(source, bytes) else source
                        flags = pattern.flags & (re.DOTALL | re.IGNORECASE)
                        yield Regex(f"{path.stem}.{name}", source, flags, method)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                function, first = node.func, node.args[0] if node.args else None
                is_re = isinstance(function.value, ast.Name) and function.value.id == "re"
                if is_re and function.attr != "compile" and isinstance(first, ast.Constant):
                    yield Regex(f"{path.stem}:{node.lineno}", str(first.value), 0, function.attr)


PUMPS = (
    *("1", "a", "A", "_", " ", "-", ".", ":", "~", "\n", "\r\n", "\t", "é", "1 ", "1-", "a1", "1a"),
    *("a.", "1.", "1.1", "~1", "www.", "http:", ".com", "SMS_", "+86", "0086", "86", "138", "^"),
    *(
        "\r\nconnection: ",
        "\r\ncontent-length: ",
        "\r\ntransfer-encoding: ",
        "HTTP/1.1 200 ",
        "0.1",
    ),
)


_RAMP = (5, 7, 10, 15, 22, 33, 50)


def _seconds(work: Callable[[str], object], subject: str) -> float:
    times = []
    for _ in range(2):
        began = time.process_time()
        work(subject)
        times.append(time.process_time() - began)
    return min(times)


@functools.cache
def _noise() -> float:
    """Return how long is too short to tell anything, on this machine: what it takes for a few
    hundred thousand steps, so that what is found does not depend on how fast it is.
    """
    return min(_seconds(re.compile("1*1*x").match, "1" * 800) for _ in range(10))


def _grows_faster(work: Callable[[str], object], pump: str, end: str, size: int) -> bool:
    """Whether a text of four times the length takes far more than four times as long, three times
    running. What grows exponentially is seen from short texts, before a long one takes for ever.
    """

    def is_slow(short: int) -> bool:
        brief, long = (_seconds(work, pump * count + end) for count in (short, 4 * short))
        return long > 8 * brief + 4 * _noise()

    return any(all(is_slow(short) for _ in range(3)) for short in (*_RAMP, size))


def test_no_regular_expression_blows_up(project: Path) -> None:
    regexes = list(_regexes(project))
    assert len(regexes) > 40
    for regex in regexes:
        pattern = re.compile(regex.source, regex.flags)
        method: Any = getattr(pattern, regex.method)
        work = functools.partial(method, "") if regex.method == "sub" else method
        for pump in PUMPS:
            for end in ("", "!"):
                assert not _grows_faster(work, pump, end, 1000), (regex, pump, end)


@pytest.mark.parametrize(
    ("source", "method", "size"),
    [
        ("[0-9]*[a-z]", "search", 1000),
        ("1*1*x", "match", 2000),
        ("(1|11)+x", "match", 2000),
        ("(1+)+x", "match", 2000),
    ],
)
def test_the_check_above_finds_what_blows_up(source: str, method: str, size: int) -> None:
    work: Any = getattr(re.compile(source), method)
    assert _grows_faster(work, "1", "", size)


def _refusal(read: Callable[[Any], object]) -> Callable[[str], object]:
    def work(text: str) -> None:
        with contextlib.suppress(InvalidRequest):
            read(text)

    return work


NO_DEFAULTS = intents.Defaults("shop", "fc-sms")
READERS: Mapping[str, Callable[[str], object]] = {
    "mainland": _refusal(lambda text: phone_numbers.mainland(text, "f")),
    "international": _refusal(lambda text: phone_numbers.international(text, "f")),
    "of_country": _refusal(lambda text: phone_numbers.of_country(text, "852", "f")),
    "queried": _refusal(lambda text: phone_numbers.queried(text, "f")),
    "out_id": _refusal(lambda text: fields.read_out_id(text, "f")),
    "client_ip": _refusal(lambda text: fields.read_client_ip({"client_ip": text})),
    "unknown field": _refusal(lambda text: fields.read_object({text: 1}, "", frozenset())),
    "sign_name": _refusal(
        lambda text: mainland.read_intent({"sign_name": text}, text, NO_DEFAULTS)
    ),
    "wire id": ids.read_wire_id,
    "message": _refusal(
        lambda text: international.read_intent({**ABROAD, "message": text}, "", NO_DEFAULTS)
    ),
    "template_param": _refusal(
        lambda text: request_fields.read_template_param({"a": text, text: "a"}, "f", check_variable)
    ),
    "event": lambda text: event_sources.read_event(text.encode()),
    "message of an event": lambda text: event_sources.read_event(encoded(mns_topic(text))),
    "receipt": lambda text: pushed.read_entry(
        {"phone_number": text, "success": text, "out_id": text, "send_time": text, "err_code": text}
    ),
    "receipt of a message abroad": lambda text: pushed.read_entry(
        {"To": text, "Status": text, "TaskId": text, "SendDate": text, "SmsSize": text}
    ),
    "masked": logs.masked,
    "safe code": logs.safe_code,
    "safe request id": logs.safe_request_id,
    "timer": lambda text: push_endpoint.is_timer_event(text.encode("utf-8", "replace")),
    "shown content": lambda text: delivery_status._CODE_LIKE.sub("****", text),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_the_time_to_read_a_text_grows_with_its_length(read: Callable[[str], object]) -> None:
    for pump in PUMPS:
        assert not _grows_faster(read, pump, "", 2000), pump
