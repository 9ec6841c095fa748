"""What a newcomer and a contributor call by `make` is there, and does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

STAMPS = (".venv/setup.stamp", ".venv/dev.stamp")


def output(project: Path, *command: str) -> str:
    """Run `command` in the project, as from a shell, and return its standard output."""
    of_make = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV")  # `make test` hands these on
    environment = {name: value for name, value in os.environ.items() if name not in of_make}
    done = subprocess.run(
        command, cwd=project, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def commands(project: Path, target: str) -> list[str]:
    """Return the commands that `make TARGET` would run in an environment that is ready."""
    ready = [option for stamp in STAMPS for option in ("-o", stamp)]
    text = output(project, "make", "-n", "--no-print-directory", *ready, target)
    return text.splitlines()


def test_make_help_lists_every_target_with_a_line(project: Path) -> None:
    makefile = (project / "Makefile").read_text("utf-8").replace("\\\n", " ")
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    targets = " ".join(phony).split()
    told = re.findall(r"^make ([a-z-]+) +\S", output(project, "make", "help"), re.MULTILINE)
    assert sorted(told) == sorted(targets)


def test_make_alone_is_make_help(project: Path) -> None:
    assert output(project, "make") == output(project, "make", "help")


def test_make_help_says_first_where_to_begin(project: Path) -> None:
    assert output(project, "make").splitlines()[0] == "New here? First make setup, then make demo."


def refused(project: Path, *words: str) -> list[str]:
    """Return what the owner reads of `make WORDS`, which has to end with an error."""
    ready = [f"VENV={sys.prefix}", "-o", f"{sys.prefix}/setup.stamp"]
    settings = ("SMS_", "ALIBABA_CLOUD_", "MAKE", "MFLAGS")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(settings)}
    done = subprocess.run(
        ["make", "--no-print-directory", *ready, *words],
        cwd=project,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    return [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["why"], "ID is missing"),
        (["why", "NUMBER=ask"], "DAY is missing"),
        (["why", "NUMBER=13800138000", "DAY=20260131"], "NUMBER must be ask"),
        (["why", "ID=order-17", "NUMBER=ask"], "ID and NUMBER are both given"),
        (["why", "NUMBER=ask", "DAY=20260231"], "DAY must be a day in UTC+8, such as 20260131"),
        (["why", "NUMBER=ask", "DAY=20260131", "LOG=-"], "LOG must name a file"),
        (["why", "ID=x", "ARGS=--first-part x"], "ARGS: --first-part must be a whole number"),
        (["why", "ID=x", "ARGS=13800138000"], "ARGS holds something that is no option here"),
        (["forget"], "NUMBER is missing"),
        (["forget", "NUMBER=13800138000"], "NUMBER must be ask"),
        (["replies"], "DAY is missing"),
        (["replies", "DAY=2026-01-31"], "DAY must be a day"),
        (["budget", "ARGS=--lokal"], "ARGS holds --lokal, which is no option here"),
        (["hashes", "ARGS=--number"], "ARGS holds --number"),
        (["unread", "ARGS=--endpoint"], "ARGS: --endpoint needs a value"),
        (["stop-sending", "ARGS=--function"], "ARGS: --function needs a value"),
        (["start-sending", "ARGS=now"], "ARGS holds something that is no option here"),
        (["verify-cloud", "ARGS=--follow soon"], "ARGS: --follow must be a number of seconds"),
        (["serve", "ARGS=--folder x"], "ARGS holds --folder"),
        (["doctor", "ARGS=--yaml"], "ARGS holds --yaml"),
        (["api-key"], "NAME is missing"),
        (["api-key", f"NAME={'x' * 41}"], "NAME must be 1 to 40 letters"),
    ],
    ids=" ".join,
)
def test_an_owner_reads_what_is_wrong_with_a_call_in_words_of_make(
    words: list[str], told: str, project: Path
) -> None:
    problem, example = refused(project, *words)
    assert problem.startswith(f"{words[0]}: ")
    assert told in problem
    assert example.startswith(f"For example: make {words[0]}")
    assert "13800138000" not in problem


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["why", "ID=two words", "ARGS=--local"], "why: ID must be 1 to 200 characters"),
        (["why", "ID=x", "ARGS=--local", "LOG=/no/file"], "why: LOG=/no/file cannot be read"),
        (["budget", "ARGS=--local"], "With ARGS=--local the variables of this shell count"),
        (["why", "NUMBER=ask", "DAY=20260131", "ARGS=--local"], "why: the number is empty"),
        (["unread"], "add ARGS=--local"),
        (["stop-sending", "ARGS=--local"], "Leave ARGS=--local out"),
        (["verify-cloud"], "set SMS_ACCESS_KEY_ID and SMS_ACCESS_KEY_SECRET in this shell"),
        (["lint-docs", "ARGS=no-page.md"], "no-page.md is no file"),
    ],
    ids=" ".join,
)
def test_a_tool_names_what_it_was_given_as_make_does(
    words: list[str], told: str, project: Path
) -> None:
    assert told in "\n".join(refused(project, *words))


def test_make_check_is_lint_and_the_unit_tests(project: Path) -> None:
    lint, unit = commands(project, "lint"), commands(project, "unit")
    assert lint
    assert len(unit) == 1
    assert commands(project, "check") == lint + unit


def test_pre_commit_runs_what_make_lint_runs(project: Path) -> None:
    described = yaml.safe_load((project / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repository in described["repos"] for hook in repository["hooks"]]
    assert [repository["repo"] for repository in described["repos"]] == ["local"]
    assert [hook["entry"] for hook in hooks] == ["make lint"]


def test_an_environment_that_was_left_half_made_is_completed(project: Path, tmp_path: Path) -> None:
    """Debian's venv leaves one without pip where python3-venv is missing; so does Ctrl-C."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = str(folder / "bin/pip")
    made = output(project, "make", f"VENV={folder}", f"PYTHON={sys.executable}", pip)
    assert made == f"{sys.executable} -m venv {folder}\n"
    assert str(folder) in output(project, pip, "--version")
    assert output(project, "make", f"VENV={folder}", pip) == f"make: '{pip}' is up to date.\n"


def test_an_environment_of_a_folder_that_was_moved_is_not_called_ready(
    project: Path, tmp_path: Path
) -> None:
    """Its programs begin with the path of the Python that it had."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/fc-stub"
    program.write_text("#!/where/it/was/.venv/bin/python\n")
    program.chmod(0o755)
    done = subprocess.run(
        ["make", f"VENV={tmp_path}", "-o", str(tmp_path / "setup.stamp"), "setup"],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Was this folder moved?\nMake it anew: make clean, then make setup\n" in done.stdout
    assert "is ready" not in done.stdout


def test_the_doctor_says_what_its_python_lacks(project: Path) -> None:
    without_packages = [sys.executable, "-S", "-m", "tools.doctor"]
    done = subprocess.run(
        without_packages, cwd=project, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    for words in ("aliyun_fc_runtime_stub", "redis", "requests", "make setup"):
        assert words in line
