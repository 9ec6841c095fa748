"""The shell blocks of a page, run as a reader does: one in each terminal, beside anything else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^\.venv/bin/", re.MULTILINE)
PORT = re.compile(r"127\.0\.0\.1:(\d+)")
HTTP_TRIGGER = re.compile(r"http \S+ +http://127\.0\.0\.1:(\d+)")
PROGRAMS = Path(sys.executable).parent
EMULATOR_PORT, FUNCTIONS_PORT = 8200, 9100  # of all pages


def blocks(page: Path) -> list[str]:
    """Return the shell blocks of a page, without the indentation of a list."""
    found = BLOCK.findall(page.read_text("utf-8"))
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def commands(block: str) -> list[str]:
    """Return the commands of a block, each on one line."""
    lines = re.sub(r"\\\n\s*", "", block).splitlines()
    return [command for line in lines if (command := line.strip())]


class Trial:
    """The emulator and the functions of a page's blocks, at any ports that are free.

    `folder` stands for ``/tmp`` and for the home of what the emulator keeps.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self._project = project
        self._folder = folder
        self._ports: dict[int, str] = {}  # the port on the page: the port here
        self.environment = {
            **{each: value for each, value in os.environ.items() if not each.startswith("SMS_")},
            "XDG_STATE_HOME": str(folder),
            "NO_PROXY": "127.0.0.1",
        }

    @contextmanager
    def running(self, emulator: str, functions: str) -> Iterator[None]:
        """Run the two programs that the blocks start."""
        (serve,) = [each for each in commands(emulator) if "sms-emulator" in each]
        with self._terminal(serve, "Stop with Ctrl-C") as written:
            self._ports[EMULATOR_PORT] = PORT.findall(written)[0]
            with self._terminal(functions, "Ctrl-C ends") as table:
                for place, port in enumerate(HTTP_TRIGGER.findall(table), 1):
                    self._ports[FUNCTIONS_PORT + place] = port
                yield

    def address(self, port: int) -> str:
        """Return the address that stands for a port of the page."""
        return f"http://127.0.0.1:{self._ports[port]}"

    def run(self, block: str) -> str:
        """Run a block of requests, and return what it wrote; fails when a command of it does."""
        done = subprocess.run(
            ["sh", "-e", "-c", self._here(block)],
            cwd=self._project,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def _here(self, block: str) -> str:
        """Return a block with the ports, the programs and the files of this trial."""
        for port, other in self._ports.items():
            block = re.sub(rf":{port}\b", f":{other}", block)
        return block.replace("/tmp/", f"{self._folder}/").replace(".venv/bin/", f"{PROGRAMS}/")

    @contextmanager
    def _terminal(self, block: str, ready: str) -> Iterator[str]:
        """Run a block whose program goes on; yield what it wrote until the line with `ready`."""
        # The program takes the place of the shell, so that it is what is ended.
        block = PROGRAM.sub(r"exec \g<0>", block)
        block = re.sub(r"--port \d+", "--port 0", self._here(block))
        process = subprocess.Popen(
            ["sh", "-c", block],
            cwd=self._project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        written = ""
        try:
            for line in process.stdout:
                written += line
                if ready in line:
                    break
            assert ready in written, written
            yield written
        finally:
            process.terminate()
            process.communicate()
