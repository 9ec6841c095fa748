"""What the commands share that talk to a running emulator."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from aliyun_sms_emulator.commands.plain_parser import PlainParser
from aliyun_sms_emulator.errors import EmulatorError, NotRunning

_NAME = "sms-emulator"
OK, REFUSED, USAGE, NOT_RUNNING = 0, 1, 2, 3
EXIT_CODES = """exit codes: 0 done, 1 refused by the emulated platform, 2 wrong usage or
configuration, 3 no emulator answers at --url, 130 Ctrl-C, 143 SIGTERM"""


def run(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a command; what goes wrong is one line on stderr and an exit code."""
    try:
        return command(options)
    except (EmulatorError, ValueError) as error:
        print(f"sms-emulator: {error}", file=sys.stderr)  # noqa: T201
        return NOT_RUNNING if isinstance(error, NotRunning) else USAGE


def parser_of(name: str, description: str) -> argparse.ArgumentParser:
    """A parser that already knows `--url`."""
    parser = PlainParser(
        prog=f"sms-emulator {name}",
        description=description,
    )
    parser.add_argument(
        "--url",
        type=_url,
        default="http://127.0.0.1:8100",
        help="address of the emulator (default %(default)s)",
    )
    return parser


def own_command() -> str:
    """Return what starts this program again in the same terminal, as a shell reads it.

    That is `sms-emulator` where the PATH has it, else the path that it was called by.
    """
    called = sys.argv[0]
    is_by_path = Path(called).stem == _NAME and shutil.which(_NAME) is None
    return shlex.quote(called) if is_by_path else _NAME


def printable(text: str) -> str:
    """Escape what could steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_line(line: str) -> None:
    """Print a line at once, for those who read along."""
    print(line, flush=True)  # noqa: T201


def _url(text: str) -> str:
    try:
        url = urlsplit(text)
        is_address = url.scheme == "http" and url.port != 0 and bool(url.hostname)
    except ValueError:
        is_address = False
    if not is_address or url.path.strip("/") or url.query or url.fragment:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address; write it as http://127.0.0.1:8100"
        )
    return text
