"""The command `fc-stub`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .errors import ConfigurationError, StubError
from .event_commands import add_event_commands
from .function_compute import FunctionCompute
from .report import Report, print_warnings

_OK, _FUNCTION_ERROR, _USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if all went well, 1 on a function's error, 2 on wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except StubError as error:
        sys.stderr.write(f"fc-stub: {error}\n")
        return _USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fc-stub",
        description="Run the Python functions of an s.yaml as Function Compute 3.0 would, "
        "without Docker and without a cloud account.",
    )
    parser.add_argument("--version", action="version", version=f"fc-stub {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    start = commands.add_parser("start", help="serve all functions until Ctrl-C")
    _add_shared(start)
    start.add_argument(
        "--port",
        type=_port,
        default=9000,
        metavar="N",
        help="port of the API; HTTP triggers take the next ones; 0: free ones (default 9000)",
    )
    start.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)"
    )
    start.add_argument("--json", action="store_true", help="write JSON lines instead of text")
    start.add_argument("--no-auth", action="store_true", help="let callers in whatever authType")
    start.add_argument(
        "--max-instances", type=_positive, default=100, metavar="N", help="per function"
    )
    start.add_argument(
        "--freeze", action="store_true", help="stop instances between requests, as FC does"
    )
    start.add_argument(
        "--timers", action="store_true", help="fire the timer triggers that have enable: true"
    )
    start.set_defaults(run=_start)

    invoke = commands.add_parser("invoke", help="invoke one function and print its result")
    invoke.add_argument("name", metavar="NAME", help="functionName, or the name of its resource")
    _add_shared(invoke)
    invoke.add_argument(
        "--event", metavar="FILE", help="file with the event, - for standard input (default: none)"
    )
    invoke.add_argument(
        "--async",
        dest="asynchronous",
        action="store_true",
        help="invoke asynchronously, with FC's repeats, and print what the last attempt returned",
    )
    invoke.set_defaults(run=_invoke)
    add_event_commands(commands)
    return parser


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-t", "--template", default="s.yaml", metavar="FILE", help="(default s.yaml)"
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        type=_pair,
        metavar="[NAME:]K=V",
        help="set an environment variable of all functions, or of the function NAME",
    )
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        type=_pair,
        metavar="ARN=FOLDER",
        help="folder that stands for a layer, as unpacked below /opt",
    )
    parser.add_argument(
        "--retry-delay",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="first wait before an asynchronous invocation is repeated (default 1)",
    )


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{name!r} has no value: write it as NAME=VALUE")
    return name, value


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _function_compute(options: argparse.Namespace, **more: Any) -> FunctionCompute:
    return FunctionCompute(
        options.template,
        dict(options.env),
        layers={arn: Path(folder) for arn, folder in options.layer},
        retry_delay=options.retry_delay,
        **more,
    )


def _start(options: argparse.Namespace) -> int:
    report = Report(as_json=options.json)
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)  # written by the C handler, so no signal comes between check and wait
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    cloud = _function_compute(
        options,
        port=options.port,
        host=options.host,
        instance_limit=options.max_instances,
        freeze=options.freeze,
        timers=options.timers,
        authentication=not options.no_auth,
        listener=report.invocation,
    )
    with cloud:
        report.ready(cloud)
        os.read(ended, 1)
    if hook_log := cloud.stop():
        report.hooks(hook_log)
    return _OK


def _invoke(options: argparse.Namespace) -> int:
    event = _read_event(options.event)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cloud = _function_compute(options, port=0, functions=[options.name])
    name = cloud.functions[0].name
    with cloud:
        print_warnings(cloud)
        invocation = cloud.invoke(name, event, asynchronous=options.asynchronous)
        if options.asynchronous:
            cloud.wait_for_async(timeout=90_000)
            for attempt in cloud.invocations():
                sys.stderr.write(attempt.log)
                invocation = attempt
        else:
            sys.stderr.write(invocation.log)
    sys.stdout.buffer.write(invocation.payload)
    if sys.stdout.isatty():
        sys.stdout.write("\n")
    sys.stdout.flush()
    return _OK if invocation.error_type is None else _FUNCTION_ERROR


def _read_event(name: str | None) -> bytes:
    if name is None:
        return b""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", "--event", name) from None


if __name__ == "__main__":
    sys.exit(main())
