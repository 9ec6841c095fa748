"""Machines on which a user owns little: no home folder, a PATH that cannot be looked at."""

from __future__ import annotations

import pwd
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliyun_fc_runtime_stub import find_interpreter, runtime_environment
from aliyun_fc_runtime_stub.cli import main

OWN = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a user that the machine does not know, as in a container with a user id of its own."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "PYENV_ROOT", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    find_interpreter.cache_clear()
    yield
    find_interpreter.cache_clear()


def test_what_needs_no_home_folder_works_without_one(
    homeless: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """What needs none works; the rest says what to set."""
    assert main(["event", "plain", "--data", "x"]) == 0
    assert main(["serve", "--port", "0"]) == 2
    output = capsys.readouterr()
    assert output.out == "x"
    assert output.err.startswith("fc-stub: --state: there is no home folder: set HOME or XDG_STATE")
    assert find_interpreter(OWN) == Path(sys.executable)
    found = runtime_environment("python3")
    assert found.python == Path(sys.executable)
    assert "there is no home folder: set HOME or XDG_CACHE_HOME" in (found.warning or "")


def test_a_path_that_cannot_be_looked_at_has_no_interpreter(
    homeless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "x" * 5000)
    assert find_interpreter("python3.99") is None
