"""What must not break it: kills, bad files, idle and half clients, huge requests, many messages."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from aliyun_sms_emulator import DatabaseError, EmulatorClient, SmsEmulator
from aliyun_sms_emulator.config.reading import default_config
from aliyun_sms_emulator.serving.listening import Listening
from aliyun_sms_emulator.serving.opening import OpeningProtocol
from aliyun_sms_emulator.serving.server import EmulatorServer
from emulator_process import COMMAND, run, started
from raw_connection import RawConnection
from server_threads import emulating
from signing_client import Client, raw

SENDERS = 3
PAGE = 4096


class Burst:
    """Clients that send without pause and remember what they were told."""

    def __init__(self, emulator: EmulatorClient, name: str) -> None:
        self.accepted: list[str] = []
        self._client, self._name = Client(emulator), name
        self._threads = [
            threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _send(self, sender: int) -> None:
        number = 0
        with suppress(OSError, HTTPException):  # the emulator has been killed
            while True:
                number += 1
                out_id = f"{self._name}-{sender}-{number}"
                if self._client.notify(OutId=out_id).code == "OK":
                    self.accepted.append(out_id)


def test_killed_at_any_moment_it_keeps_what_it_has_accepted(tmp_path: Path) -> None:
    database, config = str(tmp_path / "sms.db"), tmp_path / "sms.yaml"
    config.write_text("settings: {limits: off}\n")
    arguments = ("--database", database, "--config", str(config))
    moments = random.Random(7)
    accepted: list[str] = []
    for _ in range(2):  # while it makes its tables
        starting = subprocess.Popen(
            [*COMMAND, "--port", "0", *arguments], stdout=subprocess.DEVNULL
        )
        with pytest.raises(subprocess.TimeoutExpired):
            starting.wait(moments.uniform(0.2, 0.5))
        starting.kill()
        starting.wait()
    for round_ in range(3):
        with started(*arguments) as (process, emulator, _):
            check(emulator, accepted, at_most=round_ * SENDERS)
            burst = Burst(emulator, str(round_))
            time.sleep(moments.uniform(0.1, 0.4))
            process.kill()
            burst.join()
            accepted += burst.accepted
    assert len(accepted) > 20
    with SmsEmulator(database=database) as emulator:
        check(emulator, accepted, at_most=3 * SENDERS)


def check(emulator: EmulatorClient, accepted: list[str], *, at_most: int) -> None:
    """All that was accepted is there once, and `at_most` so many whose answer was lost."""
    stored = [message.out_id for message in emulator.messages()]
    assert len(stored) == len(set(stored))
    assert set(accepted) <= set(stored)
    assert len(stored) - len(accepted) <= at_most


def without_privileges() -> None:
    """Make root obey the permissions of files, as everybody does."""
    if os.geteuid() == 0:
        drop_from_bounding_set, override, read_search = 24, 1, 2
        for capability in (override, read_search):
            ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


def test_a_database_that_may_not_be_used_is_named_with_the_remedy(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    for name in ("unreadable", "read-only"):
        with SmsEmulator(database=locked / name):
            pass
    (locked / "unreadable").chmod(0)
    (locked / "read-only").chmod(0o400)
    locked.chmod(0o500)
    try:
        for name in ("unreadable", "read-only", "folder/new"):
            path = str(locked / name)
            result = run("--port", "0", "--database", path, before=without_privileges)
            assert (result.returncode, result.stdout) == (2, "")
            assert result.stderr.startswith(f"sms-emulator: database {path} cannot be written (")
            assert result.stderr.endswith("or name another file with --database\n")
            assert result.stderr.count("\n") == 1
    finally:
        locked.chmod(0o700)


def foreign(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE photos (name TEXT)")
    database.close()


def foreign_with_a_version(path: Path) -> None:
    foreign(path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()


def another_application(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA application_id = 7")
    database.close()


def half_a_head(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0 and no more")


def torn(path: Path) -> None:
    with SmsEmulator({"settings": {"limits": False}}, database=path) as emulator:
        for _ in range(20):
            Client(emulator).notify()
    pages = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for page in range(1, pages):
            file.seek(page * PAGE)
            file.write(b"\xff" * 64)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (Path.mkdir, "is a folder"),
        (foreign, "belongs to another program"),
        (foreign_with_a_version, "belongs to another program"),
        (another_application, "belongs to another program"),
        (half_a_head, "is damaged or no database"),
        (torn, "is damaged or no database"),
    ],
)
def test_a_database_that_is_none_of_ours_is_left_as_it_was(
    tmp_path: Path, spoil: Callable[[Path], None], problem: str
) -> None:
    path = tmp_path / "sms.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    with (
        pytest.raises(DatabaseError, match=f"{problem}.*with --database"),
        SmsEmulator(database=path),
    ):
        pass
    assert before == (path.read_bytes() if path.is_file() else b"")
    assert [file.name for file in tmp_path.iterdir()] == ["sms.db"]


@pytest.mark.parametrize("made_before", [False, True])
def test_only_its_owner_reads_the_database_and_its_journal(
    tmp_path: Path, made_before: bool
) -> None:
    path = tmp_path / "state" / "sms.db"
    umask = os.umask(0)
    try:
        if made_before:  # as an earlier version left it
            path.parent.mkdir()
            sqlite3.connect(path).close()
            path.touch()
        with SmsEmulator(database=path) as emulator:
            emulator.settings(limits=False)
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(umask)
    assert modes == {"sms.db": 0o600, "sms.db-wal": 0o600}
    if not made_before:
        assert path.parent.stat().st_mode & 0o777 == 0o700


def few_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))


def open_files(process: subprocess.Popen[str]) -> int:
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def resident_bytes(process: subprocess.Popen[str]) -> int:
    pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_idle_half_and_vanishing_clients_cost_nobody_anything(tmp_path: Path) -> None:
    """They cost nobody else anything, leave nothing open and nothing in the log."""
    arguments = ("--database", str(tmp_path / "sms.db"))
    with (tmp_path / "stderr").open("w+") as log:
        with started(*arguments, before=few_files, stderr=log) as (process, emulator, _):
            emulator.settings(limits=False)
            client, usual = Client(emulator), open_files(process)
            address = ("127.0.0.1", int(emulator.url.rpartition(":")[2]))
            with ExitStack() as stack:
                for number in range(500):
                    idle = stack.enter_context(socket.create_connection(address))
                    idle.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nX: "[: number % 40])
                assert client.notify().code == "OK"
            for head in (b"POST /?", b"POST /api/replies?", b"PUT /api/settings?"):
                with socket.create_connection(address) as half:
                    kind = b"Content-Type: application/json\r\nContent-Length: 99"
                    half.sendall(head + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n%b\r\n\r\n{" % kind)
            for _ in range(20):  # gone before the answer is written
                with RawConnection(client) as connection:
                    connection.send(
                        TemplateCode="SMS_100002", TemplateParam='{"name":"","order":""}'
                    )
            while open_files(process) > usual:
                time.sleep(0.01)
            assert client.notify().code == "OK"
        log.seek(0)
        assert log.read() == ""


class Hurried(OpeningProtocol):
    request_seconds = 0.2


def test_half_requests_end_in_time(tmp_path: Path) -> None:
    hurried = EmulatorServer(default_config(), None, Listening(), protocol=Hurried)
    hurried.speak_https(tmp_path)
    client = Client(EmulatorClient(hurried.url))
    with emulating(hurried):
        for beginning, answer in (
            (b"", b""),
            (b"GET / HTT", b"HTTP/1.1 408 "),
            (b"CONNECT dysmsapi", b""),
            (b"\x16\x03\x01\x02\x00\x01", b""),
            (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 408 "),
        ):
            with RawConnection(client) as connection:
                connection.write(beginning)
                ending = connection.ending()
            assert (ending.received.startswith(answer), ending.how) == (True, "closed")
        with RawConnection(client) as connection:  # one that is only slow goes on
            connection.send()
            assert connection.answer().status == 200
            time.sleep(0.4)
            connection.send()
            assert connection.answer().status == 200


def test_huge_heads_are_refused(client: Client) -> None:
    for line in (b"GET /?%b", b"GET / HTTP/1.1\r\nX: %b", b"GET / HTTP/1.1\r\n%b"):
        content = b"X: 1\r\n" * 400_000 if line.endswith(b"\r\n%b") else b"x" * 2_000_000
        with RawConnection(client) as connection:
            with suppress(ConnectionError):  # refused before it has read all
                connection.write(line % content)
            ending = connection.ending()
        assert ending.how in {"closed", "reset"}
        assert ending.received.startswith(b"HTTP/1.1 431 ") or ending.how == "reset"
    assert raw(client.emulator, "GET", "/api/health?x=" + "x" * 65_000).status == 200


def test_ten_thousand_messages_are_kept_and_nothing_grows(tmp_path: Path) -> None:
    with started("--database", str(tmp_path / "sms.db")) as (process, emulator, _):
        emulator.settings(limits=False)
        client = Client(emulator)
        for thousand in range(10):
            numbers = ",".join(str(13_800_000_000 + thousand * 1000 + n) for n in range(1000))
            assert client.notify(numbers).code == "OK"
        assert len({message.id for message in emulator.messages()}) == 10_000
        page = emulator.call("GET", "/api/messages?order=newest&limit=1&offset=9999")
        assert (page["total"], page["messages"][0]["phone_number"]) == (10_000, "13800000000")
        with RawConnection(client) as connection:
            grown = []
            for _ in range(3):
                for _ in range(400):
                    connection.send()
                    assert connection.answer().status == 200
                grown.append((resident_bytes(process), open_files(process)))
        assert grown[2][0] - grown[1][0] < 1_000_000
        assert grown[2][1] <= grown[0][1]


@pytest.mark.parametrize("room", [10_000, 60_000])
def test_a_disk_that_is_full_at_the_first_start_leaves_no_half_made_tables(
    tmp_path: Path, room: int
) -> None:
    """The tables are made as a whole or not at all, so that the next start can make them."""

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    database = tmp_path / "sms.db"
    result = run("--port", "0", "--database", str(database), before=little_room)
    assert result.returncode == 2
    assert "make room on its disk" in result.stderr
    assert result.stderr.count("\n") == 1
    with SmsEmulator(database=database) as emulator:
        assert emulator.messages() == []
