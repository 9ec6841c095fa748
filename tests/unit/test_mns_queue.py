"""The receipt queues, played by a server that keeps messages until they are deleted."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from functions import receive_receipts
from shared import transport
from shared.clock import Clock
from shared.ids import WireId
from shared.receipts import mns_queue, unread
from shared.receipts.mns_queue import QueueToken, Tokens, empty_queues, signed_headers
from shared.receipts.records import of_intent
from shared.settings import read_queue_settings
from shared.state.sqlite_store import SqliteStore
from tests.unit.conftest import Served
from tests.unit.manual_clock import ManualClock
from tests.unit.scripted_server import Arrived, Scene, answer, hang_up
from tests.unit.sms_platform import REQUEST_ID
from tests.unit.trigger_events import SPACE, Context

SECRET = "state-secret-0123456789"
REPORTS, REPLIES = "Alicom-Queue-123-SmsReport", "Alicom-Queue-123-SmsUp"
NUMBER = "13812345634"
REPORT: dict[str, Any] = {
    "phone_number": NUMBER,
    "success": True,
    "err_code": "DELIVERED",
    "biz_id": "9006^0",
    "out_id": f"{SPACE}~order-1",
}
REPLY: dict[str, Any] = {"phone_number": NUMBER, "content": "yes please", "sequence_id": 7}

OLDER: dict[str, Any] = {
    "PhoneNumber": "6591234567",
    "SendStatus": "3",
    "BizId": "1234567^0",
    "ExternalId": f"{SPACE}~order-3",
    "ErrorCode": "DELIVERED",
}
TIMER = b'{"triggerTime": "2027-01-15T08:00:00Z", "triggerName": "queues", "payload": "queues"}'


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def document(root: str, content: str, status: str = "200 OK") -> Scene:
    text = (
        f'<?xml version="1.0"?><{root} xmlns="http://mns.aliyuncs.com/doc/v1/">{content}</{root}>'
    )
    return answer(text.encode(), status)


def error(code: str, status: str) -> Scene:
    return document("Error", f"<Code>{code}</Code><RequestId>5F1B-A</RequestId>", status)


class Queues:
    """Dybaseapi and the queues: gives out numbered keys, and each batch until it is deleted."""

    def __init__(self, **bodies: list[str]) -> None:
        self.waiting = {"SmsReport": [], "SmsUp": [], **bodies}
        self.arrived: list[Arrived] = []
        self.keys = 0
        self.times = {"CreateTime": "2027-01-15 08:00:00", "ExpireTime": "2027-01-15 08:10:00"}
        self.scenes: list[Scene | None] = []

    def respond(self, arrived: Arrived) -> Scene:
        self.arrived.append(arrived)
        method, target, _ = arrived.start_line.split()
        if method == "POST":
            return self._token()
        scene = self.scenes.pop(0) if self.scenes else None
        if scene:
            return scene
        queue = self.waiting[target.partition("?")[0].rpartition("-")[2].partition("/")[0]]
        if method == "DELETE":
            handle = parse_qs(urlsplit(target).query)["ReceiptHandle"][0]
            queue.remove(next(body for body in queue if handle.endswith(body[-6:])))
            return answer(b"", "204 No Content")
        if not queue:
            return error("MessageNotExist", "404 Not Found")
        messages = "".join(
            f"<Message><ReceiptHandle>h/&amp;+{body[-6:]}</ReceiptHandle>"
            f"<MessageBody>{body}</MessageBody></Message>"
            for body in queue[:16]
        )
        return document("Messages", messages)

    def calls(self) -> list[str]:
        return [each.start_line.split()[0] for each in self.arrived]

    def _token(self) -> Scene:
        self.keys += 1
        key = {
            "AccessKeyId": f"STS.{self.keys}",
            "AccessKeySecret": f"secret-{self.keys}",
            "SecurityToken": f"token-{self.keys}",
            **self.times,
        }
        return answer({"Code": "OK", "RequestId": REQUEST_ID, "MessageTokenDTO": key})


@pytest.fixture
def queues() -> Queues:
    return Queues()


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(f"{tmp_path}/state.sqlite3")


@pytest.fixture(autouse=True)
def environ(
    deployed: pytest.MonkeyPatch, queues: Queues, serve: Served, tmp_path: Path
) -> pytest.MonkeyPatch:
    """Every test here has a function that is set up for both queues, and a store."""
    url = serve(queues.respond).url
    deployed.setenv("SMS_BASE_ENDPOINT", url)
    deployed.setenv("SMS_MNS_ENDPOINT", url)
    deployed.setenv("SMS_RECEIPT_QUEUES", f"{REPORTS}, {REPLIES}")
    deployed.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.sqlite3")
    deployed.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    deployed.setenv("SMS_STATE_SECRET", SECRET)
    return deployed


def run(tokens: Tokens | None = None, clock: Clock | None = None) -> dict[str, Any]:
    return empty_queues(Context(), clock or Clock(), {} if tokens is None else tokens)


def kept(store: SqliteStore, out_id: str = "order-1") -> list[str]:
    found, _ = of_intent(store, WireId(SPACE, out_id), state_secret=SECRET)
    return [receipt.status for receipt in found]


def test_both_queues_are_emptied(queues: Queues, store: SqliteStore) -> None:
    queues.waiting["SmsReport"] = [encoded({**REPORT, "biz_id": str(n)}) for n in range(40)]
    queues.waiting["SmsUp"] = [encoded(REPLY)]
    assert run() == {"reports": 40, "replies": 1, "unreadable": 0, "settled": 0, "problem": ""}
    assert queues.waiting == {"SmsReport": [], "SmsUp": []}
    assert kept(store) == ["delivered"] * 40
    assert queues.calls().count("POST") == 2
    assert queues.calls().count("GET") == 6


def test_a_request_to_a_queue_is_signed(queues: Queues) -> None:
    run()
    received = queues.arrived[1]
    method, target, _ = received.start_line.split()
    assert (method, target) == (
        "GET",
        f"/queues/{REPORTS}/messages?numOfMessages=16&waitseconds=0",
    )
    text = f"GET\n\n\n{received.headers['date']}\nx-mns-version:2015-06-06\n{target}"
    digest = base64.b64encode(hmac.digest(b"secret-1", text.encode(), "sha1")).decode()
    assert received.headers["authorization"] == f"MNS STS.1:{digest}"
    assert received.headers["security-token"] == "token-1"
    assert received.headers["date"].endswith(" GMT")


def test_a_signature_is_what_it_was() -> None:
    headers = signed_headers(
        "GET",
        "/queues/q/messages",
        date="Fri, 15 Jan 2027 08:00:00 GMT",
        token=QueueToken("key", "secret", "token", 0),
    )
    assert headers["authorization"] == "MNS key:EgVy5SaCMoLy9kWK9R+h8wflwC0="


def test_a_key_is_asked_for_by_kind_and_queue(queues: Queues) -> None:
    run()
    asked = [each.body.decode() for each in queues.arrived if each.start_line.startswith("POST")]
    assert asked == [
        f"MessageType=SmsReport&QueueName={REPORTS}",
        f"MessageType=SmsUp&QueueName={REPLIES}",
    ]


def test_a_key_is_used_until_two_minutes_before_its_end(queues: Queues) -> None:
    clock, tokens = ManualClock(), dict[str, QueueToken]()
    for moment, keys in ((0, 2), (479, 2), (1, 4), (100, 4)):
        clock.advance(moment)
        run(tokens, clock.as_clock())
        assert queues.keys == keys


@pytest.mark.parametrize("end", ["", None, "soon", "2027-01-15T08:10:00Z"])
def test_a_key_that_does_not_say_lives_ten_minutes(queues: Queues, end: object) -> None:
    queues.times = {"CreateTime": "2027-01-15 08:00:00", "ExpireTime": end}  # type: ignore[dict-item]
    clock, tokens = ManualClock(), dict[str, QueueToken]()
    run(tokens, clock.as_clock())
    assert {token.renew_at - clock.epoch for token in tokens.values()} == {480}


def test_a_key_that_is_refused_is_replaced_once(queues: Queues, store: SqliteStore) -> None:
    queues.waiting["SmsReport"] = [encoded(REPORT)]
    queues.scenes = [error("AccessDenied", "403 Forbidden")]
    assert run()["problem"] == ""
    assert (queues.keys, kept(store)) == (3, ["delivered"])


@pytest.mark.parametrize(
    ("scenes", "problem"),
    [
        ([error("AccessDenied", "403 Forbidden")] * 2, "AccessDenied"),
        ([error("QueueNotExist", "404 Not Found")], "QueueNotExist"),
        ([error("InternalError", "500 Oops")], "InternalError"),
        ([answer(b"<html>", "502 Bad Gateway")], "answer-lost"),
        ([answer(b"", "404 Not Found")], "answer-lost"),
        ([answer(b"<no xml")], "answer-lost"),
        ([hang_up()], "answer-lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_queue_that_fails_does_not_keep_the_other_full(
    queues: Queues,
    store: SqliteStore,
    capsys: pytest.CaptureFixture[str],
    scenes: list[Scene | None],
    problem: str,
) -> None:
    queues.waiting = {"SmsReport": [encoded(REPORT)], "SmsUp": [encoded(REPLY)]}
    queues.scenes = scenes
    result = run()
    assert (result["reports"], result["replies"], result["problem"]) == (0, 1, problem)
    assert (queues.waiting["SmsUp"], len(queues.waiting["SmsReport"])) == ([], 1)
    assert '"empty-queue"' in capsys.readouterr().out


def test_what_cannot_be_kept_stays_in_the_queue(
    queues: Queues, store: SqliteStore, tmp_path: Path, environ: pytest.MonkeyPatch
) -> None:
    queues.waiting["SmsReport"] = [encoded(REPORT)]
    environ.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/missing/state.sqlite3")
    assert run()["problem"] == "store-unavailable"
    assert "DELETE" not in queues.calls()
    environ.setenv("SMS_STATE_URL", f"sqlite://{tmp_path}/state.sqlite3")
    assert run()["problem"] == ""
    assert (queues.waiting["SmsReport"], kept(store)) == ([], ["delivered"])


def test_what_cannot_be_deleted_is_kept_again_without_harm(
    queues: Queues, store: SqliteStore
) -> None:
    queues.waiting["SmsReport"] = [encoded(REPORT)]
    queues.scenes = [None, hang_up()]
    assert run()["problem"] == "answer-lost"
    assert run()["problem"] == ""
    assert (queues.waiting["SmsReport"], kept(store)) == ([], ["delivered"])


@pytest.mark.parametrize(
    ("code", "status"),
    [("MessageNotExist", "404 Not Found"), ("ReceiptHandleError", "400 Bad Request")],
)
def test_a_message_that_was_received_by_somebody_else_meanwhile_is_no_error(
    queues: Queues, code: str, status: str
) -> None:
    queues.waiting["SmsReport"] = [
        encoded(REPORT),
        encoded({**REPORT, "out_id": f"{SPACE}~order-2"}),
    ]
    queues.scenes = [None, error(code, status)]
    assert run()["problem"] == ""
    assert queues.waiting["SmsReport"] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (encoded([REPORT, {**REPORT, "biz_id": "second"}]), (2, 0)),
        (encoded({}), (0, 1)),
        (encoded("text"), (0, 1)),
        (encoded([]), (0, 0)),
        ("not base64 !", (0, 1)),
        (json.dumps(REPORT), (1, 0)),
        (base64.encodebytes(json.dumps(REPORT).encode()).decode(), (1, 0)),
        (encoded(OLDER), (1, 0)),
        (encoded([OLDER, {}]), (1, 1)),
        (base64.b64encode(b"\xff\xfe").decode(), (0, 1)),
        (base64.b64encode(b"[" * 3000).decode(), (0, 1)),
        ("", (0, 1)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_message_that_cannot_be_read_is_kept_as_it_is_and_goes(
    queues: Queues, store: SqliteStore, body: str, expected: tuple[int, int]
) -> None:
    queues.waiting["SmsReport"] = [body]
    result = run()
    assert (result["reports"], result["unreadable"], result["problem"]) == (*expected, "")
    assert queues.waiting["SmsReport"] == []
    assert [record.source for record in unread.all_kept(store).values()] == [REPORTS] * expected[1]


def test_what_can_neither_be_read_nor_kept_stays_and_holds_up_nothing(
    queues: Queues, store: SqliteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    giant = encoded("x" * 5000)
    mixed = encoded([{**REPORT, "out_id": f"{SPACE}~order-2"}, {"x": "y" * 5000}])
    others = [encoded({**REPORT, "biz_id": str(n)}) for n in range(20)]
    queues.waiting["SmsReport"] = [giant, *others, mixed]
    assert run() == {
        "reports": 20,
        "replies": 0,
        "unreadable": 0,
        "settled": 0,
        "problem": "unread-full",
    }
    assert queues.waiting["SmsReport"] == [giant, mixed]
    assert kept(store) == ["delivered"] * 20
    assert kept(store, "order-2") == ["delivered"]
    assert unread.all_kept(store) == {}
    assert "unread-full" in capsys.readouterr().out


def test_a_queue_of_messages_that_stay_is_left_for_the_next_time(queues: Queues) -> None:
    queues.waiting["SmsReport"] = [f"{n} {'x' * 5000}" for n in range(3)]
    queues.waiting["SmsUp"] = [encoded(REPLY)]
    assert run()["replies"] == 1
    assert queues.calls().count("GET") == 4


def test_it_ends_before_the_time_is_over(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.waiting["SmsReport"] = [encoded(REPORT)]
    clock = ManualClock()
    answers = iter((0.0, 25.0, 25.0, 25.0))  # the function has 30 seconds
    slow = Clock(lambda: clock.epoch, lambda: next(answers, 25.0), lambda _seconds: None)
    assert run(clock=slow)["problem"] == "out-of-time"
    assert queues.calls() == []
    assert "out-of-time" in capsys.readouterr().out


def test_a_queue_without_end_leaves_time_for_the_next(queues: Queues) -> None:
    queues.waiting["SmsReport"] = [
        encoded({**REPORT, "out_id": f"{SPACE}~order-{number}"}) for number in range(800)
    ]
    queues.waiting["SmsUp"] = [encoded(REPLY)]
    clock, ticks = ManualClock(), itertools.count()
    result = run(clock=Clock(lambda: clock.epoch, lambda: next(ticks) / 8, lambda _seconds: None))
    assert (result["replies"], result["problem"]) == (1, "out-of-time")
    assert 0 < result["reports"] < 800


def test_without_queues_it_is_off(
    environ: pytest.MonkeyPatch, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    environ.setenv("SMS_RECEIPT_QUEUES", "")
    result: Any = receive_receipts.handler(TIMER, Context())
    assert result["problem"] == "configuration"
    assert queues.arrived == []
    assert "SMS_RECEIPT_QUEUES" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_RECEIPT_QUEUES", "Alicom-Queue-123"),
        ("SMS_RECEIPT_QUEUES", "Alicom-Queue-123-SmsReport;Alicom-Queue-123-SmsUp"),
        ("SMS_RECEIPT_QUEUES", "../x-SmsUp"),
        ("SMS_MNS_ENDPOINT", "http://example.com"),
        ("SMS_BASE_ENDPOINT", "https://example.com/path"),
        ("SMS_STATE_URL", ""),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_the_log(
    environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    environ.setenv(name, value)
    assert run()["problem"] == "configuration"
    assert name in capsys.readouterr().out


def test_a_mistake_of_ours_is_logged_and_does_not_escape(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken(dict[str, QueueToken]):
        def get(self, *_arguments: Any) -> Any:
            raise ZeroDivisionError(NUMBER)

    assert run(Broken())["problem"] == "internal-error"
    logged = capsys.readouterr().out
    assert "ZeroDivisionError" in logged
    assert NUMBER not in logged


def test_nothing_secret_is_logged_or_shown(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    queues.waiting = {"SmsReport": [encoded(REPORT)], "SmsUp": [encoded(REPLY)]}
    tokens: dict[str, QueueToken] = {}
    run(tokens)
    shown = capsys.readouterr().out + repr(tokens)
    for secret in ("secret-1", "token-1", NUMBER, "yes please"):
        assert secret not in shown


def test_the_defaults_are_the_platforms_own_and_no_queue() -> None:
    defaults = read_queue_settings({})
    assert defaults.queues == ()
    assert defaults.mns_endpoint == "https://1943695596114318.mns.cn-hangzhou.aliyuncs.com"


def test_a_timer_uses_the_keys_of_its_instance(queues: Queues) -> None:
    try:
        for _ in range(2):
            receive_receipts.handler(TIMER, Context())
        assert queues.keys == 2
    finally:
        mns_queue._TOKENS.clear()
        transport.SESSION.close()


def test_a_handle_is_quoted(queues: Queues) -> None:
    queues.waiting["SmsReport"] = [encoded(REPORT)]
    run()
    (deleted,) = [each.start_line for each in queues.arrived if "ReceiptHandle" in each.start_line]
    handle = deleted.split()[1].partition("=")[2]
    assert unquote(handle).startswith("h/&+")
    assert not set(handle) & set("/&+")
