"""``make verify-cloud`` in a terminal of its own, against the emulator over real sockets.

After every test the emulator's own record is held against the ceiling of three SMS.
"""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.errors import InvalidRequest
from tests.integration.faulty_network import (
    Exchange,
    Fault,
    FaultyNetwork,
    delay_answer,
    deliver,
    lose_answer,
)
from tests.integration.tcp_proxy import TcpProxy
from tests.unit.certificates import Authority
from tools.verify_cloud import advice
from tools.verify_cloud.findings import Findings, Visibility
from tools.verify_cloud.questions import Stopped, read_message
from tools.verify_cloud.sms import MOST_SMS, Ceiling

NUMBER, CODE, SIGN_NAME = "13987654321", "739184", "阿里云短信测试"
TEMPLATE = "SMS_100001"
KEY, SECRET = "LTAI5tFirstOfTheOwner", "secret-of-the-first-key"
SECOND, SECOND_SECRET = "LTAI5tSecondOfTheOwner", "secret-of-the-second-key"
CONFIG = {
    "access_keys": [
        {"id": KEY, "secret": SECRET, "account": "owners-account"},
        {"id": SECOND, "secret": SECOND_SECRET, "account": "owners-account"},
    ]
}
SECOND_KEY = {
    "SMS_VERIFY_SECOND_ACCESS_KEY_ID": SECOND,
    "SMS_VERIFY_SECOND_ACCESS_KEY_SECRET": SECOND_SECRET,
}
ASK_DIGITS, ASK_YES = "The last 4 digits", "Type yes"
PATIENCE = 30
# A terminal's Ctrl-C reaches who has it as controlling terminal, and does not ignore SIGINT.
IN_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.open(os.ttyname(0), os.O_RDWR)
os.execv(sys.executable, [sys.executable, "-m", "tools.verify_cloud", *sys.argv[1:]])
"""


class Terminal:
    """A terminal with ``verify-cloud`` in it, and somebody who types; `text` is all it showed."""

    def __init__(
        self, project: Path, report: Path, environment: dict[str, str], *options: str
    ) -> None:
        self.text = ""
        self._read = 0
        self._report = report
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", IN_TERMINAL, "--report", str(report), *options],
            cwd=project,
            env={"PATH": os.environ["PATH"], **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, words: str) -> bool:
        """Read on until `words` are shown; False when the program ended before."""
        while words not in self.text[self._read :]:
            assert select.select([self._master], [], [], PATIENCE)[0], self.text
            try:
                self.text += os.read(self._master, 65536).decode()
            except OSError:  # nobody has the other end any more
                return False
        self._read = self.text.index(words, self._read) + len(words)
        return True

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def answer(self, question: str, text: str) -> None:
        assert self.read_until(question), self.text
        self.type(f"{text}\n")

    def say_yes(self, times: int = MOST_SMS + 1) -> int:
        """Confirm number and SMS as often as asked, up to `times`; return how often it was."""
        self.answer(ASK_DIGITS, NUMBER[-4:])
        for said in range(times):
            if not self.read_until(ASK_YES):
                return said
            self.type("yes\n")
        return times

    def end(self) -> int:
        """Wait until the program ends and return its exit code."""
        self.read_until("\0")
        return self._process.wait(PATIENCE)

    @property
    def report(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._report.read_text())
        return content

    @property
    def settings(self) -> tuple[str, str, str]:
        """What it advises: signature method, nonce replay, settle seconds."""
        method, replay, settle = self.report["settings"].values()
        return method, replay, settle

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


Start = Callable[..., Terminal]


@pytest.fixture(scope="module")
def platform() -> Iterator[SmsEmulator]:
    with SmsEmulator(CONFIG) as platform:
        yield platform


@pytest.fixture
def sms(platform: SmsEmulator) -> Iterator[SmsEmulator]:
    """The platform as after its start; at the end its record is held against the ceiling."""
    platform.clear()
    platform.call("DELETE", "/api/settings")
    platform.clock.follow_real_time()
    yield platform
    real = [each for each in platform.requests() if _may_send(each.parameters)]
    assert len(platform.messages()) <= len(real) <= MOST_SMS


@pytest.fixture
def network(sms: SmsEmulator) -> Iterator[FaultyNetwork]:
    with FaultyNetwork(sms.endpoint) as network:
        yield network


@pytest.fixture
def start(project: Path, tmp_path: Path, sms: SmsEmulator) -> Iterator[Start]:
    terminals = []

    def start(*options: str, follow: str = "0", **environment: str) -> Terminal:
        everything = {
            "SMS_ENDPOINT": sms.url,
            "SMS_ACCESS_KEY_ID": KEY,
            "SMS_ACCESS_KEY_SECRET": SECRET,
            "SMS_SIGN_NAME": SIGN_NAME,
            "SMS_VERIFY_PHONE_NUMBER": NUMBER,
            "SMS_VERIFY_TEMPLATE_CODE": TEMPLATE,
            "SMS_VERIFY_TEMPLATE_PARAM": json.dumps({"code": CODE}),
            **environment,
        }
        report = tmp_path / "reports" / "report.json"
        terminals.append(Terminal(project, report, everything, "--follow", follow, *options))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


def _may_send(parameters: dict[str, str]) -> bool:
    return parameters.get("TemplateCode", "SMS_0") != "SMS_0"


def _treat(network: FaultyNetwork, action: str, fault: Fault, *, times: int, but: str = "") -> None:
    """Let `fault` happen to the next requests for `action` that do not hold the text `but`."""
    left = times

    def route(exchange: Exchange) -> None:
        nonlocal left
        text = f"{exchange.headers.get('x-acs-action')} {exchange.body.decode()}"
        is_meant = text.startswith(f"{action} ") or f"Action={action}&" in text
        if left and is_meant and not (but and but in text):
            left -= 1
            fault(exchange)
        else:
            deliver(exchange)

    network.plan(*[route] * 500)


def _refuse(status: int, code: str) -> Fault:
    content = json.dumps({"Code": code, "Message": "no", "RequestId": "R-1"}).encode()
    return lambda exchange: exchange.answer(status, content)


def test_everything_is_measured_over_tls_and_shared_without_a_secret(
    start: Start, sms: SmsEmulator, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    host, port = sms.endpoint.split(":")
    server = authority.server("IP:127.0.0.1")
    server.num_tickets = 0  # they make the proxy wait for delayed acknowledgements
    with TcpProxy((host, int(port)), server) as proxy:
        terminal = start(
            follow="1",
            SMS_ENDPOINT=f"https://127.0.0.1:{proxy.port}",
            SSL_CERT_DIR=str(authority.folder),
            SMS_SIGN_NAME="",
            SMS_VERIFY_PHONE_NUMBER="",
            SMS_VERIFY_TEMPLATE_CODE="",
            SMS_VERIFY_TEMPLATE_PARAM="",
            **SECOND_KEY,
        )
        terminal.answer("Your own mobile number", f"+86 {NUMBER}")
        terminal.answer(ASK_DIGITS, NUMBER[-4:])
        terminal.answer("signature", SIGN_NAME)
        terminal.answer("template", TEMPLATE)
        terminal.answer("variables", json.dumps({"code": CODE}))
        for number in (1, 2, 3):
            assert terminal.read_until(f"SMS {number} of at most 3"), terminal.text
            terminal.answer(ASK_YES, "yes")
        assert terminal.end() == 0, terminal.text
    report, texts = terminal.report, [path.read_text() for path in tmp_path.glob("reports/*")]
    (message,) = sms.messages()
    assert terminal.settings == ("ACS3-HMAC-SHA256", "on", "3")
    assert report["over_https"]
    assert report["nonce_scope"]["scope"] == "account"
    assert report["aged_nonces"] == [{"seconds": 1, "verdict": "refused"}]
    assert report["visibility"]["out_id"] == "as sent"
    assert report["visibility"]["send_date_form"] == "9999-99-99 99:99:99"
    assert report["visibility"]["found_by_fc_sms"]
    assert message.out_id.endswith("~1")
    for secret in (
        *(NUMBER, NUMBER[-4:], CODE, SIGN_NAME, TEMPLATE, KEY, SECRET, SECOND, SECOND_SECRET),
        *("owners-account", message.biz_id, message.out_id, str(tmp_path)),
    ):
        assert not [text for text in texts if secret in text], secret
    for secret in (KEY, SECRET, SECOND, SECOND_SECRET, message.biz_id):
        assert secret not in terminal.text


@pytest.mark.parametrize(
    ("scope", "verdict", "compared_per", "replay", "requested"),
    [
        ("account", "refused", "account", "on", 3),
        ("access-key", "refused", "access key", "on", 3),
        ("node", "sometimes refused", "not measured", "off", 1),
        ("off", "not refused", "not measured", "off", 1),
    ],
)
def test_one_sms_tells_whose_nonces_are_checked(
    start: Start,
    sms: SmsEmulator,
    scope: str,
    verdict: str,
    compared_per: str,
    replay: str,
    requested: int,
) -> None:
    sms.settings(nonce_scope=scope, limits=False)
    terminal = start(**SECOND_KEY)
    assert terminal.say_yes() == requested
    assert terminal.end() == 0, terminal.text
    assert len(sms.messages()) == 1
    checks = terminal.report["nonce_checks"]
    trials = [check[name] for check in checks for name in ("identical", "changed_timestamp")]
    assert {trial["verdict"] for trial in trials} == {verdict}
    assert {check["method"] for check in checks} == {"ACS3-HMAC-SHA256", "HMAC-SHA1"}
    assert terminal.report["nonce_scope"]["scope"] == compared_per
    assert terminal.settings == ("ACS3-HMAC-SHA256", replay, "3")


def test_a_nonce_check_that_ends_half_way_costs_one_more_sms(
    start: Start, sms: SmsEmulator
) -> None:
    sms.settings(limits=False)
    terminal = start()
    terminal.say_yes(1)
    assert terminal.read_until(ASK_YES), terminal.text
    sms.settings(nonce_scope="off")
    terminal.type("yes\n")
    assert terminal.end() == 0, terminal.text
    assert len(sms.messages()) == len(terminal.report["sms_requests"]) == 2
    assert terminal.settings[1] == "off"


def test_a_limit_that_stops_a_repeat_shows_that_its_nonce_did_not(
    start: Start, sms: SmsEmulator
) -> None:
    sms.settings(limits={"verification_per_hour": 1})
    terminal = start()
    terminal.say_yes(1)
    assert terminal.read_until(ASK_YES), terminal.text
    sms.settings(nonce_scope="off")
    terminal.type("yes\n")
    assert terminal.end() == 0, terminal.text
    assert len(sms.messages()) == 1
    assert terminal.report["sms_requests"][1]["verdict"] == "not refused"


def test_a_nonce_that_is_forgotten_is_noticed(start: Start, sms: SmsEmulator) -> None:
    sms.settings(timestamp_clock="emulator", timestamp_skew_seconds=5000)
    terminal = start(follow="1")
    terminal.say_yes(2)
    assert terminal.read_until(ASK_YES), terminal.text
    sms.clock.advance(1000)
    terminal.type("yes\n")
    assert terminal.end() == 0, terminal.text
    ends = [each["verdict"] for each in terminal.report["sms_requests"]]
    assert ends == ["accepted", "refused", "not refused"]
    assert [each["verdict"] for each in terminal.report["aged_nonces"]] == ["not refused"]
    assert len(sms.messages()) == 2


@pytest.mark.parametrize("method", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_the_sms_is_repeated_byte_for_byte_with_the_method_that_checks_nonces(
    start: Start, sms: SmsEmulator, network: FaultyNetwork, method: str
) -> None:
    requests: list[tuple[object, ...]] = []
    connections = set()

    def check_one_method(exchange: Exchange) -> None:
        headers, form = exchange.headers, dict(parse_qsl(exchange.body.decode()))
        is_acs3 = "x-acs-action" in headers
        sms.settings(nonce_scope="account" if is_acs3 == method.startswith("ACS3") else "off")
        if form.get("TemplateCode") == TEMPLATE:
            signature = (headers.get("authorization"), form.get("Signature"))
            nonce = (headers.get("x-acs-signature-nonce"), form.get("SignatureNonce"))
            time = (headers.get("x-acs-date"), form.get("Timestamp"))
            requests.append((nonce, time, signature, form["OutId"]))
            connections.add(exchange.client_address)
        deliver(exchange)

    network.plan(*[check_one_method] * 500)
    terminal = start(SMS_ENDPOINT=network.url)
    terminal.say_yes()
    assert terminal.end() == 0, terminal.text
    assert terminal.settings[:2] == (method, "on")
    assert {each["method"] for each in terminal.report["sms_requests"]} == {method}
    first, identical, changed = requests
    assert len(connections) == 3
    assert identical == first
    assert [a == b for a, b in zip(changed, first, strict=True)] == [True, False, False, True]


@pytest.mark.parametrize("is_seen", [True, False])
def test_the_message_is_looked_for_until_it_is_seen(
    start: Start, sms: SmsEmulator, is_seen: bool
) -> None:
    sms.settings(visibility_delay_seconds=60)
    terminal = start("--visible-within", "30" if is_seen else "0.5")
    terminal.say_yes(1)
    assert terminal.read_until("Looking for it"), terminal.text
    if is_seen:
        sms.clock.advance(60)
    for _ in range(2):
        terminal.answer(ASK_YES, "yes")
    assert terminal.end() == 0, terminal.text
    visibility = terminal.report["visibility"]
    assert (visibility["seen_at"] is not None) == is_seen
    assert is_seen or visibility["absent_at"] >= 0.2


def test_a_clock_some_minutes_ahead_hides_no_message(start: Start, sms: SmsEmulator) -> None:
    sms.settings(timestamp_clock="emulator")
    sms.clock.advance(-300)
    terminal = start()
    terminal.say_yes(1)
    terminal.answer(ASK_YES, "no")
    assert terminal.end() == 1
    visibility = terminal.report["visibility"]
    assert -302 <= visibility["send_date_after_request"] <= -298
    assert visibility["found_by_fc_sms"]


@pytest.mark.parametrize(
    ("seen_at", "found", "settle"),
    [(0.2, True, "3"), (2.1, True, "4"), (18.7, True, "20"), (40, True, "3"), (9, False, "3")],
)
def test_how_long_to_settle_follows_from_when_the_message_was_seen(
    seen_at: float, found: bool, settle: str
) -> None:
    seen = Visibility(0, seen_at, found_by_fc_sms=found)
    findings = Findings("", "", over_https=True, temporary_credentials=False, visibility=seen)
    assert advice.settings(findings)[2].value == settle


@pytest.mark.parametrize(
    ("code", "answers"),
    [("", "yes"), ("InvalidAction.NotFound", "no"), ("NoPermission", "unclear")],
)
def test_send_inter_sms_is_tried_without_sending(
    start: Start, sms: SmsEmulator, network: FaultyNetwork, code: str, answers: str
) -> None:
    _treat(network, "SendInterSms", _refuse(404, code) if code else deliver, times=1)
    terminal = start(SMS_ENDPOINT=network.url)
    terminal.say_yes(0)
    terminal.answer(ASK_YES, "no")
    assert terminal.end() == 1
    assert terminal.report["inter_sms"]["answers"] == answers
    assert not sms.messages()


def test_an_answer_that_is_lost_is_found_and_its_repeat_refused(
    start: Start, sms: SmsEmulator, network: FaultyNetwork
) -> None:
    _treat(network, "SendSms", lose_answer, times=1, but="TemplateCode=SMS_0")
    terminal = start(SMS_ENDPOINT=network.url)
    assert terminal.say_yes() == 3
    assert terminal.end() == 0, terminal.text
    ends = [(sms["verdict"], sms["code"]) for sms in terminal.report["sms_requests"]]
    assert ends == [("in-doubt", "answer-lost"), *[("refused", "SignatureNonceUsed")] * 2]
    assert terminal.settings[1] == "on"
    assert len(sms.messages()) == 1


def test_a_message_in_doubt_that_is_not_found_is_not_repeated(
    start: Start, sms: SmsEmulator, network: FaultyNetwork
) -> None:
    sms.settings(visibility_delay_seconds=3600)
    _treat(network, "SendSms", lose_answer, times=1, but="TemplateCode=SMS_0")
    terminal = start("--visible-within", "0.3", SMS_ENDPOINT=network.url)
    assert terminal.say_yes() == 1
    assert terminal.end() == 0, terminal.text
    assert terminal.settings[1] == "off"


def test_lost_answers_to_harmless_requests_are_made_up_for(
    start: Start, sms: SmsEmulator, network: FaultyNetwork
) -> None:
    lost, whole = [lose_answer, *[deliver] * 4], [deliver] * 5
    network.plan(deliver, *lost, *whole, *lost)
    terminal = start(SMS_ENDPOINT=network.url)
    assert terminal.say_yes() == 3
    assert terminal.end() == 0, terminal.text
    assert terminal.settings[:2] == ("ACS3-HMAC-SHA256", "on")


@pytest.mark.parametrize(
    ("action", "fault", "says"),
    [
        ("QuerySendDetails", _refuse(403, "NoPermission"), "docs/ram-policy.json"),
        ("SendSms", _refuse(403, "NoPermission"), "docs/ram-policy.json"),
        ("SendSms", _refuse(200, "OK"), "should have refused"),
    ],
)
def test_what_is_refused_stops_it(
    start: Start, sms: SmsEmulator, network: FaultyNetwork, action: str, fault: Fault, says: str
) -> None:
    _treat(network, action, fault, times=500)
    terminal = start(SMS_ENDPOINT=network.url)
    terminal.say_yes()
    assert terminal.end() == 1
    assert says in " ".join(terminal.text.split())
    assert terminal.report["settings"]["SMS_NONCE_REPLAY"] == "off"
    assert not sms.messages()


@pytest.mark.parametrize(
    ("changes", "says", "asks"),
    [
        ({"SMS_ACCESS_KEY_ID": "LTAInobody"}, "unknown or deleted", 0),
        ({"SMS_ACCESS_KEY_SECRET": "wrong"}, "SignatureDoesNotMatch", 0),
        ({"SMS_ENDPOINT": "http://127.0.0.1:9"}, "cannot be reached", 0),
        ({"SMS_VERIFY_TEMPLATE_CODE": "SMS_999999"}, "isv.SMS_TEMPLATE_ILLEGAL", 1),
        ({"SMS_SIGN_NAME": "nobody's"}, "isv.SMS_SIGNATURE_ILLEGAL", 1),
    ],
)
def test_what_the_owner_got_wrong_is_said_and_costs_nothing(
    start: Start, sms: SmsEmulator, changes: dict[str, str], says: str, asks: int
) -> None:
    terminal = start(**changes)
    assert terminal.say_yes() == asks
    assert terminal.end() == 1
    assert says in terminal.report["stopped"]
    assert not sms.messages()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SMS_ACCESS_KEY_SECRET": ""}, "SMS_ACCESS_KEY_SECRET is empty"),
        ({"SMS_VERIFY_SECOND_ACCESS_KEY_ID": SECOND}, "set both or none"),
        ({**SECOND_KEY, "SMS_VERIFY_SECOND_ACCESS_KEY_ID": KEY}, "give another of the account"),
    ],
)
def test_settings_that_cannot_be_right_stop_it_before_anything(
    start: Start, sms: SmsEmulator, changes: dict[str, str], says: str
) -> None:
    terminal = start(**changes)
    assert terminal.end() == 1
    assert says in terminal.text
    assert not sms.requests()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SMS_VERIFY_TEMPLATE_PARAM", "{code: 1}", "line 1, column 2: expecting property name"),
        ("SMS_VERIFY_TEMPLATE_PARAM", "[" * 100_000, "no JSON"),
        ("SMS_VERIFY_TEMPLATE_PARAM", "[1]", "must be an object"),
        ("SMS_VERIFY_TEMPLATE_CODE", "100001", "must be the code of an approved template"),
        ("SMS_VERIFY_PHONE_NUMBER", "+1 862 401 7194", "in North America"),
        ("SMS_VERIFY_PHONE_NUMBER", "110", "is not a phone number"),
    ],
)
def test_a_message_that_cannot_be_right_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{NUMBER[-4:]}\n"))
    message = {
        "SMS_VERIFY_PHONE_NUMBER": NUMBER,
        "SMS_VERIFY_TEMPLATE_CODE": TEMPLATE,
        "SMS_VERIFY_TEMPLATE_PARAM": "{}",
    }
    with pytest.raises((Stopped, InvalidRequest), match=says):
        read_message({**message, variable: value}, SIGN_NAME)


def test_other_digits_than_the_numbers_stop_it(start: Start, sms: SmsEmulator) -> None:
    terminal = start()
    terminal.answer(ASK_DIGITS, "1234")
    assert terminal.end() == 1
    assert not sms.requests()


@pytest.mark.parametrize("answer", ["", "YES", "yes please"])
def test_anything_but_yes_stops_it(start: Start, sms: SmsEmulator, answer: str) -> None:
    terminal = start()
    terminal.say_yes(0)
    terminal.answer(ASK_YES, answer)
    assert terminal.end() == 1
    assert terminal.report["stopped"] == "you did not answer yes"
    assert len(terminal.report["nonce_checks"]) == 4
    assert not sms.messages()


def test_a_yes_typed_before_the_question_does_not_count(start: Start, sms: SmsEmulator) -> None:
    terminal = start()
    terminal.answer(ASK_DIGITS, f"{NUMBER[-4:]}\nyes\nyes\nyes")
    terminal.answer(ASK_YES, "no")
    assert terminal.end() == 1
    assert not sms.messages()


def test_ctrl_c_keeps_the_report_so_far(start: Start, sms: SmsEmulator) -> None:
    sms.settings(visibility_delay_seconds=3600)
    terminal = start()
    terminal.say_yes(1)
    assert terminal.read_until("Looking for it"), terminal.text
    terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.report["stopped"] == "Ctrl-C"
    assert [sms["verdict"] for sms in terminal.report["sms_requests"]] == ["accepted"]
    assert "SMS requested: 1 of at most 3" in terminal.text


def test_ctrl_c_during_a_send_counts_it(
    start: Start, sms: SmsEmulator, network: FaultyNetwork
) -> None:
    _treat(network, "SendSms", delay_answer, times=1, but="TemplateCode=SMS_0")
    terminal = start(SMS_ENDPOINT=network.url, SMS_READ_TIMEOUT="30")
    terminal.say_yes(1)
    sms.wait_for_message(phone_number=NUMBER)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert [sms["verdict"] for sms in terminal.report["sms_requests"]] == ["no answer"]


def test_nobody_at_the_keyboard_sends_nothing(project: Path, sms: SmsEmulator) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "SMS_ENDPOINT": sms.url,
        "SMS_ACCESS_KEY_ID": KEY,
        "SMS_ACCESS_KEY_SECRET": SECRET,
        "SMS_VERIFY_PHONE_NUMBER": NUMBER,
    }
    command = [sys.executable, "-m", "tools.verify_cloud"]
    ended = subprocess.run(
        command, cwd=project, env=environment, stdin=subprocess.DEVNULL, capture_output=True
    )
    assert ended.returncode == 1
    assert b"no answer" in ended.stderr
    refused = subprocess.run([*command, "--yes"], cwd=project, capture_output=True)
    assert refused.returncode == 2
    assert not sms.requests()


def test_a_report_that_cannot_be_kept_stops_it_before_anything_is_sent(
    start: Start, sms: SmsEmulator, tmp_path: Path
) -> None:
    (tmp_path / "reports").write_text("a file where the folder should be")
    terminal = start()
    terminal.say_yes()
    assert terminal.end() == 1
    assert "--report" in terminal.text
    assert not sms.messages()


def test_there_is_no_fourth_request() -> None:
    ceiling = Ceiling()
    assert [ceiling.take() for _ in range(MOST_SMS)] == [1, 2, 3]
    with pytest.raises(Stopped):
        ceiling.take()
