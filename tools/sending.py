"""``make stop-sending`` and ``make start-sending``: no send begins until the owner says so.

With shared state one record is written, which each send reads in the step that claims it: receipts,
delivery status and checks of codes go on. Without it the functions that send are switched off in
Function Compute (DisableFunctionInvocation, EnableFunctionInvocation), with all that they do.
Alibaba Cloud calls these two operations beta. ``ARGS=--functions`` does that in any case, such as
when the function `operate` does not answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from aliyun_fc_runtime_stub.errors import ConfigurationError as Unusable
from aliyun_fc_runtime_stub.template.s_yaml import load_application
from tools import function_compute, operate
from tools.doctor.deployment import handler_name
from tools.doctor.functions import SENDERS
from tools.function_compute import OperateError, Operation
from tools.make_options import MakeOptions

ROOT = Path(__file__).resolve().parent.parent
SWITCHES = {  # documents DisableFunctionInvocation and EnableFunctionInvocation
    "stop": Operation("DisableFunctionInvocation", "invoke/disable"),
    "start": Operation("EnableFunctionInvocation", "invoke/enable"),
}
WAYS = {"stop": "off", "start": "on"}
SWITCHED = (*SENDERS, "receive_hook")  # the functions that send
SECONDS = 30.0  # that Function Compute may take for one function


def main() -> None:
    """Stop or start."""
    target = _target()
    parser = MakeOptions(
        target,
        "Stop all sends, or let them begin again.",
        examples=[f"make {target}", f"make {target} ARGS=--functions"],
    )
    parser.add_argument("what", choices=SWITCHES, help=argparse.SUPPRESS)
    parser.add_argument(
        "--functions", action="store_true", help="switch the functions that send off or on"
    )
    parser.add_argument("-t", "--template", type=Path, default=ROOT / "s.yaml", help="the s.yaml")
    operate.add_options(parser)
    options = parser.parse_args()
    if options.functions:
        _switch_functions(options)
        return
    answer = _ask(options)
    if answer["has_state"]:
        print(_said(options.what, answer))
    elif options.local:
        raise OperateError(
            "SMS_STATE_URL is not set here. Leave ARGS=--local out to ask the function operate; "
            "where there is no shared state at all, ARGS=--functions switches the functions "
            f"{WAYS[options.what]}"
        )
    else:
        print("There is no shared state, so the functions themselves are switched.")
        _switch_functions(options)


def _target() -> str:
    """Return what was called by make."""
    return "start-sending" if sys.argv[1:2] == ["start"] else "stop-sending"


def _ask(options: argparse.Namespace) -> dict[str, object]:
    """Ask the function operate; where that fails, say what can be done all the same."""
    try:
        return operate.ask(f"{options.what}-sending", {}, options)
    except OperateError as error:
        raise OperateError(
            f"{error}. Or ARGS=--functions switches the functions that send "
            f"{WAYS[options.what]}, without asking operate"
        ) from None


def _said(what: str, answer: dict[str, object]) -> str:
    since = answer.get("stopped_since")
    if what == "stop" and answer["was_stopped"]:
        return f"Sending was stopped before, at {since}."
    if what == "stop":
        return (
            f"Sending has been stopped since {since}. Sends that had begun end within their "
            "function's timeout. make start-sending lets them begin again."
        )
    if answer["was_stopped"]:
        return f"Sending goes on. It had been stopped since {since}."
    return (
        "Sending was not stopped. If functions were switched off, make start-sending "
        "ARGS=--functions switches them on."
    )


def _switch_functions(options: argparse.Namespace) -> None:
    """Switch each function that sends, and say so; raises OperateError when one could not be."""
    operation = SWITCHES[options.what]
    body = json.dumps({"reason": "make stop-sending"}) if options.what == "stop" else ""
    failed = []
    for name in _senders(options.template):
        reply = function_compute.call(
            operation, name, body.encode(), endpoint=options.endpoint, seconds=SECONDS
        )
        if reply.status_code >= 300:
            failed.append(str(function_compute.refusal(reply, name)))
        else:
            print(f"{name} is switched {WAYS[options.what]}.")
    if failed:
        raise OperateError("; ".join(failed))


def _senders(template: Path) -> list[str]:
    """Return the names of the functions in `template` that send."""
    try:
        functions = load_application(template, os.environ).functions
    except Unusable as error:
        raise OperateError(str(error)) from None
    return [function.name for function in functions if handler_name(function) in SWITCHED]


if __name__ == "__main__":
    sys.exit(operate.run(_target(), main))
