"""An upgrade: instances of two versions send at once, and share the records of one state."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.ids import WireId
from shared.sending.part_records import record_key
from shared.state.sqlite_store import SqliteStore
from tests.node_packages import clean_environment
from tests.unit.trigger_events import API_KEYS

SECRET = "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz"
INTENTS = 12
# Sends each intent through its function, and says how that ended.
SEND = """
import json, sys
from functions.send_international_sms import handler as abroad
from functions.send_sms import handler as mainland
from tests.unit.trigger_events import API_KEY, Context, http_event

for out_id in sys.argv[1:]:
    body = {"out_id": out_id, "phone_numbers": "13800138000",
            "template_code": "SMS_100002", "template_param": {"name": "Li", "order": "A1"}}
    handler, path = mainland, "/sms"
    if out_id.endswith("parts"):  # which have a head
        body = {"out_id": out_id, "message": "Your parcel is here",
                "phone_numbers": ["+85251234567", "+85251234568"]}
        handler, path = abroad, "/international-sms"
    answer = handler(http_event(body, path=path), Context())
    sys.stdout.write(f"answer {answer['statusCode']} {answer['body']}\\n")
"""
# What a later version adds to the records of parts and heads, where this one ends them.
LATER_MEMBER = '    of_a_later_version: str = "kept"\n    others: Mapping[str, Any] = {}\n'


@pytest.fixture
def later(project: Path, tmp_path: Path) -> Path:
    """The code of a version to come, whose records have a member more."""
    folder = tmp_path / "later"
    for name in ("functions", "shared"):
        shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("part_records.py", "heads.py"):
        file = folder / "shared" / "sending" / name
        text = file.read_text("utf-8")
        assert text.count("    others: Mapping[str, Any] = {}\n") == 1
        file.write_text(text.replace("    others: Mapping[str, Any] = {}\n", LATER_MEMBER), "utf-8")
    (folder / "tests").symlink_to(project / "tests")
    return folder


class World:
    """One state and one platform for instances of both versions."""

    def __init__(self, emulator: SmsEmulator, folder: Path) -> None:
        self.emulator = emulator
        self._folder = folder
        self.store = SqliteStore(f"{folder}/state.sqlite3")
        self._environment = clean_environment(
            SMS_ENDPOINT=emulator.url,
            SMS_INTERNATIONAL_ENDPOINT=emulator.url,
            SMS_ACCESS_KEY_ID=emulator.access_key_id,
            SMS_ACCESS_KEY_SECRET=emulator.access_key_secret,
            SMS_SIGN_NAME="fc-sms",
            SMS_STATE_URL=f"sqlite://{folder}/state.sqlite3",
            SMS_ALLOW_LOCAL_STATE="1",
            SMS_STATE_SECRET=SECRET,
            SMS_COUNTRIES="HK",
            SMS_LIMITS="number-per-minute=0,number-per-hour=0,number-per-day=0,prefix-per-hour=0",
        )

    def begin(self, code: Path, *names: str) -> subprocess.Popen[str]:
        """Begin to send these intents, in this order, with the code in a folder."""
        return subprocess.Popen(
            [sys.executable, "-c", SEND, *map(self.out_id, names)],
            cwd=code,
            env={**self._environment, "SMS_API_KEYS": API_KEYS, "PYTHONPATH": str(code)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def out_id(self, name: str) -> str:
        """Return an out_id that no other test has, for the platform remembers its nonces."""
        return f"{self._folder.name}-{name}"

    def sent(self) -> Counter[tuple[str, str]]:
        """Return how many messages each number got by each id."""
        messages = self.emulator.messages()
        return Counter((message.out_id, message.phone_number) for message in messages)

    def members(self, name: str) -> dict[str, object]:
        """Return the record of an intent's first part, as it is stored."""
        text = self.store.get(record_key(WireId("tester", self.out_id(name)), SECRET))
        assert text is not None
        members: dict[str, object] = json.loads(text)
        return members


def statuses(process: subprocess.Popen[str]) -> list[tuple[str, bool]]:
    """Wait for the end, and return each answer's status and whether it was replayed."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    answers = [line.split(" ", 2) for line in output.splitlines() if line.startswith("answer ")]
    return [(status, '"replayed": true' in body) for _, status, body in answers]


def test_two_versions_at_once_send_each_intent_once(
    project: Path, later: Path, tmp_path: Path, emulator: SmsEmulator
) -> None:
    world = World(emulator, tmp_path)
    names = [f"{number}-{'one' if number % 3 else 'parts'}" for number in range(INTENTS)]
    orders = ((project, names), (later, names[::-1]), (later, names))
    both = [world.begin(code, *order) for code, order in orders]
    answers = [answer for process in both for answer in statuses(process)]
    assert {status for status, _ in answers} <= {"200", "207", "409"}
    sent = world.sent()
    assert len({out_id.split("~")[1] for out_id, _ in sent}) == INTENTS
    assert set(sent.values()) == {1}


def test_each_version_replays_what_the_other_sent_and_hands_its_members_on(
    project: Path, later: Path, tmp_path: Path, emulator: SmsEmulator
) -> None:
    world = World(emulator, tmp_path)
    sent, replayed = ("200", False), ("200", True)
    assert statuses(world.begin(later, "a", "b-parts")) == [sent, sent]
    assert statuses(world.begin(project, "a", "b-parts", "c")) == [replayed, replayed, sent]
    assert statuses(world.begin(later, "c")) == [replayed]
    assert world.members("a")["of_a_later_version"] == "kept"
    assert "of_a_later_version" not in world.members("c")


def test_a_send_that_the_later_version_left_in_doubt_is_settled_by_the_earlier_one(
    project: Path, later: Path, tmp_path: Path, emulator: SmsEmulator
) -> None:
    """As after a roll-back: the answer was lost, and the message was sent."""
    world = World(emulator, tmp_path)
    emulator.set_faults(
        {"match": {"action": "SendSms"}, "schedule": [{"kind": "reset", "when": "after"}]},
        {"match": {"action": "QuerySendDetails"}, "schedule": [{"kind": "throttle"}] * 20},
    )
    assert statuses(world.begin(later, "a")) == [("504", False)]
    emulator.clear_faults()
    assert statuses(world.begin(project, "a")) == [("200", False)]
    members = world.members("a")
    assert (members["state"], members["of_a_later_version"]) == ("accepted", "kept")
    assert set(world.sent().values()) == {1}
