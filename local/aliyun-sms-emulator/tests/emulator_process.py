"""The command in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from aliyun_sms_emulator import EmulatorClient

COMMAND = [sys.executable, "-m", "aliyun_sms_emulator"]


@contextmanager
def started(
    *arguments: str,
    before: Callable[[], None] | None = None,
    stderr: IO[str] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], EmulatorClient, dict[str, Any]]]:
    """Start an emulator on a free port; it is killed at the end."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        preexec_fn=before,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield process, EmulatorClient(ready["url"]), ready
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def run(
    *arguments: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, preexec_fn=before
    )
