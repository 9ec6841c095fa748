"""The commands `fc-stub start` and `fc-stub serve`."""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
from pathlib import Path
from typing import Any

from ..account import REGION
from ..control.store import state_folder
from ..errors import ConfigurationError
from ..function_compute import FunctionCompute
from ..web.ports import DEFAULT_PORT
from .option_types import count, host, port
from .options import SUCCESS, add_command, add_running, add_template, make_stub
from .report import Report

_OPEN_FILES = 65536  # three for each instance, one for each connection
_START_EXAMPLES = """examples:
  fc-stub start --port 0 --json                   free ports, said in the first line
  fc-stub start --env LEVEL=DEBUG --env hello:KEY=value
  fc-stub start --timers --freeze                 closer to the cloud
"""
_SERVE_EXAMPLES = """examples:
  fc-stub serve                                   prints what to set for s deploy
  fc-stub serve --state ./deployed --port 0 --json
"""


def add_start_commands(commands: Any) -> None:
    """Add both commands to the command line's subparsers."""
    start = add_command(
        commands, "start", "serve all functions until Ctrl-C", examples=_START_EXAMPLES
    )
    add_template(start)
    _add_serving(start)
    start.add_argument(
        "--no-reload", action="store_true", help="do not follow changes of s.yaml and code"
    )
    start.set_defaults(run=_start, state=None, region="")
    serve = add_command(
        commands,
        "serve",
        "serve what is deployed to it, until Ctrl-C",
        examples=_SERVE_EXAMPLES,
    )
    _add_serving(serve)
    serve.add_argument(
        "--state",
        type=Path,
        metavar="FOLDER",
        help="keeps what is deployed (default ~/.local/state/fc-stub, or below XDG_STATE_HOME)",
    )
    serve.add_argument("--region", default=REGION, help=f"of the functions (default {REGION})")
    serve.set_defaults(run=_serve, template=None, no_reload=True)


def _add_serving(start: argparse.ArgumentParser) -> None:
    add_running(start)
    start.add_argument(
        "--port",
        type=port,
        default=DEFAULT_PORT,
        metavar="N",
        help="port of the API; HTTP triggers take the next ones; 0: free ones "
        f"(default {DEFAULT_PORT})",
    )
    start.add_argument(
        "--host", type=host, default="127.0.0.1", help="address to listen on (default 127.0.0.1)"
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
    cloud: FunctionCompute = make_stub(
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
    return SUCCESS


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


def _key_folder() -> Path | None:
    """Return the folder whose key pair signs, None for a user without a home folder."""
    try:
        return state_folder()
    except ConfigurationError:
        return None
