"""The command `sms-emulator`: which of its commands is meant."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module

from aliyun_sms_emulator.commands.plain_parser import COMMANDS, no_such_command

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
    if module is None and arguments and not arguments[0].startswith("-"):
        sys.stderr.write(no_such_command(arguments[0]))
        return _USAGE
    rest = arguments if module is None else arguments[1:]
    # Loaded late, so that --help and --version answer at once.
    return int(import_module(module or _SERVE).main(rest))
