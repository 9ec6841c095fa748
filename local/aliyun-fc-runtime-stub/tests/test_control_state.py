"""What was deployed outlives the process, however it ends."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aliyun_fc_runtime_stub import ConfigurationError, FunctionCompute
from aliyun_fc_runtime_stub.control.deployed import Deployed
from aliyun_fc_runtime_stub.control.deployments import Deployments
from aliyun_fc_runtime_stub.control.store import Store
from deployer import ECHO, Deployer, fetch, inline, zipped
from stub_project import RUNTIMES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FC_STUB = (sys.executable, "-m", "aliyun_fc_runtime_stub.cli")


def test_what_was_deployed_is_there_after_a_restart(tmp_path: Path) -> None:
    with FunctionCompute(state=tmp_path, port=0) as cloud:
        deployer = Deployer(cloud)
        before = deployer.create("f", environment_variables={"A": "1"}).to_map()
        deployer.create("g")
        deployer.call("PUT", "functions/f/async-invoke-config", {"maxAsyncRetryAttempts": 0})
        url = deployer.http("f")
        deployer.client.delete_function("g")
    with FunctionCompute(state=tmp_path, port=0) as cloud:
        deployer = Deployer(cloud)
        assert deployer.names() == ["f"]
        assert deployer.get("f").to_map() == before
        assert cloud.url("f") == url
        assert fetch(url)[0] == 200
        assert cloud.functions[0].max_async_retries == 0
        trigger = deployer.client.get_trigger("f", "web").body
        assert trigger.http_trigger.url_internet == url


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """Environment variables are secrets."""
    with FunctionCompute(state=tmp_path / "state", port=0) as cloud:
        Deployer(cloud).create("f", environment_variables={"A": "secret"})
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    (record,) = (tmp_path / "state" / "functions").iterdir()
    assert record.stat().st_mode & 0o077 == 0


def test_one_process_at_a_time_uses_a_state_folder(tmp_path: Path) -> None:
    with FunctionCompute(state=tmp_path, port=0):
        second = FunctionCompute(state=tmp_path, port=0)
        with pytest.raises(ConfigurationError, match=r"in use by another fc-stub.*--state"):
            second.start()
    with FunctionCompute(state=tmp_path, port=0) as cloud:
        assert cloud.functions == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1}', "\x00"])
def test_a_damaged_record_is_named_with_the_remedy(tmp_path: Path, text: str) -> None:
    with FunctionCompute(state=tmp_path, port=0) as cloud:
        Deployer(cloud).create("f")
    (record,) = (tmp_path / "functions").iterdir()
    record.write_text(text)
    with pytest.raises(ConfigurationError, match=f"{record.name}: is damaged: remove it"):
        FunctionCompute(state=tmp_path, port=0).start()
    record.unlink()
    with FunctionCompute(state=tmp_path, port=0) as cloud:
        assert cloud.functions == ()


def test_a_missing_package_is_named_with_the_remedy(tmp_path: Path) -> None:
    with FunctionCompute(state=tmp_path, port=0) as cloud:
        Deployer(cloud).create("f")
    (package,) = (tmp_path / "packages").iterdir()
    package.unlink()
    with pytest.raises(ConfigurationError, match="is missing: deploy the function again"):
        FunctionCompute(state=tmp_path, port=0).start()


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot be used: (Not a directory|File exists)"):
        FunctionCompute(state=tmp_path / "file", port=0).start()


@contextmanager
def serving(state: Path, prepare: Callable[[], None] | None = None) -> Iterator[Any]:
    """Run `fc-stub serve`; return its process and a Deployer."""
    process = subprocess.Popen(
        [*FC_STUB, "serve", "--state", str(state), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        cloud: Any = SimpleNamespace(api_url=ready["api"], deploy_variables=ready["deploy"])
        yield SimpleNamespace(process=process, deployer=Deployer(cloud), ready=ready)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Deploys:
    """Deploys on and on; `sent` and `acknowledged` are the last numbers by function."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self.acknowledged: dict[str, int] = {}
        self._number = 0

    def until_the_stub_is_gone(self, deployer: Deployer) -> None:
        """Create three functions and change them; raises what a lost connection raises."""
        there = set(deployer.names())
        while True:
            self._number += 1
            name = f"f{self._number % 3}"
            text, number = f"# {self._number}\n{ECHO}", str(self._number)
            self.sent[name] = self._number
            if name in there:
                code = inline(zipped(("index.py", text)))
                deployer.update(name, description=number, code=code)
            else:
                deployer.create(name, text, description=number)
                there.add(name)
            self.acknowledged[name] = self._number

    def check(self, state: Path) -> None:
        """Look whether each function is there, whole, as before the last call or after it."""
        with FunctionCompute(state=state, port=0) as cloud:
            deployer = Deployer(cloud)
            assert set(self.acknowledged) <= set(deployer.names())
            for name in deployer.names():
                found = deployer.get(name)
                number = int(found.description)
                assert number in {self.acknowledged.get(name), self.sent[name]}
                package = zipped(("index.py", f"# {number}\n{ECHO}"))
                assert found.code_size == len(package)
                assert deployer.invoke(name, b"x").body.read() == b"x"
                self.acknowledged[name] = self.sent[name] = number
        assert list(state.glob("*/*.new")) == []


def test_no_kill_at_any_moment_loses_a_deployed_function(tmp_path: Path) -> None:
    """kill -9 at random moments: while it starts, while it runs, again and again."""
    deploys = Deploys()
    for _ in range(4):
        starting = subprocess.Popen(
            [*FC_STUB, "serve", "--state", str(tmp_path), "--port", "0"], stdout=subprocess.DEVNULL
        )
        time.sleep(random.uniform(0, 1))
        starting.kill()
        starting.wait()
        with serving(tmp_path) as stub:
            moment = random.uniform(0, 0.5)
            threading.Timer(moment, stub.process.send_signal, [signal.SIGKILL]).start()
            with pytest.raises(Exception, match=r"."):
                deploys.until_the_stub_is_gone(stub.deployer)
            stub.process.wait()
        deploys.check(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (os.urandom(100_000), "the state folder cannot be written"),
        (bytes(100_000), "the code cannot be copied: File too large; make room below"),
    ],
)
def test_a_package_that_a_full_disk_cannot_take_changes_nothing(
    tmp_path: Path, data: bytes, message: str
) -> None:
    """A package that cannot be written, or unpacked, is refused, and nothing has changed."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    with serving(tmp_path, limit) as stub:
        before = stub.deployer.create("f").to_map()
        large = inline(zipped(("index.py", ECHO), ("data", data)))
        with pytest.raises(Exception, match=f"InternalServerError code: 500, {message}"):
            stub.deployer.update("f", code=large)
        assert stub.deployer.get("f").to_map() == before
        assert stub.deployer.invoke("f", b"x").body.read() == b"x"
        assert len(list(tmp_path.glob("packages/*"))) == 1


class FullOnceItRuns(Store):
    """A disk with room for a function, but not for the port that it is given afterwards."""

    def save(self, one: Deployed) -> None:
        if one.port:
            raise OSError(errno.ENOSPC, "no space")
        super().save(one)


def test_a_disk_that_is_full_once_the_function_runs_may_cost_its_port_alone(
    deployer: Deployer, tmp_path: Path
) -> None:
    """A trigger that answers is there; only its port may be another one after a restart."""
    service = deployer.cloud._service

    async def deploy() -> tuple[Deployed, Deployed]:
        store = FullOnceItRuns(tmp_path / "full")
        store.open()
        incoming = store.incoming()
        incoming.add(zipped(("index.py", ECHO)))
        deployments = Deployments(store, service, "r", deployer.cloud.url)
        config = {"functionName": "f", "runtime": RUNTIMES[0], "handler": "index.handler"}
        text = json.dumps({"authType": "anonymous", "methods": ["GET"]})
        trigger = {"triggerName": "w", "triggerType": "http", "triggerConfig": text}
        one = await deployments.put(Deployed(config, incoming.finish(), {"w": trigger}))
        (kept,) = store.load()
        store.close()
        return one, kept

    one, kept = deployer.cloud._wait(deploy())
    assert fetch(f"http://127.0.0.1:{one.port}/")[0] == 200
    assert (kept.port, kept.triggers) == (0, one.triggers)


def test_serve_says_what_to_set(tmp_path: Path) -> None:
    with serving(tmp_path) as stub:
        api = stub.ready["api"]
        assert stub.ready["deploy"] == {
            "FC_CLIENT_CUSTOM_ENDPOINT": api,
            "FC_CODE_TEMP_OSS_ENDPOINT": api,
            "AccountID": "1234567890123456",
            "AccessKeyID": stub.ready["deploy"]["AccessKeyID"],
            "AccessKeySecret": stub.ready["deploy"]["AccessKeySecret"],
        }
        stub.deployer.create("f")
        line = json.loads(stub.process.stdout.readline())
        assert (line["event"], line["function"]) == ("deployed", "f")
        sent = subprocess.run(
            [*FC_STUB, "send-event", "plain", "--sync", "--data", "hello", "--api", api, "f"],
            capture_output=True,
            check=True,
        )
        assert sent.stdout.strip() == b"hello"


def test_each_of_many_calls_at_the_same_time_is_whole(tmp_path: Path) -> None:
    """Twenty at once, on one function and on many: each is whole."""
    with FunctionCompute(state=tmp_path, port=0) as cloud:
        deployer = Deployer(cloud)
        deployer.create("f")

        def work(number: int) -> None:
            deployer.create(f"g{number}")
            deployer.update("f", environment_variables={f"A{number}": str(number)})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        for thread in threads:
            thread.join(deadline - time.monotonic())
        assert len(deployer.names(limit=100)) == 21
        (variable,) = deployer.get("f").environment_variables.items()
        assert variable[0] == f"A{variable[1]}"
