"""``make unread``: what could not be read is shown, and read again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.clock import Clock
from shared.ids import WireId
from shared.logs import Log
from shared.platform.sms_api import SmsApi
from shared.receipts import records, unread
from shared.settings import Credentials, read_settings
from shared.state.sqlite_store import SqliteStore
from shared.transport import SESSION

SECRET = "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz"
NUMBER = "13800138000"
REPORT = {
    "phone_number": NUMBER,
    "success": True,
    "err_code": "DELIVERED",
    "out_id": "shop~order-1",
}
ODD = {"phone": NUMBER}


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(f"{tmp_path}/state.sqlite3")


def keep(store: SqliteStore, *contents: object) -> None:
    """Keep what an earlier version could not read."""
    settings = read_settings({"SMS_STATE_SECRET": SECRET})
    with Path(os.devnull).open("w") as nowhere:
        log = Log("x", "receive_receipts", b"key", Clock(), nowhere)
        api = SmsApi(settings, lambda: Credentials("x", "y"), SESSION, Clock(), log)
        keeper = unread.Keeper(api, store, deadline=api.clock.monotonic() + 30)
        keeper.keep([json.dumps(content).encode() for content in contents], "push")


def run(project: Path, tmp_path: Path, *options: str) -> str:
    """Run the tool as `make unread` does, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "SMS_"}
    environment |= {
        "SMS_STATE_URL": f"sqlite://{tmp_path}/state.sqlite3",
        "SMS_ALLOW_LOCAL_STATE": "1",
        "SMS_STATE_SECRET": SECRET,
    }
    command = [sys.executable, "-m", "tools.unread", "--local", *options]
    done = subprocess.run(
        command, cwd=project, env=environment, check=True, capture_output=True, text=True
    )
    assert NUMBER not in done.stderr
    return done.stdout


def test_what_can_be_read_by_now_is_taken_and_the_rest_stays(
    project: Path, tmp_path: Path, store: SqliteStore
) -> None:
    keep(store, REPORT, ODD, [REPORT | {"out_id": "shop~order-2"}, {"mixed": 1}])
    shown = run(project, tmp_path)
    assert shown.count("read now") == 2
    assert "Not read: 1." in shown
    assert NUMBER not in shown
    for out_id in ("order-1", "order-2"):
        ((receipt,), _) = records.of_intent(store, WireId("shop", out_id), state_secret=SECRET)
        assert receipt.status == "delivered"
    left = [json.loads(record.raw) for record in unread.all_kept(store).values()]
    assert left == [ODD, {"mixed": 1}]
    assert "read now" not in run(project, tmp_path)


def test_it_may_only_show_and_show_all(project: Path, tmp_path: Path, store: SqliteStore) -> None:
    keep(store, REPORT, ODD)
    shown = run(project, tmp_path, "--show", "--raw")
    assert json.dumps(ODD) in shown
    assert "read now" not in shown
    assert len(unread.all_kept(store)) == 2


def test_without_shared_state_it_says_so(project: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name[:4] != "SMS_"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.unread", "--local"],
        cwd=project,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "SMS_STATE_URL" in done.stderr
