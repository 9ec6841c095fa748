"""The command `fc-stub status`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..web.ports import DEFAULT_API
from .control_client import ControlClient
from .options import SUCCESS, add_command
from .tables import Paint, table

_HEAD = ("FUNCTION", "INSTANCES", "ASYNCHRONOUS", "NEXT TIMER")
_INSTANCE_HEAD = ("PROCESS", "FUNCTION", "STATE", "MEMORY", "REQUESTS")
_EXAMPLES = """examples:
  fc-stub status
  fc-stub status --json | jq '.functions[].queue.waiting'
"""


def add_status_command(commands: Any) -> None:
    """Add the command to the command line's subparsers."""
    text = "show instances, asynchronous queue and timers of a running stub"
    status = add_command(commands, "status", text, examples=_EXAMPLES)
    status.add_argument(
        "--api",
        default=DEFAULT_API,
        metavar="URL",
        help=f"address of the running stub (default {DEFAULT_API})",
    )
    status.add_argument("--json", action="store_true", help="write a JSON object instead of text")
    status.set_defaults(run=_status)


def _status(options: argparse.Namespace) -> int:
    status = ControlClient(options.api).status()
    sys.stdout.write(
        json.dumps(status) + "\n" if options.json else status_text(options.api, status)
    )
    sys.stdout.flush()
    return SUCCESS


def status_text(api: str, status: dict[str, Any]) -> str:
    """Lay the status out for people."""
    paint = Paint()
    rows: list[tuple[str, ...]] = [_HEAD]
    instances: list[tuple[str, ...]] = [_INSTANCE_HEAD]
    for function in status["functions"]:
        busy = sum(one["busy"] for one in function["instances"])
        idle = len(function["instances"]) - busy
        queue = function["queue"]
        nexts = [f"{one['next']} {one['name']}" for one in function["timers"] if one["next"]]
        rows.append(
            (
                function["name"],
                f"{busy} busy, {idle} idle",
                f"{queue['running']} running, {queue['waiting']} waiting",
                min(nexts) if nexts else _no_timer(function["timers"], status["timers_run"]),
            )
        )
        instances += [
            (
                str(one["process_id"]),
                function["name"],
                "busy" if one["busy"] else "idle",
                f"{one['memory_mb']:.0f} MB",
                str(one["requests"]),
            )
            for one in function["instances"]
        ]
    text = f"fc-stub at {api}, process {status['process']}, for {status['seconds']} s\n\n"
    text += table(rows, paint)
    text += "".join(f"{name}: not run: {why}\n" for name, why in status["not_run"].items())
    return text + ("\n" + table(instances, paint) if len(instances) > 1 else "")


def _no_timer(timers: list[dict[str, Any]], run: bool) -> str:
    if not timers:
        return "-"
    return "none is enabled" if run else "not run; start with --timers"
