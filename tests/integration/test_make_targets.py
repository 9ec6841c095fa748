"""What a newcomer and a contributor call by `make` is there, and does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

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
