"""The command `sms-emulator`: which of its commands is meant."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module

COMMANDS = {
    "send": "aliyun_sms_emulator.commands.send",
    "messages": "aliyun_sms_emulator.commands.messages",
    "explain": "aliyun_sms_emulator.commands.explain",
    "env": "aliyun_sms_emulator.commands.env",
    "trust": "aliyun_sms_emulator.commands.trust",
}
"""Word -> module whose `main` runs it; without any of them an emulator is started."""

_SERVE = "aliyun_sms_emulator.commands.serve"
_USAGE, _INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator until it is stopped, or a command; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Chinese is no error
            stream.reconfigure(errors="backslashreplace")
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _USAGE


def _dispatch(arguments: list[str]) -> int:
    module = COMMANDS.get(arguments[0]) if arguments else None
    rest = arguments if module is None else arguments[1:]
    # Loaded late, so that --help and --version answer at once.
    return int(import_module(module or _SERVE).main(rest))
