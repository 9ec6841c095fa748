"""A program of tools/, run as a newcomer does: on a copy of the project, in its own terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

USED = ("s.yaml", "s.events.yaml", ".fcignore", "functions", "shared", "tools")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def copy_project(project: Path, folder: Path) -> Path:
    """Copy what the programs use to a folder, and return it."""
    folder.mkdir(exist_ok=True)
    for name in USED:
        source, target = project / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


class LocalProgram:
    """A running program; `lines` are those it has written so far."""

    def __init__(self, folder: Path, name: str, *options: str, **environment: str) -> None:
        self.lines: list[str] = []
        self._folder = folder
        self._scratch = folder / "scratch"
        self._scratch.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tools.{name}", *options],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONDONTWRITEBYTECODE": "1",
                "TMPDIR": str(self._scratch),
                "LC_ALL": "C.UTF-8",  # whatever its reader reads
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_expect_ctrl_c,
            text=True,
        )

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def read_until(self, words: str) -> None:
        """Read its output up to a line with `words`."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line)
            if words in line:
                return
        pytest.fail(f"{words!r} was not written:\n{self.text}")

    def end(self) -> int:
        """Read the rest of its output and return its exit code."""
        self.lines.append(self._process.communicate(timeout=120)[0])
        return self._process.returncode

    def signal(self, number: signal.Signals, *, all_of_it: bool) -> None:
        """Send a signal; Ctrl-C in a terminal reaches `all_of_it`, a plain kill the first alone."""
        (os.killpg if all_of_it else os.kill)(self._process.pid, number)

    def processes(self) -> list[int]:
        """The processes that still run in its folder or in a temporary one of its own."""
        return [pid for pid, cwd in _working_folders() if cwd.is_relative_to(self._folder)]

    def left(self) -> list[str]:
        """What is left of it: processes and temporary files."""
        return [*map(str, self.processes()), *map(str, self._scratch.iterdir())]

    def kill(self) -> None:
        """End what a failed test left."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)
        self._process.communicate()


def _expect_ctrl_c() -> None:
    """Undo what a shell does to its background jobs: they ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _working_folders() -> Iterator[tuple[int, Path]]:
    """Yield every process that is not a zombie, and where it works."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            yield int(process.name), (process / "cwd").readlink()


def answers(url: str) -> bool:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True
