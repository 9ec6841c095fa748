"""The command `sms-emulator` without a further word: an emulator, until it is stopped."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aliyun_sms_emulator.commands.plain_parser import PlainParser
from aliyun_sms_emulator.commands.running import own_command
from aliyun_sms_emulator.commands.state_folder import default_database, default_tls_folder
from aliyun_sms_emulator.errors import EmulatorError
from aliyun_sms_emulator.version import __version__

if TYPE_CHECKING:
    from aliyun_sms_emulator.config.config import Config
    from aliyun_sms_emulator.serving.server import EmulatorServer

DEFAULT_PORT, _LAST_PORT = 8100, 65535
_OK, _USAGE = 0, 2
_OPEN_FILES = 65536  # one for each connection
_HOST_NAME = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_.-]{0,251}[0-9A-Za-z_])?", re.ASCII)
_EPILOG = """commands for a running emulator, each with --help:
  sms-emulator send NUMBER     send one SMS to it, signed as any client's
  sms-emulator messages        print what it has captured; --follow goes on
  sms-emulator explain         say why the signature of a pasted request is refused
  sms-emulator env             print what points programs here
  sms-emulator trust           print what makes one process trust the certificate of --tls

examples:
  sms-emulator                                    on port 8100, with test keys
  sms-emulator --port 0 --database sms.db --json  a free port, said in the first line
  sms-emulator --config sms.yaml                  your own keys, templates, limits
  sms-emulator --tls                              https, too, for programs with a fixed address
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
    from aliyun_sms_emulator.serving.listening import Listening
    from aliyun_sms_emulator.serving.server import EmulatorServer
    from aliyun_sms_emulator.tls.trust import write_trust

    listening = Listening(
        host=options.host,
        ports=tuple(options.port or (DEFAULT_PORT,)),
        names=tuple(options.allow_host),
        tls_folder=options.tls_folder if options.tls else None,
    )
    try:
        config = load_config(options.config) if options.config else default_config()
        server = EmulatorServer(config, options.database, listening)
        if options.tls:
            write_trust(options.tls_folder)  # for containers that share the folder
    except EmulatorError as error:
        print(f"sms-emulator: {error}", file=sys.stderr)  # noqa: T201
        return _USAGE
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    server.run_until_stopped(lambda: _announce(server, config, options))
    return _OK


def _allow_open_files() -> None:
    """Raise the soft limit, which is 1024 or less on many machines; Windows has none."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _parser() -> argparse.ArgumentParser:
    parser = PlainParser(
        prog="sms-emulator",
        description="A Dysmsapi (Alibaba Cloud SMS) on your own machine. It sends nothing.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--host", type=_host, default="127.0.0.1", help="address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port",
        type=_port,
        action="append",
        metavar="N",
        help=f"port to listen on, 0 takes a free one ({DEFAULT_PORT}); may be given several times",
    )
    parser.add_argument(
        "--allow-host",
        type=_host_name,
        action="append",
        default=[],
        metavar="NAME",
        help="a name that others call this machine or container by; may be given several times",
    )
    parser.add_argument(
        "--tls",
        action="store_true",
        help="speak https, too, at the same ports; `sms-emulator trust` says how clients trust it",
    )
    parser.add_argument(
        "--tls-folder",
        type=Path,
        metavar="DIR",
        default=default_tls_folder(),
        help="folder of the certificate, which is made where there is none (%(default)s)",
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


def _host(text: str) -> str:
    if not text.strip():  # an empty one would be all addresses of this machine
        raise argparse.ArgumentTypeError("it is empty; give an address such as 127.0.0.1")
    return text


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port; give a number from 0 (a free one) to {_LAST_PORT}"
        )
    return int(text)


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no host name such as sms-emulator; leave out http:// and the port"
        )
    return text


def _announce(server: EmulatorServer, config: Config, options: argparse.Namespace) -> None:
    key, url = next(iter(config.access_keys.values())), server.url
    if options.json:
        ready = {
            "event": "ready",
            "url": url,
            "ports": server.ports,
            "pid": os.getpid(),
            "database": str(options.database),
            "access_key_id": key.id,
        }
        print(json.dumps(ready), flush=True)  # noqa: T201
        return
    command = own_command()
    https = f"; https, too: {command} trust" if options.tls else ""
    lines = (
        f"SMS emulator ready at {url} (platform API at /, JSON API at /api)",
        f"  access key   {key.id}" + ("" if options.config else f" / {key.secret}"),
        f"  inbox page   {url}/inbox",
        f"  templates    {'any' if config.any_template else ', '.join(config.templates)}",
        f"  signatures   {'any' if config.any_signature else ', '.join(config.signatures)}",
        f"  database     {options.database}",
        f"  clients      {command} env{https}",
        "Stop with Ctrl-C.",
    )
    print("\n".join(lines), flush=True)  # noqa: T201
