"""The queues of receipts and replies as @alicloud/sms-sdk's receiver sees them, and as ours."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aliyun_sms_emulator import SmsEmulator
from shared.clock import Clock
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.receipts.mns_queue import Queue, QueueToken, signed_headers
from shared.settings import Credentials, read_settings
from shared.transport import new_session
from tests.conformance.sdk_clients import Target
from tests.node_packages import clean_environment

pytestmark = pytest.mark.node

PROGRAM = Path(__file__).with_suffix(".cjs")
PREFIX = "Alicom-Queue-42-"
REPORTS, REPLIES = 0, 1  # the SDK's numbers of the two kinds


class Receiver:
    """The SDK's receiver, in a process of its own."""

    def __init__(self, target: Target) -> None:
        self._process = subprocess.Popen(
            ["node", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(),
            text=True,
            encoding="utf-8",
        )
        self.order("open", **target._asdict())

    def receive(self, kind: int = REPORTS, *, remove: bool = False) -> dict[str, Any]:
        """Receive one message, waiting a second for it, and delete it where told to."""
        return self.order("receive", type=kind, prefix=PREFIX, wait=1, remove=remove)

    def order(self, order: str, **details: Any) -> dict[str, Any]:
        """Let the process do something, and return what it says."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"order": order, **details}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@pytest.fixture
def receiver(permanent: Target, node_modules: Path) -> Iterator[Receiver]:
    receiver = Receiver(permanent)
    yield receiver
    receiver.close()


@pytest.fixture
def api(permanent: Target) -> Iterator[SmsApi]:
    """The platform as our functions see it."""
    settings = read_settings({"SMS_ENDPOINT": permanent.url, "SMS_BASE_ENDPOINT": permanent.url})
    credentials = Credentials(permanent.access_key_id, permanent.access_key_secret)
    log = Log("x", "receive_receipts", b"key", Clock(), io.StringIO())
    with new_session() as session:
        yield SmsApi(settings, lambda: credentials, session, Clock(), log)


def queue(api: SmsApi, kind: str = "SmsReport") -> Queue:
    """Return our receiver."""
    deadline = api.clock.monotonic() + 30
    return Queue(api, api.settings.base_endpoint, f"{PREFIX}{kind}", deadline, {})


def send(api: SmsApi, out_id: str) -> None:
    """Send a message whose receipt is there at once."""
    parameters = {
        "PhoneNumbers": "13800138000",
        "SignName": "阿里云短信测试",
        "TemplateCode": "SMS_100002",
        "TemplateParam": '{"name": "Li", "order": "7"}',
        "OutId": out_id,
    }
    result = api.call("SendSms", parameters, deadline=api.clock.monotonic() + 30)
    assert result.code == "OK"


def content(received: dict[str, Any]) -> Any:
    """Return the object in a message that the SDK received."""
    assert received["status"] == 200, received
    return json.loads(base64.b64decode(received["MessageBody"]))


def test_the_sdk_receives_and_deletes_receipts(
    emulator: SmsEmulator, receiver: Receiver, api: SmsApi
) -> None:
    emulator.settings(delivery_delay_seconds=0)
    send(api, "order-1")
    report = content(receiver.receive(remove=True))
    assert (report["out_id"], report["success"], report["sms_size"]) == ("order-1", True, "1")
    emulator.clock.advance(60)
    assert receiver.receive() == {"error": "MNSMessageNotExistError"}


def test_the_sdk_receives_replies(emulator: SmsEmulator, receiver: Receiver) -> None:
    emulator.reply("13800138000", "好的")
    reply = content(receiver.receive(REPLIES))
    assert (reply["phone_number"], reply["content"]) == ("13800138000", "好的")


def test_we_receive_what_the_sdk_receives(
    emulator: SmsEmulator, receiver: Receiver, api: SmsApi
) -> None:
    emulator.settings(delivery_delay_seconds=0)
    for number in range(3):
        send(api, f"order-{number}")
    theirs = [content(receiver.receive()) for _ in range(3)]
    assert queue(api).receive() == []  # invisible until the SDK's time to delete is over
    emulator.clock.advance(31)
    ours = queue(api).receive()
    assert [entry for message in ours for entry in message.entries] == theirs
    for message in ours:
        queue(api).delete(message.receipt_handle)
    emulator.clock.advance(31)
    assert receiver.receive() == {"error": "MNSMessageNotExistError"}


@pytest.mark.parametrize(
    "resource",
    [
        "/queues/Alicom-Queue-42-SmsUp/messages?numOfMessages=16&waitseconds=0",
        "/queues/q/messages?ReceiptHandle=8-2zuDHj20LzZz8zcFz0z6YEzcSFqxyIKefO",
        "/queues/q/messages?ReceiptHandle=a%2Fb%26c%2B%3D",
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_we_sign_as_the_sdks_queue_client_does(
    receiver: Receiver, method: str, resource: str
) -> None:
    date = "Sun, 01 Mar 2026 04:00:00 GMT"
    token = QueueToken("STS.key", "secret+/=", "token", 0)
    ours = signed_headers(method, resource, date=date, token=token)
    unsigned = {name: ours[name] for name in ("date", "x-mns-version")}
    answer = receiver.order(
        "sign",
        key={"id": token.access_key_id, "secret": token.access_key_secret},
        method=method,
        resource=resource,
        headers=unsigned,
    )
    assert ours["authorization"] == f"MNS STS.key:{answer['signature']}"
    assert ours["security-token"] == "token"
