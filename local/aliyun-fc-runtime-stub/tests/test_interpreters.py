"""Interpreters and FC's built-in packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aliyun_fc_runtime_stub import find_interpreter, runtime_environment
from aliyun_fc_runtime_stub.instances import environments
from aliyun_fc_runtime_stub.instances.carried_packages import Carried
from stub_project import RUNTIMES


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine without interpreters of its own, and an empty cache."""
    for name in ("PYENV_ROOT", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HOME", "PATH"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    find_interpreter.cache_clear()
    yield tmp_path
    find_interpreter.cache_clear()


@pytest.mark.parametrize("runtime", RUNTIMES[:-1])
def test_found_interpreters_really_are_of_the_version(runtime: str) -> None:
    python = find_interpreter(runtime)
    assert python is not None
    done = subprocess.run([python, "-V"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Python {runtime[6:]}.")


def test_an_interpreter_that_is_too_old_is_not_run() -> None:
    """The worker runs on 3.9 and later; python3 means 3.6."""
    assert find_interpreter("python3") is None


def test_a_shim_that_fails_is_passed_over(bare: Path) -> None:
    """pyenv's shims exist for every version but fail; only what really runs counts."""
    real = f"{sys.version_info[0]}.{sys.version_info[1]}"
    other = "3.12" if real != "3.12" else "3.10"
    (bare / "path").mkdir()
    shim = bare / "path" / f"python{other}"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert find_interpreter(f"python{other}") != shim
    find_interpreter.cache_clear()
    shim.write_text(f"#!/bin/sh\necho {other.replace('.', ' ')}\n")
    assert find_interpreter(f"python{other}") == shim


def test_environment_is_made_once(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once make one environment; afterwards it is only looked up."""
    made: list[Path] = []
    make = environments._make

    def counted(base: Path, runtime: str, final: Path) -> None:
        made.append(final)
        make(base, runtime, final)

    monkeypatch.setattr(environments, "_make", counted)
    monkeypatch.setattr(environments, "_run", run_without_install)
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(runtime_environment, ["python3"] * 2)
    assert first == second
    assert len(made) == 1
    assert first.python.is_relative_to(bare / "xdg_cache_home")
    assert not first.exact
    assert "this machine has no python3" in (first.warning or "")
    assert [path.name for path in made[0].parent.glob("making-*")] == []


def test_both_names_of_an_environments_python_lead_to_one_environment(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's venv starts fc-stub with `python3`; a Makefile calls `python`."""
    monkeypatch.setattr(environments, "_run", run_without_install)
    found = []
    for name in ("python", "python3"):
        monkeypatch.setattr(sys, "executable", str(Path(sys.prefix, "bin", name)))
        found.append(runtime_environment("python3").python)
    assert found[0] == found[1]
    assert found[0].exists()


def run_without_install(command: list[str | Path]) -> None:
    if "pip" not in command:
        subprocess.run([*command, "--without-pip"], check=True)


def test_a_failed_install_warns_and_leaves_nothing_half_made(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the packages: a clear warning, the current interpreter, and nothing half-made."""

    def fail(command: list[str | Path]) -> None:
        raise subprocess.CalledProcessError(1, [], stderr="noise\nERROR: no network\n")

    monkeypatch.setattr(environments, "_run", fail)
    found = runtime_environment("python3")
    assert found.python == Path(sys.executable)
    assert not found.exact
    assert "could not be installed" in (found.warning or "")
    assert "ERROR: no network" in (found.warning or "")
    assert found.lacking == "ERROR: no network"
    assert list((bare / "xdg_cache_home/aliyun-fc-runtime-stub").glob("making-*")) == []


def test_without_a_network_the_remedy_is_named(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip says last is about the versions that it did not find."""
    said = (
        "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by "
        "'NewConnectionError('Temporary failure in name resolution')': /simple/requests/\n"
        "ERROR: No matching distribution found for requests==2.27.1\n"
    )

    def fail(command: list[str | Path]) -> None:
        raise subprocess.CalledProcessError(1, [], stderr=said)

    monkeypatch.setattr(environments, "_run", fail)
    found = runtime_environment("python3")
    assert found.lacking == (
        "pip cannot reach its package index: set HTTPS_PROXY for a proxy, or PIP_INDEX_URL for a "
        "mirror"
    )
    assert found.lacking in (found.warning or "")


def test_what_is_installed_is_said_before_it_is(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_run", run_without_install)
    said: list[str] = []
    made = environments.Environments(said.append)
    base = made.base("python3")
    assert said == ["installing what is built into python3; this once"]
    assert made.add("python3", base, [Carried("PyMySQL", "1.0.2")]) == []
    assert said[1:] == [
        "installing what python3 carries and the code imports: PyMySQL 1.0.2; this once"
    ]
    assert made.add("python3", base, [Carried("PyMySQL", "1.0.2")]) == []
    assert made.base("python3") == base
    assert len(said) == 2


def test_each_package_that_can_be_had_is_added(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str | Path]) -> None:
        run_without_install(command)
        if "wand==1" in command:
            raise subprocess.CalledProcessError(1, [])

    monkeypatch.setattr(environments, "_run", run)
    made = environments.Environments()
    packages = [Carried("PyMySQL", "1.0.2"), Carried("wand", "1")]
    assert made.add("python3", made.base("python3"), packages) == [Carried("wand", "1")]


def test_offline_nothing_is_installed(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str | Path]] = []
    monkeypatch.setattr(environments, "_run", ran.append)
    made = environments.Environments(offline=True)
    base = made.base("python3")
    assert base.python == Path(sys.executable)
    assert "--offline: nothing is installed" in (base.warning or "")
    assert made.add("python3", base, [Carried("wand", "1")]) == [Carried("wand", "1")]
    assert ran == []
