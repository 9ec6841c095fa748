"""The command in processes of its own: start, stop, kill, restart."""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from aliyun_sms_emulator import (
    BindError,
    ConfigError,
    DatabaseError,
    SmsEmulator,
    __version__,
)
from aliyun_sms_emulator.clock import CHINA
from emulator_process import COMMAND, run, started
from receiver import Receiver
from signing_client import Client, raw


def small_files_only() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))


def allow_large_files(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    database = tmp_path / "new" / "folder" / "sms.db"
    with started("--database", str(database)) as (process, remote, ready):
        assert ready == {
            "event": "ready",
            "url": remote.url,
            "ports": [int(remote.url.rpartition(":")[2])],
            "pid": process.pid,
            "database": str(database),
            "access_key_id": "testid",
        }
        assert remote.url.startswith("http://127.0.0.1:")
        assert Client(remote).send().code == "OK"
        process.send_signal(number)
        assert process.wait() == 0


def test_stop_releases_those_who_wait(tmp_path: Path) -> None:
    with started("--database", str(tmp_path / "db")) as (process, remote, _):
        waiting = http.client.HTTPConnection(remote.endpoint)
        waiting.request("GET", "/api/messages?wait=100")
        assert remote.call("GET", "/api/health")["status"] == "ok"
        process.terminate()
        assert waiting.getresponse().status == 200
        waiting.close()
        assert process.wait() == 0


def test_by_default_it_keeps_a_database_and_speaks_to_people(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    command = [*COMMAND, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        process.terminate()
        assert process.wait() == 0
    assert lines[0].startswith("SMS emulator ready at http://127.0.0.1:")
    assert "testid / testsecret" in lines[1]
    assert (tmp_path / "aliyun-sms-emulator" / "emulator.sqlite3").exists()


def test_kill_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    database = str(tmp_path / "sms.db")
    with started("--database", database) as (process, remote, _):
        client = Client(remote)
        accepted = [client.notify(OutId=str(n)).json["BizId"] for n in range(20)]
        assert client.v3("QuerySmsSignList", {}, x_acs_signature_nonce="once").code == "OK"
        remote.set_fate("13800138001", "silent")
        remote.settings(delivery_delay_seconds=7)
        remote.settings(limits={"notification_per_day": 60})
        remote.settings(limits={"promotion_per_day": 61})
        remote.clock.set(datetime(2030, 1, 1, tzinfo=CHINA))
        process.kill()
        process.wait()
    with started("--database", database) as (_, remote, _):
        assert [m.biz_id for m in remote.messages()] == accepted
        assert len(remote.requests()) == 21
        client = Client(remote)
        again = client.v3("QuerySmsSignList", {}, x_acs_signature_nonce="once")
        assert again.code == "SignatureNonceUsed"
        assert remote.call("GET", "/api/numbers/13800138001")["fate"] == "silent"
        settings = remote.settings()
        assert settings["delivery_delay_seconds"] == 7
        assert settings["limits"]["notification_per_day"] == 60
        assert settings["limits"]["promotion_per_day"] == 61
        assert remote.clock.now == datetime(2030, 1, 1, tzinfo=CHINA)


def test_kill_loses_no_receipt_and_no_code(tmp_path: Path, receiver: Receiver) -> None:
    database = str(tmp_path / "sms.db")
    receiver.answers = [(500, b"")]
    with started("--database", database) as (process, remote, _):
        client = Client(remote)
        remote.clock.set(datetime(2030, 1, 1, tzinfo=CHINA))
        remote.settings(receipt_url=receiver.url)
        client.send(OutId="o1")
        remote.clock.advance(1)
        receiver.next()
        made = {"PhoneNumber": "13800138001", "SignName": "验证码服务", "TemplateCode": "100001"}
        made |= {"TemplateParam": '{"code":"##code##","min":"5"}', "ReturnVerifyCode": "true"}
        code = client.v3("SendSmsVerifyCode", made).json["Model"]["VerifyCode"]
        process.kill()
        process.wait()
    with started("--database", database) as (_, remote, _):
        check = {"PhoneNumber": "13800138001", "VerifyCode": code}
        answer = Client(remote).v3("CheckSmsVerifyCode", check).json
        assert answer["Model"]["VerifyResult"] == "PASS"
        remote.clock.advance(60)
        pushed = remote.receipts(wait=10, count=2, state="pushed")
        assert [push.body.get("out_id") for push in pushed] == ["o1", None]


def test_a_full_disk_loses_nothing_and_sending_goes_on_when_there_is_room(tmp_path: Path) -> None:
    database = str(tmp_path / "sms.db")
    with started("--database", database, before=small_files_only) as (process, remote, _):
        remote.settings(limits=False)
        client, accepted = Client(remote), []
        while (reply := client.notify()).status == 200:
            accepted.append(reply.json["BizId"])
        assert (reply.status, reply.code) == (500, "InternalError")
        assert [m.biz_id for m in remote.messages()] == accepted
        assert client.notify().code == "InternalError"
        allow_large_files(process.pid)
        accepted.append(client.notify().json["BizId"])
        assert [m.biz_id for m in remote.messages()] == accepted
    with started("--database", database) as (_, remote, _):
        assert [m.biz_id for m in remote.messages()] == accepted
        assert Client(remote).notify().code == "OK"


def test_a_full_disk_is_told_in_the_form_of_each_api(tmp_path: Path) -> None:
    database = str(tmp_path / "sms.db")
    with started("--database", database, before=small_files_only) as (_, remote, _):
        remote.settings(limits=False)
        client = Client(remote)
        while client.notify(Format="JSON").status == 200:
            pass
        reply = client.v1("SendSms", {"PhoneNumbers": "13800138000"}, Format="XML")
        assert (reply.status, b"<Code>InternalError</Code>" in reply.body) == (500, True)
        before = remote.clock.now
        for method, path, document in (
            ("PUT", "/api/numbers/13800138000", {"fate": "silent"}),
            ("PUT", "/api/settings", {"nodes": 9}),
            ("PUT", "/api/clock", {"advance_seconds": 86_400}),
            ("POST", "/api/replies", {"phone_number": "13800138000", "content": "x"}),
            ("DELETE", "/api/settings", None),
            ("DELETE", "/api/requests", None),
            ("DELETE", "/api/messages", None),
            ("DELETE", "/api/state", None),
        ):
            body = b"" if document is None else json.dumps(document).encode()
            reply = raw(remote, method, path, body, {"Content-Type": "application/json"})
            assert (path, reply.status) == (path, 500)
            assert "database" in reply.json["error"]["message"]
        assert remote.call("GET", "/api/settings")["nodes"] == 2
        assert (remote.clock.now - before).total_seconds() < 3600
        assert remote.messages()


def test_a_busy_port_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("--port", port, "--database", str(tmp_path / "db"))
    assert result.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--port", "70000"], "--port: '70000' is no port"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
        (["--host", "no such host"], "cannot listen on no such host"),
        (["--config", "absent.yaml"], "absent.yaml: cannot be read"),
        (["--database", "/dev/null/x"], "database /dev/null/x cannot be used"),
    ],
)
def test_a_bad_argument_ends_with_2_and_a_sentence(
    tmp_path: Path, arguments: list[str], problem: str
) -> None:
    result = run("--port", "0", "--database", str(tmp_path / "db"), *arguments)
    assert result.returncode == 2
    assert problem in result.stderr
    assert "Traceback" not in result.stderr


def test_it_tells_its_version_and_its_options() -> None:
    assert run("--version").stdout == f"sms-emulator {__version__}\n"
    assert "--database FILE" in run("--help").stdout


def test_a_second_emulator_keeps_out_of_the_database(tmp_path: Path) -> None:
    database = tmp_path / "sms.db"
    with SmsEmulator(database=database):
        with pytest.raises(DatabaseError, match="is in use by another emulator"):
            SmsEmulator(database=database).__enter__()
        assert "is in use by another" in run("--port", "0", "--database", str(database)).stderr


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("this is no database " * 100)
    with pytest.raises(DatabaseError, match=r"is damaged or no database .* remove it, or name"):
        SmsEmulator(database=path).__enter__()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.execute("PRAGMA application_id = 0x736D7365")
    database.close()
    with pytest.raises(DatabaseError, match=r"written by a newer .* update this one, or name"):
        SmsEmulator(database=path).__enter__()


def test_the_python_api_starts_asks_and_stops_an_emulator(tmp_path: Path) -> None:
    database = tmp_path / "sms.db"
    with SmsEmulator(database=database) as emulator:
        assert emulator.url == f"http://{emulator.endpoint}"
        assert (emulator.access_key_id, emulator.access_key_secret) == ("testid", "testsecret")
        Client(emulator).send(OutId="kept")
        assert emulator.wait_for_message(out_id="kept").phone_number == "13800138000"
        assert emulator.requests()[0].action == "SendSms"
        with pytest.raises(ValueError, match="nonce_scope: must be one of"):
            emulator.settings(nonce_scope="x")
        with pytest.raises(ValueError, match="time zone"):
            emulator.clock.set(datetime(2026, 1, 1))  # noqa: DTZ001
        port = int(emulator.endpoint.rpartition(":")[2])
        with pytest.raises(BindError, match="is in use"):
            SmsEmulator(port=port).__enter__()
    with pytest.raises(RuntimeError, match="with statement"):
        emulator.messages()
    with SmsEmulator(database=database) as emulator:
        assert [m.out_id for m in emulator.messages()] == ["kept"]
        emulator.clear()
        assert emulator.messages() == []
        assert emulator.requests() == []


def test_python_api_reads_configurations(tmp_path: Path) -> None:
    path = tmp_path / "sms.yaml"
    path.write_text("access_keys: [{id: k, secret: s}]")
    with SmsEmulator(path) as emulator:
        assert emulator.access_key_id == "k"
    with pytest.raises(ConfigError, match="config: x: unknown key"):
        SmsEmulator({"x": 1}).__enter__()


def test_the_fixture_is_an_emulator(sms_emulator: SmsEmulator) -> None:
    assert Client(sms_emulator).send().code == "OK"
    assert sms_emulator.wait_for_message(text="1234").segments == 1


def test_import_is_light() -> None:
    script = (
        "import sys, aliyun_sms_emulator;"
        "print([m for m in ('starlette', 'uvicorn', 'yaml', 'sqlite3', 'ssl') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("is_on_the_path", [True, False])
def test_a_command_that_is_shown_works_in_the_terminal_that_shows_it(
    tmp_path: Path, *, is_on_the_path: bool
) -> None:
    program = tmp_path / "bin of mine" / "sms-emulator"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nfrom aliyun_sms_emulator.commands.cli import main\nmain()\n"
    )
    program.chmod(0o755)
    environment = dict(os.environ, PATH=str(program.parent) if is_on_the_path else "/nowhere")
    database = str(tmp_path / "sms.db")
    with subprocess.Popen(
        [program, "--port", "0", "--database", database],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(8)]
        process.terminate()
    shown = next(line for line in lines if line.split()[0] == "clients")
    command = "sms-emulator" if is_on_the_path else f"'{program}'"
    assert shown == f"  clients      {command} env\n"
