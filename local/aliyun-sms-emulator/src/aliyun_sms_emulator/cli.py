"""The command `sms-emulator`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path

from aliyun_sms_emulator import __version__
from aliyun_sms_emulator.config import Config, ConfigError, default_config, load_config
from aliyun_sms_emulator.store import DatabaseError

DEFAULT_PORT = 8100


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator until it is stopped; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    # Loaded late, so that --help and --version answer at once.
    from aliyun_sms_emulator.server import BindError, EmulatorServer

    try:
        config = load_config(options.config) if options.config else default_config()
        server = EmulatorServer(config, options.database, options.host, options.port)
    except (BindError, ConfigError, DatabaseError) as error:
        print(f"sms-emulator: {error}", file=sys.stderr)  # noqa: T201
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    server.run_until_stopped(lambda: _announce(server.url, config, options))
    return 0


def default_database() -> Path:
    """The database used when none is named: below $XDG_STATE_HOME or ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return home / "aliyun-sms-emulator" / "emulator.sqlite3"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sms-emulator",
        description="A Dysmsapi (Alibaba Cloud SMS) on your own machine. It sends nothing.",
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
        f"  templates    {', '.join(config.templates)}",
        f"  signatures   {', '.join(config.signatures)}",
        f"  database     {options.database}",
        "Stop with Ctrl-C.",
    )
    print("\n".join(lines), flush=True)  # noqa: T201
