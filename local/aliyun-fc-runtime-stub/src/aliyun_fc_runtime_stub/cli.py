"""The command `fc-stub`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .commands.check import add_check_command
from .commands.event_commands import add_event_commands
from .commands.invoke import add_invoke_command
from .commands.options import NOT_RUNNING, UNUSABLE
from .commands.plain_parser import PlainParser
from .commands.start import add_start_commands
from .commands.status import add_status_command
from .errors import NotRunning, StubError
from .version import __version__

_EXIT_CODES = """exit codes:
  0    all went well (start: it was ended)
  1    the function failed
  2    wrong usage, or s.yaml, the code, a port or a folder cannot be used; check: something fails
  3    no stub answers at --api
  4    an asynchronous invocation was not settled within --wait
  130  Ctrl-C, 143 SIGTERM
"""
_EXAMPLES = """examples:
  fc-stub start                                   serve the functions of ./s.yaml
  curl http://127.0.0.1:8901/                     the first function with an http trigger
  fc-stub check                                   what will not work, before any deploy
  fc-stub invoke hello --event event.json         one invocation, without a running stub
  fc-stub send-event timer --data '{"a": 1}' hello   an event for the running stub
  fc-stub status                                  what the running stub is doing
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code (`fc-stub --help` lists them)."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except StubError as error:
        sys.stderr.write(f"fc-stub: {error}\n")
        return NOT_RUNNING if isinstance(error, NotRunning) else UNUSABLE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return UNUSABLE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = PlainParser(
        prog="fc-stub",
        description="Run the functions of an s.yaml as Function Compute 3.0 would, "
        "without Docker and without a cloud account. COMMAND --help says more.",
        epilog=f"{_EXAMPLES}\n{_EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"fc-stub {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_start_commands(commands)
    add_invoke_command(commands)
    add_status_command(commands)
    add_check_command(commands)
    add_event_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
