"""``make stop-sending`` and ``make start-sending``, with shared state and without."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.sending.stop import read_stop
from shared.state.sqlite_store import SqliteStore
from tests.integration.redis_server import RedisServer
from tests.integration.tcp_proxy import TcpProxy
from tests.node_packages import clean_environment
from tests.unit.certificates import Authority
from tests.unit.scripted_server import Arrived, Scene, ScriptedServer, answer

STATE_SECRET = "c3RhdGUtc2VjcmV0LW9mLXRlc3Rz"
SENDERS = (
    "fc-sms-send-sms",
    "fc-sms-send-international-sms",
    "fc-sms-send-on-event",
    "fc-sms-receive-hook",
    "fc-sms-verify-code",
)


def run(project: Path, what: str, *options: str, **environment: str) -> tuple[int, str]:
    """Run the tool as make does; return its exit code and all that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.sending", what, *options],
        cwd=project,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


class FunctionCompute(ScriptedServer):
    """Plays the API: `operate` says that there is no shared state; the switches do what they do."""

    def __init__(self, **refused: str) -> None:
        self.switched: list[tuple[str, str, bytes]] = []
        self._refused = refused
        super().__init__(self._respond)

    def _respond(self, arrived: Arrived) -> Scene:
        path = arrived.start_line.split()[1].removeprefix("/2023-03-30/functions/")
        function, _, operation = path.partition("/")
        if operation == "invocations":
            return answer({"answer": {"has_state": False}})
        self.switched.append((function, operation, arrived.body))
        if code := self._refused.get(function.replace("-", "_")):
            return answer({"Code": code, "Message": "no"}, "403 Forbidden")
        return answer({"success": True})


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    return {
        "SMS_STATE_URL": f"sqlite://{tmp_path}/state.sqlite3",
        "SMS_ALLOW_LOCAL_STATE": "1",
        "SMS_STATE_SECRET": STATE_SECRET,
    }


def test_with_shared_state_the_record_is_written_and_removed_and_both_may_be_repeated(
    project: Path, tmp_path: Path, state: dict[str, str]
) -> None:
    store = SqliteStore(f"{tmp_path}/state.sqlite3")
    code, said = run(project, "stop", "--local", **state)
    assert code == 0
    assert "Sending has been stopped since 20" in said
    assert read_stop(store)
    assert "Sending was stopped before" in run(project, "stop", "--local", **state)[1]
    assert (
        "Sending goes on. It had been stopped since" in run(project, "start", "--local", **state)[1]
    )
    assert read_stop(store) is None
    code, said = run(project, "start", "--local", **state)
    assert code == 0
    assert said.startswith("Sending was not stopped. If functions were switched off, make start-")


def test_on_this_machine_the_authority_of_redis_is_the_file_that_is_uploaded(
    project: Path, tmp_path: Path, redis_server: RedisServer
) -> None:
    here = tmp_path / "fc-sms"
    for folder in ("shared", "tools"):
        shutil.copytree(project / folder, here / folder)
    tls = Authority(tmp_path).server("IP:127.0.0.1")
    shutil.copy(tmp_path / "ca.pem", here / "shared")
    with TcpProxy(redis_server.address, tls) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0?ssl_ca_certs=/code/shared/ca.pem"
        code, said = run(here, "stop", "--local", SMS_STATE_URL=url, SMS_STATE_SECRET=STATE_SECRET)
    assert (code, said.startswith("Sending has been stopped")) == (0, True)


def test_where_operate_knows_no_shared_state_the_functions_that_send_are_switched(
    project: Path,
) -> None:
    for what, way, body in (
        ("stop", "off", {"reason": "make stop-sending"}),
        ("start", "on", None),
    ):
        with FunctionCompute() as cloud:
            code, said = run(project, what, "--endpoint", cloud.url)
            assert code == 0, said
            switched = f"invoke/{'disable' if what == 'stop' else 'enable'}"
            content = json.dumps(body).encode() if body else b""
            assert cloud.switched == [(name, switched, content) for name in SENDERS]
            assert all(f"{name} is switched {way}." in said for name in SENDERS)


def test_the_others_are_switched_when_one_function_refuses_which_is_named(project: Path) -> None:
    with FunctionCompute(fc_sms_send_sms="AccessDenied") as cloud:
        code, said = run(project, "stop", "--functions", "--endpoint", cloud.url)
    assert (code, len(cloud.switched)) == (2, len(SENDERS))
    assert "fc-sms-send-sms refuses (AccessDenied)" in said
    assert "fc-sms-verify-code is switched off." in said


def test_where_operate_does_not_answer_it_says_what_can_be_done_without(project: Path) -> None:
    with ScriptedServer(
        lambda _arrived: answer({"Code": "FunctionNotFound", "Message": "no"}, "404 Not Found")
    ) as cloud:
        code, said = run(project, "stop", "--endpoint", cloud.url)
    assert code == 2
    assert "is it deployed" in said
    assert "ARGS=--functions switches the functions that send off" in said


def test_without_state_on_this_machine_nothing_is_switched_by_surprise(project: Path) -> None:
    code, said = run(project, "stop", "--local")
    assert code == 2
    assert "SMS_STATE_URL is not set here" in said
    assert "--functions" in said


def test_without_a_key_pair_it_says_whose_is_needed(project: Path) -> None:
    code, said = run(project, "stop", "--functions")
    assert code == 2
    assert "fc:DisableFunctionInvocation" in said
