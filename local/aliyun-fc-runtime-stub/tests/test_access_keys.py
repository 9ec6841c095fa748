"""The key pair: random, one a state folder, for its owner only, and printed where it is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aliyun_fc_runtime_stub import ConfigurationError, FunctionCompute
from aliyun_fc_runtime_stub.web.access_keys import FILE, keep_access_key
from deployer import Deployer
from stub_project import Project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FC_STUB = (sys.executable, "-m", "aliyun_fc_runtime_stub.cli")


def test_every_state_folder_has_a_pair_of_its_own_that_stays(tmp_path: Path) -> None:
    keys = []
    for folder in ("one", "other", "one"):
        with FunctionCompute(state=tmp_path / folder, port=0) as cloud:
            assert cloud.deploy_variables["AccessKeyID"] == cloud.access_key[0]
            assert cloud.deploy_variables["AccessKeySecret"] == cloud.access_key[1]
            keys.append(cloud.access_key)
    assert keys[0] == keys[2]
    assert keys[0][0] != keys[1][0]
    assert keys[0][1] != keys[1][1]
    assert all(len(secret) == 48 for _, secret in keys)


def test_state_files_are_for_their_owner_only(tmp_path: Path, umask_of_0: None) -> None:
    state = tmp_path / "state"
    for folder in (state, state / "functions"):  # as an earlier version left them
        folder.mkdir()
        folder.chmod(0o755)
    for name in ("lock", FILE):
        (state / name).touch()
        (state / name).chmod(0o644)
    (state / FILE).write_text(json.dumps({"id": "i", "secret": "s"}))
    with FunctionCompute(state=state, port=0) as cloud:
        Deployer(cloud).create("f", environment_variables={"A": "secret"})
        files = [path for path in state.rglob("*") if path.is_file()]
        assert {path.parent.name for path in files} == {"state", "functions", "packages"}
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        folders = [state / name for name in ("packages", "uploads")]
        assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


@pytest.fixture
def umask_of_0() -> Iterator[None]:
    """Let new files be for everybody, unless the program says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_two_that_start_at_once_have_the_same_pair(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(keep_access_key, [tmp_path / "state"] * 8))) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', '{"id": "", "secret": 1}', "\xff"])
def test_a_damaged_key_file_is_named_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError, match=f"{FILE}: is damaged: remove it"):
        FunctionCompute(state=tmp_path, port=0).start()


def test_a_pair_of_ones_own_is_taken_and_not_kept(tmp_path: Path) -> None:
    with FunctionCompute(state=tmp_path, port=0, access_key=("id", "secret")) as cloud:
        assert cloud.access_key == ("id", "secret")
    assert not (tmp_path / FILE).exists()


@contextmanager
def starting(template: Path, home: Path, *options: str) -> Iterator[Any]:
    process = subprocess.Popen(
        [*FC_STUB, "start", "-t", str(template), "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(home)},
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        process.stdout.close()


def test_start_prints_the_pair_where_triggers_are_signed(project: Project, tmp_path: Path) -> None:
    project.http("f", "def handler(event, context): return 'in'", auth_type="function")
    pairs = []
    for _ in range(2):
        with starting(project.write(), tmp_path / "home", "--json") as process:
            pairs.append(json.loads(process.stdout.readline())["sign"])
    assert pairs[0] == pairs[1]
    assert set(pairs[0]) == {"AccessKeyID", "AccessKeySecret"}
    file = tmp_path / "home" / "fc-stub" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    with starting(project.write(), tmp_path / "home") as process:
        lines = [process.stdout.readline().strip() for _ in range(6)]
    assert f"export AccessKeyID={pairs[0]['AccessKeyID']}" in lines
    assert f"export AccessKeySecret={pairs[0]['AccessKeySecret']}" in lines


def test_start_makes_no_pair_where_nothing_is_signed(project: Project, tmp_path: Path) -> None:
    """It is printed as soon as a change of s.yaml asks for signatures."""
    project.http("f", "def handler(event, context): return 'in'")
    with starting(project.write(), tmp_path / "home", "--json") as process:
        assert "sign" not in json.loads(process.stdout.readline())
        project.http("f", "def handler(event, context): return 'in'", auth_type="function")
        project.write()
        line = json.loads(process.stdout.readline())
        assert (line["event"], set(line["sign"])) == (
            "reloaded",
            {"AccessKeyID", "AccessKeySecret"},
        )
    assert not (tmp_path / "home").exists()
