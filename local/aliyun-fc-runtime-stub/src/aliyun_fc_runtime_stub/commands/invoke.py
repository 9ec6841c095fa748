"""The command `fc-stub invoke`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..serving.records import with_payload
from .options import (
    FUNCTION_ERROR,
    SUCCESS,
    add_command,
    add_running,
    add_template,
    make_stub,
)
from .report import print_warnings

_EXAMPLES = """examples:
  fc-stub invoke hello --event event.json
  echo '{}' | fc-stub invoke hello --event - --async
  fc-stub invoke hello --json | jq .duration_ms
"""


def add_invoke_command(commands: Any) -> None:
    """Add the command to the command line's subparsers."""
    text = "invoke one function and print its result"
    invoke = add_command(commands, "invoke", text, examples=_EXAMPLES)
    invoke.add_argument("name", metavar="NAME", help="functionName, or the name of its resource")
    add_template(invoke)
    add_running(invoke)
    invoke.add_argument(
        "--event", metavar="FILE", help="file with the event, - for standard input (default: none)"
    )
    invoke.add_argument(
        "--async",
        dest="asynchronous",
        action="store_true",
        help="invoke asynchronously, with FC's repeats, and print what the last attempt returned",
    )
    invoke.add_argument(
        "--json", action="store_true", help="write a JSON object for each attempt instead"
    )
    invoke.set_defaults(run=_invoke)


def _invoke(options: argparse.Namespace) -> int:
    event = _read_event(options.event)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cloud = make_stub(options, port=0, functions=[options.name])
    name = cloud.functions[0].name
    with cloud:
        print_warnings(cloud)
        invocation = cloud.invoke(name, event, asynchronous=options.asynchronous)
        if options.asynchronous:
            cloud.wait_for_async(timeout=90_000)
            attempts = list(cloud.invocations())
            invocation = attempts[-1]
        else:
            attempts = [invocation]
    hook_log = cloud.stop()
    for attempt in attempts:
        if options.json:
            sys.stdout.write(json.dumps(with_payload(attempt)) + "\n")
        else:
            sys.stderr.write(attempt.log)
    sys.stderr.write(hook_log)
    if options.json:
        sys.stdout.flush()
        return SUCCESS if invocation.error_type is None else FUNCTION_ERROR
    sys.stdout.buffer.write(invocation.payload)
    if sys.stdout.isatty():
        sys.stdout.write("\n")
    sys.stdout.flush()
    return SUCCESS if invocation.error_type is None else FUNCTION_ERROR


def _read_event(name: str | None) -> bytes:
    if name is None:
        return b""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", "--event", name) from None
