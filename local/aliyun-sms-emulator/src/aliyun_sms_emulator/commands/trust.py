"""The command `sms-emulator trust`: what makes the clients of one process trust `--tls`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aliyun_sms_emulator.commands.plain_parser import PlainParser
from aliyun_sms_emulator.commands.state_folder import default_tls_folder
from aliyun_sms_emulator.commands.variables import add_format, lines
from aliyun_sms_emulator.errors import TlsError
from aliyun_sms_emulator.tls.environment import java_variable
from aliyun_sms_emulator.tls.trust import write_trust

_OK, _USAGE = 0, 2
_HEAD = """# These make one process trust the certificate of `sms-emulator --tls`, beside what it
# trusted before. It is for the emulated names and this machine, and ends after 90 days.
# Add it to no store of a system or a browser."""
_EPILOG = """It writes the files that the variables name into the folder of the certificate.

examples:
  (eval "$(sms-emulator trust)"; python app.py)      for this one process
  sms-emulator trust --format env-file > trust.env   for docker run --env-file trust.env

exit codes: 0 done, 2 there is no certificate, or wrong usage"""


def main(arguments: list[str]) -> int:
    """Write the files and print the variables."""
    options = _parser().parse_args(arguments)
    try:
        trust = write_trust(options.tls_folder)
    except TlsError as error:
        print(f"sms-emulator: {error}", file=sys.stderr)  # noqa: T201
        return _USAGE
    variables = [*trust.variables, java_variable(trust.java_options)]
    print("\n".join((_HEAD, *lines(variables, options.format))))  # noqa: T201
    return _OK


def _parser() -> argparse.ArgumentParser:
    parser = PlainParser(
        prog="sms-emulator trust",
        description="Print what makes the clients of one process trust `sms-emulator --tls`.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--tls-folder",
        type=Path,
        metavar="DIR",
        default=default_tls_folder(),
        help="the one that the emulator was started with (default %(default)s)",
    )
    add_format(parser)
    return parser
