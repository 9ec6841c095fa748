"""The commands `fc-stub event` and `fc-stub send-event`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..web.access_keys import read_access_key
from ..web.acs3 import AccessKey
from ..web.ports import DEFAULT_API
from .control_client import ControlClient, Reply
from .event_kinds import KINDS, Kind
from .option_types import count, moment, seconds

_DESCRIPTION = """KIND --help shows the options of a kind. --data is TEXT, @FILE or - (standard
input). The same ids and times give the same event; ids left out are random, times are now."""
_EXAMPLES = {
    "event": """examples:
  fc-stub event mns-topic --data '{"a": 1}' > event.json
  fc-stub event kafka --data @message.json --batch 3
""",
    "send-event": """examples:
  fc-stub send-event timer --data '{"a": 1}' hello     asynchronous, as a timer invokes
  fc-stub send-event oss --key new.csv --data @new.csv --sync hello
  fc-stub send-event plain --json hello | jq .duration_ms
""",
}
_NOT_SETTLED = 4


def add_event_commands(commands: Any) -> None:
    """Add both commands to the command line's subparsers."""
    for name, text, run in (
        ("event", "print an event as a trigger delivers it", _event),
        ("send-event", "deliver an event to a running stub and print what came of it", _send_event),
    ):
        command = commands.add_parser(
            name,
            help=text,
            description=_DESCRIPTION,
            epilog=_EXAMPLES[name],
        )
        kinds = command.add_subparsers(required=True, metavar="KIND")
        for kind_name, kind in KINDS.items():
            parser = kinds.add_parser(kind_name, help=kind.help, description=kind.help)
            _add_common(parser, kind)
            kind.add_options(parser)
            if run is _send_event:
                _add_delivery(parser, kind)
            parser.set_defaults(run=run, kind=kind, kind_name=kind_name)


def _add_common(parser: argparse.ArgumentParser, kind: Kind) -> None:
    more = "; repeat it for an array" if kind.many else ""
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="TEXT|@FILE|-",
        help=f"the message, payload, body or object (default: empty){more}",
    )
    parser.add_argument(
        "--time", type=moment, metavar="TIME", help="such as 2026-01-31T12:00:00Z (default: now)"
    )
    if kind.many:
        parser.add_argument("--id", default="", help="id of the event; -1, -2 are added in arrays")
        parser.add_argument(
            "--batch", type=count, metavar="N", help="an array that holds the data N times"
        )


def _add_delivery(parser: argparse.ArgumentParser, kind: Kind) -> None:
    usual = "asynchronously" if kind.asynchronous else "synchronously"
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--sync", action="store_true", help="invoke synchronously")
    how.add_argument("--async", dest="later", action="store_true", help="invoke asynchronously")
    parser.add_argument(
        "--api",
        default=DEFAULT_API,
        metavar="URL",
        help=f"address of the running stub (default {DEFAULT_API})",
    )
    parser.add_argument(
        "--wait",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="how long to wait for the result of an asynchronous invocation (default 30)",
    )
    parser.add_argument(
        "--json", action="store_true", help="write a JSON object for each attempt instead"
    )
    parser.add_argument("function", metavar="FUNCTION", help=f"functionName; invoked {usual}")


def _event(options: argparse.Namespace) -> int:
    event = _make(options)
    sys.stdout.buffer.write(event)
    if sys.stdout.isatty():
        sys.stdout.write("\n")
    sys.stdout.flush()
    return 0


def _send_event(options: argparse.Namespace) -> int:
    event = _make(options)
    client = ControlClient(options.api)
    asynchronous = options.later or (options.kind.asynchronous and not options.sync)
    reply = client.invoke(
        options.function, event, access_key=_access_key(client), asynchronous=asynchronous
    )
    if reply.status not in {200, 202}:
        raise ConfigurationError(reply.message(), options.api)
    if asynchronous:
        return _follow(client, reply, options.wait, as_json=options.json)
    if options.json:
        (attempt,) = client.invocation(reply.request_id)["attempts"]
        sys.stdout.write(json.dumps(attempt) + "\n")
        sys.stdout.flush()
        return 1 if reply.error_type else 0
    sys.stderr.write(reply.log)
    sys.stdout.buffer.write(reply.body)
    sys.stdout.flush()
    return 1 if reply.error_type else 0


def _access_key(client: ControlClient) -> AccessKey | None:
    """Return the pair that the stub asks for, None where it asks for none.

    It is in the state folder of a stub of the same user; for one elsewhere the shell exports what
    `fc-stub serve` has printed.
    """
    state = client.status().get("state")
    if state is None:
        return None
    with contextlib.suppress(OSError):
        if found := read_access_key(Path(state)):
            return found
    return AccessKey(
        os.environ.get("AccessKeyID", ""),  # noqa: SIM112 (the name that s deploy takes)
        os.environ.get("AccessKeySecret", ""),  # noqa: SIM112
    )


def _follow(client: ControlClient, accepted: Reply, wait: float, *, as_json: bool) -> int:
    """Print every attempt of an accepted event until it is settled or the time is over."""
    request_id = accepted.request_id
    if not as_json:
        sys.stderr.write(f"202 accepted, request id {request_id}\n")
    deadline = time.monotonic() + wait
    shown = 0
    while wait > 0:
        state = client.invocation(request_id)
        for attempt in state["attempts"][shown:]:
            if not as_json:
                sys.stderr.write(attempt["log"])
                outcome = attempt["error_type"] or "ok"
                sys.stderr.write(f"attempt {attempt['attempt']}: {outcome}\n")
            sys.stdout.write((json.dumps(attempt) if as_json else attempt["payload"]) + "\n")
            sys.stdout.flush()
        shown = len(state["attempts"])
        if not state["pending"]:
            return 1 if not shown or state["attempts"][-1]["error_type"] else 0
        if time.monotonic() > deadline:
            sys.stderr.write(f"not settled after {wait:g} s; the stub goes on\n")
            return _NOT_SETTLED
        time.sleep(0.05)
    return 0


def _make(options: argparse.Namespace) -> bytes:
    kind: Kind = options.kind
    if len(options.data) > 1 and not kind.many:
        raise ConfigurationError(f"a {options.kind_name} event holds one message", "--data")
    data = [_read(text) for text in options.data]
    if kind.many:
        data = (data or [b""]) * (options.batch or 1)
    try:
        return kind.make(options, data)
    except UnicodeDecodeError:
        raise ConfigurationError("is not UTF-8 text", "--data") from None
    except UnicodeEncodeError:
        raise ConfigurationError("an option is not UTF-8 text") from None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _read(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return os.fsencode(text)
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", "--data", text[1:]) from None
