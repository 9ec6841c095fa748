"""The command `fc-stub`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .commands.check import add_check_command
from .commands.control_client import ControlClient
from .commands.event_commands import add_event_commands
from .commands.option_types import count, pair, port, seconds
from .commands.report import Report, announce, print_warnings
from .commands.status_text import status_text
from .control.store import state_folder
from .errors import ConfigurationError, NotRunning, StubError
from .function_compute import FunctionCompute
from .serving.records import with_payload
from .version import __version__
from .web.ports import DEFAULT_API, DEFAULT_PORT

_OK, _FUNCTION_ERROR, _USAGE, _NOT_RUNNING = 0, 1, 2, 3
_OPEN_FILES = 65536  # three for each instance, one for each connection
_EXIT_CODES = """exit codes:
  0    all went well (start: it was ended)
  1    the function failed
  2    wrong usage, or s.yaml, the code, a port or a folder cannot be used; check: so it is
  3    no stub answers at --api
  4    an asynchronous invocation was not settled within --wait
  130  Ctrl-C, 143 SIGTERM
"""
_EXAMPLES = {
    "": """examples:
  fc-stub start                                   serve the functions of ./s.yaml
  curl http://127.0.0.1:8901/                     the first function with an http trigger
  fc-stub check                                   what will not work, before any deploy
  fc-stub invoke hello --event event.json         one invocation, without a running stub
  fc-stub send-event timer --data '{"a": 1}' hello   an event for the running stub
  fc-stub status                                  what the running stub is doing
""",
    "start": """examples:
  fc-stub start --port 0 --json                   free ports, said in the first line
  fc-stub start --env LEVEL=DEBUG --env hello:KEY=value
  fc-stub start --timers --freeze                 closer to the cloud
""",
    "serve": """examples:
  fc-stub serve                                   prints what to set for s deploy
  fc-stub serve --state ./deployed --port 0 --json
""",
    "invoke": """examples:
  fc-stub invoke hello --event event.json
  echo '{}' | fc-stub invoke hello --event - --async
  fc-stub invoke hello --json | jq .duration_ms
""",
    "status": """examples:
  fc-stub status
  fc-stub status --json | jq '.functions[].queue.waiting'
""",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code (`fc-stub --help` lists them)."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except StubError as error:
        sys.stderr.write(f"fc-stub: {error}\n")
        return _NOT_RUNNING if isinstance(error, NotRunning) else _USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fc-stub",
        description="Run the functions of an s.yaml as Function Compute 3.0 would, "
        "without Docker and without a cloud account. COMMAND --help says more.",
        epilog=f"{_EXAMPLES['']}\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fc-stub {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    start = _command(commands, "start", "serve all functions until Ctrl-C")
    _add_template(start)
    _add_serving(start)
    start.add_argument(
        "--no-reload", action="store_true", help="do not follow changes of s.yaml and code"
    )
    start.set_defaults(run=_start, state=None, region="")

    serve = _command(commands, "serve", "serve what is deployed to it, until Ctrl-C")
    _add_serving(serve)
    serve.add_argument(
        "--state",
        type=Path,
        metavar="FOLDER",
        help="keeps what is deployed (default ~/.local/state/fc-stub, or below XDG_STATE_HOME)",
    )
    serve.add_argument(
        "--region", default="cn-hangzhou", help="of the functions (default cn-hangzhou)"
    )
    serve.set_defaults(run=_serve, template=None, no_reload=True)

    invoke = _command(commands, "invoke", "invoke one function and print its result")
    invoke.add_argument("name", metavar="NAME", help="functionName, or the name of its resource")
    _add_template(invoke)
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
    invoke.add_argument(
        "--json", action="store_true", help="write a JSON object for each attempt instead"
    )
    invoke.set_defaults(run=_invoke)
    status = _command(
        commands, "status", "show instances, asynchronous queue and timers of a running stub"
    )
    status.add_argument("--api", default=DEFAULT_API, metavar="URL", help="the stub")
    status.add_argument("--json", action="store_true", help="write a JSON object instead of text")
    status.set_defaults(run=_status)
    add_check_command(commands)
    add_event_commands(commands)
    return parser


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=_EXAMPLES[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _add_serving(start: argparse.ArgumentParser) -> None:
    _add_shared(start)
    start.add_argument(
        "--port",
        type=port,
        default=DEFAULT_PORT,
        metavar="N",
        help="port of the API; HTTP triggers take the next ones; 0: free ones "
        f"(default {DEFAULT_PORT})",
    )
    start.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)"
    )
    start.add_argument("--json", action="store_true", help="write JSON lines instead of text")
    start.add_argument(
        "--no-auth", action="store_true", help="let callers of triggers in whatever authType says"
    )
    start.add_argument(
        "--max-instances",
        type=count,
        default=100,
        metavar="N",
        help="per function; beyond that callers get 429 (default 100)",
    )
    start.add_argument(
        "--freeze", action="store_true", help="stop instances between requests, as FC does"
    )
    start.add_argument(
        "--timers", action="store_true", help="fire the timer triggers that have enable: true"
    )
    start.add_argument(
        "--idle-seconds",
        type=count,
        default=300,
        metavar="N",
        help="end an instance that has had no request for so long (default 300)",
    )


def _add_template(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-t",
        "--template",
        default="s.yaml",
        metavar="FILE",
        help="the s.yaml, or a file that extends it (default s.yaml)",
    )


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        type=pair,
        metavar="[NAME:]K=V",
        help="set an environment variable of all functions, or of the function NAME",
    )
    parser.add_argument(
        "--layer",
        action="append",
        default=[],
        type=pair,
        metavar="ARN=FOLDER",
        help="folder that stands for a layer, as unpacked below /opt",
    )
    parser.add_argument(
        "--offline", action="store_true", help="install nothing; say what is lacking instead"
    )
    parser.add_argument(
        "--retry-delay",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="first wait before an asynchronous invocation is repeated (default 1)",
    )
    parser.add_argument(
        "--start-seconds",
        type=seconds,
        default=120.0,
        metavar="SECONDS",
        help="how long the program of a custom runtime may take to open its port (default 120)",
    )


def _function_compute(options: argparse.Namespace, **more: Any) -> FunctionCompute:
    return FunctionCompute(
        options.template,
        dict(options.env),
        layers={arn: Path(folder) for arn, folder in options.layer},
        retry_delay=options.retry_delay,
        offline=options.offline,
        announce=announce,
        start_seconds=options.start_seconds,
        **more,
    )


def _key_folder() -> Path | None:
    """Return the folder whose key pair signs, None for a user without a home folder."""
    try:
        return state_folder()
    except ConfigurationError:
        return None


def _serve(options: argparse.Namespace) -> int:
    options.state = options.state or state_folder()
    return _start(options)


def _start(options: argparse.Namespace) -> int:
    _allow_open_files()
    report = Report(as_json=options.json)
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)  # written by the C handler, so no signal comes between check and wait
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    cloud: FunctionCompute = _function_compute(
        options,
        port=options.port,
        host=options.host,
        instance_limit=options.max_instances,
        freeze=options.freeze,
        timers=options.timers,
        authentication=not options.no_auth,
        reload=not options.no_reload,
        idle_seconds=options.idle_seconds,
        state=options.state,
        key_folder=options.state or _key_folder(),
        region=options.region,
        listener=report.invocation,
        notify=lambda notice: report.notice(cloud, notice),
    )
    _check_something_runs(cloud, options)
    try:
        with cloud:
            report.ready(cloud)
            os.read(ended, 1)
        if hook_log := cloud.stop():
            report.hooks(hook_log)
    finally:
        report.close()
    return _OK


def _check_something_runs(cloud: FunctionCompute, options: argparse.Namespace) -> None:
    """Refuse to serve an s.yaml of which nothing can run; what is deployed may still come."""
    if options.state is None and not cloud.functions:
        reasons = (f"{name}: {why}" for name, why in cloud.application.not_run.items())
        raise ConfigurationError(f"there is nothing to run: {'; '.join(reasons)}", options.template)


def _allow_open_files() -> None:
    """Raise the soft limit, which is 1024 or less on many machines."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _status(options: argparse.Namespace) -> int:
    status = ControlClient(options.api).status()
    sys.stdout.write(
        json.dumps(status) + "\n" if options.json else status_text(options.api, status)
    )
    sys.stdout.flush()
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
        return _OK if invocation.error_type is None else _FUNCTION_ERROR
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
