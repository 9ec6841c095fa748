"""``make why``: twenty invented cases, each of which gets its true cause.

The functions run in the stub, the SMS service is the emulator, and the tool asks the function
`operate` through InvokeFunction.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from aliyun_sms_emulator import SmsEmulator
from shared.clock import platform_date, platform_timestamp
from shared.ids import new_out_id
from tests.integration import faulty_network as faults
from tests.integration.cloud import API_KEY, QUERY, Answer, Cloud
from tests.integration.contract import Contract
from tests.integration.faulty_network import FaultyNetwork
from tools import operate, why

TOKEN = "cmVjZWlwdHMtdG9rZW4tMTIz"
STATE_SECRET = "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz"
RECEIVE, CODES, EVENTS = "fc-sms-receive-receipts", "fc-sms-verify-code", "fc-sms-send-on-event"
OTHER_KEY = "b3RoZXIta2V5LW9mLXRlc3Rz"
NUMBER, HONG_KONG = "13800138001", "+852 5123 4567"
TEMPLATE = {"template_code": "SMS_100002", "template_param": {"name": "Li", "order": "A-17"}}
CODE_TEMPLATE = "SMS_100001"
UNUSED = iter(range(13900000000, 13999999999))
"""Numbers that nothing was sent to."""


class Scene:
    """The functions, the SMS service and a network between them, for one case after the other."""

    def __init__(self, cloud: Cloud, network: FaultyNetwork) -> None:
        self.cloud = cloud
        self.emulator = cloud.emulator
        self.network = network
        self.out_id = ""

    def begin(self) -> None:
        """Take a new out_id, and forget what was said and planned."""
        self.network.plan()
        self.emulator.clear_faults()
        self.emulator.settings(visibility_delay_seconds=0)
        self.cloud.start_test()
        self.out_id = new_out_id()

    def send(self, number: str = "", **fields: Any) -> Answer:
        """Send one text; without a `number` to one that nothing was sent to before."""
        body = {"phone_numbers": number or str(next(UNUSED)), "out_id": self.out_id}
        return self.cloud.send({**TEMPLATE, **body, **fields})

    def refuse(self, code: str) -> None:
        """Have the SMS service refuse the next send with a code."""
        self.emulator.set_faults({"kind": "error", "code": code, "times": 1})
        self.send()

    def push_receipt(self, number: str, *, success: bool, code: str, seconds: int = 3) -> None:
        """Push a receipt that comes so many seconds after the send."""
        now = time.time()
        report = {
            "phone_number": number,
            "send_time": platform_timestamp(now),
            "report_time": platform_timestamp(now + seconds),
            "success": success,
            "err_code": code,
            "sms_size": "1",
            "out_id": f"tests~{self.out_id}",
            "biz_id": "900619746936498440^0",
        }
        self.push([report])

    def push(self, entries: list[object]) -> None:
        """Push receipts and replies as the SMS service does."""
        url = f"{self.cloud.functions.url(RECEIVE)}receipts/{TOKEN}"
        with requests.Session() as session:
            session.trust_env = False
            assert session.post(url, json=entries, timeout=60).status_code == 200

    def invoke(self, function: str, event: object) -> Any:
        """Invoke a function with an event."""
        return self.cloud.functions.invoke(function, json.dumps(event).encode())


def receipt_failed(scene: Scene) -> None:
    number = "13800138011"
    scene.send(number)
    scene.push_receipt(number, success=False, code="MOBILE_NOT_ON_SERVICE")


def receipt_late(scene: Scene) -> None:
    number = "13800138012"
    scene.send(number)
    scene.push_receipt(number, success=True, code="DELIVERED", seconds=7200)


def receipt_of_another_number(scene: Scene) -> None:
    scene.send("13800138013")
    scene.push_receipt("13800138999", success=False, code="UNDELIV")


def delivered(scene: Scene) -> None:
    number = "13800138014"
    scene.send(number)
    scene.push_receipt(number, success=True, code="DELIVERED")


def sent(scene: Scene) -> None:
    assert scene.send().status == 200


def lost_answer(scene: Scene) -> None:
    scene.emulator.settings(visibility_delay_seconds=3600)
    scene.network.plan(faults.lose_answer)
    assert scene.send().body["outcome"] == "unknown"


def found_again(scene: Scene) -> None:
    scene.network.plan(faults.lose_answer)
    assert scene.send().body["outcome"] == "accepted"


def other_content(scene: Scene) -> None:
    scene.send("13800138015")
    assert scene.send("13800138016").status == 409


def number_too_often(scene: Scene) -> None:
    number = "13800138017"
    for _ in range(4):
        assert scene.send(number, out_id=new_out_id()).status == 200
    assert scene.send(number).status == 429


def code_too_soon(scene: Scene) -> None:
    for _ in range(2):
        scene.out_id = new_out_id()
        body = {"phone_number": "13800138018", "purpose": "login", "out_id": scene.out_id}
        answer = scene.cloud.request("POST", CODES, "codes", json.dumps(body).encode())
    assert answer.status == 429


def closed_country(scene: Scene) -> None:
    body = {"phone_numbers": "+61412345678", "message": "Hello", "out_id": scene.out_id}
    assert scene.cloud.send_abroad(body).status == 422


def blocked_prefix(scene: Scene) -> None:
    assert scene.send("17000138001").status == 422


def wrong_number(scene: Scene) -> None:
    assert scene.send("12345").status == 422


def anothers_id(scene: Scene) -> None:
    scene.send("13800138019")
    key = {"Authorization": f"Bearer {OTHER_KEY}"}
    path = f"delivery-status?out_id={scene.out_id}"
    assert scene.cloud.request("GET", QUERY, path, headers=key).status == 404


def event_twice(scene: Scene) -> None:
    event = {
        "TopicName": "orders",
        "MessageId": "B42BC3A5",
        "Message": json.dumps({**TEMPLATE, "phone_numbers": "13800138021", "out_id": scene.out_id}),
    }
    for _ in range(2):
        assert scene.invoke(EVENTS, event).error_type is None


def bad_entry_of_an_event(scene: Scene) -> None:
    request = {
        **TEMPLATE,
        "phone_numbers": "13800138021",
        "template_code": "",
        "out_id": scene.out_id,
    }
    assert scene.invoke(EVENTS, request).error_type is None


def stopped(scene: Scene) -> None:
    scene.invoke(operate.FUNCTION, {"command": "stop-sending"})
    try:
        assert scene.send().status == 503
    finally:
        scene.invoke(operate.FUNCTION, {"command": "start-sending"})


class Case(NamedTuple):
    """What happens, and the code, a word and the place of the cause that it has to get."""

    happens: Callable[[Scene], None]
    code: str
    word: str
    place: str = "state"


CASES = {
    "a limit of a number": Case(number_too_often, "number-per-day", "SMS_LIMITS", "log"),
    "a second code too soon": Case(code_too_soon, "codes-per-minute", "SMS_LIMITS", "log"),
    "a closed country": Case(closed_country, "country-closed", "country code 61 (AU)", "log"),
    "a blocked prefix": Case(blocked_prefix, "prefix-blocked", "SMS_BLOCKED_PREFIXES", "log"),
    "a wrong number": Case(wrong_number, "invalid-request", "phone_numbers: it is not a", "log"),
    "an unapproved template": Case(
        lambda scene: scene.refuse("isv.SMS_TEMPLATE_ILLEGAL"),
        "isv.SMS_TEMPLATE_ILLEGAL",
        "emplate",
    ),
    "an unknown signature": Case(
        lambda scene: scene.refuse("isv.SMS_SIGNATURE_ILLEGAL"),
        "isv.SMS_SIGNATURE_ILLEGAL",
        "ignature",
    ),
    "no balance": Case(
        lambda scene: scene.refuse("isv.AMOUNT_NOT_ENOUGH"), "isv.AMOUNT_NOT_ENOUGH", "money"
    ),
    "the platform's own limit": Case(
        lambda scene: scene.refuse("isv.BUSINESS_LIMIT_CONTROL"), "isv.BUSINESS_LIMIT_CONTROL", ""
    ),
    "a key without permission": Case(
        lambda scene: scene.refuse("isp.RAM_PERMISSION_DENY"), "isp.RAM_PERMISSION_DENY", "RAM"
    ),
    "a carrier's failure": Case(receipt_failed, "MOBILE_NOT_ON_SERVICE", "umber"),
    "a late receipt": Case(receipt_late, "late", "It came late"),
    "a receipt of another number": Case(
        receipt_of_another_number, "receipt-disagrees", "does not agree"
    ),
    "a message that was delivered": Case(delivered, "DELIVERED", "The phone got it at"),
    "no receipt yet": Case(sent, "no-receipt", "no receipt"),
    "a lost answer": Case(lost_answer, "answer-lost", "may have taken"),
    "a lost answer that was found": Case(found_again, "no-receipt", "took it"),
    "an out_id with other content": Case(other_content, "out-id-conflict", "other content", "log"),
    "another caller's id": Case(anothers_id, "no-such-send", "Nothing is known", "log"),
    "an event that came twice": Case(event_twice, "replayed", "nothing was sent twice", "log"),
    "a bad entry of an event": Case(bad_entry_of_an_event, "invalid-request", "rule", "log"),
    "the owner's stop": Case(stopped, "sending-stopped", "start-sending", "log"),
}


@pytest.fixture(scope="module")
def running(
    project: Path,
    running_emulator: SmsEmulator,
    contract: Contract,
    network: FaultyNetwork,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cloud]:
    keys = {"tests": API_KEY, "other": OTHER_KEY}
    digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in keys.items()}
    changes = {
        "SMS_API_KEYS": ",".join(f"{name}:{digest}" for name, digest in digests.items()),
        "SMS_STATE_URL": f"sqlite://{tmp_path_factory.mktemp('state')}/state.sqlite3",
        "SMS_ALLOW_LOCAL_STATE": "1",
        "SMS_STATE_SECRET": STATE_SECRET,
        "SMS_RECEIPT_TOKEN": TOKEN,
        "SMS_SETTLE_SECONDS": "0.1",
        "SMS_BLOCKED_PREFIXES": "86170",
        "SMS_LIMITS": "number-per-day=4",  # it slides, so that no window ends in a test
        "SMS_CODE_TEMPLATE": CODE_TEMPLATE,
    }
    with Cloud(project, running_emulator, contract, endpoint=network.url, changes=changes) as cloud:
        yield cloud


@pytest.fixture
def scene(running: Cloud, emulator: SmsEmulator, network: FaultyNetwork) -> Iterator[Scene]:
    scene = Scene(running, network)
    scene.begin()
    yield scene
    emulator.clear_faults()
    network.plan()
    running.check_log()


class Tool:
    """Runs the tool in this process, with a file of the log of the case."""

    def __init__(
        self,
        scene: Scene,
        folder: Path,
        patch: pytest.MonkeyPatch,
        said: pytest.CaptureFixture[str],
    ) -> None:
        self._scene, self._folder, self._patch, self._said = scene, folder, patch, said
        self.errors = ""

    def run(self, *options: str, typed: str = "") -> tuple[int, str]:
        """Return the exit code, and what is printed."""
        log = self._folder / "log"
        lines = [invocation.log for invocation in self._scene.cloud.invocations()]
        log.write_text("\n".join(lines))
        endpoint = self._scene.cloud.functions.api_url
        arguments = ["why", *options, "--endpoint", endpoint]
        self._patch.setattr(sys, "argv", [each.replace("LOG", str(log)) for each in arguments])
        self._patch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
        self._said.readouterr()
        code = operate.run("why", why.main)
        said = self._said.readouterr()
        self.errors = said.err
        return code, said.out


@pytest.fixture
def tool(
    scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Tool:
    return Tool(scene, tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("name", CASES)
def test_the_true_cause_is_told(scene: Scene, tool: Tool, name: str) -> None:
    case = CASES[name]
    case.happens(scene)
    code, told = tool.run("--id", scene.out_id, "--log", "LOG", "--json")
    answer = json.loads(told)
    causes = {cause["code"]: cause for cause in answer["causes"]}
    assert code == 0
    assert case.code in causes, answer
    assert case.word in causes[case.code]["text"]
    assert causes[case.code]["from"] == case.place
    code, text = tool.run("--id", scene.out_id, "--log", "LOG")
    assert f"Cause: {case.code}. " in text


# by number


def test_a_number_on_a_day_is_told_by_the_platform_and_the_state(scene: Scene, tool: Tool) -> None:
    number = "13800138031"
    scene.send(number)
    scene.push_receipt(number, success=False, code="MOBILE_NOT_ON_SERVICE")
    day = platform_date(time.time())
    code, told = tool.run("--number", "ask", "--day", day, "--json", "--log", "LOG", typed=number)
    answer = json.loads(told)
    (message,) = answer["messages"]
    assert (code, message["caller"], message["out_id"]) == (0, "tests", scene.out_id)
    assert "MOBILE_NOT_ON_SERVICE" in [cause["code"] for cause in answer["causes"]]
    assert {line["action"] for line in answer["log"]} >= {"SendSms", "answer", "receipt"}
    used = {count["rule"]: count["used"] for count in answer["counts"]}
    assert (used["number-per-day"], used["codes-per-day"]) == (1, 0)
    assert number not in told
    _, text = tool.run("--number", "ask", "--day", day, typed=number)
    assert "number-per-day 1 of 4" in text
    assert number not in text


@pytest.mark.parametrize(
    ("typed", "day", "problem"),
    [
        ("12345", "", "the number is not a phone number: "),
        ("13800138000", "20200101", "DAY must be a date of the last 30 days"),
        ("", "", "the number is empty; give a phone number"),
    ],
)
def test_a_number_or_a_day_that_is_none_is_named(
    tool: Tool, typed: str, day: str, problem: str
) -> None:
    day = day or platform_date(time.time())
    code, _ = tool.run("--number", "ask", "--day", day, typed=typed)
    assert code == 2
    assert tool.errors.startswith(f"why: {problem}")


def test_what_was_never_sent_is_told_so_and_a_missing_log_is_said(tool: Tool) -> None:
    code, text = tool.run("--id", "never-sent")
    assert code == 1
    assert "Nothing is known of it" in text
    assert "The log was not read" in text
    assert "Looked through: the out_ids of tests, " in text
    _, text = tool.run("--id", "never-sent", "--caller", "shop")
    assert "Looked through: the out_ids of shop. " in text


def test_without_an_api_key_why_says_that_no_callers_out_ids_were_looked_through(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_STATE_URL", f"sqlite:///{tmp_path}/state.sqlite3")
    monkeypatch.setenv("SMS_ALLOW_LOCAL_STATE", "1")
    monkeypatch.setenv("SMS_STATE_SECRET", STATE_SECRET)
    monkeypatch.delenv("SMS_API_KEYS", raising=False)
    code, text = tool.run("--id", "order-17", "--local")
    assert (code, tool.errors) == (1, "")
    assert "SMS_API_KEYS is not set" in text


def test_without_shared_state_why_does_not_say_that_nothing_was_sent(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMS_STATE_URL", raising=False)
    code, text = tool.run("--id", "order-17", "--local")
    assert (code, tool.errors) == (1, "")
    assert "never sent" not in text
    assert "set SMS_STATE_URL" in text


def test_a_functions_own_url_is_not_taken_for_the_endpoint(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = scene.cloud.functions.url("fc-sms-send-sms")
    monkeypatch.setattr(sys, "argv", ["why", "--id", "order-17", "--endpoint", endpoint])
    assert operate.run("why", why.main) == 2
    assert capsys.readouterr().err.startswith("why: the endpoint is the URL of a function; ")


def test_a_message_leads_to_its_send_and_the_platforms_form_of_an_id_as_well(
    scene: Scene, tool: Tool
) -> None:
    biz_id = scene.send().body["biz_id"]
    for asked in (biz_id, f"tests~{scene.out_id}"):
        code, told = tool.run("--id", asked, "--json")
        (found,) = json.loads(told)["sends"]
        assert (code, found["out_id"]) == (0, scene.out_id)
        assert found["parts"][0]["function"] == "send_sms"


# the other commands


def ask(scene: Scene, command: str, **arguments: Any) -> dict[str, Any]:
    """Ask the function as the tools do; return its answer."""
    parser = argparse.ArgumentParser()
    operate.add_options(parser)
    options = parser.parse_args(["--endpoint", scene.cloud.functions.api_url])
    return operate.ask(command, arguments, options)


def write_back(scene: Scene, number: str, content: str) -> None:
    """Push a reply."""
    reply = {
        "phone_number": number,
        "content": content,
        "send_time": platform_timestamp(time.time()),
        "dest_code": "12345",
        "sequence_id": scene.out_id,
    }
    scene.push([reply])


def test_a_reply_leads_to_the_send_that_it_answers_and_back(scene: Scene) -> None:
    number, day = "13800138032", platform_date(time.time())
    scene.send(number)
    write_back(scene, number, "Yes, I will come")
    found = ask(scene, "replies", day=day)["replies"]
    (reply,) = [each for each in found if each["answers"]["out_id"] == scene.out_id]
    assert (reply["content"], reply["phone_number"]) == ("Yes, I will come", "*32")
    assert reply["answers"]["caller"] == "tests"
    (send,) = ask(scene, "why", id=scene.out_id)["sends"]
    assert [each["content"] for each in send["parts"][0]["replies"]] == ["Yes, I will come"]


def test_a_number_is_forgotten(scene: Scene) -> None:
    number, day = "13800138033", platform_date(time.time())
    scene.send(number)
    scene.push_receipt(number, success=True, code="DELIVERED")
    write_back(scene, number, "Stop")
    scene.push([{"phone": number}, {"content": "x", "phone_number": "13800138034"}])
    told = ask(scene, "forget", phone_number=number)
    assert told["removed"].pop("counts") in (1, 2, 3)  # a minute or an hour may have ended
    assert told["removed"] == {
        "parts": 1,
        "receipts": 1,
        "codes": 0,
        "replies": 1,
        "unread": 1,
    }
    assert number not in json.dumps(told)
    assert len(told["stays"]) > 3
    (send,) = ask(scene, "why", id=scene.out_id)["sends"]
    assert (send["parts"][0]["receipts"], send["parts"][0]["replies"]) == ([], [])
    assert send["parts"][0]["status"] == "accepted"  # so that a repeat sends nothing
    counts = ask(scene, "why-number", phone_number=number, day=day)["counts"]
    assert {count["used"] for count in counts} == {0}
    assert set(ask(scene, "forget", phone_number=number)["removed"].values()) == {0}


def test_the_budget_says_what_is_used_and_left(scene: Scene) -> None:
    def mainland() -> dict[str, Any]:
        rows = ask(scene, "budget")["rules"]
        return next(row for row in rows if row["rule"] == "mainland-per-day")

    before = mainland()["used"]
    scene.send()
    after = mainland()
    assert (after["used"], after["left"]) == (before + 1, after["limit"] - before - 1)
    rows = ask(scene, "budget")["rules"]
    assert {row["name"] for row in rows if row["rule"] == "country-per-day"} == {
        *("GB", "HK", "TW", "US")
    }


def test_the_hashes_are_those_of_the_log(scene: Scene) -> None:
    number = "13800138035"
    scene.send(number)
    line = next(line for line in scene.cloud.log() if line["action"] == "SendSms")
    assert ask(scene, "hashes", text=number)["number_hash"] == line["number_hash"]
    assert ask(scene, "hashes", text=scene.out_id) == {"out_id_hash": line["out_id_hash"]}


@pytest.mark.parametrize("name", ["budget", "replies", "hashes", "forget", "why"])
def test_each_tool_prints_something_for_people(project: Path, scene: Scene, name: str) -> None:
    scene.send("13800138036")
    options = {
        "replies": ["--day", platform_date(time.time())],
        "forget": ["--number", "ask"],
        "why": ["--id", scene.out_id],
    }.get(name, [])
    endpoint = scene.cloud.functions.api_url
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{name}", *options, "--endpoint", endpoint],
        cwd=project,
        input="13800138036\n",
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 0
    assert "13800138036" not in done.stdout
