"""The command `sms-emulator` without a further word: an emulator, until it is stopped."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aliyun_sms_emulator.errors import EmulatorError
from aliyun_sms_emulator.version import __version__

if TYPE_CHECKING:
    from aliyun_sms_emulator.config.config import Config

DEFAULT_PORT = 8100
_OK, _USAGE = 0, 2
_OPEN_FILES = 65536  # one for each connection
_EPILOG = """commands for a running emulator, each with --help:
  sms-emulator send NUMBER     send one SMS to it, signed as any client's
  sms-emulator messages        print what it has captured; --follow goes on
  sms-emulator explain         say why the signature of a pasted request is refused

examples:
  sms-emulator                                    on port 8100, with test keys
  sms-emulator --port 0 --database sms.db --json  a free port, said in the first line
  sms-emulator --config sms.yaml                  your own keys, templates, limits
  sms-emulator send 13800138000 --param code=1234
  sms-emulator messages --follow

exit codes:
  0    all went well (the emulator: it was ended by Ctrl-C or SIGTERM)
  1    refused by the emulated platform (send), a wrong signature (explain)
  2    wrong usage, or the configuration, the port or the database cannot be used
  3    no emulator answers at --url
  130  Ctrl-C, 143 SIGTERM (send, messages, explain)
"""


def main(arguments: list[str]) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    _allow_open_files()
    from aliyun_sms_emulator.config.reading import default_config, load_config
    from aliyun_sms_emulator.serving.server import EmulatorServer

    try:
        config = load_config(options.config) if options.config else default_config()
        server = EmulatorServer(config, options.database, options.host, options.port)
    except EmulatorError as error:
        print(f"sms-emulator: {error}", file=sys.stderr)  # noqa: T201
        return _USAGE
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    server.run_until_stopped(lambda: _announce(server.url, config, options))
    return _OK


def _allow_open_files() -> None:
    """Raise the soft limit, which is 1024 or less on many machines."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def default_database() -> Path:
    """The database used when none is named: below $XDG_STATE_HOME or ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return home / "aliyun-sms-emulator" / "emulator.sqlite3"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sms-emulator",
        description="A Dysmsapi (Alibaba Cloud SMS) on your own machine. It sends nothing.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help="port to listen on, 0 takes a free one (%(default)s)",
    )
    parser.add_argument(
        "--database",
        type=Path,
        metavar="FILE",
        default=default_database(),
        help="SQLite file that remembers everything (%(default)s)",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE.yaml", help="access keys, templates, signatures, ..."
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON line on stdout when ready"
    )
    parser.add_argument("--version", action="version", version=f"sms-emulator {__version__}")
    return parser


def _announce(url: str, config: Config, options: argparse.Namespace) -> None:
    key = next(iter(config.access_keys.values()))
    if options.json:
        ready = {
            "event": "ready",
            "url": url,
            "pid": os.getpid(),
            "database": str(options.database),
            "access_key_id": key.id,
        }
        print(json.dumps(ready), flush=True)  # noqa: T201
        return
    lines = (
        f"SMS emulator ready at {url} (platform API at /, JSON API at /api)",
        f"  access key   {key.id}" + ("" if options.config else f" / {key.secret}"),
        f"  inbox page   {url}/inbox",
        f"  templates    {', '.join(config.templates)}",
        f"  signatures   {', '.join(config.signatures)}",
        f"  database     {options.database}",
        "Stop with Ctrl-C.",
    )
    print("\n".join(lines), flush=True)  # noqa: T201
