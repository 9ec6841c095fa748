"""``make why``: twenty invented cases, each of which gets its true cause.

The functions run in the stub, the SMS service is the emulator, and the tool asks the function
`operate` through InvokeFunction.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from aliyun_sms_emulator import SmsEmulator
from shared.clock import platform_timestamp
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


class Scene:
    """The functions, the SMS service and a network between them, for one case after the other."""

    def __init__(self, cloud: Cloud, network: FaultyNetwork) -> None:
        self.cloud = cloud
        self.emulator = cloud.emulator
        self.network = network
        self.out_id = ""
        self._numbers = iter(range(13900000000, 13999999999))

    def begin(self) -> None:
        """Take a new out_id, and forget what was said and planned."""
        self.network.plan()
        self.emulator.clear_faults()
        self.emulator.settings(visibility_delay_seconds=0)
        self.cloud.start_test()
        self.out_id = new_out_id()

    def send(self, number: str = "", **fields: Any) -> Answer:
        """Send one text; without a `number` to one that nothing was sent to before."""
        body = {"phone_numbers": number or str(next(self._numbers)), "out_id": self.out_id}
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
        url = f"{self.cloud.functions.url(RECEIVE)}receipts/{TOKEN}"
        with requests.Session() as session:
            session.trust_env = False
            assert session.post(url, json=[report], timeout=60).status_code == 200

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
    for _ in range(5):
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
    "a limit of a number": Case(number_too_often, "number-per-minute", "SMS_LIMITS", "log"),
    "a second code too soon": Case(code_too_soon, "codes-per-minute", "SMS_LIMITS", "log"),
    "a closed country": Case(closed_country, "country-closed", "SMS_COUNTRIES", "log"),
    "a blocked prefix": Case(blocked_prefix, "prefix-blocked", "SMS_BLOCKED_PREFIXES", "log"),
    "a wrong number": Case(wrong_number, "invalid-request", "phone_numbers", "log"),
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
        return operate.run("why", why.main), self._said.readouterr().out


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
